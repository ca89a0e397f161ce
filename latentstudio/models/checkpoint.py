"""A trained model on disk: ``config.json``, ``weights.safetensors``, ``snapshots/``, ``history.jsonl``, ``card.md``.

Tensors are read by safetensors, which executes nothing; a pickle under that name is refused like any other broken file.
Names, shapes and types are compared with what the configuration asks for before any memory is taken.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from latentstudio.errors import UserError
from latentstudio.models import FAMILIES
from latentstudio.models.base import LatentModel
from latentstudio.models.library import SCHEMA, read_config, weights_path
from latentstudio.paths import replacing

_FLOATS = ("F16", "BF16", "F32", "F64")


def load(folder: Path, snapshot: int | None = None, device: str = "cpu") -> LatentModel:
    """Load the model in `folder`, ready for inference, with its final weights or those of a training step.

    Raises
    ------
    UserError
        A file is missing, broken or hostile; a tensor is missing, superfluous, of another shape, not finite, or makes
        a layer singular; the family is unknown; there is no such snapshot or device.
    NewerVersionError
        A newer LatentStudio wrote the folder.
    """
    folder = Path(folder)
    network = build(read_config(folder), folder)
    wanted = network.state_dict()
    fixed = {name for name in wanted if name.startswith(_fixed_prefixes(network))}
    if snapshot is None:
        tensors = read_tensors(weights_path(folder), wanted)
    else:
        tensors = read_tensors(weights_path(folder, snapshot), {k: v for k, v in wanted.items() if k not in fixed})
        tensors |= read_tensors(weights_path(folder), wanted, only=fixed)
    network.load_state_dict(tensors, assign=True)
    network.eval().requires_grad_(False)
    _check_weights(network, weights_path(folder, snapshot))
    try:
        return cast(LatentModel, network.to(device))
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"The device '{device}' cannot be used: {str(error).splitlines()[0]}") from error


def _check_weights(network: nn.Module, path: Path) -> None:
    """Ask every module that can tell whether it could work with its weights."""
    for name, module in network.named_modules():
        check = getattr(module, "check_weights", None)
        if check is not None:
            try:
                check()
            except UserError as error:
                raise UserError(f"{path} cannot be used, because of '{name}': {error}") from error


def build(config: Mapping[str, Any], folder: Path) -> nn.Module:
    """Build the network that ``config.json`` describes, without memory for its weights (device meta).

    Raises
    ------
    UserError
        The family is unknown, or the configuration does not fit it.
    """
    family = config["family"]
    if family not in FAMILIES:
        raise UserError(f"{folder / 'config.json'} names the family '{family}'; known are {', '.join(FAMILIES)}.")
    if not isinstance(config["config"], dict):
        raise UserError(f"{folder / 'config.json'} should hold a JSON object as 'config'.")
    with torch.device("meta"):
        network = cast(nn.Module, FAMILIES[family]().from_config(config["config"]))
    shape = tuple(cast(LatentModel, network).image_shape)
    if list(shape) != list(config["image_shape"]):
        raise UserError(f"{folder / 'config.json'} says {config['image_shape']} and {list(shape)} of the image shape.")
    return network


def read_tensors(path: Path, wanted: Mapping[str, Tensor], only: Iterable[str] | None = None) -> dict[str, Tensor]:
    """Read tensors of a safetensors file and compare them with those `wanted`, by name, shape and kind.

    Parameters
    ----------
    only : names to read; the rest of the file is still compared.

    Raises
    ------
    UserError
        See `load`.
    """
    try:
        with safe_open(path, framework="pt") as file:
            _compare(path, file, wanted)
            tensors = {name: file.get_tensor(name) for name in (wanted if only is None else only)}
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path} is not a safetensors file that can be read: {error}.") from error
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise UserError(f"{path} holds NaN or infinite values in '{name}'; finite weights are expected.")
    return {name: tensor.to(wanted[name].dtype) for name, tensor in tensors.items()}


def _compare(path: Path, file: Any, wanted: Mapping[str, Tensor]) -> None:
    found = set(file.keys())
    if missing := sorted(set(wanted) - found):
        raise UserError(f"{path} lacks {len(missing)} tensor(s), the first is '{missing[0]}'.")
    if extra := sorted(found - set(wanted)):
        raise UserError(f"{path} has {len(extra)} tensor(s) that the model does not know, the first is '{extra[0]}'.")
    for name, tensor in wanted.items():
        stored = file.get_slice(name)
        if tuple(stored.get_shape()) != tuple(tensor.shape):
            raise UserError(
                f"{path} holds '{name}' of shape {tuple(stored.get_shape())}; {tuple(tensor.shape)} is expected."
            )
        if (stored.get_dtype() in _FLOATS) != tensor.is_floating_point():
            raise UserError(f"{path} holds '{name}' as {stored.get_dtype()}; {tensor.dtype} is expected.")


def save_weights(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors as safetensors; the file appears whole or not at all.

    Raises
    ------
    UserError
        The file cannot be written.
    """
    _make_folder(path.parent)
    with replacing(path) as stream:
        stream.write(to_bytes({k: v.detach().cpu().contiguous() for k, v in tensors.items()}))


def save_snapshot(folder: Path, network: nn.Module, step: int) -> Path:
    """Write the weights of a training step, without the tensors that training leaves alone; return the path."""
    path = Path(folder) / "snapshots" / f"step_{step:06d}.safetensors"
    prefixes = _fixed_prefixes(network)
    save_weights(path, {k: v for k, v in network.state_dict().items() if not k.startswith(prefixes)})
    return path


def save(
    folder: Path,
    model: nn.Module,
    *,
    title: str,
    dataset: Mapping[str, Any],
    training: Mapping[str, Any],
    card: str,
    history: Iterable[Mapping[str, Any]] | None = None,
) -> None:
    """Write a model folder; ``config.json`` comes last, so that a half-written folder is not taken for a model.

    Parameters
    ----------
    model : a network of one of `FAMILIES`.
    dataset : ``spec``, ``digest``, ``title``, ``images``.
    training : the record of the run: recipe, steps, seconds, hardware, scores, seeds, split, versions.
    card : Markdown text of the model card.
    history : lines of ``history.jsonl``; None leaves the file as it is.

    Raises
    ------
    UserError
        A file cannot be written.
    """
    folder = Path(folder)
    tensors = model.state_dict()
    for name, dtype in getattr(model, "stored_dtypes", dict)().items():
        tensors[name] = tensors[name].to(dtype)
    save_weights(folder / "weights.safetensors", tensors)
    if history is not None:
        _write(folder / "history.jsonl", "".join(json.dumps(dict(line)) + "\n" for line in history))
    _write(folder / "card.md", card)
    config = {**_described(model), "title": title, "dataset": dict(dataset), "training": dict(training)}
    _write(folder / "config.json", json.dumps(config, indent=1, allow_nan=False) + "\n")


def _described(network: nn.Module) -> dict[str, Any]:
    """Return what ``config.json`` says of the network itself."""
    model = cast(LatentModel, network)
    return {
        "schema": SCHEMA,
        "family": model.family,
        "config": network.config(),  # type: ignore[operator]
        "image_shape": list(model.image_shape),
        "latent_space": {
            "size": model.space.size,
            "parts": {name: list(span) for name, span in model.space.parts.items()},
            "prior": model.space.prior.kind,
        },
        "abilities": sorted(model.abilities),
    }


def _fixed_prefixes(network: nn.Module) -> tuple[str, ...]:
    """Beginnings of the names of tensors that all snapshots share."""
    return tuple(getattr(network, "fixed_prefixes", ()))


def _write(path: Path, text: str) -> None:
    _make_folder(path.parent)
    with replacing(path) as stream:
        stream.write(text.encode())


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Cannot make the folder {folder}: {error.strerror or error}.") from error
