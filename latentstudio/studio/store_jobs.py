"""What the window asks about latent stores besides filling them: list, verify, clear."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from latentstudio.data.latent_manifest import Manifest, read_manifest
from latentstudio.data.latent_shelf import clear, shelf, store_facts, stores
from latentstudio.data.latent_store import BLOCK, forget_stamps, verify
from latentstudio.errors import UserError
from latentstudio.figures.recipe import ModelRef
from latentstudio.studio.store_requests import (
    ClearStores,
    ListStores,
    StoreLine,
    StoresCleared,
    StoresListed,
    StoreVerified,
    VerifyStore,
)
from latentstudio.studio.worker import Job, Step
from latentstudio.studio.workspace import Workspace


def list_stores(_request: ListStores, workspace: Workspace) -> Job:
    """Return the job of a `ListStores` request."""
    lines = []
    for facts in stores():
        lines.append(StoreLine(facts, outdated(facts.manifest, workspace) if facts.manifest else ""))
        yield Step()
    yield Step(StoresListed(tuple(lines), str(shelf()), free_bytes(shelf())), 1.0, final=True)


def outdated(manifest: Manifest, workspace: Workspace) -> str:
    """Say why codes are no longer those of the model or, as far as it is open, of the dataset; empty when they are."""
    ref = ModelRef(name=manifest.model, snapshot=manifest.snapshot)
    try:
        if workspace.model_digest(ref) != manifest.model_digest:
            return f"The model {manifest.model} has changed since; its codes are others now."
    except UserError as error:
        return f"The model is not here any more: {error}"
    if workspace.open_digest(manifest.data) not in ("", manifest.data_digest):
        return f"The data set {manifest.data_title} has changed since."
    return ""


def free_bytes(folder: Path) -> int:
    """Bytes that are free where a folder is, or will be made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def verify_store(request: VerifyStore) -> Job:
    """Return the job of a `VerifyStore` request; it reads every file, also those that seem unchanged."""
    folder = Path(request.folder)
    manifest = read_manifest(folder)
    size = sum(manifest.rows_of(shard.index) for shard in manifest.shards) * manifest.row_bytes()
    forget_stamps(folder)
    faults: list[str] = []
    for done, fault in enumerate(verify(folder, manifest), 1):
        if fault:
            faults.append(fault.partition(": ")[2])
        share = min(done * BLOCK / max(size, 1), 1.0)
        yield Step(fraction=0.999 * share, message=f"Verifying: {100 * share:.0f} % of {size / 1e6:,.1f} MB")
    yield Step(StoreVerified(str(folder), tuple(faults), size), 1.0, final=True)


def clear_stores(request: ClearStores) -> Job:
    """Return the job of a `ClearStores` request; a store that is being written is left and named."""
    return _cleared([Path(folder) for folder in request.folders])


def _cleared(folders: list[Path]) -> Iterator[Step]:
    freed, kept = 0, []
    for done, folder in enumerate(folders):
        try:
            if folder.is_dir():
                freed += clear(store_facts(folder))
        except UserError as error:
            kept.append(str(error))
        yield Step(fraction=done / len(folders), message="Clearing …")
    yield Step(StoresCleared(freed, len(folders) - len(kept), tuple(kept)), 1.0, final=True)
