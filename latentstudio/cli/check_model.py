"""Prove that a model folder loads and keeps the promises of `models.base.LatentModel`."""

import argparse
import copy
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentstudio.cli.output import print_json, print_rows
from latentstudio.cli.parsing import add_device, add_json
from latentstudio.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from latentstudio.models.base import LatentModel

_IMAGES = 8
_CODE_LIMIT = 1e-2
_DENSITY_LIMIT = 1e-2
_FAR = 5.0
_FAR_LIMIT = _FAR * _CODE_LIMIT


@dataclass(frozen=True)
class Check:
    """One promise: its measured value, the limit (None: only told), and whether it holds."""

    name: str
    ok: bool
    value: float | str
    limit: float | None = None
    note: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("model", metavar="models/NAME", help="a model folder, or the name of an installed model")
    add_device(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print every check; the status is 0 when all hold, 1 when one does not, 2 when the model cannot be opened."""
    from latentstudio.models.checkpoint import load
    from latentstudio.models.library import model_info

    info = model_info(options.model)
    model = load(Path(info.path), device=options.device)
    checks = list(_checks(model, info.latent_size, info.abilities))
    checks += [_snapshot(Path(info.path), step, options.device) for step in info.snapshots]
    ok = all(check.ok for check in checks)
    if options.json:
        facts = {"name": info.name, "family": info.family, "digest": info.digest, "ok": ok}
        print_json(facts | {"checks": [asdict(c) for c in checks]})
    else:
        rows = [["yes" if c.ok else "NO", c.name, c.value, c.limit, c.note] for c in checks]
        print_rows(["holds", "promise", "measured", "limit", ""], rows)
        print(f"{info.name}: {'all promises hold' if ok else 'NOT in order'}.")
    return 0 if ok else 1


def _snapshot(folder: Path, step: int, device: str) -> Check:
    from latentstudio.models.checkpoint import load

    try:
        load(folder, step, device)
    except UserError as error:
        return Check(f"snapshot {step} loads", False, "no", note=str(error))
    return Check(f"snapshot {step} loads", True, "yes")


def _checks(model: "LatentModel", size: int, abilities: tuple[str, ...]) -> Iterator[Check]:
    import torch

    from latentstudio.figures.devices import device_of

    declared = sorted(str(a) for a in model.abilities)
    yield Check("abilities are those of config.json", declared == sorted(abilities), " ".join(declared))
    covered = sorted(model.space.parts.values())
    whole = [a for a, _ in covered] + [size] == [0] + [b for _, b in covered]
    yield Check("parts cover the code without overlap", whole and model.space.size == size, str(covered))
    with torch.inference_mode():
        codes = model.space.prior.sample(list(range(_IMAGES)), model.space.size)
        again = model.space.prior.sample([3], model.space.size)
        yield Check("sample k depends on random seed k alone", torch.equal(codes[3:4], again), "yes")
        codes = codes.to(device_of(model))
        if "decode" not in model.abilities:
            return
        images = model.decode(codes)
        yield from _decoding(model, codes, images)
        if "encode" in model.abilities:
            yield from _encoding(model, codes, images)
        if "log_prob" in model.abilities:
            yield from _density(model, codes, images)


def _decoding(model: "LatentModel", codes: "Tensor", images: "Tensor") -> Iterator[Check]:
    import torch

    shape = (len(codes), *model.image_shape)
    yield Check("decode gives images (N, C, H, W)", tuple(images.shape) == shape, str(tuple(images.shape)))
    finite = float(torch.isfinite(images).flatten(1).all(dim=1).float().mean())
    yield Check("decoded prior samples are finite", finite == 1.0, finite, 1.0)
    alone = torch.cat([model.decode(code[None]) for code in codes])
    gap = float((alone - images).abs().max())
    yield Check("decoding one by one equals a batch", gap <= 1e-3, gap, 1e-3)


def _encoding(model: "LatentModel", codes: "Tensor", images: "Tensor") -> Iterator[Check]:
    import torch

    found = model.encode(images)
    yield Check("encode gives codes (N, D)", found.shape == codes.shape, str(tuple(found.shape)))
    yield Check("encode is deterministic", torch.equal(found, model.encode(images)), "yes")
    gap = float((found - codes).abs().max())
    exact = "log_prob" in model.abilities
    note = "exact inverse" if exact else "told, not required: the encoder is approximate"
    yield Check("encode(decode(z)) is z", not exact or gap <= _CODE_LIMIT, gap, _CODE_LIMIT if exact else None, note)
    error = float((model.decode(found) - images).abs().max()) * 127.5
    yield Check("decode(encode(x)) is x, grey levels", not exact or error <= 0.5, error, 0.5 if exact else None)
    if exact:
        yield from _far(model, _FAR * codes)


def _far(model: "LatentModel", codes: "Tensor") -> Iterator[Check]:
    """Codes of five times the prior's size: in float64 the inverse must hold as well as for the prior; float32 is told.

    A picture that float32 holds cannot keep such a code to 1e-4 where the flow stretches space more than float32
    resolves, whatever computes it; that share of the loss is told by rounding only the picture.
    """
    import torch

    where = f"encode(decode(z)) at {_FAR:g} sigma"
    images = model.decode(codes)
    finite = torch.isfinite(images).flatten(1).all(dim=1)
    yield Check(
        f"share of pictures of {_FAR:g} sigma that are finite", True, float(finite.double().mean()), note="told"
    )
    gap = float((model.encode(images[finite]) - codes[finite]).abs().max()) if bool(finite.any()) else float("nan")
    yield Check(f"{where}, float32", True, gap, note="told, not required")
    exact: Any = copy.deepcopy(model)
    if not isinstance(exact, torch.nn.Module):
        return
    exact, wide = exact.double(), codes.double()
    images = exact.decode(wide)
    finite = torch.isfinite(images.float()).flatten(1).all(dim=1)
    if not bool(finite.any()):
        yield Check(f"{where}, float64", True, "no picture is finite", note="told, not required")
        return
    images, wide = images[finite], wide[finite]
    gap = float((exact.encode(images) - wide).abs().max())
    yield Check(f"{where}, float64", gap <= _FAR_LIMIT, gap, _FAR_LIMIT)
    gap = float((exact.encode(images.float().double()) - wide).abs().max())
    yield Check(f"{where}, float64 but for the picture", True, gap, note="told: what float32 pictures can keep")


def _density(model: "LatentModel", codes: "Tensor", images: "Tensor") -> Iterator[Check]:
    import torch

    values, direct = model.log_prob(images), model.code_log_prob(codes)
    yield Check("log_prob is float64 (N,)", values.dtype == torch.float64 and values.shape == (len(images),), "yes")
    finite = float(torch.isfinite(values).double().mean())
    yield Check("log_prob of samples is finite", finite == 1.0, finite, 1.0)
    gap = float(((values - direct).abs() / direct.abs().clamp(min=1)).max())
    yield Check("log_prob agrees with code_log_prob (relative)", gap <= _DENSITY_LIMIT, gap, _DENSITY_LIMIT)
    noise = torch.rand(images.shape, generator=torch.Generator().manual_seed(0)).to(images) * 2 - 1
    share = float(torch.isfinite(model.log_prob(noise)).double().mean())
    yield Check("share of pure noise with finite log_prob", True, share, note="told, not required")
