"""The Olivetti faces: offline sentences, exact bytes, the known share of variance."""

import urllib.request
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest

from latentstudio import data, paths
from latentstudio.data.attributes_csv import read_labels
from latentstudio.data.imageset import AttributeTable
from latentstudio.errors import UserError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LATENTSTUDIO_DATA", str(tmp_path / "home"))
    return tmp_path / "home"


def no_network(*args: object, **kwargs: object) -> None:
    raise URLError("no route to host")


def test_opening_never_downloads(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(urllib.request, "urlopen", lambda *args, **kwargs: asked.append(args))
    with pytest.raises(UserError, match=r"Download.*latentstudio datasets --fetch olivetti"):
        data.open_dataset("olivetti")
    assert asked == []
    assert not data.DATASETS["olivetti"].is_available()


@pytest.mark.filterwarnings("ignore:Retry downloading")
def test_download_without_network_is_a_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sklearn.datasets._base as base

    monkeypatch.setattr(base, "urlretrieve", no_network)
    monkeypatch.setattr(base.time, "sleep", lambda seconds: None)
    with pytest.raises(UserError, match=r"could not be downloaded.*network"):
        data.open_dataset("olivetti", fetch=True)


@pytest.mark.filterwarnings("ignore:Retry downloading")
def test_fetching_puts_a_damaged_file_aside(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sklearn.datasets._base as base

    monkeypatch.setattr(base, "urlretrieve", no_network)
    monkeypatch.setattr(base.time, "sleep", lambda seconds: None)
    home.mkdir()
    (home / "olivetti_py3.pkz").write_bytes(b"half a download")
    with pytest.raises(UserError, match="could not be downloaded"):
        data.open_dataset("olivetti", fetch=True)
    assert (home / "olivetti_py3.pkz.damaged").read_bytes() == b"half a download"
    assert not data.DATASETS["olivetti"].is_available()


@pytest.mark.parametrize("content", [b"", b"not a pickle at all", b"\x78\x9c broken", b"BZh broken"])
def test_damaged_file_is_a_sentence(home: Path, content: bytes) -> None:
    home.mkdir()
    (home / "olivetti_py3.pkz").write_bytes(content)
    with pytest.raises(UserError, match=r"olivetti_py3\.pkz"):
        data.open_dataset("olivetti")


def test_our_table_is_shipped_and_whole() -> None:
    ids = [str(number) for number in range(400)]
    labels = read_labels(paths.bundled("resources", "olivetti_attributes.csv"), ids)
    table = AttributeTable(400, labels.columns)
    assert labels.notes == ()
    assert {name for name in table if table[name].kind == "binary"} == {
        "eyeglasses", "smiling", "mouth_open", "mustache", "beard", "eyes_closed",
    }  # fmt: skip
    assert (len(table.group("eyeglasses")), len(table.group("mustache"))) == (119, 90)
    assert set(np.unique(table["yaw"].values[table["yaw"].known])) == {-1, 0, 1}
    assert table.identity is not None
    np.testing.assert_array_equal(table.identity, np.repeat(np.arange(40), 10))


@pytest.mark.realdata
def test_bytes_persons_and_attributes(
    olivetti_home: Path, research_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import scipy.io

    monkeypatch.setenv("LATENTSTUDIO_DATA", str(olivetti_home))
    found = data.open_dataset("olivetti")
    columns = scipy.io.loadmat(research_data / "olivettifaces.mat")["faces"]
    expected = np.stack([columns[:, k].reshape(64, 64, order="F") for k in range(400)])
    np.testing.assert_array_equal(found.images(np.arange(400))[..., 0], expected)
    assert found.attributes.identity is not None
    np.testing.assert_array_equal(found.attributes.identity, np.repeat(np.arange(40), 10))
    assert len(found.attributes.group("eyeglasses")) == 119
    assert (found.image_id(0), found.image_id(117)) == ("00_0", "11_7")
    assert found.splits is None
    assert data.open_dataset("olivetti", fetch=True).digest == found.digest
    assert capsys.readouterr().out == ""


@pytest.mark.realdata
def test_sixty_four_components_explain_the_published_variance(
    olivetti_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENTSTUDIO_DATA", str(olivetti_home))
    pixels = data.open_dataset("olivetti").images(np.arange(400)).reshape(400, -1).astype(np.float64)
    values = np.linalg.svd(pixels - pixels.mean(axis=0), compute_uv=False) ** 2
    share = 100.0 * np.cumsum(values) / values.sum()
    assert share[63] == pytest.approx(89.74, abs=0.005)
    assert share[65] == pytest.approx(90.02, abs=0.005)
    assert int(np.argmax(share >= 90.0)) + 1 == 66
