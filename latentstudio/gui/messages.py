"""Messages: a bar at the foot of the window that gets out of the way by itself, and never asks for a click."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QRect, Qt, QTimer
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from latentstudio.gui.icons import icon_pixmap
from latentstudio.gui.naming import tool_button
from latentstudio.gui.theme import GAP, RADIUS, colors, theme_signals

SECONDS = {"info": 5.0, "warning": 12.0, "error": 30.0}
"""How long a message stays."""

_KEPT = 50
_LINES = 3
_LOWEST = 38


@dataclass(frozen=True)
class Message:
    """One sentence and its kind (``info``, ``warning`` or ``error``)."""

    text: str
    kind: str


class MessageBar(QFrame):
    """Floats over the foot of its parent. The newest message shows; how often the same one came is counted.

    An optional button offers one thing to do about it, e.g. recover a session.

    Parameters
    ----------
    area : gives the rectangle of the parent that it stays inside; the whole parent by default.
    """

    def __init__(self, parent: QWidget, area: Callable[[], QRect] | None = None) -> None:
        super().__init__(parent)
        self._window = parent
        self._area = area or parent.rect
        self.setObjectName("messageBar")
        self.setAccessibleName("Messages")
        self.history: deque[Message] = deque(maxlen=_KEPT)
        self._repeats = 1
        self._kind = "info"
        self._picture = QLabel()
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.MinimumExpanding, QSizePolicy.Policy.Preferred)
        self._button = QPushButton()
        self._second = QPushButton()
        self._close = tool_button("close", "Dismiss", self.dismiss)
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(GAP + 4, GAP // 2, GAP // 2, GAP // 2)
        row.setSpacing(GAP)
        for widget in (self._picture, self._text, self._button, self._second, self._close):
            row.addWidget(widget, 1 if widget is self._text else 0)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.dismiss)
        theme_signals().changed.connect(self._paint)
        parent.installEventFilter(self)
        self.hide()

    @property
    def text(self) -> str:
        """What is said now, empty while nothing shows."""
        return self._text.text() if self.isVisibleTo(self._window) else ""

    def say(self, text: str, kind: str = "info") -> None:
        """Show a sentence.

        ``warning`` and ``error`` are not pushed aside by mere information, and a further one is put under them: a
        session can lack its model and its data at once.
        """
        message = Message(text, kind)
        showing = self.history[-1] if self.history and self.text else None
        self._repeats = self._repeats + 1 if showing == message else 1
        if self._repeats == 1:
            self.history.append(message)
        if showing is not None and showing.kind == "error" and kind == "info" and showing != message:
            return
        self._show(self._with_shown(message, showing), "", "")

    def _with_shown(self, message: Message, showing: Message | None) -> Message:
        """The message under those that show already, when both are more than information."""
        if showing is None or showing == message or "info" in (showing.kind, message.kind):
            return message
        lines = [line for line in self._text.text().split("\n") if line != message.text]
        kind = "error" if "error" in (self._kind, message.kind) else "warning"
        return Message("\n".join([*lines, message.text][-_LINES:]), kind)

    def offer(self, text: str, button: str, second: str = "") -> tuple[QPushButton, QPushButton]:
        """Show a sentence with one or two buttons, whose ``clicked`` the caller connects; it stays until answered."""
        for old in (self._button, self._second):
            replacement = QPushButton()
            self._row.replaceWidget(old, replacement)
            old.deleteLater()
            if old is self._button:
                self._button = replacement
            else:
                self._second = replacement
        message = Message(text, "info")
        self.history.append(message)
        self._show(message, button, second)
        self._timer.stop()
        for each in (self._button, self._second):
            each.clicked.connect(self.dismiss)
            # A click here must not make another panel the one that export and copy mean.
            each.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return self._button, self._second

    def dismiss(self) -> None:
        """Go; the keyboard stays where it was rather than move on to whatever comes next."""
        focus = QApplication.focusWidget()
        if focus is not None and self.isAncestorOf(focus):
            self._window.setFocus(Qt.FocusReason.OtherFocusReason)
        self.hide()

    def _show(self, message: Message, button: str, second: str) -> None:
        self._kind = message.kind
        times = f"  ({self._repeats} times)" if self._repeats > 1 else ""
        self._text.setText(message.text + times)
        self._button.setText(button)
        self._button.setVisible(bool(button))
        self._second.setText(second)
        self._second.setVisible(bool(second))
        self._paint()
        self.show()
        self.place()
        self.raise_()
        seconds = SECONDS.get(message.kind, 5.0)
        self._timer.stop()
        if seconds:
            self._timer.start(int(1000 * seconds))

    def _paint(self) -> None:
        c = colors()
        self._picture.setPixmap(icon_pixmap(self._kind, 18, self.devicePixelRatioF(), self._kind))
        self.setStyleSheet(
            f"#messageBar {{ background: {c.raised}; border: 1px solid {c.border};"
            f" border-left: 3px solid {getattr(c, self._kind)}; border-radius: {RADIUS}px; }}"
        )

    def place(self) -> None:
        """Sit at the foot of its area, no wider than the words need."""
        area = self._area()
        widest = min(760, area.width() - 4 * GAP)
        metrics = self._text.fontMetrics()
        shown = [b for b in (self._button, self._second) if not b.isHidden()]
        around = 18 + 22 + 5 * GAP + sum(b.sizeHint().width() + GAP for b in shown)
        words = metrics.boundingRect(
            0, 0, max(120, widest - around), 10_000, int(Qt.TextFlag.TextWordWrap), self._text.text()
        )
        self._text.setFixedSize(words.width() + 6, words.height() + 2)
        width = words.width() + 6 + around
        self.setFixedSize(width, max(words.height() + 2 * GAP, _LOWEST))
        self.move(area.center().x() - width // 2, area.bottom() - self.height() - GAP)

    def follow(self) -> None:
        """Take its place again when its area has changed."""
        if self.isVisible():
            self.place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the parent's size."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self.place()
        return super().eventFilter(watched, event)
