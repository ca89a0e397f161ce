"""Where the files of a model lie, whether they have changed, and what a loaded model takes."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from latentstudio.paths import model_folders

if TYPE_CHECKING:
    from latentstudio.models.base import LatentModel


def folders_of(name: str) -> Iterator[Path]:
    """Folders that a model's name may mean, in the order in which `models.library.model_info` looks."""
    if not name:
        return
    yield Path(name).absolute()
    for home in model_folders():
        yield home / name


def file_state(folder: Path) -> tuple[int, ...]:
    """Numbers that change when the files that describe a model do."""
    state: list[int] = []
    for path in (folder / "config.json", folder / "weights.safetensors", folder / "snapshots"):
        try:
            found = path.stat()
        except OSError:
            state += (0, 0)
        else:
            state += (found.st_mtime_ns, found.st_size)
    return tuple(state)


def weight_bytes(model: "LatentModel") -> int:
    """Bytes of the weights and buffers of a loaded model."""
    import torch

    if not isinstance(model, torch.nn.Module):
        return 1 << 20
    return sum(t.numel() * t.element_size() for t in (*model.parameters(), *model.buffers()))
