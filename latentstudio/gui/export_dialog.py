"""Ctrl+E: a figure for paper or a path as an animation, with a preview of what will be written."""

from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import QByteArray, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QImage, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from latentstudio.errors import UserError
from latentstudio.figures.recipe import Figure, FigureStyle, Recipe
from latentstudio.gui.controller import Controller
from latentstudio.gui.dock_area import panel_title
from latentstudio.gui.export_pages import AnimationPage, FigurePage
from latentstudio.gui.figures import figure_of
from latentstudio.gui.naming import named
from latentstudio.gui.theme import GAP, colors, small_font
from latentstudio.studio.requests import Answer, RenderFigure, Urgency
from latentstudio.studio.settings import Settings

PREVIEW_LANE, EXPORT_LANE = "export-preview", "export"
PREVIEW_DELAY_MS = 180
PREVIEW_DPI = 130


class Preview(QLabel):
    """Shows a picture as large as fits, on the ground that paper would have."""

    def __init__(self) -> None:
        super().__init__()
        self._picture = QPixmap()
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setMinimumSize(QSize(360, 300))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Preview of the figure")
        self.setWordWrap(True)
        self.setStyleSheet(f"background: {colors().sunken};")

    def show_png(self, data: bytes) -> None:
        """Show PNG bytes."""
        self._picture = QPixmap.fromImage(QImage.fromData(QByteArray(data)))
        self._fit()

    def say(self, text: str) -> None:
        """Show words in place of a picture."""
        self._picture = QPixmap()
        self.setText(text)

    @property
    def filled(self) -> bool:
        """Whether there is a picture."""
        return not self._picture.isNull()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the picture again."""
        super().resizeEvent(event)
        if self.filled:
            self._fit()

    def _fit(self) -> None:
        ratio = self.devicePixelRatioF()
        room = QSize(int((self.width() - 2 * GAP) * ratio), int((self.height() - 2 * GAP) * ratio))
        size = self._picture.size()
        if size.width() > room.width() or size.height() > room.height():
            size = size.scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
        smooth = Qt.TransformationMode.SmoothTransformation
        fitted = self._picture.scaled(size, Qt.AspectRatioMode.KeepAspectRatio, smooth)
        fitted.setDevicePixelRatio(ratio)
        self.setPixmap(fitted)


class ExportDialog(QDialog):
    """Choose how the figure of a panel is written; the preview is drawn by the same code as the file.

    Parameters
    ----------
    panel_id : whose picture to export; all visible panels together are offered too.
    """

    settings_changed = Signal(object)  # dict of Settings fields

    def __init__(self, controller: Controller, settings: Settings, panel_id: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export")
        self.setAccessibleName("Export")
        self._controller = controller
        self._panel_id = panel_id
        figure_of(controller, [panel_id], FigureStyle())  # nothing to export: say so before the dialog opens
        strip = controller.document.panel(panel_id).name == "interpolate"
        title = panel_title(controller.document.panel(panel_id), controller.document)
        self.figure_page = FigurePage(settings, several=len(self._visible()) > 1, panel=title)
        self.animation_page = AnimationPage()
        self.tabs = QTabWidget()
        self.tabs.addTab(self.figure_page, "Figure")
        self.tabs.addTab(self.animation_page, "Animation")
        self.tabs.setTabEnabled(1, strip)
        if not strip:
            self.tabs.setTabToolTip(1, "Only a path between two faces can be animated")
        self.preview = Preview()
        self.note = QLabel()
        self.note.setFont(small_font())
        self.note.setProperty("muted", True)
        self.note.setWordWrap(True)
        self.progress = named(QProgressBar(), "Progress of the export")
        self.progress.setTextVisible(False)
        self.progress.setRange(0, 0)
        self.progress.setVisible(False)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.write = QPushButton("Export…")
        self.write.setDefault(True)
        self.buttons.addButton(self.write, QDialogButtonBox.ButtonRole.AcceptRole)
        self.write.clicked.connect(self._ask_and_write)
        self.buttons.rejected.connect(self.reject)
        self._arrange()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PREVIEW_DELAY_MS)
        self._timer.timeout.connect(self._draw_preview)
        self.figure_page.changed.connect(self._timer.start)
        self.tabs.currentChanged.connect(lambda _page: self._page_changed())
        self._page_changed()
        self._draw_preview()

    def _arrange(self) -> None:
        side = QVBoxLayout()
        side.setSpacing(GAP)
        side.addWidget(self.tabs)
        side.addStretch(1)
        side.addWidget(self.note)
        side.addWidget(self.progress)
        row = QHBoxLayout()
        row.setSpacing(2 * GAP)
        row.addLayout(side)
        row.addWidget(self.preview, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GAP, 2 * GAP, 2 * GAP, 2 * GAP)
        column.setSpacing(2 * GAP)
        column.addLayout(row, 1)
        column.addWidget(self.buttons)
        self.tabs.setFixedWidth(308)
        self.note.setFixedWidth(308)
        self.resize(940, 560)

    def show_animation(self, shown: bool) -> None:
        """Turn to the animation page, where that makes sense."""
        if self.tabs.isTabEnabled(1):
            self.tabs.setCurrentIndex(1 if shown else 0)

    def _visible(self) -> list[str]:
        views = [self._controller.view(panel.id) for panel in self._controller.document.panels]
        shown = self._controller.visible_panels
        return [v.panel.id for v in views if v.panel.id in shown and (v.wanted or v.recipe) is not None]

    def figure(self) -> Figure:
        """Return the figure as the form describes it."""
        page = self.figure_page
        ids = self._visible() if page.all_panels else [self._panel_id]
        return figure_of(self._controller, ids, page.style_of_figure(), page.title.text().strip())

    # -- preview ---------------------------------------------------------------------------------------------------

    def _page_changed(self) -> None:
        animated = self.tabs.currentIndex() == 1
        self.note.setText(self.animation_page.note() if animated else self.figure_page.note())

    def _draw_preview(self) -> None:
        self.note.setText(self.figure_page.note())
        if not self.preview.filled:
            self.preview.say("Drawing …")
        figure = self.figure()
        dpi = min(figure.style.dpi, PREVIEW_DPI)
        figure = replace(figure, style=replace(figure.style, dpi=dpi))
        request = RenderFigure(figure, None, "png")
        self._controller.lanes.submit(PREVIEW_LANE, Urgency.VISIBLE, request, self._previewed)

    def _previewed(self, answer: Answer) -> None:
        if answer.error:
            self.preview.say(answer.error)
        elif isinstance(answer.payload, bytes):
            self.preview.show_png(answer.payload)

    # -- writing ---------------------------------------------------------------------------------------------------

    def _ask_and_write(self) -> None:
        page = self.animation_page if self.tabs.currentIndex() == 1 else self.figure_page
        start = Path.home() / f"{self._panel_id}{page.suffix}"
        name, _ = QFileDialog.getSaveFileName(self, "Export", str(start), page.filter_of_files())
        if name:
            self.write_to(Path(name))

    def write_to(self, path: Path) -> None:
        """Write the figure or animation; the dialog closes when it is there."""
        animated = self.tabs.currentIndex() == 1
        page = self.animation_page if animated else self.figure_page
        if path.suffix.lower() not in page.suffixes:
            path = path.with_name(path.name + page.suffix)
        try:
            figure = self.figure()
        except UserError as error:
            self.note.setText(str(error))
            return
        if animated:
            self._animate(figure.rows[0][0], path)
            return
        self.settings_changed.emit(self.figure_page.kept())
        self.progress.setVisible(True)
        self.write.setEnabled(False)
        request = RenderFigure(figure, str(path), path.suffix.lower().lstrip("."))
        self._controller.lanes.submit(EXPORT_LANE, Urgency.VISIBLE, request, lambda answer: self._wrote(path, answer))

    def _animate(self, recipe: Recipe, path: Path) -> None:
        frames, easing, milliseconds = self.animation_page.options()
        if self._controller.jobs is None:
            self.note.setText("Animations need the jobs panel, which this window does not have.")
            return
        self._controller.jobs.animate(recipe, path, frames, easing, milliseconds)
        self._controller.message.emit(f"Writing {path.name}; the jobs panel (Ctrl+J) shows how far it is.", "info")
        self.accept()

    def _wrote(self, path: Path, answer: Answer) -> None:
        if answer.error:
            self.progress.setVisible(False)
            self.write.setEnabled(True)
            self.note.setText(answer.error)
        elif answer.done:
            self._controller.message.emit(f"Exported {path.name} to {path.parent}.", "info")
            self.accept()
        elif answer.fraction > 0:
            self.progress.setRange(0, 1000)
            self.progress.setValue(round(1000 * answer.fraction))

    def done(self, result: int) -> None:
        """Stop drawing previews, and an export that is not done."""
        self._timer.stop()
        self._controller.lanes.cancel(PREVIEW_LANE)
        if result == QDialog.DialogCode.Rejected:
            self._controller.lanes.cancel(EXPORT_LANE)
        super().done(result)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closing is cancelling."""
        self.reject()
        event.accept()
