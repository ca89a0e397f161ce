"""One attribute: pictures of less and more of it on the face, a slider between them, and the number."""

import math

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from latentstudio.gui.naming import tool_button
from latentstudio.gui.theme import GAP, numeric_font, small_font
from latentstudio.gui.widgets.field import ScrollGuard
from latentstudio.gui.widgets.picture_label import PictureLabel
from latentstudio.gui.widgets.plain_box import RealBox, make_plain
from latentstudio.gui.widgets.readouts import percent
from latentstudio.gui.widgets.track_slider import TrackSlider
from latentstudio.results import Bytes

EDGE = 44
REACH = {"alpha": (-3.0, 3.0, 0.0), "quantile": (0.0, 100.0, 50.0)}
"""Ends and resting place of a slider on each scale; farther amounts can be typed."""
TYPED = {"alpha": (-100.0, 100.0), "quantile": (0.0, 100.0)}


class AttributeRow(QWidget):
    """A slider for the amount of one attribute.

    `moved` gives every amount under the hand, `settled` the end of a gesture, `removed` that the row is to go.
    """

    moved = Signal(float)
    settled = Signal()
    removed = Signal()

    def __init__(self, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = words
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._scale = "alpha"
        self.less = PictureLabel(f"Less of {words}", EDGE)
        self.more = PictureLabel(f"More of {words}", EDGE)
        for picture, way in ((self.less, "less"), (self.more, "more")):
            picture.setToolTip(f"The face with much {way} of {words}; click for a step that way")
        self.name = QLabel(words, self)
        self.name.setFont(small_font(0.95))
        self.name.setMinimumWidth(20)
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.name.setToolTip(words)
        self.place = QLabel("", self)
        self.place.setFont(numeric_font(0.85))
        self.place.setProperty("muted", True)
        self.place.setToolTip("Percentile of the face, and of the edited face, in the data set")
        self.slider = TrackSlider(*REACH["alpha"], self)
        self.slider.setAccessibleName(f"Amount of {words}")
        self.box = self._make_box()
        self.close_button = tool_button("close", f"Take {words} away", self.removed.emit)
        self._arrange()
        self.slider.moved.connect(self._slid)
        self.slider.settled.connect(self.settled)
        self.box.valueChanged.connect(self._typed)
        self.setFocusProxy(self.slider)

    def _make_box(self) -> RealBox:
        box = RealBox(self)
        box.setDecimals(3)
        box.setSingleStep(0.1)
        box.setRange(*TYPED["alpha"])
        box.setAccessibleName(f"Amount of {self.words}, typed")
        box.setKeyboardTracking(False)
        box.setFont(numeric_font())
        box.setAlignment(Qt.AlignmentFlag.AlignRight)
        make_plain(box)
        box.setFixedWidth(46)
        box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        box.installEventFilter(ScrollGuard(box))
        return box

    def _arrange(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(GAP // 2)
        grid.setVerticalSpacing(0)
        grid.addWidget(self.less, 0, 0, 2, 1)
        grid.addWidget(self.name, 0, 1)
        grid.addWidget(self.place, 0, 2)
        grid.addWidget(self.close_button, 0, 3, Qt.AlignmentFlag.AlignRight)
        grid.addWidget(self.slider, 1, 1, 1, 2)
        grid.addWidget(self.box, 1, 3)
        grid.addWidget(self.more, 0, 4, 2, 1)
        grid.setColumnStretch(1, 1)

    @property
    def amount(self) -> float:
        """The amount shown."""
        return float(self.box.value())

    def set_scale(self, scale: str) -> None:
        """Count in alpha or in percentiles."""
        if scale == self._scale or scale not in REACH:
            return
        self._scale = scale
        low, high, rest = REACH[scale]
        self.slider.blockSignals(True)
        self.slider.set_default(rest)
        self.slider.set_range(low, high)
        self.slider.blockSignals(False)
        self.box.blockSignals(True)
        self.box.setRange(*TYPED[scale])
        self.box.setSingleStep(0.1 if scale == "alpha" else 1.0)
        self.box.blockSignals(False)

    def set_amount(self, amount: float) -> None:
        """Show an amount without announcing it; the hand that holds the slider keeps it."""
        if not self.slider.isSliderDown():
            self.slider.set_real(amount)
            self._show(amount)

    def nudge(self, sign: float) -> None:
        """Go a step up (1) or down (-1), as a click on a picture of more or less does."""
        step = (1.0 if self._scale == "alpha" else 10.0) * sign
        self.box.setValue(min(max(self.amount + step, self.box.minimum()), self.box.maximum()))

    def set_places(self, before: float, after: float) -> None:
        """Say between which percentiles of the data set the edit moves the face; NaN where it is not known."""
        known = math.isfinite(before) and math.isfinite(after)
        self.place.setText(f"{percent(before)} → {percent(after)}".replace("\u2009%", "", 1) if known else "")

    def set_pictures(self, less: Bytes | None, more: Bytes | None) -> None:
        """Show what less and more of it would look like."""
        self.less.set_picture(less)
        self.more.set_picture(more)

    def _show(self, amount: float) -> None:
        self.box.blockSignals(True)
        self.box.setValue(amount)
        self.box.blockSignals(False)

    def _slid(self, amount: float) -> None:
        self._show(amount)
        self.moved.emit(self.amount)

    def _typed(self, amount: float) -> None:
        self.slider.set_real(amount)
        self.moved.emit(self.amount)
        self.settled.emit()
