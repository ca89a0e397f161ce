"""Find the models on disk and describe them without importing torch."""

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec

from latentstudio.errors import NewerVersionError, UserError
from latentstudio.paths import model_folders

SCHEMA = 1


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What ``config.json`` says of a model, plus its digest.

    Attributes
    ----------
    digest : SHA-256 over the configuration that shapes the network and the final weights file.
    image_shape : (C, H, W).
    snapshots : training steps that have weights of their own, ascending.
    training : the record of the training run (recipe, steps, seconds, hardware, scores, split, library versions).
    """

    name: str
    path: str
    family: str
    title: str
    dataset: str
    dataset_digest: str
    digest: str
    image_shape: tuple[int, int, int]
    latent_size: int
    parts: dict[str, tuple[int, int]]
    prior: str
    abilities: tuple[str, ...]
    snapshots: tuple[int, ...]
    training: dict[str, Any]


def read_config(folder: Path) -> dict[str, Any]:
    """Read ``config.json`` of a model folder.

    Raises
    ------
    UserError
        The file is missing, not JSON, or lacks a field.
    NewerVersionError
        The schema number is higher than this program knows.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{folder} is not a model: it has no config.json.") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from error
    if not isinstance(config, dict):
        raise UserError(f"{path} should hold a JSON object.")
    schema = config.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise NewerVersionError(
            f"{path} was written by a newer LatentStudio (schema {schema}; this one knows {SCHEMA})."
        )
    if schema != SCHEMA:
        raise UserError(f"{path} has no valid schema number; {SCHEMA} is expected.")
    missing = [key for key in ("family", "config", "image_shape", "latent_space", "dataset") if key not in config]
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)}.")
    for key in ("config", "latent_space", "dataset", "training"):
        if not isinstance(config.get(key, {}), dict):
            raise UserError(f"{path} should hold a JSON object as '{key}'.")
    return config


def snapshot_steps(folder: Path) -> tuple[int, ...]:
    """Training steps of ``snapshots/step_*.safetensors``, ascending."""
    steps = []
    for path in (folder / "snapshots").glob("step_*.safetensors"):
        number = path.stem.removeprefix("step_")
        if number.isdigit():
            steps.append(int(number))
    return tuple(sorted(steps))


def weights_path(folder: Path, snapshot: int | None = None) -> Path:
    """Path of the final weights, or of those at a training step.

    Raises
    ------
    UserError
        There are no weights for that step.
    """
    if snapshot is None:
        path = folder / "weights.safetensors"
    else:
        names = {int(p.stem.removeprefix("step_")): p for p in (folder / "snapshots").glob("step_*.safetensors")}
        if snapshot not in names:
            known = ", ".join(str(s) for s in sorted(names)) or "none"
            raise UserError(f"{folder.name} has no snapshot at step {snapshot}; there are {known}.")
        path = names[snapshot]
    if not path.is_file():
        raise UserError(f"{folder.name} has no weights file {path.name}.")
    return path


def describe(folder: Path) -> ModelInfo:
    """Describe the model in `folder`.

    Raises
    ------
    UserError
        The folder holds no valid model.
    """
    config = read_config(folder)
    digest = hashlib.sha256(json.dumps([config["family"], config["config"]], sort_keys=True).encode())
    digest.update(weights_path(folder).read_bytes())
    try:
        space = config["latent_space"]
        return ModelInfo(
            name=folder.name,
            path=str(folder),
            family=str(config["family"]),
            title=str(config.get("title", folder.name)),
            dataset=str(config["dataset"]["spec"]),
            dataset_digest=str(config["dataset"].get("digest", "")),
            digest=digest.hexdigest(),
            image_shape=tuple(int(v) for v in config["image_shape"]),  # type: ignore[arg-type]
            latent_size=int(space["size"]),
            parts={k: (int(a), int(b)) for k, (a, b) in space["parts"].items()},
            prior=str(space["prior"]),
            abilities=tuple(str(a) for a in config.get("abilities", ())),
            snapshots=snapshot_steps(folder),
            training=dict(config.get("training", {})),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{folder / 'config.json'} has a field of the wrong form: {error}.") from error


def find_models() -> dict[str, ModelInfo]:
    """Describe every valid model of `paths.model_folders`, first hit of a name wins; broken ones are left out."""
    return scan_models()[0]


def scan_models() -> tuple[dict[str, ModelInfo], dict[str, str]]:
    """Return the valid models by name, and for each broken folder the sentence that says why."""
    found: dict[str, ModelInfo] = {}
    broken: dict[str, str] = {}
    for home in model_folders():
        for folder in sorted(home.glob("*/")) if home.is_dir() else ():
            if folder.name in found or not (folder / "config.json").is_file():
                continue
            try:
                found[folder.name] = describe(folder)
            except UserError as error:
                broken[str(folder)] = str(error)
    return found, broken


def model_info(name: str) -> ModelInfo:
    """Describe the model of that name, or in that folder.

    Raises
    ------
    UserError
        There is no such model; the sentence lists what there is.
    """
    if Path(name).is_dir() and (Path(name) / "config.json").exists():
        return describe(Path(name).resolve())
    found, broken = scan_models()
    if name not in found:
        for folder, why in broken.items():
            if Path(folder).name == name:
                raise UserError(why)
        raise UserError(f"There is no model '{name}'; there are {', '.join(found) or 'none'}.")
    return found[name]
