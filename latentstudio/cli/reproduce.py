"""Repeat published experiments and write a report."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentstudio.cli.output import print_json
from latentstudio.cli.parsing import add_device, add_json
from latentstudio.errors import UserError

if TYPE_CHECKING:
    from latentstudio.studio.reproduce.lab import Lab
    from latentstudio.studio.workspace import Workspace

GROUPS = ("olivetti",)
_MODEL = "olivetti-realnvp"
_SUBSTITUTE = "faces?n=400"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("experiment", nargs="*", default=["olivetti"], metavar="EXPERIMENT", help="olivetti (default)")
    parser.add_argument("-o", "--output", type=Path, default=Path("report"), metavar="FOLDER", help="default: report")
    parser.add_argument("--only", nargs="+", metavar="ID", help="only these entries, e.g. S0-F9 S0-T1")
    parser.add_argument("--data", metavar="D", help="another data set instead, e.g. faces; the report says so on top")
    parser.add_argument("--photo", type=Path, metavar="FILE", help="the new photo, a picture of an upright face")
    parser.add_argument("--eyes", metavar="x1,y1,x2,y2", help="the eyes in the photo, in px, to align it")
    parser.add_argument("--quick", action="store_true", help="short trainings: minutes become seconds")
    add_device(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the experiments and write ``index.html``, with pictures and tables in ``figures/``."""
    from latentstudio.studio.reproduce.olivetti import ENTRIES
    from latentstudio.studio.reproduce.page import page
    from latentstudio.studio.reproduce.run import run_entries

    unknown = [name for name in options.experiment if name not in GROUPS]
    if unknown:
        raise UserError(f"There is no experiment '{unknown[0]}'; there is {', '.join(GROUPS)}.")
    chosen = [e for e in ENTRIES if options.only is None or e.id in options.only]
    strange = [name for name in options.only or () if name not in {e.id for e in ENTRIES}]
    if strange:
        raise UserError(f"There is no entry '{strange[0]}'; there are {', '.join(e.id for e in ENTRIES)}.")
    started = time.perf_counter()
    lab, warning = _lab(options)
    _make_folder(options.output / "figures")
    chapters = []
    for outcome, drawn in run_entries(chosen, lab):
        chapters.append((outcome, drawn))
        said = outcome.finding.verdict if outcome.finding else f"could not run: {outcome.failure}"
        print(f"{len(chapters):2}/{len(chosen)} {outcome.entry.id:8} {outcome.seconds:6.1f} s  {said}", file=sys.stderr)
    facts = _facts(lab, warning, time.perf_counter() - started)
    from latentstudio.paths import replacing

    with replacing(options.output / "index.html") as stream:
        stream.write(page(facts, chapters).encode("utf-8"))
    print(f"Wrote {options.output / 'index.html'}.", file=sys.stderr)
    if options.json:
        print_json({"report": str(options.output / "index.html"), "entries": [_summary(o) for o, _ in chapters]})
    return 0 if all(o.finding for o, _ in chapters) else 1


def _summary(outcome: Any) -> dict[str, Any]:
    found = outcome.finding
    facts = {
        "id": outcome.entry.id,
        "title": outcome.entry.title,
        "seconds": outcome.seconds,
        "failure": outcome.failure,
    }
    if found is None:
        return facts | {"verdict": None}
    return facts | {
        "verdict": found.verdict,
        "sentence": found.sentence,
        "published": found.published,
        "ours": found.ours,
    }


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Cannot make the folder {folder}: {error.strerror or error}.") from error


def _lab(options: argparse.Namespace) -> tuple["Lab", str]:
    from latentstudio.data import olivetti
    from latentstudio.studio.reproduce.lab import Lab
    from latentstudio.studio.workspace import Workspace

    workspace = Workspace(device=options.device)
    if options.data in (None, "olivetti"):
        if not olivetti.is_available():
            raise UserError(
                "The Olivetti faces are not here; 'latentstudio datasets --fetch olivetti' gets them, or "
                "'latentstudio reproduce olivetti --data faces' runs the experiments on drawn faces instead."
            )
        spec, model, warning = "olivetti", _MODEL, ""
    else:
        spec = _SUBSTITUTE if options.data == "faces" else options.data
        model, warning = _substitute(workspace, spec, options)
    photo, words = _photo(options, workspace, spec)
    return Lab(workspace, spec, model, photo, words, options.output, options.quick), warning


def _substitute(workspace: "Workspace", spec: str, options: argparse.Namespace) -> tuple[str, str]:
    """Train a flow with snapshots on another data set, into the report's folder; return its folder and a warning."""
    from latentstudio.figures.recipe import DataRef
    from latentstudio.studio.reproduce.substitute import train_substitute

    data = workspace.dataset(DataRef(spec=spec))
    if data.attributes.identity is None:
        raise UserError(f"'{spec}' does not name persons, which the experiments need; faces or olivetti would do.")
    _make_folder(options.output)
    folder = train_substitute(spec, options.output / "model-substitute", options.quick)
    warning = (
        f"These experiments ran on {data.title} instead of the Olivetti faces, with a flow trained for this report. "
        "Published numbers stand beside them for orientation only; verdicts speak of the substitute."
    )
    return str(folder), warning


def _photo(options: argparse.Namespace, workspace: "Workspace", spec: str) -> tuple[Any, str]:
    """The new photo in the framing of the data set, uint8 (H, W, C), and where it comes from."""
    from latentstudio import paths
    from latentstudio.data import open_dataset
    from latentstudio.data.align import align, convention_of, suggest_eyes, usual_eyes
    from latentstudio.data.pictures import read_picture
    from latentstudio.figures.recipe import DataRef

    shape = workspace.dataset(DataRef(spec=spec)).image_shape
    framing = convention_of(spec)
    if options.photo is not None:
        eyes = _eyes(options.eyes) if options.eyes else None
        how = "aligned by the eyes" if eyes else "its centre, not aligned; --eyes x1,y1,x2,y2 aligns it"
        return align(read_picture(options.photo), eyes, shape, framing), f"{options.photo.name} ({how})"
    if options.eyes:
        raise UserError("--eyes goes with --photo FILE.")
    real = paths.data_home() / "lfw64"
    if real.is_dir():
        data = workspace.dataset(DataRef(spec=str(real)))
        picture = data.picture(0)
        eyes = usual_eyes(picture.shape[0], picture.shape[1], convention_of(data.spec))
        return align(picture, eyes, shape, framing), f"{data.image_id(0)} of {data.title} (no --photo was given)"
    data = open_dataset("faces?n=8&size=256")
    words = "a face that the program draws, aligned by its eyes (--photo FILE takes a real one)"
    return align(data.picture(7), suggest_eyes(data, 7), shape, framing), words


def _eyes(text: str) -> tuple[tuple[float, float], tuple[float, float]]:
    try:
        x1, y1, x2, y2 = (float(v) for v in text.split(","))
    except ValueError as error:
        raise UserError(f"--eyes cannot be '{text}'; four numbers x1,y1,x2,y2 in px would do.") from error
    return (x1, y1), (x2, y2)


def _facts(lab: "Lab", warning: str, seconds: float) -> Any:
    from latentstudio.studio.reproduce.page import Facts
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
