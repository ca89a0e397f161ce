"""Projections of an attribute: bars that select faces, and a marker that moves the inspected face along the line."""

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from latentstudio.errors import UserError
from latentstudio.figures.recipe import CodeInput
from latentstudio.gui.markers import Move, line_of, moved, moved_input, on_line, percentile_of, picture_of, values_on
from latentstudio.gui.panels.analysis import AnalysisPanel
from latentstudio.gui.widgets.face_mover import HINT, FaceMover
from latentstudio.gui.widgets.frame_actions import FrameActions
from latentstudio.gui.widgets.frames_of import inspected_frames, side_by_side
from latentstudio.gui.widgets.readouts import number, percent
from latentstudio.results import Axis, Distribution, Frames, Sheet

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller
    from latentstudio.gui.widgets.plots.distribution import DistributionView
    from latentstudio.gui.widgets.plots.view import ResultPart

VIEW = "move"
"""Name under which a panel's view keeps the move."""


class ProjectionsPanel(AnalysisPanel):
    """An analysis panel whose histograms show where the inspected face lies and let it be moved."""

    pairs = True

    def __init__(self, controller: "Controller", panel_id: str, parent: QWidget | None = None) -> None:
        self.mover = FaceMover()
        self._plots: list[DistributionView] = []
        self._move: Move | None = None
        self._moved: Frames | None = None
        self._asked: tuple[object, ...] | None = None
        super().__init__(controller, panel_id, parent)
        self.mover.asked.connect(self._typed)
        self.mover.back.connect(lambda: self._choose(None))
        FrameActions(self.mover.preview, controller, self.desk, self._input, lambda _frame: None)
        controller.inspection_changed.connect(self._inspected)
        controller.preview_changed.connect(self._decoded)
        self._show_face()

    def beside(self) -> tuple[QWidget, ...]:
        """The face stands above the form."""
        self.result.plot_made.connect(self._connect)
        return (self.mover,)

    def _connect(self, part: "ResultPart") -> None:
        from latentstudio.gui.widgets.plots.distribution import DistributionView

        self._plots = [plot for plot in self._plots if plot in self.result.parts]
        if isinstance(part, DistributionView):
            self._plots.append(part)
            part.marker.moved.connect(lambda to, plot=part: self._dragged(plot, to))
            part.marker.settled.connect(self._settled)

    # Showing.

    def refresh(self) -> None:
        """Show what the controller says now."""
        super().refresh()
        self._show_face()

    def show_document(self) -> None:
        """Show parameters, selection, and the move that the document holds."""
        super().show_document()
        try:
            panel = self.controller.document.panel(self.panel_id)
        except KeyError:
            return
        move = Move.of_view(panel.view.get(VIEW), str(panel.params.get("attribute", "")))
        if move != self._move:
            self._move = move
            self._show_face()

    def _inspected(self, _inspection: object) -> None:
        self._show_face()

    def _axis(self) -> Axis | None:
        """The line along which the face is moved, or would be."""
        name = self._move.line if self._move is not None else "opposite"
        return line_of(self.result.result, name)

    def _show_face(self) -> None:
        """Draw markers and pictures of the inspected face, and ask for what is not decoded yet."""
        face: Any = self.controller.inspection
        axis = self._axis()
        own = None if face is None or axis is None else on_line(axis, face.code, None)
        if axis is None or own is None:
            self._asked = self._moved = None
            self._draw_markers(None)
            self.mover.preview.set_hint(HINT if face is None else "")
            self.mover.set_frames(None, (), None)
            self.mover.set_state("", None, False)
            return
        if self._move is None:
            self._asked = self._moved = None
        else:
            self._ask(axis, face)
        self._draw_markers(face)
        self._draw_face(axis, face, own)

    def _ask(self, axis: Axis, face: Any) -> None:
        assert self._move is not None
        wanted = (face.code.tobytes(), axis.unit.tobytes(), self._move.to)
        if wanted != self._asked and self.isVisible():
            if self._asked is None or wanted[:2] != self._asked[:2]:
                self._moved = None  # the picture of another face, or of another line
            self._asked = wanted
            self.controller.decode(self.panel_id, moved_input(self._move, axis, face))

    def _decoded(self, panel_id: str, frames: Frames) -> None:
        if panel_id == self.panel_id and self._move is not None:
            self._moved = frames
            self._show_face()

    def _draw_face(self, axis: Axis, face: Any, own: float) -> None:
        frames = inspected_frames(face)
        labels: tuple[str, ...] = ("Face",)
        if self._moved is not None:
            frames, labels = side_by_side(frames, self._moved), ("Face", "Moved")
        self.mover.set_frames(frames, labels, None)
        values = values_on(self.result.result, axis)
        share = percentile_of(values, own)
        places, shares = [number(own)], [percent(share)]
        if self._move is not None:
            share = percentile_of(values, self._move.to)
            places.append(number(self._move.to))
            shares.append(percent(share))
        words = (
            f"{axis.name.capitalize()} projection {' → '.join(places)}\nPercentile of the data set {' → '.join(shares)}"
        )
        self.mover.set_state(words, share, self._move is not None)

    def _draw_markers(self, face: Any) -> None:
        """Show on every histogram where the face lies, and where its moved code does."""
        axis = self._axis()
        code = None
        if face is not None and axis is not None and self._move is not None:
            code = moved(axis, face.code, self._move.to)
        sheet = self.result.result
        parts = sheet.parts if isinstance(sheet, Sheet) else ()
        shown = {id(part): single for part, single in zip(self.result.parts, parts, strict=False)}
        for plot in self._plots:
            single = shown.get(id(plot))
            place = single.axis if isinstance(single, Distribution) else None
            if place is None or face is None:
                plot.marker.set_place(None, None, False)
                continue
            own = on_line(place, face.code, picture_of(face))
            to = None
            if code is not None and place.space == "latent":
                to = on_line(place, code, None)
            elif code is not None and self._moved is not None:
                to = on_line(place, code, self._moved.images[0])
            plot.marker.set_place(own, to, place.space == "latent")

    # Changing.

    def _dragged(self, plot: "DistributionView", to: float) -> None:
        axis = getattr(plot.result, "axis", None)
        if axis is not None and axis.space == "latent":
            self._move = Move(self._attribute(), axis.name, to)
            self._show_face()

    def _settled(self) -> None:
        """The hand let go: the move belongs to the session, as one step."""
        self._choose(self._move)

    def _typed(self, percentile: float) -> None:
        axis = self._axis()
        if axis is None:
            return
        from numpy import percentile as at

        values = values_on(self.result.result, axis)
        if len(values):
            self._choose(Move(self._attribute(), axis.name, float(at(values, percentile))))

    def _attribute(self) -> str:
        return str(self.controller.document.panel(self.panel_id).params.get("attribute", ""))

    def _choose(self, move: Move | None) -> None:
        view = self.controller.document.panel(self.panel_id).view
        self._move = move
        value = None if move is None else move.to_view()
        if value != view.get(VIEW):
            words = "Move the face back" if move is None else f"Move the face along {move.attribute}"
            self.controller.set_view(self.panel_id, VIEW, value, words)
            self.controller.end_gesture()
        self._show_face()

    def _input(self, frame: int) -> CodeInput:
        face, axis = self.controller.inspection, self._axis()
        if face is None or axis is None:
            raise UserError("That picture has gone.")
        if frame == 0 or self._move is None:
            return CodeInput.of(face.code, label=face.label or "code", origin=face.origin)
        return moved_input(self._move, axis, face)
