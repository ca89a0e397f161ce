"""The bench of the experiments on the Olivetti faces, and the head of their report."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import UserError
from latentstudio.figures.recipe import DataRef
from latentstudio.studio.reproduce.groups import Wishes
from latentstudio.studio.reproduce.lab import Lab
from latentstudio.studio.reproduce.page import Facts
from latentstudio.studio.workspace import Workspace

_MODEL = "olivetti-realnvp"
_SUBSTITUTE = "faces?n=400"


def open_olivetti(workspace: Workspace, wishes: Wishes, folder: Path) -> tuple[Lab, str]:
    """Return the bench, and a warning where another data set is used.

    Raises
    ------
    UserError
        The faces are not here, or another data set does not name persons.
    """
    from latentstudio.data import olivetti

    if wishes.data in (None, "olivetti"):
        if not olivetti.is_available():
            raise UserError(
                "The Olivetti faces are not here; 'latentstudio datasets --fetch olivetti' gets them, or "
                "'latentstudio reproduce olivetti --data faces' runs the experiments on drawn faces instead."
            )
        spec, model, warning = "olivetti", _MODEL, ""
    else:
        spec = _SUBSTITUTE if wishes.data == "faces" else str(wishes.data)
        model, warning = _substitute(workspace, spec, folder, wishes.quick)
    photo, words = _photo(wishes, workspace, spec)
    bench = Lab(
        workspace=workspace,
        spec=spec,
        model_name=model,
        photo=photo,
        photo_words=words,
        folder=folder,
        quick=wishes.quick,
    )
    return bench, warning


def _substitute(workspace: Workspace, spec: str, folder: Path, quick: bool) -> tuple[str, str]:
    """Train a flow with snapshots on another data set, into the report's folder; return its folder and a warning."""
    from latentstudio.studio.reproduce.substitute import train_substitute

    data = workspace.dataset(DataRef(spec=spec))
    if data.attributes.identity is None:
        raise UserError(f"'{spec}' does not name persons, which the experiments need; faces or olivetti would do.")
    made = train_substitute(spec, folder / "model-substitute", quick)
    warning = (
        f"These experiments ran on {data.title} instead of the Olivetti faces, with a flow trained for this report. "
        "Published numbers stand beside them for orientation only; verdicts speak of the substitute."
    )
    return str(made), warning


def _photo(wishes: Wishes, workspace: Workspace, spec: str) -> tuple[NDArray[np.uint8], str]:
    """The new photo in the framing of the data set, uint8 (H, W, C), and where it comes from."""
    from latentstudio import paths
    from latentstudio.data import open_dataset
    from latentstudio.data.align import align, convention_of, suggest_eyes, usual_eyes
    from latentstudio.data.pictures import read_picture

    shape = workspace.dataset(DataRef(spec=spec)).image_shape
    framing = convention_of(spec)
    if wishes.photo is not None:
        eyes = wishes.eyes
        how = "aligned by the eyes" if eyes else "its centre, not aligned; --eyes x1,y1,x2,y2 aligns it"
        return align(read_picture(wishes.photo), eyes, shape, framing), f"{wishes.photo.name} ({how})"
    real = paths.data_home() / "lfw64"
    if real.is_dir():
        data = workspace.dataset(DataRef(spec=str(real)))
        picture = data.picture(0)
        placed = usual_eyes(picture.shape[0], picture.shape[1], convention_of(data.spec))
        return align(picture, placed, shape, framing), f"{data.image_id(0)} of {data.title} (no --photo was given)"
    data = open_dataset("faces?n=8&size=256")
    words = "a face that the program draws, aligned by its eyes (--photo FILE takes a real one)"
    return align(data.picture(7), suggest_eyes(data, 7), shape, framing), words


def facts(lab: Lab, warning: str, seconds: float) -> Facts:
    """Return the head of the report."""
    from latentstudio.training.scores import hardware

    machine = hardware(1)
    return Facts(
        title=f"Real NVP on principal components of {lab.data.title}: the experiments repeated",
        lead=(
            "Every figure, table and finding of the study, computed again: our number beside the published one, and "
            "for each claim whether it held on our run. Negative results and failures are repeated like all others."
        ),
        warning=warning,
        data=f"{lab.data.title} ({lab.spec}), {len(lab.data)} images of {len(set(lab.persons.tolist()))} persons, "
        f"digest {lab.data.digest[:12]}",
        model=f"{lab.words()}, digest {lab.info.digest[:12]}, snapshots {', '.join(map(str, lab.snapshots))}; "
        f"for unseen images {lab.words(lab.robust)}",
        split=lab.split_words,
        n=lab.n_words,
        photo=lab.photo_words,
        seconds=seconds,
        machine=f"{machine['processor']}, {machine['cores']} cores" + (", quick" if lab.quick else ""),
    )
