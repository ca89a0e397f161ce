"""List the latent stores, and clear them."""

import argparse
from pathlib import Path
from typing import Any

from latentstudio.cli.output import print_json, print_rows
from latentstudio.cli.parsing import add_json
from latentstudio.data.latent_shelf import StoreFacts, clear, store_facts, stores
from latentstudio.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "folders", nargs="*", type=Path, metavar="FOLDER", help="only these (default: all in the cache)"
    )
    parser.add_argument("--clear", action="store_true", help="remove them; codes can be encoded again")
    parser.add_argument("--verify", action="store_true", help="check every file against its checksum")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print what each store holds and how much room it takes."""
    found = [_facts(folder) for folder in options.folders] if options.folders else stores()
    entries = [_entry(facts) for facts in found]
    if options.verify:
        for entry, facts in zip(entries, found, strict=True):
            entry["fault"] = _fault(facts)
    if options.clear:
        for entry, facts in zip(entries, found, strict=True):
            entry["freed"] = clear(facts)
    if options.json:
        print_json(entries)
        return 0
    if options.clear:
        freed = sum(entry["freed"] for entry in entries)
        print(f"{len(entries)} {'store' if len(entries) == 1 else 'stores'} cleared, {freed / 1e6:.1f} MB freed.")
        return 0
    header = ["model", "data", "images", "stored", "size", "dtype", "MB", "state", "folder"]
    columns = ["model", "data", "images", "stored", "latent_size", "dtype", "megabytes", "state", "folder"]
    print_rows(header, [[entry[name] for name in columns] for entry in entries])
    for entry in entries:
        if entry.get("fault") or entry["note"]:
            print(entry.get("fault") or entry["note"])
    return 0


def _facts(folder: Path) -> StoreFacts:
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}; 'latentstudio stores' lists what there is.")
    return store_facts(folder)


def _fault(facts: StoreFacts) -> str:
    from latentstudio.data.latent_store import forget_stamps, open_store

    forget_stamps(facts.folder)
    try:
        open_store(facts.folder)
    except UserError as error:
        return str(error)
    return ""


def _entry(facts: StoreFacts) -> dict[str, Any]:
    m = facts.manifest
    return {
        "folder": str(facts.folder),
        "state": facts.state,
        "model": m and m.model,
        "snapshot": m and m.snapshot,
        "model_digest": m and m.model_digest,
        "data": m and m.data,
        "data_digest": m and m.data_digest,
        "images": m and m.rows,
        "stored": m and facts.stored,
        "latent_size": m and m.size,
        "dtype": m and m.dtype,
        "part": m and list(m.part),
        "bytes": facts.bytes,
        "megabytes": round(facts.bytes / 1e6, 1),
        "note": facts.note,
    }
