"""The strip on screen: readouts, warnings, keyboard, hover, drags that start, stale and unfinished frames."""

import numpy as np
import pytest
from fakes import frames, strip
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QContextMenuEvent, QImage
from PySide6.QtWidgets import QApplication

from latentstudio.gui.theme import colors
from latentstudio.gui.widgets.prior_curve import PriorCurve
from latentstudio.gui.widgets.readouts import number, percent, readouts, sentence
from latentstudio.gui.widgets.strip_view import StripView
from latentstudio.results import Band, Strip


@pytest.fixture
def view(qtbot) -> StripView:
    view = StripView()
    qtbot.addWidget(view)
    view.resize(816, 300)
    view.set_strip(strip(labels=("Linear", "Spherical")))
    view.show()
    return view


def has_colour(picture: QImage, where: QRectF, name: str) -> bool:
    """Whether a colour is found in a rectangle, up to antialiasing."""
    box, wanted = where.toRect(), QColor(name)
    for y in range(box.top(), box.bottom()):
        for x in range(box.left(), box.right()):
            c = picture.pixelColor(x, y)
            if abs(c.red() - wanted.red()) + abs(c.green() - wanted.green()) + abs(c.blue() - wanted.blue()) < 90:
                return True
    return False


def drawn(view) -> QImage:
    return view.grab().toImage()


def test_numbers_are_short_and_honest() -> None:
    assert [number(v) for v in (8.123, -143.25, -1243.4, 1.2e7, np.inf, -np.inf, np.nan)] == [
        "8.12", "−143.2", "−1\u2009243", "1.2e+07", "∞", "−∞", "nan",
    ]  # fmt: skip
    assert [percent(v) for v in (0.2, 54.4, 99.7, np.nan)] == ["<1\u2009%", "54\u2009%", ">99\u2009%", "–"]


def test_values_outside_the_typical_range_are_flagged() -> None:
    codes = np.zeros((4, 4), np.float32)
    codes[:, 0] = [1, 5, 20, np.nan]
    made = frames(codes)
    norm, density = Band(3, 10, ""), Band(-6, 0, "")
    flags = [tuple(r.unusual for r in readouts(made, i, norm, density)) for i in range(4)]
    assert flags == [(True, False, True), (False, False, False), (True, True, True), (True, True, True)]
    assert "outside the typical range" in sentence(made, 0, norm, density)
    assert "outside" not in sentence(made, 1, norm, density)


def test_a_model_without_density_shows_a_dash() -> None:
    made = frames(np.ones((1, 4), np.float32), density=False)
    assert [r.text for r in readouts(made, 0, None, None)][1] == "–"


def test_unusual_numbers_are_painted_in_the_warning_colour(view) -> None:
    def warns(shown: Strip) -> bool:
        view.set_strip(shown)
        return has_colour(drawn(view), view.layout_of_frames.line_rect(0, 0), colors().warning)

    far = np.array([40, 0, 0, 0], np.float32)
    assert warns(strip(a=far))
    assert not warns(strip(a=np.array([5, 0, 0, 0], np.float32)))


def test_frames_show_exactly_the_pixels_of_the_model(view) -> None:
    picture = drawn(view)
    for frame in range(view.count):
        middle = view.frame_rect(frame).center().toPoint()
        assert picture.pixelColor(middle).red() == view.frames.images[frame, 0, 0, 0]


def test_frames_that_are_not_decoded_are_quiet_and_inert(view, qtbot) -> None:
    ready = np.ones(9, bool)
    ready[4] = False
    view.set_strip(strip(ready=ready))
    activated: list[int] = []
    view.activated.connect(activated.append)
    for frame in (4, 5):
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.frame_rect(frame).center().toPoint())
    assert activated == [5]
    middle = view.frame_rect(4).center().toPoint()
    assert drawn(view).pixelColor(middle) == QColor(colors().sunken)


def test_stale_frames_stay_but_dimmed(view) -> None:
    middle = view.frame_rect(8).center().toPoint()
    before = drawn(view).pixelColor(middle).red()
    view.set_stale(True)
    after = drawn(view).pixelColor(middle).red()
    ground = drawn(view).pixelColor(2, 299).red()
    assert min(before, ground) < after < max(before, ground)


def test_the_keyboard_walks_and_acts(view, qtbot) -> None:
    activated, enlarged = [], []
    view.activated.connect(activated.append)
    view.enlarged.connect(enlarged.append)
    walk = [
        (Qt.Key.Key_Right, 1), (Qt.Key.Key_Down, 10), (Qt.Key.Key_Down, 10), (Qt.Key.Key_Left, 9), (Qt.Key.Key_Left, 9),
        (Qt.Key.Key_End, 17), (Qt.Key.Key_Right, 17), (Qt.Key.Key_Up, 8), (Qt.Key.Key_Home, 0),
    ]  # fmt: skip
    for key, expected in walk:
        qtbot.keyClick(view, key)
        assert view.current == expected
    qtbot.keyClick(view, Qt.Key.Key_Return)
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert (activated, enlarged) == ([0], [0])
    assert view.accessibleDescription().startswith("Linear, frame 1 of 9, position 0.00: norm")


def test_hover_tells_and_leaves(view, qtbot) -> None:
    told: list[int] = []
    view.hovered.connect(told.append)
    for frame in (3, 12):
        qtbot.mouseMove(view, view.frame_rect(frame).center().toPoint())
    qtbot.mouseMove(view, QPoint(2, 2))
    assert told == [3, 12, -1]


def test_a_drag_starts_only_beyond_the_threshold(view, qtbot) -> None:
    dragged, activated = [], []
    view.drag_started.connect(dragged.append)
    view.activated.connect(activated.append)
    start = view.frame_rect(2).center().toPoint()
    far = QApplication.startDragDistance()
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(view, start + QPoint(far - 1, 0))
    assert dragged == []
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=start)
    assert activated == [2]
    _drag(view, start, start + QPoint(far + 4, 3))
    assert dragged == [2]
    assert activated == [2], "a drag is no click"


def _drag(view, start: QPoint, end: QPoint) -> None:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent

    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    for kind, at, button in (
        (QEvent.Type.MouseButtonPress, start, left),
        (QEvent.Type.MouseMove, end, Qt.MouseButton.NoButton),
        (QEvent.Type.MouseButtonRelease, end, left),
    ):
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else left
        event = QMouseEvent(kind, QPointF(at), QPointF(view.mapToGlobal(at)), button, held, none)
        QApplication.sendEvent(view, event)


def test_the_menu_key_offers_the_frame_of_the_keyboard(view, qtbot) -> None:
    wanted: list[int] = []
    view.menu_wanted.connect(lambda frame, _where: wanted.append(frame))
    view.set_current(5)
    QApplication.sendEvent(view, QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(0, 0), QPoint(0, 0)))
    assert wanted == [5]


def test_an_empty_strip_shows_its_hint(qtbot) -> None:
    view = StripView()
    qtbot.addWidget(view)
    view.resize(300, 100)
    view.set_hint("Drop a second face on B")
    blank = drawn(view)
    view.set_hint("")
    assert drawn(view) != blank
    assert view.frame_at(QPointF(10, 10)) == -1


def test_a_shorter_strip_forgets_frames_that_have_gone(view) -> None:
    view.set_current(17)
    view.set_strip(strip(positions=np.linspace(0, 1, 3)))
    assert view.current == 2
    view.set_strip(None)
    assert view.count == 0


def test_curve_has_a_line_for_each_path_and_gaps_where_frames_are_missing(qtbot) -> None:
    ready = np.ones(18, bool)
    ready[3] = False
    view, curve = StripView(), PriorCurve()
    qtbot.addWidget(view)
    qtbot.addWidget(curve)
    view.geometry_changed.connect(curve.set_geometry)
    view.resize(816, 300)
    shown = strip(labels=("Linear", "Spherical"), ready=ready)
    view.set_strip(shown)
    curve.set_strip(shown)
    assert curve.values().shape == (2, 9)
    assert np.isnan(curve.values()[0, 3])
    assert np.isfinite(curve.values()).sum() == 17
    curve.set_quantity("log_prob")
    assert np.nanmax(np.abs(curve.values() + shown.frames.norm.reshape(2, 9))) == 0
    curve.set_quantity("percentile")
    assert curve.limits() == (0.0, 100.0)


def test_curve_shows_the_whole_band_and_all_values(qtbot) -> None:
    curve = PriorCurve()
    qtbot.addWidget(curve)
    curve.set_strip(strip())
    low, high = curve.limits()
    assert low < 3.0 < 10.0 < high
    assert low < curve.values().min()
    assert curve.values().max() < high
    assert "frames are unusual" in curve.accessibleDescription()


def test_pointing_at_the_curve_points_at_the_frame(qtbot) -> None:
    view, curve = StripView(), PriorCurve()
    qtbot.addWidget(view)
    qtbot.addWidget(curve)
    view.geometry_changed.connect(curve.set_geometry)
    curve.pointed.connect(view.point_at)
    view.resize(816, 300)
    curve.resize(816, 72)
    shown = strip(labels=("Linear", "Spherical"))
    view.set_strip(shown)
    curve.set_strip(shown)
    curve.show()
    pointed: list[int] = []
    curve.pointed.connect(pointed.append)
    qtbot.mouseMove(curve, curve.point(0, 6).toPoint())
    assert pointed[-1] % 9 == 6
