"""What is measured about a code: norm, log-density, percentiles, and the most similar picture of the data set.

The most similar picture is found by exact search: root-mean-square difference of pixels, at the model's own resolution
when that is at most 64 x 64 grey, otherwise (and for data sets of more than 4,000 pictures) in grey at no more than
32 x 32, each side halved by box averages. Pixels keep every claim about 'nearest' independent of the model under study.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.imageset import ImageSet
from latentstudio.data.latent_store import LatentStore
from latentstudio.data.readable import Unreadable, read_images
from latentstudio.stats.pictures import halved_sides

if TYPE_CHECKING:
    from torch import Tensor

    from latentstudio.models.base import LatentModel

LIMIT = 20_000
CHUNK = 128
_FINE_PICTURES = 4000
_FINE_FEATURES = 64 * 64
_COARSE_EDGE = 32
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DatasetCodes:
    """What the readouts need to know of a data set under a model; grows while the data set is read.

    Attributes
    ----------
    indices : int64 (n,) dataset indices of the rows.
    norms : float64 (n,) ; log_probs : float64 (n,) in nats per image, or None when the model has no density.
    features : float32 (n, F) pictures in [-1, 1], reduced for the search by pixels.
    mean_code : float64 (D,) over the rows whose norm is at most `mean_bound`: a flow can send an image that it has not
        seen a thousand times farther out than any draw of the prior, and one such code would be the mean.
    mean_image : float64 (C, H, W) in [-1, 1] over all rows.
    total : number of images of the data set; `planned` of them are read, all or a seeded sample.
    unread : a sentence about those among the planned that could not be read, `lost` of them; empty when there is none.
    """

    indices: NDArray[np.int64]
    norms: Floats
    log_probs: Floats | None
    features: NDArray[np.float32]
    mean_code: Floats
    mean_image: Floats
    planned: int
    total: int
    lost: int = 0
    unread: str = ""

    def __post_init__(self) -> None:
        for value in (self.indices, self.norms, self.log_probs, self.features, self.mean_code, self.mean_image):
            if value is not None:
                value.flags.writeable = False

    @cached_property
    def feature_squares(self) -> NDArray[np.float32]:
        """Squared norm of each row of `features`, float32 (n,); kept, since a scrubbing hand asks for it every time."""
        squares: NDArray[np.float32] = np.einsum("nf,nf->n", self.features, self.features)
        return squares

    @property
    def fraction(self) -> float:
        """Share of the planned images that the pass is through with."""
        return (len(self.indices) + self.lost) / self.planned if self.planned else 1.0

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be said about the images behind the readouts."""
        return tuple(note for note in (self.sampled, self.unread) if note)

    @property
    def sampled(self) -> str:
        """A sentence when not all images are used, otherwise empty."""
        if self.planned == self.total:
            return ""
        return f"Readouts use a random {self.planned:,} of {self.total:,} images (random seed 0)."

    @staticmethod
    def nothing(model: "LatentModel", data: ImageSet, limit: int = LIMIT) -> "DatasetCodes":
        """The summary before the first image."""
        return _nothing(model, min(len(data), limit), len(data))

    @staticmethod
    def of(
        model: "LatentModel",
        data: ImageSet,
        chunk: int = CHUNK,
        limit: int = LIMIT,
        seed: int = 0,
        store: LatentStore | None = None,
    ) -> "Iterator[DatasetCodes]":
        """Encode a data set (at most `limit` images, a seeded sample) and yield the summary after each chunk.

        With the complete `store` of this data set under this model only the pictures are read, and nothing is encoded.
        """
        total = len(data)
        rows = np.arange(total, dtype=np.int64)
        if total > limit:
            rows = np.sort(np.random.default_rng(seed).choice(total, limit, replace=False)).astype(np.int64)
        if not len(rows):
            yield _nothing(model, 0, total)
            return
        yield from _encoded(model, data, rows, chunk, store)


def _nothing(model: "LatentModel", planned: int, total: int, lost: int = 0, unread: str = "") -> DatasetCodes:
    """The summary of no image at all."""
    density = np.empty(0) if "log_prob" in model.abilities else None
    mean_code, mean_image = np.zeros(model.space.size), np.zeros(tuple(model.image_shape))
    blank = np.empty((0, 1), dtype=np.float32)
    rows = np.empty(0, dtype=np.int64)
    return DatasetCodes(rows, np.empty(0), density, blank, mean_code, mean_image, planned, total, lost, unread)


def _encoded(
    model: "LatentModel", data: ImageSet, rows: NDArray[np.int64], chunk: int, store: LatentStore | None
) -> Iterator[DatasetCodes]:
    from latentstudio.data.prepare import fit

    gathered = _Gathered(model, len(rows), store)
    lost = Unreadable()
    for start in range(0, len(rows), chunk):
        asked = rows[start : start + chunk]
        pixels, kept = read_images(data, asked, lost)
        if kept.any():
            gathered.add(asked[kept], fit(pixels, model.image_shape))
        yield gathered.summary(len(data), lost)


class _Gathered:
    """What a pass has measured so far."""

    def __init__(self, model: "LatentModel", planned: int, store: LatentStore | None = None) -> None:
        self._model = model
        self._store = store
        self._bound = mean_bound(model)
        self._planned = planned
        self._rows = np.empty(planned, dtype=np.int64)
        self._norms = np.empty(planned)
        self._log_probs = np.empty(planned) if "log_prob" in model.abilities else None
        self._features: NDArray[np.float32] = np.empty((0, 1), dtype=np.float32)
        self._code_sum, self._near = np.zeros(model.space.size), 0
        self._image_sum = np.zeros(tuple(model.image_shape))
        self.count = 0

    def add(self, rows: NDArray[np.int64], images: NDArray[np.float32]) -> None:
        """Measure prepared images (k, C, H, W) with the dataset indices `rows` (k,)."""
        place = slice(self.count, self.count + len(rows))
        codes, norms, densities = self._measured(rows, images)
        reduced = picture_features(images, self._planned)
        if not self.count:
            self._features = np.empty((self._planned, reduced.shape[1]), dtype=np.float32)
        self._rows[place], self._features[place] = rows, reduced
        self._norms[place] = norms
        if self._log_probs is not None and densities is not None:
            self._log_probs[place] = densities
        near = self._norms[place] <= self._bound
        self._code_sum += codes[near].sum(axis=0, dtype=np.float64)
        self._image_sum += images.sum(axis=0, dtype=np.float64)
        self._near += int(near.sum())
        self.count = place.stop

    def _measured(
        self, rows: NDArray[np.int64], images: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], Floats, Floats | None]:
        """Codes, norms and log-densities, from the store where it has them."""
        if self._store is not None and not np.isnan(self._store.norms[rows]).any():
            densities = self._store.log_probs
            return self._store.codes(rows), self._store.norms[rows], None if densities is None else densities[rows]
        codes, densities = encode_and_score(self._model, images)
        return codes, np.linalg.norm(codes.astype(np.float64), axis=1), densities

    def summary(self, total: int, lost: Unreadable) -> DatasetCodes:
        """Everything so far."""
        n = self.count
        if not n:
            return _nothing(self._model, self._planned, total, len(lost), lost.sentence())
        return DatasetCodes(
            indices=self._rows[:n],
            norms=self._norms[:n],
            log_probs=None if self._log_probs is None else self._log_probs[:n],
            features=self._features[:n],
            mean_code=self._code_sum / max(self._near, 1),
            mean_image=self._image_sum / n,
            planned=self._planned,
            total=total,
            lost=len(lost),
            unread=lost.sentence(),
        )


def mean_bound(model: "LatentModel") -> float:
    """Norm up to which a code counts for the mean code: twice the upper end of the prior's typical set."""
    from latentstudio.stats.norms import far_bound

    return far_bound(model.space.prior.kind, model.space.size)


def encode_and_score(model: "LatentModel", images: NDArray[np.float32]) -> tuple[NDArray[np.float32], Floats | None]:
    """Return the codes (n, D) of prepared images (n, C, H, W) and their log-densities (n,) where there is one."""
    import torch

    from latentstudio.figures.devices import device_of

    with torch.inference_mode():
        batch = torch.from_numpy(np.ascontiguousarray(images)).to(device_of(model))
        if "log_prob" not in model.abilities:
            return model.encode(batch).float().cpu().numpy(), None
        both = getattr(model, "encode_with_log_prob", None)
        codes, density = (model.encode(batch), model.log_prob(batch)) if both is None else both(batch)
        return codes.float().cpu().numpy(), density.double().cpu().numpy()


def picture_features(images: NDArray[np.float32], pictures: int) -> NDArray[np.float32]:
    """Reduce prepared images (n, C, H, W) to rows (n, F) for the search; `pictures` is the size of the data set."""
    n, channels, height, width = images.shape
    if channels * height * width <= _FINE_FEATURES and pictures <= _FINE_PICTURES:
        return images.reshape(n, -1)
    grey = images[:, 0] if channels == 1 else np.einsum("nchw,c->nhw", images, _LUMA, optimize=True)
    return np.ascontiguousarray(halved_sides(grey, _COARSE_EDGE).reshape(n, -1), dtype=np.float32)


def nearest_rows(
    features: NDArray[np.float32],
    queries: NDArray[np.float32],
    count: int = 1,
    squares: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.int64], Floats]:
    """Return rows (q, count) of `features` nearest to each query and the distances in grey levels of 0..255.

    The candidates come from one matrix product, |x|^2 - 2 x.q; the distance of those kept is computed anew from the
    differences, since the product loses digits for nearly equal pictures.
    """
    count = min(count, len(features))
    if squares is None:
        squares = np.einsum("nf,nf->n", features, features)
    safe = np.nan_to_num(queries, nan=0.0, posinf=0.0, neginf=0.0)
    scores = squares[None, :] - 2 * (safe @ features.T)
    spare = min(count + 4, len(features))
    candidates = np.argpartition(scores, spare - 1, axis=1)[:, :spare]
    difference = features[candidates].astype(np.float64) - safe[:, None, :]
    exact = np.sqrt(np.mean(np.square(difference), axis=2)) * 127.5
    order = np.lexsort((candidates, exact), axis=1)[:, :count]
    return np.take_along_axis(candidates, order, axis=1), np.take_along_axis(exact, order, axis=1)


def tensor_norms(codes: "Tensor") -> Floats:
    """Euclidean norms (n,) of codes (n, D) in float64."""
    norms: Floats = codes.double().norm(dim=1).cpu().numpy()
    return norms
