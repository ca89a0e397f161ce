"""Words and numbers on standard output, progress on standard error."""

import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np


def plain(value: Any) -> Any:
    """Turn structs, numpy values and containers into what JSON knows; numbers that are not finite become null."""
    if isinstance(value, (bool, str, int)) or value is None:
        return value
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (np.bool_, np.integer)):
        return value.item()
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, msgspec.Struct):
        return plain(msgspec.to_builtins(value))
    if isinstance(value, (Sequence, set, frozenset)):
        return [plain(v) for v in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    raise TypeError(f"{type(value).__name__} has no JSON form")


def print_json(value: Any) -> None:
    """Print one JSON value on standard output."""
    print(json.dumps(plain(value), ensure_ascii=False, allow_nan=False, indent=1))


def print_rows(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print words in columns, numbers to the right."""
    cells = [[_cell(v) for v in row] for row in rows]
    right = [bool(cells) and all(_is_number(row[i]) for row in cells) for i in range(len(header))]
    widths = [max(len(row[i]) for row in [list(header), *cells]) for i in range(len(header))]
    for row in [list(header), *cells]:
        line = "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True))
        print(line.rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    return str(value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text == "–"
    return True


def with_progress(parts: Iterable[Any], title: str) -> Iterator[Any]:
    """Pass partial results on while a bar on standard error shows how far they are (only on a terminal)."""
    from tqdm import tqdm

    form = "{desc} {bar} {percentage:3.0f} % {postfix}"
    with tqdm(total=1.0, desc=title, file=sys.stderr, disable=None, leave=False, bar_format=form) as bar:
        for part in parts:
            bar.update(max(0.0, part.fraction - bar.n))
            if part.message:
                bar.set_postfix_str(part.message)
            yield part
