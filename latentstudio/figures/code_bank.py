"""Codes of dataset images, kept while there is room: encoded once, for however many panels ask."""

from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from latentstudio.analyses.base import Found
from latentstudio.data.imageset import ImageSet
from latentstudio.data.prepare import fit
from latentstudio.data.readable import Unreadable, read_images
from latentstudio.figures.devices import device_of
from latentstudio.steps import retold

if TYPE_CHECKING:
    from latentstudio.models.base import LatentModel

BUDGET_BYTES = 1 << 29
_NOISE_SEED = 0
_FEW = 32

Codes = NDArray[np.float32]
Progress = Generator[float, None, Found]


class StoredCodes(Protocol):
    """A complete latent store."""

    @property
    def unread(self) -> NDArray[np.int64]:
        """Dataset images (k,) without a code: their pictures could not be read when the store was filled."""
        ...

    def codes(self, indices: NDArray[np.int64]) -> Codes:
        """Return codes (n, D) of dataset images."""
        ...


class CodeBank:
    """The codes of one data set under one model.

    Parameters
    ----------
    find_store : looks for a complete latent store of them, whose rows are read instead of encoded; looked for again
        whenever many codes are missing, since it may have been finished meanwhile.
    chunk : images between two yields ; budget_bytes : codes that are kept, those not used for longest go first.
    """

    def __init__(
        self,
        model: "Callable[[], LatentModel]",
        data: ImageSet,
        find_store: "Callable[[], Generator[None, None, StoredCodes | None]] | None" = None,
        chunk: int = 8,
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        self._model = model
        self._data = data
        self._find_store = find_store
        self._store: StoredCodes | None = None
        self._chunk = chunk
        self._budget = budget_bytes
        self._held: OrderedDict[tuple[int, bool], Codes] = OrderedDict()
        self._used = 0
        self._values: dict[Any, Any] = {}
        self.lost = Unreadable()

    @property
    def dequantises(self) -> bool:
        """Whether the model has codes of dequantised pictures, as it was trained on."""
        return hasattr(self._model(), "dequantised_codes")

    def codes(self, indices: NDArray[np.int64], dequantised: bool = False) -> Progress:
        """Yield the share that is there, and return the codes of dataset images (n,) in their order.

        Parameters
        ----------
        dequantised : codes of pictures with the noise that the model was trained with; the noise of an image depends on
            its index alone. Models that know no such noise give their plain codes.
        """
        noisy = dequantised and self.dequantises
        yield from self._look_for_store(indices, noisy)
        parts: list[Codes] = []
        kept = np.zeros(len(indices), dtype=np.bool_)
        for start in range(0, len(indices), self._chunk):
            rows = indices[start : start + self._chunk]
            codes, readable = self._rows(rows, noisy)
            parts.append(codes)
            kept[start : start + len(rows)] = readable
            yield min((start + len(rows)) / len(indices), 1.0)
        size = self._model().space.size
        return Found(np.concatenate(parts) if parts else np.empty((0, size), dtype=np.float32), kept)

    def _look_for_store(self, indices: NDArray[np.int64], noisy: bool) -> Iterator[float]:
        if noisy or self._store is not None or self._find_store is None:
            return
        if sum((int(i), noisy) not in self._held for i in indices) <= _FEW:
            return
        self._store = yield from retold(self._find_store(), lambda _step: 0.0)

    def _rows(self, rows: NDArray[np.int64], noisy: bool) -> tuple[Codes, NDArray[np.bool_]]:
        readable = np.ones(len(rows), dtype=np.bool_)
        if self._store is not None and not noisy:
            readable = ~np.isin(rows, self._store.unread)
            return self._store.codes(rows[readable]), readable
        missing = np.array([int(r) for r in rows if (int(r), noisy) not in self._held], dtype=np.int64)
        fresh: dict[int, Codes] = {}
        if len(missing):
            pixels, could = read_images(self._data, missing, self.lost)
            if could.any():
                encoded = self._encode(pixels, missing[could], noisy)
                fresh = {int(r): code for r, code in zip(missing[could], encoded, strict=True)}
        found = []
        for place, row in enumerate(rows.tolist()):
            code = fresh.get(row)
            code = self._get(row, noisy) if code is None else code
            readable[place] = code is not None
            if code is not None:
                found.append(code)
        for row, code in fresh.items():
            self._keep(row, noisy, code)
        return (np.stack(found) if found else np.empty((0, self._model().space.size), dtype=np.float32)), readable

    def _encode(self, pixels: NDArray[np.uint8], rows: NDArray[np.int64], noisy: bool) -> Codes:
        import torch

        model: Any = self._model()
        with torch.inference_mode():
            images = torch.from_numpy(np.ascontiguousarray(fit(pixels, model.image_shape))).to(device_of(model))
            if not noisy:
                return np.asarray(model.encode(images).float().cpu().numpy())
            generators = [torch.Generator().manual_seed(_NOISE_SEED + row) for row in rows.tolist()]
            return np.asarray(model.dequantised_codes(images, generators).float().cpu().numpy())

    def _get(self, row: int, noisy: bool) -> Codes | None:
        code = self._held.get((row, noisy))
        if code is not None:
            self._held.move_to_end((row, noisy))
        return code

    def _keep(self, row: int, noisy: bool, code: Codes) -> None:
        if code.nbytes > self._budget:
            return
        own = code.copy()  # not a view that holds its whole batch
        self._used += own.nbytes
        self._held[row, noisy] = own
        while self._used > self._budget:
            _, old = self._held.popitem(last=False)
            self._used -= old.nbytes

    def remembered(self, key: Any, make: "Callable[[], Iterator[Any]]") -> Iterator[Any]:
        """Yield what `make` yields, and keep its last value under `key`: the next who asks gets that at once."""
        if key in self._values:
            yield self._values[key]
            return
        last = None
        for last in make():
            yield last
        self._values[key] = last
