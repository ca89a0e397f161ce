"""A linear model and a small data set whose answers are known exactly; other tests may build on them."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latentstudio.controls import controls
from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.errors import UserError
from latentstudio.figures.code_bank import CodeBank
from latentstudio.figures.readouts import DatasetCodes
from latentstudio.figures.recipe import DataRef, ModelRef
from latentstudio.models.base import Ability, LatentSpace
from latentstudio.models.library import ModelInfo
from latentstudio.models.priors import PRIORS

EDGE = 8
SIZE = 6
SCALE = 0.1
PERSONS = 10
PICTURES = 4
DIGEST = "d" * 64
MODEL_DIGEST = "m" * 64


class ToyModel(nn.Module):
    """x = 0.1 W z + m with orthonormal columns W: encode and decode are exact inverses, the density is Gaussian.

    The code of a picture is W'(x - m) / 0.1, and the log-density of its D scores is log N(z; 0, I) - D log 0.1.
    """

    family = "toy"

    def __init__(self, prior: str = "standard_normal", shift: float = 0.0, density: bool = True) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(7)
        basis = torch.linalg.qr(torch.randn(EDGE * EDGE, SIZE, generator=generator, dtype=torch.float64))[0]
        self.register_buffer("basis", basis)
        self.register_buffer("mean", torch.full((EDGE * EDGE,), 0.1 + shift, dtype=torch.float64))
        self.image_shape = (1, EDGE, EDGE)
        self.space = LatentSpace(SIZE, {"front": (0, 2), "back": (2, SIZE)}, PRIORS[prior]())
        self.abilities = frozenset(a for a in Ability if density or a is not Ability.LOG_PROB)
        self.batches: list[int] = []

    def encode(self, images: Tensor) -> Tensor:
        return ((images.flatten(1).double() - self.mean) @ self.basis / SCALE).float()

    def decode(self, codes: Tensor) -> Tensor:
        self.batches.append(len(codes))
        return (SCALE * codes.double() @ self.basis.T + self.mean).float().view(-1, 1, EDGE, EDGE)

    def code_log_prob(self, codes: Tensor) -> Tensor:
        z = codes.double()
        return -0.5 * z.square().sum(dim=1) - SIZE * (0.5 * math.log(2 * math.pi) + math.log(SCALE))

    def log_prob(self, images: Tensor) -> Tensor:
        return self.code_log_prob(self.encode(images))


class ToyPcaModel(ToyModel):
    """The toy seen as principal components: its basis, in pixel values of [0, 1]."""

    @property
    def explained_variance_ratio(self) -> np.ndarray:
        return np.array([0.4, 0.2, 0.15, 0.1, 0.06, 0.03, 0.02, 0.02, 0.01, 0.01])

    @property
    def mean_image(self) -> Tensor:
        return self.mean.float().view(self.image_shape)

    def components(self, count: int) -> np.ndarray:
        return self.basis.T[:count].reshape(count, EDGE, EDGE).numpy()

    def pca_encode(self, images: Tensor) -> Tensor:
        return (((images.flatten(1).double() - self.mean) / 2) @ self.basis).float()

    def pca_decode(self, scores: Tensor) -> Tensor:
        return (2 * scores.double() @ self.basis.T + self.mean).float().view(-1, *self.image_shape)


class ToyData:
    """40 grey pictures of 8 x 8 px: 10 persons with 4 pictures each, drawn from the toy model's prior."""

    spec = "toy"
    title = "Toy faces"
    image_shape = (EDGE, EDGE, 1)
    digest = DIGEST
    splits = None

    def __init__(self, count: int = PERSONS * PICTURES) -> None:
        rng = np.random.default_rng(3)
        codes = torch.from_numpy(rng.standard_normal((count, SIZE)))
        model = ToyModel()
        noise = rng.normal(0, 0.02, (count, EDGE, EDGE, 1))
        pictures = model.decode(codes.float()).permute(0, 2, 3, 1).numpy() + noise
        self.pixels = np.clip(np.rint((pictures + 1) * 127.5), 0, 255).astype(np.uint8)
        persons = np.arange(count) // PICTURES
        glasses = (np.arange(count) % 3 == 0).astype(float)
        glasses[5] = np.nan
        self.attributes = AttributeTable(
            count,
            [
                Column("identity", "category", persons.astype(float), tuple(f"p{k}" for k in range(persons.max() + 1))),
                Column("eyeglasses", "binary", glasses),
                Column("yaw", "number", rng.standard_normal(count)),
            ],
        )
        self.reads: list[int] = []

    def __len__(self) -> int:
        return len(self.pixels)

    def image_id(self, index: int) -> str:
        return f"toy-{index:03d}"

    def images(self, indices: Sequence[int]) -> np.ndarray:
        self.reads.append(len(indices))
        return self.pixels[np.asarray(indices)]

    def picture(self, index: int) -> np.ndarray:
        return self.pixels[index]


@dataclass
class ToyWorkspace:
    """A workspace of one model and one data set."""

    folder: Path = Path("toy-model")
    models: dict[int | None, Any] = field(default_factory=lambda: {None: ToyModel()})
    data: dict[str, Any] = field(default_factory=lambda: {"toy": ToyData()})
    split: dict[str, Any] = field(
        default_factory=lambda: {"rule": "per_identity", "share": 0.25, "seed": 0, "dataset_digest": DIGEST}
    )
    chunk: int = 16
    passes: int = 0
    banks: dict[Any, CodeBank] = field(default_factory=dict)

    def model(self, ref: ModelRef) -> Any:
        self.info(ref)
        return self.models[ref.snapshot]

    def info(self, ref: ModelRef) -> ModelInfo:
        if ref.name != "toy-model":
            raise UserError(f"There is no model '{ref.name}'; there are toy-model.")
        model = self.models[None]
        return ModelInfo(
            name="toy-model",
            path=str(self.folder),
            family="toy",
            title="Toy",
            dataset="toy",
            dataset_digest=DIGEST,
            digest=MODEL_DIGEST,
            image_shape=model.image_shape,
            latent_size=SIZE,
            parts=dict(model.space.parts),
            prior=model.space.prior.kind,
            abilities=tuple(sorted(model.abilities)),
            snapshots=tuple(sorted(s for s in self.models if s is not None)),
            training={"split": self.split} if self.split else {},
        )

    def dataset(self, ref: DataRef) -> Any:
        if ref.spec not in self.data:
            raise UserError(f"There is no data set '{ref.spec}'; there are {', '.join(self.data)}.")
        return self.data[ref.spec]

    def codes(self, model: ModelRef, data: DataRef) -> Iterator[DatasetCodes]:
        self.passes += 1
        return DatasetCodes.of(self.model(model), self.dataset(data), chunk=self.chunk)

    def kept(self, key: Any, make: Any) -> Any:
        return make()

    def bank(self, model: ModelRef, data: DataRef) -> CodeBank:
        if (model, data) not in self.banks:
            self.banks[model, data] = CodeBank(lambda: self.model(model), self.dataset(data))
        return self.banks[model, data]


def chosen(plugin: type[Any]) -> dict[str, Any]:
    """Parameters without which a plugin has nothing to do: an attribute that is known of every toy picture."""
    return {c.name: "yaw>0" for c in controls(plugin) if c.kind == "attribute" and not c.default}


def write_history(folder: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Write ``history.jsonl`` into a model folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


MODEL = ModelRef(name="toy-model", digest=MODEL_DIGEST)
DATA = DataRef(spec="toy", digest=DIGEST)
