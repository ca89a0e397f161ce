"""What the analyses of edited faces share: held-out faces, directions that have not seen them, change maps."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Study
from latentstudio.analyses.classes import Wanted, note_unread
from latentstudio.analyses.passes import Indices, data_of, model_of, read_chunks, told
from latentstudio.data.attribute_spec import check_classes
from latentstudio.errors import UserError
from latentstudio.results import Partial
from latentstudio.stats.norms import far_bound

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Classes:
    """Codes of the images that an attribute is learnt from.

    Attributes
    ----------
    codes : float32 (n, D) ; present : bool (n,) ; rows : int64 (n,) dataset indices ; far : codes left out.
    """

    codes: NDArray[np.float32]
    present: NDArray[np.bool_]
    rows: Indices
    far: int

    @property
    def counts(self) -> tuple[int, int]:
        """Images with and without."""
        present = int(self.present.sum())
        return present, len(self.present) - present


def classes_of(study: Study, asked: Wanted, start: float, stop: float) -> Generator[Partial, None, Classes]:
    """Encode the images of both classes.

    Raises
    ------
    UserError
        None can be read, or a class is left empty or with a single member.
    """
    found = yield from told(study.codes(asked.rows), start, stop, f"Encoding faces for {asked.members.words}")
    note_unread(study, asked.rows[~found.kept])
    if not len(found.codes):
        raise UserError(f"None of the {len(asked.rows):,} images of {data_of(study).title} can be read.")
    space = model_of(study).space
    near = np.linalg.norm(found.codes, axis=1) <= far_bound(space.prior.kind, space.size)
    present = asked.labels[found.kept][near] == 1
    check_classes(asked.members, int(present.sum()), int((~present).sum()))
    codes = found.codes if near.all() else found.codes[near]
    return Classes(codes, present, asked.rows[found.kept][near], int((~near).sum()))


def pictures_of(
    study: Study, rows: Indices, start: float, stop: float, message: str
) -> Generator[Partial, None, tuple[NDArray[np.float32], Indices]]:
    """Read images in chunks: prepared pictures float32 (k, C, H, W) and which they are, int64 (k,).

    Raises
    ------
    UserError
        None can be read.
    """
    parts, names = [], []
    for chunk in read_chunks(study, rows):
        if len(chunk.rows):
            parts.append(chunk.images.float().cpu().numpy())
            names.append(rows[chunk.rows])
        yield Partial(start + (stop - start) * chunk.done / len(rows), None, message)
    return np.concatenate(parts), np.concatenate(names)


def encoded(study: Study, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Encode prepared pictures (n, C, H, W) on the model's device: float32 (n, D)."""
    import torch

    from latentstudio.models.sensitivity import device_of

    model = model_of(study)
    batch = torch.from_numpy(np.ascontiguousarray(pictures)).to(device_of(model))
    codes: NDArray[np.float32] = model.encode(batch).float().cpu().numpy()
    return codes
