"""Columns of a folder in which one picture is broken: it stays empty and spoils no others."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_studio_workspace import TINY, Desk

from latentstudio.figures.recipe import DataRef
from latentstudio.studio import columns as columns_module
from latentstudio.studio.requests import DatasetColumns
from latentstudio.studio.workspace import Workspace


@pytest.fixture
def own_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A worker with one tiny model."""
    from latentstudio.models import checkpoint
    from latentstudio.models.pca_realnvp import PcaRealNvp

    facts = {"spec": "faces", "digest": "", "title": "Faces", "images": 24}
    checkpoint.save(
        tmp_path / "m" / "tiny", PcaRealNvp.tiny(), title="Tiny", dataset=facts, training={}, card="A card."
    )
    monkeypatch.setenv("LATENTSTUDIO_MODELS", str(tmp_path / "m"))
    made = Desk(Workspace())
    yield made
    made.handlers.close()


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A folder of 12 pictures; number 5 is cut off."""
    folder = tmp_path / "broken"
    folder.mkdir()
    random = np.random.default_rng(5)
    for k in range(12):
        Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / f"{k:02d}.png")
    (folder / "05.png").write_bytes((folder / "05.png").read_bytes()[:60])
    return folder


@pytest.mark.parametrize("limit", [20_000, 4])
def test_a_broken_picture_has_no_numbers_and_spoils_no_others(
    own_desk: Desk, broken: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(columns_module, "LIMIT", limit)
    columns = own_desk.last(DatasetColumns(TINY, DataRef(spec=f"folder:{broken}")))
    assert columns.fraction == 1.0
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(columns.norm)), [5])
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(columns.log_prob)), [5])


def test_a_summary_with_gaps_is_not_kept_on_disk(own_desk: Desk, broken: Path) -> None:
    ref = DataRef(spec=f"folder:{broken}")
    workspace = own_desk.handlers.workspace
    *_, gappy = workspace.codes(TINY, ref)
    assert (len(gappy.indices), gappy.lost) == (11, 1)
    assert "05.png" in gappy.unread
    stored = list((workspace.store.path("any").parent).glob("*.npz"))
    assert stored == []
