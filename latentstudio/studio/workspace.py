"""What is open: models, datasets, their codes and thumbnails, each loaded once and let go of when memory is short."""

import hashlib
from collections.abc import Callable, Generator, Hashable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from latentstudio.data import open_dataset, parse_spec
from latentstudio.data.arrays import ArraySet
from latentstudio.data.imageset import ImageSet
from latentstudio.data.latent_shelf import find_complete
from latentstudio.data.latent_store import LatentStore
from latentstudio.data.thumbnails import ThumbnailCache
from latentstudio.figures.code_bank import CodeBank
from latentstudio.figures.readouts import DatasetCodes
from latentstudio.figures.recipe import DataRef, ModelRef
from latentstudio.models.library import ModelInfo, describe, model_info, weights_path
from latentstudio.steps import answer_of, retold
from latentstudio.studio.cache import ByteCache, nbytes
from latentstudio.studio.codes_cache import ArrayStore, codes_key, read_codes, write_codes
from latentstudio.studio.devices import choose_device, default_threads, set_threads
from latentstudio.studio.held_images import held
from latentstudio.studio.host import Holdings
from latentstudio.studio.model_files import file_state, folders_of, weight_bytes
from latentstudio.studio.samples import ModelSamples, parse_samples
from latentstudio.studio.shared_pass import SharedPass

if TYPE_CHECKING:
    from torch import Tensor

    from latentstudio.models.base import LatentModel

BUDGET_BYTES = 2 << 30
DATASETS_OPEN = 6
BANKS_OPEN = 2
KEPT_BYTES = 64 << 20
QUICK_CHUNK, SLOW_CHUNK = 32, 8
"""Images between two yields of a pass over a dataset, in memory or made when asked for: what the hand may wait for.

Fixed numbers, not measured ones, so that the same pass gives the same bits.
"""


class Workspace:
    """Implements `figures.workspace.Workspace` over the models and data of this machine. Used by one thread at a time.

    Nothing heavy happens before something is asked for; torch is imported with the first model.

    Parameters
    ----------
    device : ``cpu``, ``cuda``, ``mps``, or ``auto`` for the first of cuda, mps and cpu that is there.
    budget_bytes : most that the weights of loaded models, and as much again their datasets' codes, may take.
    store : where summaries of codes are kept; default in the user's cache folder.
    """

    def __init__(self, device: str = "cpu", budget_bytes: int = BUDGET_BYTES, store: ArrayStore | None = None) -> None:
        self.asked_device = device
        self._device = ""
        self._threads = 0
        self.store = store or ArrayStore()
        self._models: ByteCache[LatentModel] = ByteCache(budget_bytes)
        self._refs: dict[str, ModelRef] = {}
        self._infos: dict[str, tuple[tuple[int, ...], ModelInfo]] = {}
        self._snapshots: dict[tuple[str, int], str] = {}
        self._raw: dict[str, ImageSet] = {}
        self._held: dict[str, ImageSet] = {}
        self._thumbnails: dict[str, ThumbnailCache] = {}
        self._codes: ByteCache[DatasetCodes] = ByteCache(budget_bytes)
        self._kept: ByteCache[Tensor] = ByteCache(KEPT_BYTES)
        self._banks: dict[str, CodeBank] = {}
        self._passes: dict[str, SharedPass[DatasetCodes]] = {}

    def model(self, ref: ModelRef) -> "LatentModel":
        """Load a model, in evaluation mode on the workspace's device.

        Raises
        ------
        UserError
            There is no such model or snapshot, its files are broken, or the device is not there.
        """
        from latentstudio.models.checkpoint import load

        info = self.info(ref)
        digest = self.model_digest(ref)
        known = self._models.get(digest)
        if known is not None:
            return known
        model = load(Path(info.path), ref.snapshot, self.device)
        self._models.put(digest, model, min(weight_bytes(model), self._models.budget_bytes))
        self._refs[digest] = ModelRef(name=ref.name, digest=info.digest, snapshot=ref.snapshot)
        return model

    def info(self, ref: ModelRef) -> ModelInfo:
        """Describe a model without loading it; looked at again when its files have changed.

        Raises
        ------
        UserError
            There is no such model.
        """
        folder = next((f for f in folders_of(ref.name) if (f / "config.json").is_file()), None)
        if folder is None:
            return model_info(ref.name)
        state = file_state(folder)
        known = self._infos.get(ref.name)
        if known is None or known[0] != state:
            known = (state, describe(folder))
            self._infos[ref.name] = known
        return known[1]

    def model_digest(self, ref: ModelRef) -> str:
        """Return a text that changes with the weights that `ref` means, those of its snapshot included."""
        info = self.info(ref)
        if ref.snapshot is None:
            return info.digest
        key = (info.digest, ref.snapshot)
        if key not in self._snapshots:
            weights = weights_path(Path(info.path), ref.snapshot).read_bytes()
            self._snapshots[key] = f"{info.digest}@{hashlib.sha256(weights).hexdigest()}"
        return self._snapshots[key]

    def dataset(self, ref: DataRef) -> ImageSet:
        """Open a dataset; pictures that cost time to make are kept once made.

        Raises
        ------
        UserError
            There is no such dataset, or it is not in order.
        """
        raw = self.raw_dataset(ref.spec)
        if raw.spec not in self._held:
            self._held[raw.spec] = held(raw)
        return self._held[raw.spec]

    def raw_dataset(self, spec: str, fetch: bool = False) -> ImageSet:
        """Open a dataset as its source makes it; for native pictures, landmarks and thumbnails.

        Raises
        ------
        UserError
            As `dataset`.
        """
        known = self._raw.pop(spec, None)
        data = known if known is not None else self.open_anew(spec, fetch)
        self.remember(spec, data)
        return data

    def open_digest(self, spec: str) -> str:
        """Digest of a dataset that is open; empty when it is not."""
        return next((data.digest for data in self._raw.values() if data.spec == spec), "")

    def open_anew(self, spec: str, fetch: bool = False) -> ImageSet:
        """Open a dataset without remembering it; touches nothing of the workspace but, for samples, its models.

        Raises
        ------
        UserError
            As `dataset`.
        """
        name, argument, options = parse_spec(spec)
        if name != "samples":
            return open_dataset(spec, fetch)
        ref, count = parse_samples(spec, argument, options)
        return ModelSamples(spec, self.model(ref), self.info(ref), self.model_digest(ref), count)

    def remember(self, spec: str, data: ImageSet) -> None:
        """Keep an opened dataset; the one not used for longest is let go of."""
        before = self._raw.pop(spec, None)
        if before is not None and before.digest != data.digest:
            self._forget(before.spec)
        self._raw[spec] = data
        while len(self._raw) > DATASETS_OPEN:
            oldest = self._raw.pop(next(iter(self._raw)))
            if all(other.spec != oldest.spec for other in self._raw.values()):
                self._forget(oldest.spec)

    def thumbnails(self, spec: str) -> ThumbnailCache:
        """Return the thumbnails of a dataset."""
        data = self.raw_dataset(spec)
        if data.spec not in self._thumbnails:
            self._thumbnails[data.spec] = ThumbnailCache(data)
        return self._thumbnails[data.spec]

    def codes(self, model: ModelRef, data: DataRef) -> Iterator[DatasetCodes]:
        """Yield growing summaries of a dataset's codes under a model, the last one complete.

        The pass is shared: whoever asks while it runs gets on where it is, and when all who asked have gone it waits
        for the next.
        """
        key = codes_key(self.model_digest(model), self.dataset(data).digest)
        known = self._codes.get(key)
        if known is not None:
            yield known
            return
        if key not in self._passes:
            self._passes[key] = SharedPass(self._read_or_encode(key, model, data))
        yield from self._passes[key].follow()
        self._passes.pop(key, None)

    def _read_or_encode(self, key: str, model: ModelRef, data: DataRef) -> Iterator[DatasetCodes]:
        stored = read_codes(self.store, key)
        if stored is not None:
            self._codes.put(key, stored, nbytes(stored))
            yield stored
            return
        images, network = self.dataset(data), self.model(model)
        looking = self.find_latent_store(model, data)
        latents = yield from retold(looking, lambda _step: DatasetCodes.nothing(network, images))
        for last in DatasetCodes.of(network, images, chunk=chunk_of(images), store=latents):
            if last.fraction >= 1.0:
                if not last.lost:  # a drive that comes back does not change the digest
                    write_codes(self.store, key, last)
                self._codes.put(key, last, nbytes(last))
            yield last

    def latent_store(self, model: ModelRef, data: DataRef) -> LatentStore | None:
        """Return the codes of the whole dataset under the model from the latent store: complete and verified, or None.

        Files that have changed since they were verified are read through first; `find_latent_store` yields meanwhile.
        """
        return answer_of(self.find_latent_store(model, data))

    def find_latent_store(self, model: ModelRef, data: DataRef) -> Generator[None, None, LatentStore | None]:
        """Do as `latent_store` and yield between blocks of files."""
        return find_complete(self.model_digest(model), self.dataset(data).digest)

    def kept(self, key: Hashable, make: "Callable[[], Tensor]") -> "Tensor":
        """Return what `make` made for this key before, or makes now; the codes of a slot cost a pass of the model."""
        known = self._kept.get(key)
        if known is None:
            known = make()
            self._kept.put(key, known, known.numel() * known.element_size())
        return known

    def bank(self, model: ModelRef, data: DataRef) -> CodeBank:
        """Return the codes of a dataset's images under a model; kept while the memory lasts, shared by all who ask."""
        images = self.dataset(data)
        key = codes_key(self.model_digest(model), images.digest)
        known = self._banks.pop(key, None)
        if known is None:
            known = CodeBank(
                lambda: self.model(model), images, lambda: self.find_latent_store(model, data), chunk_of(images)
            )
        self._banks[key] = known
        while len(self._banks) > BANKS_OPEN:
            self._banks.pop(next(iter(self._banks)))
        return known

    @property
    def device(self) -> str:
        """Where models compute; torch is imported to find out.

        Raises
        ------
        UserError
            The device that was asked for is not there.
        """
        if not self._device:
            self._device = choose_device(self.asked_device)
            self._threads = set_threads()
        return self._device

    def holdings(self) -> Holdings:
        """Say what is loaded."""
        models = tuple(self._refs[key] for key in self._models.keys_by_age() if isinstance(key, str))
        datasets = tuple(DataRef(spec=spec, digest=data.digest) for spec, data in self._raw.items())
        return Holdings(self._device or self.asked_device, self._threads or default_threads(), models, datasets)

    def release_memory(self) -> None:
        """Let go of everything that can be loaded again."""
        self._models.clear()
        self._codes.clear()
        self._passes.clear()
        self._banks.clear()
        self._kept.clear()
        self._held.clear()
        self._thumbnails.clear()
        if self._device == "cuda":
            import torch

            torch.cuda.empty_cache()

    def _forget(self, spec: str) -> None:
        self._held.pop(spec, None)
        self._thumbnails.pop(spec, None)


def chunk_of(data: ImageSet) -> int:
    """Images of a dataset that are read between two yields."""
    return QUICK_CHUNK if isinstance(data, ArraySet) else SLOW_CHUNK
