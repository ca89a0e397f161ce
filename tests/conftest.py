"""Shared fixtures: no display, private user folders, and the research data where it is to be found."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def private_homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep caches and settings of the tests away from the person's own."""
    monkeypatch.setenv("LATENTSTUDIO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LATENTSTUDIO_STATE", str(tmp_path / "state"))


@pytest.fixture(scope="session")
def research_data() -> Path:
    """Folder with the research files (``olivettifaces.mat``, ``lfw64``, ``mnist10k``); skips where there is none."""
    candidates = [os.environ.get("LATENTSTUDIO_RESEARCH_DATA", ""), str(Path(__file__).parents[2] / "shared" / "data")]
    for candidate in candidates:
        if candidate and Path(candidate, "olivettifaces.mat").is_file():
            return Path(candidate)
    pytest.skip("the research data is not here; set LATENTSTUDIO_RESEARCH_DATA to its folder")


@pytest.fixture(scope="session")
def olivetti_home(research_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data home in which scikit-learn finds Olivetti in its own cached form."""
    import joblib
    import scipy.io

    home = tmp_path_factory.mktemp("data-home")
    faces = scipy.io.loadmat(research_data / "olivettifaces.mat")["faces"]
    joblib.dump(faces.T.copy(), home / "olivetti_py3.pkz", compress=6)
    return home
