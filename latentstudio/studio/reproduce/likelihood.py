"""Log-density by person, in total, and what it says about being common."""

import numpy as np

from latentstudio.results import Bars, Scatter, Table
from latentstudio.studio.reproduce.entry import Finding, Plate, verdict_of
from latentstudio.studio.reproduce.lab import Floats, Lab
from latentstudio.studio.reproduce.trials import median, trial

PUBLISHED = (
    *(20740.2363, 19319.7949, 20124.3633, 19761.5566, 22512.5957, 20991.8730, 20049.3633, 18992.2793, 21534.7148),
    *(19742.7852, 19672.6797, 19120.8555, 20119.4980, 20684.0781, 20796.5176, 19848.6914, 19320.4219, 19496.9023),
    *(17937.5742, 17903.4336),
)
"""Published sums over the ten images of each of the first twenty persons, nats."""

PUBLISHED_TOTAL = 122229.4765625
_SIZE = 64


def _everything(lab: Lab) -> tuple[Floats, int]:
    """Log-density of every image under a flow that has seen all of them, as in the publication; and its epochs."""
    epochs = lab.epochs(1500)
    run = trial(lab, 14, epochs, bound=2.0, train=np.arange(len(lab.data)), marks=(epochs,))
    return run.marks[-1].train, epochs


def by_person(lab: Lab) -> Finding:
    """S0-T1."""
    ours, persons, held = lab.log_probs(), lab.persons, lab.held_out
    everything, epochs = _everything(lab)
    rows, sums = [], []
    for person in np.unique(persons):
        mine = persons == person
        sums.append(float(everything[mine].sum()))
        published = PUBLISHED[person] if person < len(PUBLISHED) else None
        seen, unseen = ours[mine & ~held], ours[mine & held]
        mean, spread = (float(seen.mean()), float(seen.std())) if len(seen) else (np.nan, np.nan)
        last = median(unseen) if len(unseen) else None
        rows.append((int(person), published, sums[-1], float(seen.sum()), mean, spread, last))
    heads = ("class", "published sum", "ours, seen all", "sum, training", "mean, training", "sd", "median, held out")
    notes = (
        f"'Seen all': a flow trained here on all {len(persons)} images for {epochs} epochs, as in the publication; sum "
        "over the images of the class. The other columns: the bundled model, training and held-out images apart. Nats.",
    )
    first = min(len(PUBLISHED), len(sums))
    ratio = float(np.mean(PUBLISHED[:first])) / float(np.mean(sums[:first]))
    rho, p = rank_correlation(np.array(PUBLISHED[:first]), np.array(sums[:first]))
    bars = Bars(
        tuple(str(row[0]) for row in rows),
        ("mean of training images",),
        np.array([[row[4] for row in rows]], dtype=np.float64),
        "log-density, nats per image",
        roles=("train",),
    )
    return Finding(
        verdict=verdict_of(0.9 < ratio < 1.1, rho > 0.5),
        sentence=(
            f"Published sums are {ratio:.1f} times ours (another scale of the scores adds a constant, so levels do not "
            f"compare); the order of the {first} persons agrees with rank correlation {rho:.2f} (p = {p:.2g})."
        ),
        plates=(Plate(Table(heads, tuple(rows), notes=notes)), Plate(bars)),
        split=lab.split_words,
        n=f"{len(persons)} images of {len(rows)} persons",
        model=f"{lab.words()}; K = 14 trained here on all images",
        published="about 20,000 nats per class of ten images",
        ours=f"{np.mean(sums):.0f} nats per class",
    )


def rank_correlation(a: Floats, b: Floats) -> tuple[float, float]:
    """Spearman's rank correlation and its p-value."""
    from scipy.stats import spearmanr

    found = spearmanr(a, b)
    return float(found.statistic), float(found.pvalue)


def total(lab: Lab) -> Finding:
    """S0-X2."""
    ours, seen = lab.log_probs(), ~lab.held_out
    everything, epochs = _everything(lab)
    listed = float(sum(PUBLISHED))
    parts = (
        ("published total", PUBLISHED_TOTAL, 400),
        ("published classes 0 to 19 of T1", listed, 200),
        (f"ours, seen all, {epochs} epochs", float(everything.sum()), len(everything)),
        ("ours, bundled, training", float(ours[seen].sum()), int(seen.sum())),
    )
    size = lab.info.latent_size
    rows = tuple(
        (name, value, n, value / n, value / n / (_SIZE if "publ" in name else size)) for name, value, n in parts
    )
    consistent = abs(listed / 200 - PUBLISHED_TOTAL / 400) < 0.1 * abs(listed / 200)
    return Finding(
        verdict=verdict_of(consistent),
        sentence=(
            f"The published total is {PUBLISHED_TOTAL / 400:.1f} nats per image, yet the published classes give "
            f"{listed / 200:.1f}: twenty of forty classes alone sum to {listed:.0f}, so both cannot be of one model "
            f"and unit. Ours: {rows[2][3]:.1f} nats per image trained on all, {rows[3][3]:.1f} on the training images."
        ),
        plates=(Plate(Table(("", "total, nats", "images", "per image", "per dimension"), rows)),),
        split=lab.split_words,
        n=lab.n_words,
        model=f"{lab.words()}; K = 14 trained here on all images",
        published=f"{PUBLISHED_TOTAL:.4f}",
        ours=f"{rows[2][1]:.1f}",
    )


def common_or_unique(lab: Lab) -> Finding:
    """S0-X3."""
    ours, persons, seen, scores = lab.log_probs(), lab.persons, ~lab.held_out, lab.scores
    centre = scores[seen].mean(axis=0)
    names = np.array([k for k in np.unique(persons) if (seen & (persons == k)).sum() >= 2])
    means = np.array([ours[seen & (persons == k)].mean() for k in names])
    groups = [scores[seen & (persons == k)] for k in names]
    away = np.array([np.linalg.norm(g.mean(axis=0) - centre) for g in groups])
    spread = np.array([np.sqrt(np.square(g - g.mean(axis=0)).sum(axis=1).mean()) for g in groups])
    (rho_away, p_away), (rho_spread, p_spread) = rank_correlation(means, away), rank_correlation(means, spread)
    order = np.argsort(-means)
    rows = tuple(
        (rank + 1, int(names[k]), float(means[k]), float(away[k]), float(spread[k])) for rank, k in enumerate(order)
    )
    heads = ("rank", "class", "mean log p", "distance to the mean face", "spread within")
    tests = Table(
        ("claim", "rank correlation with mean log p", "p"),
        (
            ("far from the mean face is unlikely", rho_away, p_away),
            ("varied within the class is unlikely", rho_spread, p_spread),
        ),
        digits=4,
    )
    points = np.stack([away, means], axis=1)
    scatter = Scatter(
        points, names, np.zeros(len(names), np.int64), ("class",), "distance to the mean face", "mean log p, nats"
    )
    return Finding(
        verdict=verdict_of(rho_away < 0 and p_away < 0.05),
        sentence=(
            f"Our likeliest class is {names[order[0]]} ({means[order[0]]:.1f} nats per image), our unlikeliest "
            f"{names[order[-1]]} ({means[order[-1]]:.1f}); distance to the mean face correlates with likelihood by "
            f"{rho_away:.2f} (p = {p_away:.2g}), spread within the class by {rho_spread:.2f} (p = {p_spread:.2g}), "
            f"so {'being varied' if abs(rho_spread) > abs(rho_away) else 'being far away'} tells more."
        ),
        plates=(Plate(tests), Plate(scatter), Plate(Table(heads, rows))),
        split=f"training images of {lab.split_words}",
        n=f"{int(seen.sum())} images of {len(names)} persons",
        model=lab.words(),
        published="class 4 best (22512.5957), class 19 worst (17903.4336)",
        ours=f"class {names[order[0]]} best, class {names[order[-1]]} worst",
    )
