"""Long work that runs beside the window: how far it is, what it says, and a button to stop it."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from latentstudio.gui.naming import named, tool_button
from latentstudio.gui.theme import GAP, numeric_font, small_font
from latentstudio.studio.jobs import JobView

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller
    from latentstudio.gui.job_feed import JobFeed
    from latentstudio.gui.store_passes import StorePasses

_STATES = {"running": "", "finished": "done", "failed": "failed", "cancelled": "stopped"}


class JobRow(QFrame):
    """One job."""

    def __init__(self, feed: "JobFeed | StorePasses", view: JobView) -> None:
        super().__init__()
        self.setAccessibleName(view.title)
        self.title = QLabel(view.title)
        self.title.setWordWrap(True)
        self.time = QLabel()
        self.time.setFont(numeric_font(0.9))
        self.time.setProperty("muted", True)
        self.stop = tool_button("stop", "Stop this job; it saves what it can", lambda: feed.cancel(view.id))
        self.bar = named(QProgressBar(), f"Progress of {view.title}")
        self.bar.setTextVisible(False)
        self.words = QLabel()
        self.words.setFont(small_font())
        self.words.setProperty("muted", True)
        self.words.setWordWrap(True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        head = QHBoxLayout()
        head.setSpacing(GAP)
        head.addWidget(self.title, 1)
        head.addWidget(self.time)
        head.addWidget(self.stop)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP, GAP // 2, GAP // 2, GAP)
        column.setSpacing(GAP // 2)
        column.addLayout(head)
        column.addWidget(self.bar)
        column.addWidget(self.words)
        self.show_view(view)

    def show_view(self, view: JobView) -> None:
        """Show a job as it is now."""
        running = view.state == "running"
        if view.fraction is None and running:
            self.bar.setRange(0, 0)
        else:
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(1000 * (view.fraction or 0.0)))
        self.bar.setVisible(running)
        self.stop.setVisible(running)
        state = _STATES[view.state]
        self.time.setText(" ".join(part for part in (state, duration(view.seconds)) if part))
        self.words.setText(view.error or view.message)
        self.words.setToolTip("\n".join(view.lines[-12:]))


class JobsPanel(QWidget):
    """All jobs, newest first, and the door to a new training."""

    def __init__(self, controller: "Controller", panel_id: str = "") -> None:
        super().__init__()
        self._controller = controller
        self._feed: JobFeed | None = controller.jobs
        feeds: tuple[JobFeed | StorePasses | None, ...] = (controller.jobs, controller.stores)
        self._feeds = [feed for feed in feeds if feed is not None]
        self.rows: dict[int, JobRow] = {}
        self.train = QPushButton("Train a model…")
        self.train.setToolTip("Train from a recipe; the window stays free meanwhile")
        self.train.clicked.connect(self._ask)
        self.clear = QPushButton("Clear finished")
        self.clear.clicked.connect(self._clear)
        self.empty = QLabel("Nothing runs. Trainings, animations and encoding show their progress here.")
        self.empty.setProperty("muted", True)
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        buttons = QHBoxLayout()
        buttons.addWidget(self.train)
        buttons.addStretch(1)
        buttons.addWidget(self.clear)
        page = QWidget()
        self._list = QVBoxLayout(page)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(GAP // 2)
        self._list.addWidget(self.empty)
        self._list.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(page)
        area.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP, GAP, GAP, GAP)
        column.setSpacing(GAP)
        column.addLayout(buttons)
        column.addWidget(area, 1)
        controller.jobs_changed.connect(self.refresh)
        for feed in self._feeds:
            feed.changed.connect(self._changed)
        self.refresh()

    def _changed(self, view: JobView) -> None:
        row = self.rows.get(view.id)
        if row is not None:
            row.show_view(view)

    def refresh(self) -> None:
        """Show the jobs that there are."""
        views = {view.id: (feed, view) for feed in self._feeds for view in feed.all()}
        for number in [n for n in self.rows if n not in views]:
            row = self.rows.pop(number)
            self._list.removeWidget(row)
            row.deleteLater()
        for number, (feed, view) in views.items():
            if number in self.rows:
                self.rows[number].show_view(view)
            else:
                self.rows[number] = JobRow(feed, view)
                self._list.insertWidget(0, self.rows[number])
        self.empty.setVisible(not views)
        self.clear.setVisible(any(view.state != "running" for _, view in views.values()))

    def _clear(self) -> None:
        for feed in self._feeds:
            feed.clear()

    def _ask(self) -> None:
        from latentstudio.gui.train_dialog import TrainDialog

        if self._feed is not None:
            TrainDialog(self._controller, self._feed, self.window()).open()


def duration(seconds: float) -> str:
    """Write a time in minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
