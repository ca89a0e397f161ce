"""List the latent stores, verify and clear them."""

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
    """Print what each store holds and how much room it takes; the status is 1 when a store is found damaged."""
    found = [_facts(folder) for folder in options.folders] if options.folders else stores()
    entries = _entries(found)
    if options.verify:
        for entry, facts in zip(entries, found, strict=True):
            entry["fault"] = _fault(facts)
    if options.clear:
        for entry, facts in zip(entries, found, strict=True):
            entry["freed"] = clear(facts)
    status = 1 if any(entry.get("fault") for entry in entries) else 0
    if options.json:
        print_json(entries)
        return status
    if options.clear:
        freed = sum(entry["freed"] for entry in entries)
        print(f"{_counted(entries)} cleared, {freed / 1e6:.1f} MB freed.")
        return status
    header = ["model", "data", "images", "stored", "size", "dtype", "MB", "state", "folder"]
    columns = ["model", "data", "images", "stored", "latent_size", "dtype", "megabytes", "state", "folder"]
    print_rows(header, [[entry[name] for name in columns] for entry in entries])
    print(f"{_counted(entries)}, {sum(entry['bytes'] for entry in entries) / 1e6:.1f} MB.")
    for entry in entries:
        for words in (entry.get("fault"), entry["note"], entry["outdated"]):
            if words:
                print(words)
    return status


def _counted(entries: list[dict[str, Any]]) -> str:
    return f"{len(entries)} {'store' if len(entries) == 1 else 'stores'}"


def _facts(folder: Path) -> StoreFacts:
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}; 'latentstudio stores' lists what there is.")
    return store_facts(folder)


def _fault(facts: StoreFacts) -> str:
    """Read every file, also one that seems unchanged; return sentences about what is damaged."""
    from latentstudio.cli.output import with_progress
    from latentstudio.studio.store_jobs import verify_store
    from latentstudio.studio.store_requests import StoreVerified, VerifyStore

    verdict: tuple[str, ...] = ()
    try:
        for step in with_progress(verify_store(VerifyStore(str(facts.folder))), "verifying"):
            if isinstance(step.payload, StoreVerified):
                verdict = step.payload.faults
    except UserError as error:
        return str(error)
    return " ".join(verdict)


def _entries(found: list[StoreFacts]) -> list[dict[str, Any]]:
    from latentstudio.studio.store_jobs import outdated
    from latentstudio.studio.workspace import Workspace

    workspace = Workspace()
    return [
        _entry(facts) | {"outdated": outdated(facts.manifest, workspace) if facts.manifest else ""} for facts in found
    ]


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
