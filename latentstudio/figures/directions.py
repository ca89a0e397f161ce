"""Directions of a data set under a model, estimated once and kept beside the codes, and packed into sealed recipes."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from latentstudio.data.attribute_spec import check_classes, members_of, sample_of
from latentstudio.data.imageset import ImageSet
from latentstudio.errors import UserError
from latentstudio.figures.code_bank import CodeBank
from latentstudio.figures.inputs import DIRECTION
from latentstudio.figures.readouts import mean_bound
from latentstudio.figures.recipe import CodeInput, Recipe
from latentstudio.figures.workspace import Workspace
from latentstudio.stats.directions import ESTIMATORS, Direction, Wish, fit_direction
from latentstudio.steps import retold

if TYPE_CHECKING:
    from latentstudio.models.base import LatentModel

Groups = Mapping[str, Sequence[int]]


def direction_of(
    bank: CodeBank, data: ImageSet, groups: Groups, wish: Wish, bound: float
) -> Generator[float, None, Direction]:
    """Yield the share that is done, and return the direction.

    Parameters
    ----------
    bound : codes of a greater norm are left out and said so; a flow can send an image that it has not seen a thousand
        times farther out than any draw of the prior, and one such code would be the mean.

    Raises
    ------
    UserError
        There is no such attribute or selection, a class of it is empty or has one member, or there is no such
        estimator.
    """
    if wish.estimator not in ESTIMATORS:
        raise UserError(f"There is no estimator '{wish.estimator}'; there are {', '.join(ESTIMATORS)}.")
    members = members_of(wish.spec, data.attributes, groups)
    key = ("direction", members.labels.tobytes(), wish.estimator, wish.images, wish.seed, bound)
    for found in bank.remembered(key, lambda: _fit(bank, data, groups, wish, bound)):
        if isinstance(found, Direction):
            return found
        yield found
    raise RuntimeError("a direction ended without a result")


def _fit(bank: CodeBank, data: ImageSet, groups: Groups, wish: Wish, bound: float) -> Iterator[float | Direction]:
    members = members_of(wish.spec, data.attributes, groups)
    rows = sample_of(members, wish.images, wish.seed)
    found = yield from bank.codes(rows)
    labels = members.labels[rows[found.kept]]
    near = np.linalg.norm(found.codes, axis=1) <= bound  # also False for codes that are not finite
    present = int((labels[near] == 1).sum())
    check_classes(members, present, int(near.sum()) - present)
    codes = found.codes if near.all() else found.codes[near]
    made = fit_direction(
        codes, labels[near], wish.estimator, wish.seed, (members.words, members.without), members.share
    )
    notes = _notes(made, data, sum(members.counts), len(rows), int((~found.kept).sum()), int((~near).sum()))
    yield replace(made, notes=notes)


def _notes(made: Direction, data: ImageSet, known: int, asked: int, unread: int, far: int) -> tuple[str, ...]:
    notes = []
    if asked < known:
        notes.append(
            f"{made.words} is estimated from {asked:,} of the {known:,} labelled images of {data.title} "
            f"({made.counts[0]:,} with and {made.counts[1]:,} without it)."
        )
    elif known < len(data):
        notes.append(f"{made.words} is known of {known:,} of {len(data):,} images of {data.title}.")
    if unread:
        notes.append(f"{unread:,} images could not be read and are left out of {made.words}.")
    if far:
        notes.append(f"{made.words} leaves out {far:,} images whose codes lie far outside the prior or are not finite.")
    return tuple(notes)


def directions_for(
    operation: Any,
    recipe: Recipe,
    model: "LatentModel",
    data: ImageSet | None,
    workspace: Workspace,
    which: str = "wishes",
) -> Generator[tuple[float, str], None, dict[Wish, Direction]]:
    """Find what an operation wishes for, in the recipe where it is sealed; yield the share done and words for it.

    Parameters
    ----------
    which : ``wishes`` or ``watches``, the method of the operation that names them.

    Raises
    ------
    UserError
        There is no data set, or no such attribute in it.
    """
    wishes: tuple[Wish, ...] = getattr(operation, which, tuple)()
    found: dict[Wish, Direction] = {}
    for number, wish in enumerate(wishes):
        sealed = recipe.inputs.get(slot_of(wish))
        if sealed is not None:
            found[wish] = unpacked(sealed, model.space.size)
            continue
        if recipe.model is None or recipe.data is None or data is None:
            raise UserError(f"{operation.title} needs a data set to find '{wish.spec}' in; choose one.")
        bank = workspace.bank(recipe.model, recipe.data)
        looking = direction_of(bank, data, recipe.groups, wish, mean_bound(model))
        found[wish] = yield from retold(looking, _telling(number, len(wishes), f"Encoding faces for {wish.spec}"))
    return found


def _telling(number: int, total: int, words: str) -> Callable[[float], tuple[float, str]]:
    """Turn the share of one direction that is found into that of all, with words for it."""
    return lambda share: ((number + share) / total, words)


class _Facts(msgspec.Struct, frozen=True):
    """What a sealed direction carries besides its vectors."""

    words: str
    without: str
    counts: tuple[int, int]
    share: float
    auc: float | None
    notes: tuple[str, ...]


def slot_of(wish: Wish) -> str:
    """Name of the slot that holds the sealed direction of a wish."""
    return f"{DIRECTION}{wish.estimator} {wish.images} {wish.seed} {wish.spec}"


def packed(direction: Direction) -> tuple[CodeInput, ...]:
    """Pack a direction: its vector, both class means, and the quantiles of its projections."""
    auc = None if np.isnan(direction.auc) else direction.auc
    facts = _Facts(direction.words, direction.without, direction.counts, direction.share, auc, direction.notes)
    label = f"direction of {direction.words}"
    return (
        CodeInput.of(direction.vector.astype(np.float32), label, msgspec.json.encode(facts).decode()),
        CodeInput.of(direction.mean_with.astype(np.float32), f"mean of {direction.words}"),
        CodeInput.of(direction.mean_without.astype(np.float32), f"mean of {direction.without}"),
        CodeInput.of(direction.projections.astype(np.float32), f"projections on the {label}"),
    )


def unpacked(inputs: Sequence[object], size: int) -> Direction:
    """Read a direction that `packed` wrote, for codes of `size` components.

    Raises
    ------
    UserError
        It is damaged, or belongs to a model with codes of another size.
    """
    values = [value.values().astype(np.float64) for value in inputs if isinstance(value, CodeInput)]
    if len(values) != 4 or len(values) != len(inputs):
        raise UserError("The recipe holds a direction that is damaged: four lists of numbers belong to it.")
    if any(len(vector) != size for vector in values[:3]):
        raise UserError(f"The recipe holds a direction of {len(values[0])} components; the model's codes have {size}.")
    try:
        first = inputs[0]
        facts = msgspec.json.decode(first.origin if isinstance(first, CodeInput) else "", type=_Facts)
    except msgspec.DecodeError as error:
        raise UserError(f"The recipe holds a direction that is damaged: {error}.") from error
    auc = float("nan") if facts.auc is None else facts.auc
    vectors = (values[0], values[1], values[2])
    return Direction(facts.words, facts.without, *vectors, facts.counts, facts.share, values[3], auc, facts.notes)
