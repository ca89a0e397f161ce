"""Loss, likelihood against training length, and the depth of the flow."""

import json
from pathlib import Path

import numpy as np

from latentstudio.results import Curve, Line, Table
from latentstudio.studio.reproduce.entry import Finding, Plate, verdict_of
from latentstudio.studio.reproduce.lab import Floats, Lab, Role
from latentstudio.studio.reproduce.trials import median, trial

_DEPTHS = (2, 8, 14)


def history(lab: Lab) -> list[dict[str, float | None]]:
    """Lines of the model's ``history.jsonl``."""
    text = (Path(lab.info.path) / "history.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line]


def _column(lines: list[dict[str, float | None]], name: str) -> Floats:
    return np.array([np.nan if line.get(name) is None else float(line[name] or 0.0) for line in lines])


def loss_curve(lab: Lab) -> Finding:
    """S0-F2."""
    lines = history(lab)
    steps, train, held = (_column(lines, n) for n in ("step", "train", "held_out"))
    loss = np.where(np.isfinite(train), train, _column(lines, "loss"))
    skipped = int(np.nanmax(_column(lines, "skipped"), initial=0))
    best = int(np.nanargmin(held))
    curve = Curve(
        (Line("training", steps, loss, "train"), Line("held out", steps, held, "held_out")),
        "epoch",
        "negative log-density, nats per image",
        notes=(f"{skipped} steps skipped because their loss or gradient was not finite.",),
    )
    finite = loss[np.isfinite(loss)]
    table = Table(
        ("", "training", "held out"),
        (
            ("first", float(finite[0]), float(held[np.isfinite(held)][0])),
            ("best", float(finite.min()), float(held[best])),
            ("at epoch", int(steps[np.nanargmin(loss)]), int(steps[best])),
            ("last", float(finite[-1]), float(held[np.isfinite(held)][-1])),
        ),
    )
    falls = bool(finite[-1] < finite[0]) and bool(finite[-1] <= np.median(finite))
    return Finding(
        verdict=verdict_of(falls),
        sentence=(
            f"The training loss falls from {finite[0]:.1f} to {finite[-1]:.1f} nats; the held-out loss, which was not "
            f"published, is best at epoch {steps[best]:.0f} ({held[best]:.1f} nats) and ends at "
            f"{held[np.isfinite(held)][-1]:.3g}; {skipped} steps were skipped."
        ),
        plates=(Plate(curve), Plate(table)),
        split=lab.split_words,
        n=lab.n_words,
        model=lab.words(),
        published="a falling curve over 5000 epochs, training images only",
        ours=f"{finite[0]:.1f} to {finite[-1]:.1f} nats",
    )


def likelihood_against_length(lab: Lab) -> Finding:
    """S0-F8."""
    epochs = np.array(lab.snapshots, dtype=np.float64)
    values = [lab.log_probs(s) for s in lab.snapshots]
    total = np.array([v[~lab.held_out].sum() for v in values])
    middle = np.array([median(v[lab.held_out]) for v in values])
    slope, start = np.polyfit(epochs, total, 1)
    fitted = slope * epochs + start
    r2 = 1 - float(np.square(total - fitted).sum() / np.square(total - total.mean()).sum())
    by_log = np.polyval(np.polyfit(np.log(epochs), total, 1), np.log(epochs))
    r2_log = 1 - float(np.square(total - by_log).sum() / np.square(total - total.mean()).sum())
    curve = Curve(
        (Line("training, total", epochs, total, "train", "both"), Line("linear fit", epochs, fitted, "reference")),
        "epoch",
        "total log-density, nats",
    )
    unseen = Curve(
        (
            Line("training, mean", epochs, total / int((~lab.held_out).sum()), "train", "both"),
            Line("held out, median", epochs, middle, "held_out", "both"),
        ),
        "epoch",
        "log-density, nats per image",
    )
    rows = tuple(
        (int(e), float(t), float(t / (~lab.held_out).sum()), float(m))
        for e, t, m in zip(epochs, total, middle, strict=True)
    )
    table = Table(("epoch", "training total", "training mean", "held-out median"), rows)
    return Finding(
        verdict=verdict_of(r2 > 0.95),
        sentence=(
            f"A line explains {100 * r2:.1f} % of the variance of the training total over epochs (a logarithm "
            f"{100 * r2_log:.1f} %), and the growth is memorisation: the held-out median goes from {middle[0]:.3g} to "
            f"{middle[-1]:.3g} nats."
        ),
        plates=(Plate(curve), Plate(unseen), Plate(table)),
        split=lab.split_words,
        n=lab.n_words,
        model=f"{lab.words()} and its snapshots",
        published="log-density grows linearly with epochs",
        ours=f"R² = {r2:.3f} linear, {r2_log:.3f} logarithmic",
    )


def _running_median(values: Floats, reach: int) -> Floats:
    """Median of the finite values within `reach` places, NaN where there is none."""
    windows = [values[max(0, i - reach) : i + reach + 1] for i in range(len(values))]
    return np.array([np.median(w[np.isfinite(w)]) if np.isfinite(w).any() else np.nan for w in windows])


def depth(lab: Lab) -> Finding:
    """S0-X6."""
    epochs = lab.epochs(1500)
    roles: tuple[Role, ...] = ("other", "data", "train")
    lines, rows, shares, falls, lost = [], [], {}, {}, {}
    for bound, words in ((0.0, "no bound"), (2.0, "tanh 2")):
        for layers, role in zip(_DEPTHS, roles, strict=True):
            run = trial(lab, layers, epochs, bound=bound)
            smooth = _running_median(run.loss, 10)
            places = np.arange(1.0, len(smooth) + 1)
            lines.append(Line(f"K = {layers}, {words}", places, smooth, role if bound else "reference"))
            finite = smooth[np.isfinite(smooth)]
            half = float(finite[len(finite) // 2])
            fall = half - float(finite[-1])
            share = 100 * fall / max(float(finite[0] - finite[-1]), 1e-9)
            shares[layers, bound], falls[layers, bound], lost[layers, bound] = share, fall, run.skipped
            rows.append((layers, words, float(finite[0]), half, float(finite[-1]), fall, share, run.skipped))
    heads = (
        "K",
        "bound",
        "first loss",
        "half-way",
        "last",
        "fall in the second half, nats",
        "of the whole, %",
        "skipped",
    )
    # A flow that skips its steps is frozen: its flat loss says nothing about depth, so the bounded one is judged.
    judged = 2.0 if max(lost[k, 0.0] for k in (8, 14)) > 0.1 * epochs else 0.0
    flat = shares[8, judged] < 10.0
    faster = falls[14, judged] > falls[8, judged]
    frozen = [f"K = {k} skipped {lost[k, 0.0]} of {epochs} steps" for k in _DEPTHS if lost[k, 0.0]]
    curve = Curve(tuple(lines), "epoch", "loss, nats per image", notes=("Running median over 21 epochs.",))
    return Finding(
        verdict=verdict_of(flat, faster),
        sentence=(
            f"{'With' if judged else 'Without'} a bound the loss falls in the second half of {epochs} epochs by "
            f"{falls[8, judged]:.1f} nats with K = 8 and by {falls[14, judged]:.1f} with K = 14 "
            f"({shares[8, judged]:.0f} % and {shares[14, judged]:.0f} % of the whole fall): "
            f"K = 8 {'flattens' if flat else 'does not flatten'}, K = 14 falls {'faster' if faster else 'no faster'}. "
            f"Without a bound {', '.join(frozen) or 'no step was skipped'}"
            f"{': a frozen flow looks flat' if frozen else ''}."
        ),
        plates=(Plate(curve), Plate(Table(heads, tuple(rows)))),
        split=lab.split_words,
        n=f"{len(lab.seen)} training",
        model=f"K = {', '.join(map(str, _DEPTHS))} couplings with and without a bound, {epochs} epochs, trained here",
        published="K = 8 flattens, K = 14 does not reach a plateau",
    )
