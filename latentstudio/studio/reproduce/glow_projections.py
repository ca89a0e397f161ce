"""Projections of codes and of pixels on lines through class means: histograms, and which space tells more."""

from typing import Any, Literal

from latentstudio.results import Distribution, Sheet, Table
from latentstudio.stats.pictures import shrinking
from latentstudio.studio.reproduce.entry import Entry, Finding, Plate, verdict_of
from latentstudio.studio.reproduce.glow_lab import GlowLab
from latentstudio.studio.reproduce.glow_subjects import Subject, analysed, subject, table_in

_SPACES = {"latent": "latent space", "image": "image space"}
_ATTRIBUTES = ("smile", "eyeglasses", "moustache")
_EDGE = 64
_LAW = 3.3
"""Standard errors beyond which a mean is taken not to be that of noise."""


def projected(who: Subject) -> Sheet:
    """The sheet of the analysis in both spaces, on codes of dequantised images."""
    return analysed(
        who.lab,
        "projections",
        attribute=who.spec,
        space="both",
        codes="dequantised",
        sample=who.lab.limit,
        edge=_EDGE,
        repeats=who.lab.some(1000, 100),
    )


def held_out_auc(sheet: Sheet, space: str, projection: str) -> tuple[float, float, float]:
    """AUC of the half that the line was not fitted on, with its interval."""
    row = next(r for r in table_in(sheet, "Discrimination").rows if r[:2] == (space, projection))
    return _number(row[3]), _number(row[4]), _number(row[5])


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def along(sheet: Sheet, space: str, projection: str) -> tuple[float, float, int]:
    """Mean, standard deviation and number of the projections of the data set on a line of a space."""
    title = f"{projection.capitalize()} projection of the data set, {_SPACES[space]}"
    part = next(p for p in sheet.parts if p.title == title)
    assert isinstance(part, Distribution)
    values = part.histograms[0].values
    assert values is not None
    return float(values.mean()), float(values.std(ddof=1)), len(values)


def histograms(id: str, what: str, space: Literal["latent", "image"]) -> Entry:
    """Return the entry with the four histograms of an attribute in a space."""
    codes = space == "latent"
    where = "codes" if codes else "pixels"
    noise = "a normal law" if codes else "uniform noise"

    def run(lab: GlowLab) -> Finding:
        who = subject(lab, what)
        sheet = projected(who)
        opposite, zero = (held_out_auc(sheet, space, name) for name in ("opposite", "zero"))
        mean, spread, n = along(sheet, space, "zero")
        expected = 1.0 if codes else 3**-0.5
        off = abs(mean) / (spread / n**0.5)
        words = _SPACES[space]
        return Finding(
            verdict=verdict_of(opposite[1] > 0.5, opposite[0] > zero[0], off > _LAW),
            sentence=(
                f"On {where} of images that the lines were not fitted on, the opposite projection tells {who.words} "
                f"with an AUC of {opposite[0]:.3f} ({opposite[1]:.3f} to {opposite[2]:.3f}) and the zero projection "
                f"with {zero[0]:.3f} ({zero[1]:.3f} to {zero[2]:.3f}); on the zero line the data set has mean "
                f"{mean:.2f} and sd {spread:.2f}, where {noise} would have 0 and "
                f"{_expected(who, expected, codes):.2f}. {who.note}"
            ).strip(),
            plates=(
                *(Plate(part) for part in sheet.parts if isinstance(part, Distribution) and part.title.endswith(words)),
                Plate(_only(table_in(sheet, "Discrimination"), space)),
                Plate(_only(table_in(sheet, "Means"), space)),
            ),
            **_about(who),
            published="figure only; classes projected on their own means",
            ours=f"AUC {opposite[0]:.2f} opposite, {zero[0]:.2f} zero",
        )

    return Entry(
        id,
        f"{what.capitalize()} in {where}: opposite and zero projections",
        f"In {where} the opposite projection separates {'smiles' if what == 'smile' else what} better than the zero "
        f"projection, and the whole is not {noise}.",
        "Lines through class means fitted on one half, the other half shown: by class and of the whole, AUC with "
        "bootstrap intervals.",
        run,
    )


def _expected(who: Subject, unit: float, codes: bool) -> float:
    """Standard deviation of a projection of noise; pixels are averaged over squares where pictures are large."""
    if codes:
        return unit
    _, height, width = who.lab.info.image_shape
    return unit / shrinking(height, width, _EDGE)


def _only(table: Table, space: str) -> Table:
    rows = tuple(row for row in table.rows if row[0] == space)
    return Table(table.columns, rows, digits=table.digits, title=table.title, caption=table.caption, notes=table.notes)


def _about(who: Subject) -> dict[str, str]:
    lab = who.lab
    present = int(min(who.members.counts[0], lab.limit))
    return {
        "split": "halves of the labelled images, by person where persons are known; lines on one, AUC on the other",
        "n": f"at most {lab.limit:,} images, of which {present:,} could be {who.members.words}",
        "model": f"{lab.words()}; {lab.data.title}; codes of dequantised images",
    }


def discriminates(lab: GlowLab) -> Finding:
    """S1-X7."""
    rows: list[tuple[Any, ...]] = []
    better: dict[str, list[bool]] = {"latent": [], "opposite": []}
    whole = tuple(subject(lab, what) for what in _ATTRIBUTES)
    for who in whole:
        sheet = projected(who)
        for name, difference, low, high, words in table_in(sheet, "Which tells more").rows:
            rows.append((who.spec, name, difference, low, high, words))
            if str(name).startswith("latent, opposite − image"):
                better["latent"].append(_number(low) > 0)
            if str(name).startswith("latent, opposite − latent"):
                better["opposite"].append(_number(low) > 0)
    aucs = [
        (who.spec, *(f"{held_out_auc(projected(who), s, p)[0]:.3f}" for s in _SPACES for p in ("opposite", "zero")))
        for who in whole
    ]
    heads = ("attribute", "difference of held-out AUC", "", "2.5 %", "97.5 %", "")
    words = "; ".join(f"{a[0]} {a[1]} and {a[3]} (zero projection {a[2]} and {a[4]})" for a in aucs)
    said = {key: f"{sum(found)} of {len(found)}" for key, found in better.items()}
    return Finding(
        verdict=verdict_of(*better["latent"], *better["opposite"]),
        sentence=(
            f"Held-out AUC of the opposite projection in codes and in pixels: {words}. Codes are better beyond the "
            f"interval for {said['latent']} attributes, and in codes the opposite projection is better than the zero "
            f"projection for {said['opposite']}."
        ),
        plates=(
            Plate(Table(heads, tuple(rows), digits=3)),
            *(Plate(table_in(projected(who), "Discrimination"), who.words) for who in whole),
        ),
        **_about(whole[0]),
        published="stated without a number, from training images",
        ours=f"codes better: {said['latent']}; opposite better: {said['opposite']}",
    )


_CODES: tuple[tuple[str, str, Literal["latent", "image"]], ...] = (
    ("S1-F18", "smile", "image"),
    ("S1-F19", "smile", "latent"),
    ("S1-F20", "eyeglasses", "image"),
    ("S1-F21", "eyeglasses", "latent"),
)
ENTRIES: tuple[Entry, ...] = (
    *(histograms(*case) for case in _CODES),
    Entry(
        "S1-X7",
        "Codes discriminate better than pixels",
        "Projected codes tell classes better than projected pixels, and the opposite projection better than the zero "
        "one.",
        "Differences of held-out AUC with intervals over the same bootstrap repeats.",
        discriminates,
    ),
)
