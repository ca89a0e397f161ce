"""List the data sets, count one, or fetch one."""

import argparse
import sys
from typing import Any

from latentstudio.cli.output import print_json, print_rows
from latentstudio.cli.parsing import add_json
from latentstudio.data import DATASETS, ImageSet, Source, open_dataset
from latentstudio.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("spec", nargs="*", metavar="D", help="describe only these data sets, e.g. a folder of images")
    parser.add_argument("--fetch", metavar="NAME", help="download a data set into the data home first: olivetti")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print name, number of images, shape and attributes of the data sets."""
    if options.fetch:
        _fetch(options.fetch)
    if options.spec:
        entries = [_facts(open_dataset(spec)) for spec in options.spec]
    else:
        entries = [_entry(name, source) for name, source in DATASETS.items()]
    if options.json:
        print_json(entries)
        return 0
    rows = [[e["name"], e["images"], _shape(e), _state(e), " ".join(e["attributes"][:6])] for e in entries]
    print_rows(["name", "images", "HxWxC", "here", "attributes"], rows)
    return 0


def _fetch(name: str) -> None:
    if name != "olivetti":
        raise UserError(
            f"The data set '{name}' cannot be downloaded; olivetti can, the others come with the program or are yours."
        )
    from latentstudio.data import olivetti

    print("Fetching the Olivetti faces…", file=sys.stderr)
    olivetti.fetch()


def _entry(name: str, source: Source) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "name": name,
        "title": source.title,
        "summary": source.summary,
        "images": None,
        "image_shape": None,
        "available": False,
        "attributes": [],
        "needs_path": source.needs_path,
        "why_not": "",
    }
    if source.needs_path:
        return facts | {"why_not": f"write {name}:PATH"}
    try:
        return facts | _facts(open_dataset(name)) | {"name": name}
    except UserError as error:
        return facts | {"why_not": str(error)}


def _facts(data: ImageSet) -> dict[str, Any]:
    return {
        "name": data.spec,
        "title": data.title,
        "images": len(data),
        "image_shape": data.image_shape,
        "digest": data.digest,
        "available": True,
        "attributes": list(data.attributes),
        "needs_path": False,
        "why_not": "",
    }


def _shape(entry: dict[str, Any]) -> str | None:
    return "x".join(str(v) for v in entry["image_shape"]) if entry["image_shape"] else None


def _state(entry: dict[str, Any]) -> str:
    if entry["available"]:
        return "yes"
    return "with a path" if entry["needs_path"] else "no"
