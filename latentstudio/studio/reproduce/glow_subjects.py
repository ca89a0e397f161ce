"""Attributes by what they mean: which data set has one and under which name, its direction, faces to edit, a judge."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from latentstudio.data.attribute_spec import Members, members_of
from latentstudio.data.prepare import fit
from latentstudio.data.readable import Unreadable, read_images
from latentstudio.errors import UserError
from latentstudio.figures.directions import direction_of, packed, slot_of
from latentstudio.figures.readouts import mean_bound
from latentstudio.figures.recipe import CodeInput, DataRef, ModelRef, Recipe
from latentstudio.figures.run import run_recipe
from latentstudio.models.library import find_models
from latentstudio.results import Sheet, Strip, Table, final
from latentstudio.stats.directions import Direction, Wish
from latentstudio.steps import answer_of
from latentstudio.studio.reproduce.bench import Floats
from latentstudio.studio.reproduce.glow_judge import Judge, judged
from latentstudio.studio.reproduce.glow_lab import GlowLab

SPELLINGS: dict[str, tuple[str, ...]] = {
    "smile": ("smiling", "Smiling", "expression=happiness"),
    "moustache": ("mustache", "Mustache"),
    "eyeglasses": ("eyeglasses", "Eyeglasses"),
    "bald": ("bald", "Bald"),
    "age": ("not Young", "not young", "age"),
    "gender": ("Male", "male", "gender=male", "not Wearing_Lipstick"),
    "blond hair": ("Blond_Hair", "blond"),
    "black hair": ("Black_Hair", "black_hair"),
    "brown hair": ("Brown_Hair", "brown_hair"),
}
"""What data sets call an attribute, the best first; the last resort for a gender is the nearest column there is."""

_DRAWN, _DRAWN_MODEL = "faces?n=4000", "faces-glow"
_LEAST, _LABELS = 8, 3
Codes = NDArray[np.float32]


@dataclass(frozen=True)
class Subject:
    """An attribute of a data set under a model.

    Attributes
    ----------
    lab : the bench that has it: of the report, or of drawn faces where the report's data set lacks the attribute.
    what : the attribute in our words ; spec : in those of the data set.
    note : what has to be said about the choice; may be empty.
    """

    lab: GlowLab
    what: str
    spec: str
    note: str = ""

    @property
    def members(self) -> Members:
        """Who has it."""
        return members_of(self.spec, self.lab.data.attributes, {})

    @property
    def words(self) -> str:
        """Its name with that of the data set."""
        return f"{self.what} ({self.spec} of {self.lab.data.title})"

    @property
    def heading(self) -> str:
        """`words` as a sentence begins."""
        return self.words[:1].upper() + self.words[1:]

    @cached_property
    def _labels(self) -> Floats:
        return self.members.labels

    @property
    def direction(self) -> Direction:
        """The difference of the class means, and what is known of it."""
        wish = self.wish
        return self.lab.once(f"direction {self.spec}", lambda: _finished(self.lab, wish))

    @property
    def wish(self) -> Wish:
        """The direction as the operation asks for it."""
        return Wish(self.spec, "mean_difference", min(self.lab.limit, 2000), 0)

    @property
    def judge(self) -> Judge:
        """A classifier of pictures, of which no flow is a part."""
        key = f"judge {self.spec}"
        return self.lab.once(key, lambda: judged(self.lab, self._labels, self.members.words, self.lab.some(1000, 500)))

    def faces(self, present: bool, count: int) -> NDArray[np.int64]:
        """Dataset indices of faces that the model has not seen, known to have or to lack it, with usable codes.

        Raises
        ------
        UserError
            There is none.
        """
        wanted = 1.0 if present else 0.0
        rows = np.flatnonzero((self._labels == wanted) & self.lab.held_out)
        rows = np.random.default_rng(4).permutation(rows)[: 3 * count]
        codes = plain_codes(self.lab, rows)
        near = np.linalg.norm(codes.astype(np.float64), axis=1) <= mean_bound(self.lab.model())
        kept: NDArray[np.int64] = rows[near][:count]
        if not len(kept):
            said = self.members.words if present else self.members.without
            raise UserError(f"No held-out image of {self.lab.data.title} that is {said} has a code near the prior.")
        return kept

    def edit(self, rows: NDArray[np.int64], strengths: tuple[float, ...]) -> Recipe:
        """The operation that edits faces, given by dataset indices, with its direction sealed in."""
        faces = tuple(code_of(self.lab, int(row)) for row in rows)
        recipe = self.lab.code_recipe(
            "attribute", images=faces, attributes=(self.spec,), strengths=strengths, sample=self.wish.images
        )
        return msgspec.structs.replace(recipe, inputs=recipe.inputs | {slot_of(self.wish): packed(self.direction)})

    def edited(self, rows: NDArray[np.int64], strengths: tuple[float, ...]) -> Codes:
        """Codes float32 (faces, strengths, D) of edits, as the operation makes them."""
        codes = plain_codes(self.lab, rows).astype(np.float64)
        steps = np.array(strengths)[:, None] * self.direction.vector
        found: Codes = (codes[:, None, :] + steps[None]).astype(np.float32)
        return found


def subject(lab: GlowLab, what: str) -> Subject:
    """Find an attribute: in the report's data set, or among the drawn faces under their own model.

    Raises
    ------
    UserError
        Neither has it, or the drawn faces have no model.
    """
    spec = _spelling(lab, what)
    if spec:
        return Subject(lab, what, spec, _nearest(what, spec))
    missing = f"{lab.data.title} says nothing about {what}"
    other = drawn(lab, missing)
    spec = _spelling(other, what)
    if not spec:
        raise UserError(f"{missing}, and neither do the drawn faces.")
    note = (
        f"{missing}: this was computed on {other.data.title} under {short_name(other.model_name)}, not on photographs."
    )
    return Subject(other, what, spec, " ".join(filter(None, [note, _nearest(what, spec)])))


def short_name(name: str) -> str:
    """Last part of a model's name or folder."""
    return name.rstrip("/").rsplit("/", 1)[-1]


def _nearest(what: str, spec: str) -> str:
    if what == "gender" and "ipstick" in spec:
        return f"Drawn faces have no gender; {spec} stands for it."
    return ""


def drawn(lab: GlowLab, why: str) -> GlowLab:
    """The bench of the drawn faces, made once.

    Raises
    ------
    UserError
        Their model is not installed, or the report is on them already; `why` says what they are needed for.
    """
    if not lab.real_faces:
        raise UserError(f"{why}, and there is no other data set that does.")
    if _DRAWN_MODEL not in find_models():
        raise UserError(f"{why}, and {_DRAWN_MODEL}, the model of the drawn faces that do, is not installed.")
    return lab.once(
        "drawn faces",
        lambda: GlowLab(
            workspace=lab.workspace,
            spec=_DRAWN,
            model_name=_DRAWN_MODEL,
            folder=lab.folder,
            quick=lab.quick,
            limit=lab.limit,
        ),
    )


def labelled(lab: GlowLab) -> GlowLab:
    """The bench itself if its data set has three or more yes-or-no labels, otherwise that of the drawn faces.

    Raises
    ------
    UserError
        As `drawn`.
    """
    if len(binary_columns(lab)) >= _LABELS:
        return lab
    return drawn(lab, f"{lab.data.title} has fewer than {_LABELS} yes-or-no labels")


def binary_columns(lab: GlowLab) -> dict[str, float]:
    """Share of those who have it by yes-or-no label, of labels with at least eight members on both sides."""
    shares = {}
    for name, column in lab.data.attributes.items():
        values = column.values[column.known]
        if column.kind == "binary" and min((values == 1).sum(), (values == 0).sum()) >= _LEAST:
            shares[name] = float(values.mean())
    return shares


def _spelling(lab: GlowLab, what: str) -> str:
    """The first of the spellings that the data set knows with enough images of both classes; empty when none."""
    for spec in SPELLINGS[what]:
        try:
            members = members_of(spec, lab.data.attributes, {})
        except UserError:
            continue
        seen = members.labels[~lab.held_out]
        if min((seen == 1).sum(), (seen == 0).sum()) >= _LEAST:
            return spec
    return ""


def _finished(lab: GlowLab, wish: Wish) -> Direction:
    bank = lab.workspace.bank(ModelRef(name=lab.model_name), DataRef(spec=lab.data.spec))
    return answer_of(direction_of(bank, lab.data, {}, wish, mean_bound(lab.model())))


def plain_codes(lab: GlowLab, rows: NDArray[np.int64]) -> Codes:
    """Codes float32 (n, D) of dataset images as `encode` gives them, from the codes that all panels share.

    Raises
    ------
    UserError
        One of them cannot be read.
    """
    bank = lab.workspace.bank(ModelRef(name=lab.model_name), DataRef(spec=lab.data.spec))
    found = answer_of(bank.codes(rows))
    if not found.kept.all():
        raise UserError(f"Some of the images of {lab.data.title} cannot be read.")
    return found.codes


def pictures_at(lab: GlowLab, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Dataset images as the model takes them, float32 (k, C, H, W), and which could be read, bool (n,)."""
    pixels, kept = read_images(lab.data, rows, Unreadable())
    return fit(pixels, lab.info.image_shape), kept


def code_of(lab: GlowLab, row: int) -> CodeInput:
    """The code of a dataset image as an input of a recipe."""
    return CodeInput.of(plain_codes(lab, np.array([row]))[0], lab.data.image_id(row), "code of the image")


def strip_of(lab: GlowLab, recipe: Recipe) -> Strip:
    """Run an operation that gives a strip."""
    found = final(run_recipe(recipe, lab.workspace))
    assert isinstance(found, Strip)
    return found


def analysed(lab: GlowLab, name: str, **params: Any) -> Sheet:
    """The sheet of an analysis of the bench's data set under its model, run once for equal parameters."""
    recipe = lab.recipe(name, kind="analysis", **params)
    found = lab.once(recipe.key, lambda: final(run_recipe(recipe, lab.workspace)))
    assert isinstance(found, Sheet)
    return found


def table_in(sheet: Sheet, title: str) -> Table:
    """The table of a sheet by its title."""
    found = next(part for part in sheet.parts if part.title == title)
    assert isinstance(found, Table)
    return found


def said_of(who: Subject) -> dict[str, str]:
    """What an entry says of itself: split and model."""
    lab = who.lab
    return {"split": f"held-out images of {lab.split_words}", "model": f"{lab.words()}; {lab.data.title}"}
