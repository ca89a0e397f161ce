"""The bench of the experiments on Glow: some images with their codes, and features that do not come from the model."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentstudio.data.prepare import fit, to_pixels
from latentstudio.data.readable import Unreadable, read_images
from latentstudio.errors import UserError
from latentstudio.figures.devices import device_of
from latentstudio.figures.recipe import CodeInput, ModelRef, Recipe
from latentstudio.models.library import find_models
from latentstudio.stats.norms import ChiLaw, typical_set
from latentstudio.studio.reproduce.bench import Bench, Floats
from latentstudio.studio.reproduce.glow_features import Features
from latentstudio.studio.workspace import Workspace

IMAGES, QUICK_IMAGES = 2000, 240
"""Images that a report looks at when nobody says how many, half of them unseen in training where there are enough."""

_CHUNK = 32
_PREFERRED = ("lfw-glow", "faces-glow")
_DRAWN = "faces?n=4000"


@dataclass(kw_only=True)
class GlowLab(Bench):
    """A Glow and a seeded choice of images; what costs time is computed once.

    Attributes
    ----------
    limit : images at most.

    Notes
    -----
    `chosen`, `images`, `codes` and everything else by image has one row for each chosen image, in the same order.
    """

    limit: int = IMAGES

    # -- images

    @cached_property
    def chosen(self) -> NDArray[np.int64]:
        """Dataset indices (n,) of the images under study, ascending: half unseen in training, as far as there are.

        Raises
        ------
        UserError
            The model has seen all or none of the images.
        """
        rng = np.random.default_rng(0)
        unseen, seen = np.flatnonzero(self.held_out), self.seen
        if not len(unseen) or not len(seen):
            raise UserError(f"{self.model_name} has seen all or none of {self.data.title}; its own data set would do.")
        some = min(len(unseen), max(self.limit // 2, self.limit - len(seen)))
        rows = np.concatenate([rng.permutation(unseen)[:some], rng.permutation(seen)[: self.limit - some]])
        return np.sort(rows).astype(np.int64)

    @cached_property
    def _read(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        lost = Unreadable()
        pixels, kept = read_images(self.data, self.chosen, lost)
        return self.chosen[kept], fit(pixels, self.info.image_shape)

    @property
    def indices(self) -> NDArray[np.int64]:
        """Dataset indices (n,) of the chosen images that could be read."""
        return self._read[0]

    @cached_property
    def images(self) -> Tensor:
        """The images as the model takes them, float32 (n, C, H, W) in [-1, 1]."""
        return torch.from_numpy(self._read[1])

    @property
    def unseen_rows(self) -> NDArray[np.bool_]:
        """Which of the images the model has not seen in training, bool (n,)."""
        return self.held_out[self.indices]

    def labels(self, name: str) -> Floats:
        """Values (n,) of an attribute by the data set's own name or an alias; NaN where unknown."""
        return self.attribute(name)[self.indices]

    @property
    def n_words(self) -> str:
        """Counts in words."""
        unseen = int(self.unseen_rows.sum())
        return f"{len(self.indices) - unseen:,} training, {unseen:,} held out, of {len(self.data):,} images"

    @property
    def real_faces(self) -> bool:
        """Whether the images are photographs, neither drawn by the program nor sampled from a model."""
        return not self.data.spec.startswith(("faces", "samples"))

    # -- codes

    @cached_property
    def codes(self) -> NDArray[np.float32]:
        """Codes (n, D) of the images, as `encode` gives them: of the middle of each pixel's bin."""
        model = self.model()
        return self._rows(self.images, "encoding", lambda part, _: model.encode(part))

    @cached_property
    def noisy(self) -> NDArray[np.float32]:
        """Codes (n, D) of dequantised images, random seed 0: what the flow was trained on, and what the prior is of."""
        model = self.model()
        return self._rows(self.images, "encoding with pixel noise", model.dequantised_codes)

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """Images whose dequantised code is finite and not far outside the prior, bool (n,).

        Raises
        ------
        UserError
            There are fewer than four of them among the training images or among the unseen ones.
        """
        from latentstudio.figures.readouts import mean_bound

        norms = np.linalg.norm(self.noisy.astype(np.float64), axis=1)
        good = np.asarray(np.isfinite(norms) & (norms <= mean_bound(self.model())))
        if min((good & self.unseen_rows).sum(), (good & ~self.unseen_rows).sum()) < 4:
            raise UserError(
                f"Under {self.words()} only {int(good.sum())} of {len(good)} images have a finite code near the prior; "
                "four training and four unseen ones are needed."
            )
        return good

    def decoded_raw(self, codes: NDArray[Any]) -> NDArray[np.float32]:
        """Images float32 (n, C, H, W) of codes (n, D), neither clipped nor rounded."""
        model = self.model()
        rows = torch.from_numpy(np.asarray(codes, dtype=np.float32))
        found = self._rows(rows, "decoding", lambda part, _: model.decode(part))
        return found.reshape(len(codes), *self.info.image_shape)

    def pictures(self, codes: NDArray[Any]) -> NDArray[np.uint8]:
        """Pictures uint8 (n, H, W, C) of codes (n, D)."""
        return to_pixels(self.decoded_raw(codes))

    def draws(self, count: int, first: int = 0) -> NDArray[np.float32]:
        """Draws (count, D) of the prior with random seeds from `first` on."""
        codes = self.model().space.prior.sample(list(range(first, first + count)), self.info.latent_size)
        rows: NDArray[np.float32] = codes.float().cpu().numpy()
        return rows

    def code(self, row: int) -> CodeInput:
        """The dequantised code of an image as an input of a recipe; it decodes to the image with its pixel noise."""
        index = int(self.indices[row])
        return CodeInput.of(self.noisy[row], self.data.image_id(index), "code of the dequantised image, random seed 0")

    def code_recipe(self, name: str, **slots: Any) -> Recipe:
        """A recipe of codes alone: nothing is measured against the data set, which would have to be encoded whole."""
        return msgspec.structs.replace(self.recipe(name, **slots), data=None)

    def _rows(self, rows: Tensor, what: str, work: Any) -> NDArray[np.float32]:
        """Apply `work` to chunks of rows with a generator, and join what it gives, float32 (n, -1)."""
        from tqdm import tqdm

        generator = torch.Generator().manual_seed(0)
        device = device_of(self.model())
        found = []
        starts = range(0, len(rows), _CHUNK)
        with torch.inference_mode():
            for start in tqdm(starts, desc=what, disable=None if len(starts) > 8 else True, leave=False):
                part = rows[start : start + _CHUNK].to(device)
                found.append(work(part, generator).float().flatten(1).cpu().numpy())
        return np.concatenate(found) if found else np.zeros((0, 1), np.float32)

    # -- the prior and features

    @property
    def law(self) -> ChiLaw:
        """Law of the norm of a draw of the prior."""
        return ChiLaw(self.info.latent_size)

    @property
    def band(self) -> tuple[float, float]:
        """Range of the norms of 95 % of the prior's draws."""
        return typical_set(self.law)

    @cached_property
    def features(self) -> Features:
        """Features of pictures that do not come from the model, fitted to the training images among the chosen."""
        return Features.of(self.images[torch.from_numpy(~self.unseen_rows)].numpy())

    def pairs(self, count: int) -> Iterator[tuple[int, int]]:
        """Rows of unseen, usable images, two by two, each image once; fewer when there are not enough."""
        rows = np.random.default_rng(0).permutation(np.flatnonzero(self.unseen_rows & self.usable))
        for k in range(min(count, len(rows) // 2)):
            yield int(rows[2 * k]), int(rows[2 * k + 1])

    def some(self, full: int, quick: int) -> int:
        """A number of repetitions: `full`, or `quick` in a quick run."""
        return quick if self.quick else full


def open_glow(
    workspace: Workspace, data: str | None, model: str | None, folder: Path, quick: bool, limit: int | None
) -> tuple[GlowLab, str]:
    """Choose data set and model, and return the bench with a warning, which is empty for photographs.

    Without a wish the photographs of ``lfw`` under ``lfw-glow`` are taken where both are here, otherwise drawn faces
    under ``faces-glow``.

    Raises
    ------
    UserError
        There is no such model or data set, no Glow is installed, or the model is of another family.
    """
    name = model or _model_for(data)
    info = workspace.info(ModelRef(name=name))
    if info.family != "glow":
        raise UserError(f"The model {name} is a {info.family}; these experiments need a glow.")
    spec = _DRAWN if data == "faces" else data or info.dataset
    lab = GlowLab(
        workspace=workspace,
        spec=spec,
        model_name=name,
        folder=folder,
        quick=quick,
        limit=limit or (QUICK_IMAGES if quick else IMAGES),
    )
    if lab.real_faces:
        return lab, ""
    return lab, (
        "Real faces were not used: these experiments ran on faces that the program draws. Published numbers are of "
        "photographs and stand beside ours for orientation only; verdicts speak of the drawn faces."
    )


def _model_for(data: str | None) -> str:
    from latentstudio.data import lfw

    installed = [name for name in _PREFERRED if name in find_models()]
    if not installed:
        raise UserError(
            f"There is no {' or '.join(_PREFERRED)} among the models; --model NAME or a folder takes another Glow, and "
            "'latentstudio train' makes one."
        )
    drawn = data is not None and data.startswith("faces")
    if "lfw-glow" in installed and not drawn and (data is not None or lfw.is_available()):
        return "lfw-glow"
    return "faces-glow" if "faces-glow" in installed else installed[0]
