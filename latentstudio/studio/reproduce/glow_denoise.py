"""The background of auto-encoders: a picture goes to few numbers and back, and noise gets lost on the way."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from latentstudio.data.prepare import fit, to_pixels
from latentstudio.results import Curve, Line, Table
from latentstudio.studio.reproduce.bench import Floats
from latentstudio.studio.reproduce.entry import Entry, Finding, Plate, verdict_of
from latentstudio.studio.reproduce.glow_lab import GlowLab
from latentstudio.studio.reproduce.samples import picture_grid

_EDGE, _NOISE, _SHOWN = 32, 0.15, 6
_COUNTS = (4, 8, 16, 32, 64, 128, 256)
_CODE, _HIDDEN = 64, 256

Pixels = NDArray[np.float32]


@dataclass(frozen=True)
class Components:
    """Principal components of training rows: mean (F,) and orthonormal rows (k, F), the largest variance first."""

    mean: Floats
    vectors: Floats

    @staticmethod
    def of(train: Floats) -> "Components":
        """Fit to rows (m, F)."""
        mean = train.mean(axis=0)
        return Components(mean, np.linalg.svd(train - mean, full_matrices=False)[2])

    def denoised(self, noisy: Floats, count: int) -> Floats:
        """Project rows (n, F) on the first `count` components and back."""
        kept = self.vectors[:count]
        found: Floats = (noisy - self.mean) @ kept.T @ kept + self.mean
        return found


def auto_encoder(train: Pixels, noise: float, steps: int, seed: int = 0) -> nn.Module:
    """Train an auto-encoder with 64 numbers in the middle to undo noise of that standard deviation; rows in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    size = train.shape[1]
    sizes = (size, _HIDDEN, _CODE, _HIDDEN, size)
    layers: list[nn.Module] = []
    for k, (inputs, outputs) in enumerate(pairwise(sizes)):
        linear = nn.Linear(inputs, outputs, device="meta").to_empty(device="cpu")
        with torch.no_grad():
            linear.weight.normal_(0, (2 / inputs) ** 0.5, generator=generator)
            linear.bias.zero_()
        layers += [linear, nn.ReLU()] if k < len(sizes) - 2 else [linear]
    network = nn.Sequential(*layers)
    rows = torch.from_numpy(train)
    mean = rows.mean(dim=0)
    with torch.no_grad():
        layers[-1].weight.mul_(0.1)  # type: ignore[operator]
        layers[-1].bias.copy_(mean)  # type: ignore[operator]
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * min(1.0, 2 * (1 - step / steps))
        clean = rows[torch.randint(len(rows), (min(128, len(rows)),), generator=generator)]
        disturbed = clean + noise * torch.randn(clean.shape, generator=generator)
        loss = (network(disturbed - mean) - clean).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    network.register_buffer("mean", mean)
    return network.eval()


def _rms(a: Floats, b: Floats) -> float:
    return float(np.sqrt(np.square(a - b).mean())) * 255


def denoising(lab: GlowLab) -> Finding:
    """S1-F1."""
    edge = min(_EDGE, lab.info.image_shape[1])
    small = fit(to_pixels(lab.images.numpy()), (1, edge, edge)).reshape(len(lab.images), -1)
    rows = (small.astype(np.float64) + 1) / 2
    train, clean = rows[~lab.unseen_rows], rows[lab.unseen_rows]
    noisy = clean + _NOISE * np.random.default_rng(0).standard_normal(clean.shape)
    counts = [c for c in _COUNTS if c < min(train.shape)]
    pca = Components.of(train)
    errors = [_rms(pca.denoised(noisy, c), clean) for c in counts]
    lost = [_rms(pca.denoised(clean, c), clean) for c in counts]
    best = int(np.argmin(errors))
    network = auto_encoder(train.astype(np.float32), _NOISE, lab.some(1500, 200))
    with torch.inference_mode():
        inputs = torch.from_numpy(noisy.astype(np.float32)) - network.get_buffer("mean")
        answers = network(inputs).double().numpy()
    learned, before = _rms(answers, clean), _rms(noisy, clean)
    stages = (clean, noisy, pca.denoised(noisy, counts[best]), answers)
    shown = np.concatenate([(255 * s[:_SHOWN].clip(0, 1)).round().astype(np.uint8) for s in stages])
    names = ("held-out face", "with noise", f"{counts[best]} components", "auto-encoder")
    labels = tuple(name for name in names for _ in range(min(_SHOWN, len(clean))))
    grid = picture_grid(shown.reshape(-1, edge, edge, 1), min(_SHOWN, len(clean)), labels)
    x = np.array(counts, dtype=np.float64)
    curve = Curve(
        (
            Line("with noise, denoised by PCA", x, np.array(errors), "data", "both"),
            Line("without noise, lost by PCA", x, np.array(lost), "train", "both"),
            Line("auto-encoder, 64 numbers", x[[0, -1]], np.full(2, learned), "other"),
            Line("noise itself", x[[0, -1]], np.full(2, before), "reference"),
        ),
        "components",
        "error, grey levels",
        x_log=True,
    )
    table = Table(
        ("", "numbers in the middle", "error on held-out faces, grey levels"),
        (("noisy", None, before), ("PCA", counts[best], errors[best]), ("auto-encoder", _CODE, learned)),
    )
    return Finding(
        verdict=verdict_of(errors[best] < before, learned < before),
        sentence=(
            f"Noise of {before:.1f} grey levels on held-out faces goes down to {errors[best]:.1f} through "
            f"{counts[best]} principal components and to {learned:.1f} through an auto-encoder with {_CODE} numbers in "
            "the middle, trained here: what leaves the face's own directions is lost."
        ),
        plates=(Plate(grid), Plate(curve), Plate(table)),
        split=lab.split_words,
        n=lab.n_words,
        model=f"PCA, and an auto-encoder {edge * edge}-{_HIDDEN}-{_CODE}-{_HIDDEN}-{edge * edge}; not the flow",
        published="a picture denoised (background)",
        ours=f"{before:.1f} to {min(errors[best], learned):.1f} grey levels",
    )


ENTRIES = (
    Entry(
        "S1-F1",
        "Auto-encoders and denoising",
        "An auto-encoder keeps what its data have in common, so that it removes noise.",
        "Faces in grey, 32 px, with normal noise of 0.15 of the range, through PCA and through an auto-encoder; the "
        "published equation 1.1 has encoder and decoder in the wrong order, decode(encode(x)) is meant.",
        denoising,
    ),
)
