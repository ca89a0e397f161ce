"""Join the parts of a latent store that were encoded apart."""

import argparse
from pathlib import Path

from latentstudio.cli.output import print_json
from latentstudio.cli.parsing import add_json
from latentstudio.results import Partial


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "folders", nargs="+", type=Path, metavar="FOLDER", help="parts, from encode --store --shard I/N"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="the whole (default: in the cache)")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Verify the parts, join them, and say what is still missing."""
    import msgspec

    from latentstudio.cli.output import with_progress
    from latentstudio.data.latent_manifest import read_manifest
    from latentstudio.data.latent_shelf import merge, place_of

    shares = (Partial(share) for share in merge(options.folders, options.output))
    for _ in with_progress(shares, "merging"):
        pass
    plan = msgspec.structs.replace(read_manifest(options.folders[0]), part=(1, 1), shards=())
    folder = options.output or place_of(plan)
    manifest = read_manifest(folder)
    if options.json:
        facts = {"folder": str(folder), "images": manifest.rows, "stored": manifest.done, "complete": manifest.complete}
        print_json(facts)
    elif manifest.complete:
        print(f"All {manifest.rows} codes are in {folder}.")
    else:
        print(f"{manifest.done} of {manifest.rows} codes are in {folder}; encode --store adds the rest.")
    return 0
