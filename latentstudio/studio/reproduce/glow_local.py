"""Features that are said to be easy to edit: eyeglasses, moustache, hair."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import UserError
from latentstudio.results import Heatmap, Sheet, Table
from latentstudio.stats.pictures import visible
from latentstudio.studio.reproduce.bench import Floats
from latentstudio.studio.reproduce.entry import Entry, Finding, Plate, verdict_of
from latentstudio.studio.reproduce.glow_criteria import STRENGTH, Criteria, sheet_of
from latentstudio.studio.reproduce.glow_edits import edited, known_subjects, notes_of
from latentstudio.studio.reproduce.glow_lab import GlowLab
from latentstudio.studio.reproduce.glow_subjects import Subject, said_of, subject

_FACES, _QUICK_FACES, _SHOWN = 24, 6, 3
_HAIR = ("blond hair", "black hair", "brown hair")
_STRENGTHS = (0.0, 0.5, 1.0, 2.0)


def _row(lab: GlowLab, who: Subject) -> tuple[Sheet, Criteria, tuple[Criteria, ...]]:
    """The sheet of the data set that has the attribute, its row, and all rows."""
    sheet, rows = sheet_of(who.lab)
    words = who.members.words
    found = next((row for row in rows if row.feature == words), None)
    if found is None:
        raise UserError(f"The feature sheet has no row for {who.words}.")
    return sheet, found, rows


def local_edit(id: str, title: str, what: str, unique: bool, claim: str) -> Entry:
    """Return the entry that asks whether an attribute is local and unique, and whether adding it works."""

    def run(lab: GlowLab) -> Finding:
        who = subject(lab, what)
        sheet, row, rows = _row(lab, who)
        faces = who.faces(False, lab.some(_FACES, _QUICK_FACES))
        found = edited(who, faces, _STRENGTHS)
        gain, error = found.gain(STRENGTH)
        local, alike = row.values["local"], row.values["unique"]
        rank = 1 + sum(r.values["local"] > local for r in rows)
        return Finding(
            verdict=verdict_of(local > 0.5, alike > 0.5 if unique else alike <= 0.5, gain > 2 * error),
            sentence=(
                f"{who.heading}: the change is local to {local:.2f} (0.2 is even all over; place {rank} of {len(rows)} "
                f"features), and unique to {alike:.2f} (above 0.5 those with it look more alike there than the others "
                f"do). On {len(faces)} held-out faces without it the score of a classifier of pictures rises by "
                f"{gain:.2f} of the distance between the classes at strength 2 (standard error {error:.2f}), and "
                f"{found.passed(STRENGTH):.0f} % of them count as having it. {who.note}"
            ).strip(),
            plates=(
                Plate(who.edit(faces[:_SHOWN], _STRENGTHS), f"{what.capitalize()} at strengths 0, 0.5, 1, 2."),
                *(Plate(part) for part in sheet.parts if isinstance(part, Heatmap)),
                Plate(found.table(notes_of(who))),
            ),
            n=f"{len(faces)} faces",
            published="figure only",
            ours=f"local {local:.2f}, unique {alike:.2f}, {gain:+.2f} at 2",
            **said_of(who),
        )

    return Entry(
        id,
        title,
        claim,
        "Smallest window with 80 % of the change; variance of members and others within it; score of a classifier of "
        "pixels on held-out faces that lack it.",
        run,
    )


def glasses_removed(lab: GlowLab) -> Finding:
    """S1-F29."""
    who = subject(lab, "eyeglasses")
    faces = who.faces(True, lab.some(_FACES, _QUICK_FACES))
    strengths = (0.0, -0.5, -1.0, -2.0)
    found = edited(who, faces, strengths)
    loss, error = found.gain(-STRENGTH)
    without = 100 - found.passed(-STRENGTH)
    before = 100 - found.passed(0.0)
    near = [float(np.median(found.nearest[:, k])) for k in (0, -1)]
    return Finding(
        verdict=verdict_of(loss < -2 * error, without >= 50, near[1] <= 1.15 * near[0]),
        sentence=(
            f"{who.heading}, taken from {len(faces)} held-out faces that wear them: the score falls by {-loss:.2f} of "
            f"the distance between the classes at strength −2 (standard error {error:.2f}); {without:.0f} % then "
            f"count as without them, {before:.0f} % before. The nearest training face is {near[1]:.1f} grey levels "
            f"away (before: {near[0]:.1f}). {who.note}"
        ).strip(),
        plates=(Plate(who.edit(faces[:_SHOWN], strengths), "Glasses removed."), Plate(found.table(notes_of(who)))),
        n=f"{len(faces)} faces",
        published="figure only",
        ours=f"{loss:+.2f} at −2; {without:.0f} % without",
        **said_of(who),
    )


def outlines(images: NDArray[np.float32]) -> Floats:
    """Length of the gradient of the mean over channels, float64 (n, (H - 1) (W - 1)): where edges are."""
    grey = visible(images).mean(axis=1)
    across, down = np.diff(grey, axis=2)[:, :-1], np.diff(grey, axis=1)[:, :, :-1]
    found: Floats = np.hypot(across, down).reshape(len(grey), -1)
    return found


def likeness(first: Floats, second: Floats) -> Floats:
    """Correlation (n,) of the rows of two arrays (n, F); NaN where one is constant."""
    a, b = (rows - rows.mean(axis=1, keepdims=True) for rows in (first, second))
    size = np.sqrt(np.square(a).sum(axis=1) * np.square(b).sum(axis=1))
    found: Floats = np.divide((a * b).sum(axis=1), size, out=np.full(len(a), np.nan), where=size > 0)
    return found


def hair(lab: GlowLab) -> Finding:
    """S1-F30."""
    rows: list[tuple[Any, ...]] = []
    plates: list[Plate] = []
    notes: list[str] = []
    whole = known_subjects(lab, _HAIR)
    for who in whole:
        faces = who.faces(False, lab.some(_FACES, _QUICK_FACES))
        found = edited(who, faces, _STRENGTHS)
        gain, error = found.gain(STRENGTH)
        codes = who.edited(faces, (0.0, STRENGTH))
        before, after = (outlines(who.lab.decoded_raw(codes[:, k])) for k in (0, 1))
        kept = float(np.nanmedian(likeness(before, after)))
        others = float(np.nanmedian(likeness(before, np.roll(before, 1, axis=0))))
        rows.append((who.spec, len(faces), gain, error, found.passed(STRENGTH), kept, others))
        notes += notes_of(who)
        plates.append(Plate(who.edit(faces[:_SHOWN], _STRENGTHS), f"{who.what.capitalize()}."))
    heads = ("hair", "faces", "score gained at 2", "standard error", "past the middle, %", "outlines kept", "of others")
    said = "Outlines: median correlation of gradient lengths with those of the face; of others: with another face."
    table = Table(heads, tuple(rows), digits=2, notes=(said, *dict.fromkeys(notes)))
    works = [r[2] > 2 * r[3] for r in rows]
    shape = [r[5] > (1 + r[6]) / 2 for r in rows]
    words = "; ".join(f"{r[0]} gains {r[2]:.2f} and keeps {r[5]:.2f} (another face {r[6]:.2f})" for r in rows)
    note = whole[0].note
    return Finding(
        verdict=verdict_of(*works, *shape),
        sentence=(
            f"{sum(works)} of {len(works)} hair colours are added at strength 2, and {sum(shape)} of {len(shape)} "
            "keep the outlines: score gained by a classifier of pictures and correlation of the outlines with those "
            f"of the face: {words}. {note}"
        ).strip(),
        plates=(*plates, Plate(table)),
        n=f"{max(int(r[1]) for r in rows)} faces of each",
        published="figure only",
        ours=f"{sum(works)} of {len(works)} added, {sum(shape)} keep the shape",
        **said_of(whole[0]),
    )


ENTRIES: tuple[Entry, ...] = (
    local_edit(
        "S1-F27",
        "Eyeglasses: local, not unique",
        "eyeglasses",
        False,
        "Eyeglasses are local but not unique, and can be added.",
    ),
    local_edit(
        "S1-F28",
        "Moustache: local, fairly unique",
        "moustache",
        True,
        "A moustache is local and fairly unique, and can be added to faces without one.",
    ),
    Entry(
        "S1-F29",
        "Removing glasses",
        "Glasses can be removed.",
        "Strengths −0.5, −1 and −2 on held-out faces that wear them: score, distance to the nearest training face.",
        glasses_removed,
    ),
    Entry(
        "S1-F30",
        "Hair colours keep the shape",
        "Blond, black and brown hair can be added, and the shape is kept.",
        "Score of a classifier of pictures at strength 2, and correlation of the outlines with those of the face and "
        "of another face.",
        hair,
    ),
)
