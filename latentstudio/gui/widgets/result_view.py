"""Any result: pictures are painted at once, plots are imported when the first one is shown."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsOpacityEffect,
    QGridLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from latentstudio.gui.theme import GAP, small_font
from latentstudio.gui.widgets.frames_view import FramesView
from latentstudio.gui.widgets.image_grid_view import ImageGridView
from latentstudio.gui.widgets.strip_view import StripView
from latentstudio.results import (
    Bars,
    Curve,
    Distribution,
    Heatmap,
    ImageGrid,
    Result,
    Scatter,
    Sheet,
    Single,
    Strip,
    Table,
)

if TYPE_CHECKING:
    from latentstudio.gui.widgets.plots.view import ResultPart


_OWN_HEIGHT = (Strip, ImageGrid, Table, Heatmap)
"""Results whose views are as high as what they hold; plots share what is left."""


LEAST_PLOT, ROOMY_PLOT = 136, 200
"""Least height in px of a plot among several parts, legend included, in low panels and in others."""
_LOW = 260
_ROWS = 3  # title, part and notes
_WIDE = 640
"""Width in px from which plots may stand in pairs."""


def part_for(result: Single, parent: QWidget) -> "FramesView | ResultPart":
    """Return an empty view for one kind of result. Plots bring pyqtgraph in, which takes half a second."""
    if isinstance(result, Strip):
        return StripView(parent)
    if isinstance(result, ImageGrid):
        return ImageGridView(parent)
    if isinstance(result, Table):
        from latentstudio.gui.widgets.plots.table import TableView

        return TableView(parent)
    if isinstance(result, Heatmap):
        from latentstudio.gui.widgets.plots.heatmap import HeatmapView

        return HeatmapView(parent)
    return _plot_for(result, parent)


def _plot_for(result: Curve | Distribution | Bars | Scatter, parent: QWidget) -> "ResultPart":
    if isinstance(result, Curve):
        from latentstudio.gui.widgets.plots.curve import CurveView

        return CurveView(parent)
    if isinstance(result, Distribution):
        from latentstudio.gui.widgets.plots.distribution import DistributionView

        return DistributionView(parent)
    if isinstance(result, Bars):
        from latentstudio.gui.widgets.plots.bars import BarsView

        return BarsView(parent)
    from latentstudio.gui.widgets.plots.scatter import ScatterView

    return ScatterView(parent)


class ResultView(QWidget):
    """Shows a result of any type; a sheet's parts stand under one another and scroll.

    Views are kept while the kinds of the parts stay the same, so that a brush, a zoom or a sort order outlives a new
    result. `selected` gives dataset indices and how they change the selection; `frames_made` a new view of frames,
    `plot_made` of anything else.

    Parameters
    ----------
    pairs : plots that follow one another stand side by side where there is room.
    """

    selected = Signal(object, str)
    frames_made = Signal(object)
    plot_made = Signal(object)

    def __init__(self, parent: QWidget | None = None, pairs: bool = False) -> None:
        super().__init__(parent)
        self._pairs, self._paired = pairs, False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.parts: list[FramesView | ResultPart] = []
        self._kinds: tuple[type, ...] = ()
        self._result: Result | None = None
        self._selection: tuple[int, ...] = ()
        self._titles: list[QLabel] = []
        self._notes: list[QLabel] = []
        self.hint = QLabel(self)
        self.hint.setWordWrap(True)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setProperty("muted", True)
        self.scroller = QScrollArea(self)
        self.scroller.setFrameShape(QFrame.Shape.NoFrame)
        self.scroller.setWidgetResizable(True)
        self.scroller.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._content = QWidget()
        self._column = QGridLayout(self._content)
        self._column.setColumnStretch(0, 1)
        self._column.setColumnStretch(1, 1)
        self._column.setHorizontalSpacing(2 * GAP)
        self._column.setContentsMargins(0, 0, GAP // 2, 0)
        self._column.setVerticalSpacing(GAP // 2)
        self.scroller.setWidget(self._content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.hint, 1)
        layout.addWidget(self.scroller, 1)
        self.scroller.hide()
        self._fade: QGraphicsOpacityEffect | None = None

    @property
    def result(self) -> Result | None:
        """The result on show."""
        return self._result

    def set_hint(self, words: str) -> None:
        """Say why there is nothing to show."""
        self.hint.setText(words)

    def set_result(self, result: Result | None) -> None:
        """Show another result; None shows the hint."""
        self._result = result
        self.hint.setVisible(result is None)
        self.scroller.setVisible(result is not None)
        if result is None:
            self._clear()
            return
        singles = result.parts if isinstance(result, Sheet) else (result,)
        kinds = tuple(type(single) for single in singles)
        if kinds != self._kinds:
            self._build(singles)
        for part, title, notes, single in zip(self.parts, self._titles, self._notes, singles, strict=True):
            title.setText(single.title)
            notes.setText(" ".join(s if s.endswith((".", "!", "?")) else f"{s}." for s in single.notes))
            _show(part, single)
        self._fit_height()

    def _fit_height(self) -> None:
        """Let a plot of a sheet fill a low panel, whose first title goes, for the tab says nearly the same."""
        room = min(max(self.height() - GAP, LEAST_PLOT), ROOMY_PLOT)
        for part, kind in zip(self.parts, self._kinds, strict=True):
            if len(self.parts) > 1 and not issubclass(kind, _OWN_HEIGHT):
                part.setMinimumHeight(room)
        for number, title in enumerate(self._titles):
            room = number > 0 or self.height() >= _LOW
            title.setVisible(bool(title.text()) and len(self._titles) > 1 and room)
        for notes in self._notes:
            # A result that stands alone says its notes in the line beneath the panel.
            notes.setVisible(bool(notes.text()) and len(self._notes) > 1 and self.height() >= _LOW)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep a low panel for the plot, and a narrow one for one plot in a row."""
        super().resizeEvent(event)
        if self._pairs and self._paired != (self.width() >= _WIDE):
            self._arrange()
        self._fit_height()

    def set_stale(self, stale: bool) -> None:
        """Dim what belongs to an earlier state."""
        for part in self.parts:
            if isinstance(part, FramesView):
                part.set_stale(stale)
        plots = any(not isinstance(part, FramesView) for part in self.parts)
        if stale and plots and self._fade is None:
            self._fade = QGraphicsOpacityEffect(self._content)
            self._fade.setOpacity(0.45)
            self._content.setGraphicsEffect(self._fade)
        elif not stale and self._fade is not None:
            self._content.setGraphicsEffect(None)  # type: ignore[arg-type]
            self._fade = None

    def set_selection(self, indices: Sequence[int]) -> None:
        """Show which images are selected."""
        self._selection = tuple(indices)
        for part in self.parts:
            if isinstance(part, ImageGridView) or not isinstance(part, FramesView):
                part.set_selection(self._selection)

    def _clear(self) -> None:
        for widget in (*self.parts, *self._titles, *self._notes):
            self._column.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self.parts, self._titles, self._notes, self._kinds = [], [], [], ()

    def _note(self) -> QLabel:
        """Room for what is said of a part."""
        notes = QLabel(self._content)
        notes.setFont(small_font(0.88))
        notes.setWordWrap(True)
        notes.setProperty("muted", True)
        notes.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return notes

    def _build(self, singles: Sequence[Single]) -> None:
        self._clear()
        for single in singles:
            title = QLabel(self._content)
            font = small_font(1.0)
            font.setBold(True)
            title.setFont(font)
            part = part_for(single, self._content)
            self._titles.append(title)
            self.parts.append(part)
            self._notes.append(self._note())
            if isinstance(part, FramesView):
                self.frames_made.emit(part)
            if isinstance(part, ImageGridView) or not isinstance(part, FramesView):
                part.set_selection(self._selection)
                part.selected.connect(self.selected)
                self.plot_made.emit(part)
        self._kinds = tuple(type(single) for single in singles)
        self._arrange()

    def _arrange(self) -> None:
        """Put titles and parts under one another, or plots in pairs."""
        self._paired = self._pairs and self.width() >= _WIDE
        for row in range(self._column.rowCount()):
            self._column.setRowStretch(row, 0)
        row, waiting = 0, False
        for title, part, notes, kind in zip(self._titles, self.parts, self._notes, self._kinds, strict=True):
            own = issubclass(kind, _OWN_HEIGHT)
            beside = self._paired and not own
            if waiting and not beside:
                row, waiting = row + _ROWS, False
            column, span = (int(waiting), 1) if beside else (0, 2)
            for place, widget in enumerate((title, part, notes)):
                self._column.addWidget(widget, row + place, column, 1, span)
            if not own:
                self._column.setRowStretch(row + 1, 1)
            waiting = beside and not waiting
            row += 0 if waiting else _ROWS
        if all(issubclass(kind, _OWN_HEIGHT) for kind in self._kinds):
            self._column.setRowStretch(row + _ROWS, 1)


def _show(part: "FramesView | ResultPart", single: Single) -> None:
    if isinstance(part, StripView):
        part.set_strip(single if isinstance(single, Strip) else None)
    elif isinstance(part, ImageGridView):
        part.set_grid(single if isinstance(single, ImageGrid) else None)
    elif not isinstance(part, FramesView):
        part.set_result(single)
