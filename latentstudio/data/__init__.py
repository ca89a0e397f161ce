"""Datasets. `DATASETS` is the table of sources; a new source is one file and one line here.

A dataset is named by a specification: ``name`` or ``name:argument``, with options after a question mark, e.g.
``olivetti``, ``faces?n=5000&size=64``, ``folder:/data/photos?size=128&color=grey``.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from latentstudio.data.imageset import AttributeTable, Column, ImageRef, ImageSet
from latentstudio.errors import UserError

__all__ = ["DATASETS", "AttributeTable", "Column", "ImageRef", "ImageSet", "Source", "open_dataset", "parse_spec"]


class Source(NamedTuple):
    """One kind of dataset: how to open it, and what to call it.

    Attributes
    ----------
    open : takes (spec, argument, options) and returns an `ImageSet`; raises UserError.
    needs_path : whether the argument is a path that the person chooses.
    """

    title: str
    open: Callable[[str, str, dict[str, str]], ImageSet]
    needs_path: bool
    summary: str
