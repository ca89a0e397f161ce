"""The numbers of a result, as JSON or as words in columns."""

from typing import Any

from latentstudio.cli.output import print_rows
from latentstudio.figures.tables import table_of
from latentstudio.results import (
    Bars,
    Curve,
    Distribution,
    Frames,
    Heatmap,
    ImageGrid,
    Line,
    Result,
    Scatter,
    Sheet,
    Strip,
    Table,
)


def numbers_of(result: Result) -> dict[str, Any]:
    """Return everything about a result but its pixels and codes."""
    facts: dict[str, Any] = {"type": type(result).__name__, "title": result.title, "caption": result.caption}
    if isinstance(result, Sheet):
        return facts | {"parts": [numbers_of(part) for part in result.parts]}
    facts["notes"] = result.notes
    return facts | _body(result)


def _body(result: Any) -> dict[str, Any]:
    if isinstance(result, Strip):
        own = {"positions": result.positions, "row_labels": result.row_labels, "end_labels": result.end_labels}
        own |= {"axis": result.axis, "measures": _measures(result)}
        return own | _bands(result) | _frames(result.frames, result.nearest_ids)
    if isinstance(result, ImageGrid):
        own = {"columns": result.columns, "labels": result.labels, "error": result.error}
        own |= {"row_labels": result.row_labels, "measures": _measures(result)}
        if result.changes is not None:
            own["threshold"] = result.changes.threshold
        return own | _bands(result) | _frames(result.frames, result.nearest_ids)
    if isinstance(result, Table):
        return {"columns": result.columns, "rows": result.rows}
    if isinstance(result, Bars):
        return {"labels": result.labels, "series": result.series, "values": result.values, "y_label": result.y_label}
    if isinstance(result, (Curve, Distribution)):
        return {"x_label": result.x_label, "y_label": result.y_label, "band": _band(result.band)} | _lines(result)
    if isinstance(result, Scatter):
        return {
            "points": result.points,
            "members": result.members,
            "groups": result.groups,
            "group_labels": result.group_labels,
        }
    if isinstance(result, Heatmap):
        named = {"rows": result.row_labels, "columns": result.column_labels} if result.column_labels else {}
        found = {"labels": result.labels, "unit": result.unit, "shape": result.maps.shape, "maps": result.maps}
        return found | named
    raise TypeError(f"{type(result).__name__} has no numbers")


def _lines(result: Curve | Distribution) -> dict[str, Any]:
    if isinstance(result, Curve):
        return {"lines": [_line(v) for v in result.lines]}
    return {
        "histograms": [
            {"label": h.label, "role": h.role, "edges": h.edges, "counts": h.counts, "values": h.values}
            for h in result.histograms
        ],
        "references": [{"label": v.label, "x": v.x, "y": v.y} for v in result.references],
    }


def _measures(result: Strip | ImageGrid) -> list[dict[str, Any]]:
    return [{"label": m.label, "unit": m.unit, "values": m.values} for m in result.measures]


def _line(line: Line) -> dict[str, Any]:
    facts: dict[str, Any] = {"label": line.label, "role": line.role, "x": line.x, "y": line.y}
    return facts if line.low is None else facts | {"low": line.low, "high": line.high}


def _frames(frames: Frames, nearest_ids: tuple[str, ...]) -> dict[str, Any]:
    return {
        "frames": len(frames),
        "norm": frames.norm,
        "log_prob": frames.log_prob,
        "prior_percentile": frames.prior_percentile,
        "data_percentile": frames.data_percentile,
        "nearest": frames.nearest,
        "nearest_id": nearest_ids,
        "nearest_distance": frames.nearest_distance,
        "finite": frames.finite,
    }


def _bands(result: Strip | ImageGrid) -> dict[str, Any]:
    return {"norm_band": _band(result.norm_band), "log_prob_band": _band(result.log_prob_band)}


def _band(band: Any) -> dict[str, Any] | None:
    return None if band is None else {"low": band.low, "high": band.high, "label": band.label}


def print_numbers(result: Result) -> None:
    """Print a result for people."""
    if result.title:
        print(result.title)
    for part in result.parts if isinstance(result, Sheet) else ():
        print_numbers(part)
        print()
    if not isinstance(result, Sheet):
        table = table_of(result)
        print_rows(table.columns, table.rows)
        for note in result.notes:
            print(note)
    if result.caption:
        print(result.caption)
