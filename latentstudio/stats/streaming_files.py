"""Accumulators as files, so that counts made on one machine can be merged on another: NumPy archives and JSON."""

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from latentstudio.errors import NewerVersionError, UserError
from latentstudio.paths import replacing
from latentstudio.stats.streaming import Covariance, LagProducts, PowerSums
from latentstudio.stats.streaming_counts import ClassSums, Extremes, FixedHistogram, Projections

Accumulator = PowerSums | Covariance | LagProducts | ClassSums | FixedHistogram | Projections | Extremes
Arrays = dict[str, NDArray[Any]]

KINDS: dict[str, type[Any]] = {
    "power_sums": PowerSums,
    "covariance": Covariance,
    "lag_products": LagProducts,
    "class_sums": ClassSums,
    "fixed_histogram": FixedHistogram,
    "projections": Projections,
    "extremes": Extremes,
}
SCHEMA = 1
_SCHEMA_KEY = "schema"
_Kind = TypeVar("_Kind", bound=Accumulator)


def merge_named(a: Mapping[str, Accumulator], b: Mapping[str, Accumulator]) -> dict[str, Accumulator]:
    """Merge accumulators by name.

    Raises
    ------
    UserError
        The names differ, or those of one name are of another kind, size, direction or set of edges.
    """
    if set(a) != set(b):
        raise UserError(f"Counts of {', '.join(sorted(a))} cannot be merged with counts of {', '.join(sorted(b))}.")
    merged: dict[str, Accumulator] = {}
    for name, first in a.items():
        second = b[name]
        if type(first) is not type(second):
            raise UserError(f"'{name}' was counted in two ways: {type(first).__name__}, {type(second).__name__}.")
        try:
            merged[name] = first.merge(cast(Any, second))
        except ValueError as error:
            raise UserError(f"'{name}' cannot be merged: {error}.") from error
    return merged


def pack(accumulators: Mapping[str, Accumulator]) -> Arrays:
    """Return all fields as arrays named ``name/kind/field``."""
    arrays: Arrays = {_SCHEMA_KEY: np.array(SCHEMA)}
    for name, accumulator in accumulators.items():
        if "/" in name:
            raise ValueError(f"the name '{name}' holds a slash")
        for field, value in _fields(accumulator).items():
            arrays[f"{name}/{_kind(accumulator)}/{field}"] = value
    return arrays


def unpack(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Accumulator]:
    """Return the accumulators that `pack` was given, bit for bit.

    Raises
    ------
    NewerVersionError
        A newer program wrote them.
    UserError
        They are something else.
    """
    schema = arrays.get(_SCHEMA_KEY)
    if schema is None or schema.shape != () or not np.issubdtype(schema.dtype, np.integer):
        raise UserError("These are no streamed counts: they carry no schema number.")
    if int(schema) > SCHEMA:
        raise NewerVersionError(f"A newer LatentStudio wrote these counts (schema {int(schema)}; {SCHEMA} is known).")
    grouped: dict[tuple[str, str], Arrays] = {}
    for key, value in arrays.items():
        if key == _SCHEMA_KEY:
            continue
        name, kind, field = (*key.split("/", 2), "", "")[:3]
        grouped.setdefault((name, kind), {})[field] = value
    found = {}
    for (name, kind), values in grouped.items():
        try:
            found[name] = _rebuild(KINDS[kind], values)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"The counts '{name}' are damaged: {error}.") from error
    return found


def write(path: Path, accumulators: Mapping[str, Accumulator]) -> None:
    """Write a NumPy archive, or JSON when the name ends in ``.json``; the old file stays when that fails.

    Raises
    ------
    UserError
        The file cannot be written.
    """
    arrays = pack(accumulators)
    with replacing(path) as stream:
        if path.suffix == ".json":
            listed = {k: {"dtype": str(v.dtype), "shape": v.shape, "values": _listed(v)} for k, v in arrays.items()}
            stream.write(json.dumps(listed, allow_nan=False).encode())
        else:
            np.savez(stream, **cast(Any, arrays))


def read(path: Path) -> dict[str, Accumulator]:
    """Read what `write` has written.

    Raises
    ------
    UserError
        The file is missing, damaged or something else.
    """
    try:
        if path.suffix == ".json":
            listed = json.loads(path.read_text(encoding="utf-8"))
            arrays = {
                k: np.array(_number(v["values"]), dtype=v["dtype"]).reshape(v["shape"]) for k, v in listed.items()
            }
        else:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path} holds no streamed counts, or is damaged: {error}.") from error
    return unpack(arrays)


def _kind(accumulator: Accumulator) -> str:
    return next(name for name, cls in KINDS.items() if type(accumulator) is cls)


def _fields(accumulator: Any) -> Arrays:
    found: Arrays = {}
    for field in fields(accumulator):
        value = getattr(accumulator, field.name)
        if isinstance(value, PowerSums):
            found |= {f"{field.name}.{inner}": array for inner, array in _fields(value).items()}
        elif value is not None:
            found[field.name] = np.asarray(value)
    return found


def _rebuild(cls: type[_Kind], values: Arrays) -> _Kind:
    known = {field.name for field in fields(cls)}
    given: dict[str, Any] = {}
    inner: dict[str, Arrays] = {}
    for key, value in values.items():
        outer, _, rest = key.partition(".")
        if outer not in known:
            raise ValueError(f"there is no field '{outer}'")
        if rest:
            inner.setdefault(outer, {})[rest] = value
        else:
            given[outer] = int(value) if value.shape == () else value
    given.update({name: _rebuild(PowerSums, arrays) for name, arrays in inner.items()})
    return cls(**given)


def _listed(values: NDArray[Any]) -> Any:
    """Nested lists; JSON has no word for infinities, which extremes may hold, so they become texts."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return [v if np.isfinite(v) else str(v) for v in values.ravel().tolist()]
    return values.tolist()


def _array(entry: dict[str, Any]) -> NDArray[Any]:
    return np.array(_number(entry["values"]), dtype=entry["dtype"]).reshape(entry["shape"])


def _number(values: Any) -> Any:
    if isinstance(values, list):
        return [_number(v) for v in values]
    return float(values) if isinstance(values, str) else values
