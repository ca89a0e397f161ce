"""Results and selections as CSV and NPZ."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentstudio.data.imageset import ImageSet
from latentstudio.errors import UserError
from latentstudio.paths import replacing
from latentstudio.results import (
    Bars,
    Curve,
    Distribution,
    Frames,
    Heatmap,
    ImageGrid,
    Measure,
    Result,
    Scatter,
    Sheet,
    Strip,
    Table,
)

Cell = str | int | float | None


def table_of(result: Result) -> Table:
    """Return the numbers of a result as a table; a sheet gives the parts under one another with a column `part`."""
    if isinstance(result, Table):
        return result
    if isinstance(result, Strip):
        rows = [(label, float(t)) for label in result.row_labels for t in result.positions]
        places = ("path", result.axis or "position")
        return _frame_table(result.frames, places, rows, result.nearest_ids, result.measures)
    if isinstance(result, ImageGrid):
        labels = result.labels or tuple(str(i) for i in range(len(result.frames)))
        heads: tuple[str, ...] = ("image",)
        rows_: list[tuple[Cell, ...]] = [(label,) for label in labels]
        if result.error is not None:
            heads, rows_ = ("image", "error"), [(*r, float(e)) for r, e in zip(rows_, result.error, strict=True)]
        if result.row_labels:
            own = [result.row_labels[i // result.columns] for i in range(len(rows_))]
            heads, rows_ = ("row", *heads), [(name, *r) for name, r in zip(own, rows_, strict=True)]
        return _frame_table(result.frames, heads, rows_, result.nearest_ids, result.measures)
    if isinstance(result, Curve):
        return _curve_table(result)
    if isinstance(result, Distribution):
        return _histogram_table(result)
    if isinstance(result, Bars):
        columns = ("label", *result.series)
        return Table(columns, tuple((v, *map(float, result.values[:, i])) for i, v in enumerate(result.labels)))
    if isinstance(result, Scatter):
        names = [result.group_labels[g] if 0 <= g < len(result.group_labels) else None for g in result.groups]
        dots = zip(result.members, result.points, names, strict=True)
        return Table(("image", "x", "y", "group"), tuple((int(m), float(p[0]), float(p[1]), g) for m, p, g in dots))
    if isinstance(result, Heatmap) and result.row_labels and result.column_labels:
        named = [(v, m) for v, m in zip(result.labels, result.maps, strict=True)]
        lines = [(v, r, *map(_known, m[k])) for v, m in named for k, r in enumerate(result.row_labels)]
        return Table(("map", "row", *result.column_labels), tuple(lines), digits=4)
    if isinstance(result, Heatmap):
        maps = [(v, *_range(m)) for v, m in zip(result.labels, result.maps, strict=True)]
        return Table(("map", "lowest", "highest", "mean"), tuple(maps), digits=4)
    return _sheet_table(result)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _curve_table(curve: Curve) -> Table:
    heads: tuple[str, ...] = ("line", curve.x_label or "x", curve.y_label or "y")
    ranged = any(v.low is not None for v in curve.lines)
    rows: list[tuple[Cell, ...]] = []
    for v in curve.lines:
        for at, (x, y) in enumerate(zip(v.x, v.y, strict=True)):
            ends = [None if end is None else float(end[at]) for end in (v.low, v.high)] if ranged else []
            rows.append((v.label, float(x), float(y), *ends))
    return Table((*heads, "low", "high") if ranged else heads, tuple(rows), digits=4)


def _range(values: NDArray[np.float64]) -> tuple[float | None, float | None, float | None]:
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max()), float(known.mean())) if len(known) else (None, None, None)


def _frame_table(
    frames: Frames,
    heads: tuple[str, ...],
    rows: Sequence[tuple[Cell, ...]],
    nearest_ids: tuple[str, ...],
    measures: tuple[Measure, ...],
) -> Table:
    columns: dict[str, Any] = {"norm": frames.norm, "prior percentile": frames.prior_percentile}
    if frames.log_prob is not None:
        columns["log p (nats)"] = frames.log_prob
    if frames.data_percentile is not None:
        columns["data percentile"] = frames.data_percentile
    if nearest_ids:
        columns["nearest"] = nearest_ids
    if frames.nearest_distance is not None:
        columns["distance"] = frames.nearest_distance
    for measure in measures:
        columns[f"{measure.label} ({measure.unit})" if measure.unit else measure.label] = measure.values
    body = tuple((*row, *(_cell(values[i]) for values in columns.values())) for i, row in enumerate(rows))
    return Table((*heads, *columns), body, digits=4)


def _histogram_table(result: Distribution) -> Table:
    rows = [
        (h.label, float(low), float(high), float(count))
        for h in result.histograms
        for low, high, count in zip(h.edges[:-1], h.edges[1:], h.counts, strict=True)
    ]
    return Table(("histogram", "from", "to", result.y_label), tuple(rows), digits=4)


def _sheet_table(sheet: Sheet) -> Table:
    tables = [table_of(part) for part in sheet.parts]
    names = list(dict.fromkeys(name for table in tables for name in table.columns))
    rows: list[tuple[Cell, ...]] = []
    for number, table in enumerate(tables, 1):
        for row in table.rows:
            known = dict(zip(table.columns, row, strict=True))
            rows.append((number, *(known.get(name) for name in names)))
    return Table(("part", *names), tuple(rows), digits=4)


def _cell(value: Any) -> Cell:
    return value if isinstance(value, str) else float(value)


def csv_of(table: Table) -> bytes:
    """Return a table as CSV in UTF-8, numbers in full precision, empty cells where there is none."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(["" if v is None else v for v in row] for row in table.rows)
    return out.getvalue().encode("utf-8")


def write_csv(result: Result, path: Path | str) -> Path:
    """Write the numbers of a result as CSV; the old file stays when anything goes wrong."""
    with replacing(Path(path)) as stream:
        stream.write(csv_of(table_of(result)))
    return Path(path)


def write_selection(
    path: Path | str,
    data: ImageSet,
    indices: Sequence[int],
    codes: NDArray[np.float32] | None = None,
    norm: NDArray[np.float64] | None = None,
    log_prob: NDArray[np.float64] | None = None,
) -> Path:
    """Write a selection as CSV (index, id, attributes, readouts) or NPZ (the same as arrays, and the codes).

    Parameters
    ----------
    codes : float32 (n, D) of the selected images; norm, log_prob : float64 (n,).

    Raises
    ------
    UserError
        The suffix is neither .csv nor .npz, or an array has another length than the selection.
    """
    path = Path(path)
    chosen = [int(i) for i in indices]
    for name, values in (("codes", codes), ("norm", norm), ("log_prob", log_prob)):
        if values is not None and len(values) != len(chosen):
            raise UserError(f"There are {len(values)} {name} for {len(chosen)} selected images.")
    if path.suffix.lower() == ".csv":
        content = csv_of(_selection_table(data, chosen, norm, log_prob))
    elif path.suffix.lower() == ".npz":
        content = _npz(data, chosen, {"codes": codes, "norm": norm, "log_prob": log_prob})
    else:
        raise UserError(f"A selection cannot be written as {path.name}; a name ending in .csv or .npz would do.")
    with replacing(path) as stream:
        stream.write(content)
    return path


def _selection_table(
    data: ImageSet, chosen: list[int], norm: NDArray[np.float64] | None, log_prob: NDArray[np.float64] | None
) -> Table:
    columns = list(data.attributes.values())
    readouts = {k: v for k, v in (("norm", norm), ("log_prob", log_prob)) if v is not None}
    rows: list[tuple[Cell, ...]] = []
    for place, index in enumerate(chosen):
        labels = [
            c.text(index) if c.known[index] and c.kind == "category" else _label(c.values[index]) for c in columns
        ]
        rows.append((index, data.image_id(index), *labels, *(float(v[place]) for v in readouts.values())))
    return Table(("index", "id", *(c.name for c in columns), *readouts), tuple(rows))


def _label(value: float) -> Cell:
    if np.isnan(value):
        return None
    return int(value) if value == int(value) else float(value)


def _npz(data: ImageSet, chosen: list[int], arrays: dict[str, Any]) -> bytes:
    kept = {name: values for name, values in arrays.items() if values is not None}
    kept |= {f"attribute_{c.name}": c.values[chosen] for c in data.attributes.values()}
    out = io.BytesIO()
    ids = np.array([data.image_id(i) for i in chosen], dtype=np.str_)
    np.savez_compressed(out, indices=np.array(chosen, np.int64), ids=ids, dataset=np.array(data.spec), **kept)
    return out.getvalue()
