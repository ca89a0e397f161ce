"""Sessions on disk: data near the file by relative path, written beside and renamed, opened even when data is gone."""

import os
from collections.abc import Callable
from pathlib import Path, PurePath

import msgspec

from latentstudio.data.specification import PATH_SOURCES, format_spec, parse_spec
from latentstudio.errors import UserError
from latentstudio.figures.recipe import ImageInput, Input
from latentstudio.paths import replacing
from latentstudio.studio.catalogue import Catalogue
from latentstudio.studio.document import Document, Panel, document_from_json, document_to_json
from latentstudio.studio.requests import DatasetFacts

SUFFIX = ".latentstudio"

_NEAR = 2
"""How many folders up from the session file data still counts as near, so that both are likely to be moved together."""


def read_session(path: Path) -> Document:
    """Read a session; relative paths in it become absolute, seen from its folder.

    Raises
    ------
    UserError
        The file cannot be read or is no session.
    NewerVersionError
        It comes from a newer program.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UserError(f"Cannot open the session {path}: {error.strerror or error}.") from error
    home = path.absolute().parent
    return with_paths(document_from_json(text, str(path)), lambda p: _absolute(p, home))


def write_session(path: Path, document: Document) -> None:
    """Write a session; data in the file's folder, below it or near it is referred to by relative path.

    Raises
    ------
    UserError
        The file cannot be written; an older one of that name is still whole.
    """
    home = path.absolute().parent
    text = document_to_json(with_paths(document, lambda p: _relative(p, home)))
    with replacing(path) as stream:
        stream.write(text)


def _absolute(path: str, home: Path) -> str:
    if PurePath(path).is_absolute():
        return path
    return os.path.normpath(home / path)


def _relative(path: str, home: Path) -> str:
    if not PurePath(path).is_absolute():
        return path
    try:
        relative = PurePath(os.path.relpath(path, home))
    except ValueError:  # another drive on Windows
        return path
    ups = sum(1 for part in relative.parts if part == "..")
    shared = len(home.parts) - ups
    # A common root or home folder alone does not make two things near each other.
    return relative.as_posix() if ups <= _NEAR and shared > 2 else path


def with_paths(document: Document, change: Callable[[str], str]) -> Document:
    """Apply `change` to every file path that a document refers to: data specifications and models named by folder."""

    def spec(text: str) -> str:
        return _spec_with_path(text, change)

    def item(value: Input) -> Input:
        if isinstance(value, ImageInput):
            return msgspec.structs.replace(value, dataset=spec(value.dataset))
        return value

    def panel(value: Panel) -> Panel:
        return msgspec.structs.replace(
            value,
            data=None if value.data is None else spec(value.data),
            model=None if value.model is None else _model_path(value.model, change),
            slots={name: tuple(item(i) for i in inputs) for name, inputs in value.slots.items()},
        )

    return msgspec.structs.replace(
        document,
        data=spec(document.data),
        model=_model_path(document.model, change),
        panels=tuple(panel(p) for p in document.panels),
        current=None if document.current is None else item(document.current),
    )


def _model_path(name: str, change: Callable[[str], str]) -> str:
    """Models are names; only those outside the model folders are referred to by path, known by its slash."""
    if "/" not in name and os.sep not in name:
        return name
    path = change(name)
    return path if "/" in path or os.sep in path else f"./{path}"


def spec_path(spec: str) -> str | None:
    """Return the path in a data specification such as ``folder:/photos?size=64``, None where it names no file."""
    parts = _split(spec)
    return parts[1] if parts else None


def _split(spec: str) -> tuple[str, str, dict[str, str]] | None:
    if spec.partition(":")[0] not in PATH_SOURCES:
        return None
    try:
        name, path, options = parse_spec(spec)
    except UserError:
        return None
    return (name, path, options) if path else None


def _spec_with_path(spec: str, change: Callable[[str], str]) -> str:
    parts = _split(spec)
    return spec if parts is None else format_spec(parts[0], change(parts[1]), parts[2])


def missing(document: Document, catalogue: Catalogue) -> tuple[str, ...]:
    """Say in sentences what an opened session refers to and cannot have; empty when everything is there."""
    sentences = [_missing_model(name, catalogue) for name in _models(document)]
    sentences += [_missing_data(spec, catalogue) for spec in _datasets(document)]
    info = catalogue.models.get(document.model)
    if info is not None and document.model_digest and info.digest != document.model_digest:
        sentences.append(f"The model '{document.model}' has changed since this session was saved; pictures may differ.")
    facts = catalogue.datasets.get(document.data)
    if facts is not None and document.data_digest and facts.digest != document.data_digest:
        sentences.append(changed_data(facts))
    return tuple(dict.fromkeys(s for s in sentences if s))


def changed_data(facts: DatasetFacts) -> str:
    """Say that a dataset is no longer what it was when the session was saved."""
    return f"The dataset '{facts.title}' has changed since this session was saved; check the images."


def _models(document: Document) -> list[str]:
    names = [document.model, *(p.model for p in document.panels if p.model)]
    return [name for name in dict.fromkeys(names) if name]


def _datasets(document: Document) -> list[str]:
    specs = [document.data]
    for panel in document.panels:
        specs.append(panel.data or "")
        specs += [i.dataset for inputs in panel.slots.values() for i in inputs if isinstance(i, ImageInput)]
    if isinstance(document.current, ImageInput):
        specs.append(document.current.dataset)
    return [spec for spec in dict.fromkeys(specs) if spec]


def _missing_model(name: str, catalogue: Catalogue) -> str:
    if name in catalogue.models:
        return ""
    return f"The model '{name}' is not here; choose another, or put its folder where your models live."


def _missing_data(spec: str, catalogue: Catalogue) -> str:
    if spec in catalogue.datasets:
        return ""
    if spec in catalogue.problems:
        return catalogue.problems[spec]
    path = spec_path(spec)
    if path is not None and not Path(path).exists():
        return f"The data {path} is not there any more; open it from where it is now."
    return ""
