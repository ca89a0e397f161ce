import numpy as np
import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from silent_engine import SilentEngine

from latentstudio.data.imageset import AttributeTable, Column
from latentstudio.figures.recipe import ImageInput
from latentstudio.gui.controller import Controller
from latentstudio.gui.panels.browser import BrowserPanel
from latentstudio.gui.widgets.filter_bar import FilterBar
from latentstudio.studio.catalogue import Catalogue
from latentstudio.studio.document import Browser, Document, Panel
from latentstudio.studio.requests import DatasetFacts, ThumbnailBatch, Thumbnails
from latentstudio.studio.session import Session


def people(size: int = 120) -> DatasetFacts:
    columns = (
        Column("identity", "number", np.arange(size, dtype=np.float64) // 10),
        Column("Smiling", "binary", (np.arange(size) % 3 == 0).astype(np.float64)),
    )
    ids = tuple(f"face-{i:04d}" for i in range(size))
    return DatasetFacts("faces", "Faces", size, (64, 64, 3), "d", ids, AttributeTable(size, columns), None)


@pytest.fixture
def engine() -> SilentEngine:
    return SilentEngine()


@pytest.fixture
def controller(engine: SilentEngine, qtbot):
    facts = people()
    catalogue = Catalogue(models={}, datasets={"faces": facts}, problems={})
    controller = Controller(Session(Document(data="faces")), engine, catalogue)
    yield controller
    controller.close()


@pytest.fixture
def panel(controller: Controller, qtbot) -> BrowserPanel:
    panel = BrowserPanel(controller)
    qtbot.addWidget(panel)
    panel.resize(340, 500)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


def test_shows_all_and_counts(panel: BrowserPanel) -> None:
    assert len(panel.grid.order) == 120
    assert panel._counts.text() == "120 images"


def test_search_filters_after_a_pause_and_is_undoable(panel: BrowserPanel, controller: Controller, qtbot) -> None:
    qtbot.keyClicks(panel._search, "face-001")
    qtbot.waitUntil(lambda: len(panel.grid.order) == 10)
    assert panel._counts.text() == "10 of 120 images"
    controller.undo()
    assert len(panel.grid.order) == 120
    assert panel._search.text() == ""


def test_selection_is_shared_and_survives_filtering(panel: BrowserPanel, controller: Controller) -> None:
    panel.grid.selected.emit((3, 4), "replace")
    assert controller.document.selection == (3, 4)
    controller.set_browser(filters={"Smiling": "no"})
    assert 3 not in panel.grid.order
    assert controller.document.selection == (3, 4)
    assert panel._counts.text() == "80 of 120 images · 2 selected"


def test_filter_chip_removes_its_filter(panel: BrowserPanel, controller: Controller, qtbot) -> None:
    controller.set_browser(filters={"Smiling": "yes", "identity": "2..3"})
    assert sorted(panel.grid.order) == [21, 24, 27, 30, 33, 36, 39]
    chips = [panel._filters._flow.itemAt(i).widget() for i in range(panel._filters._flow.count())]
    assert [chip.text() for chip in chips] == ["Smiling  ×", "identity: 2..3  ×"]
    qtbot.mouseClick(chips[0], Qt.MouseButton.LeftButton)
    assert controller.document.browser.filters == {"identity": "2..3"}


def test_a_filter_that_cannot_be_read_is_said_in_the_grid(panel: BrowserPanel, controller: Controller) -> None:
    controller.set_browser(filters={"identity": "about two"})
    assert len(panel.grid.order) == 0
    assert "about two" in panel.grid._empty_text


def test_double_click_inspects_the_right_image(panel: BrowserPanel, controller: Controller) -> None:
    controller.set_browser(sort="-identity")
    index = int(panel.grid.order[0])
    panel.grid.activated.emit(index)
    assert controller.document.current == ImageInput(dataset="faces", index=index, id=f"face-{index:04d}")


def test_thumbnails_of_another_dataset_are_not_painted(
    panel: BrowserPanel, controller: Controller, engine: SilentEngine, qtbot
) -> None:
    qtbot.waitUntil(lambda: any(isinstance(request, Thumbnails) for _, request in engine.asked))
    request = next(request for _, request in engine.asked if isinstance(request, Thumbnails))
    pixels = np.zeros((1, request.edge, request.edge, 3), dtype=np.uint8)
    controller.thumbnails_ready.emit(ThumbnailBatch("other", request.edge, (0,), pixels, {}))
    assert panel.grid.pixels_of(0) is None
    controller.thumbnails_ready.emit(ThumbnailBatch("faces", request.edge, (0,), pixels, {}))
    assert panel.grid.pixels_of(0) is not None


def test_hover_card_names_the_person_and_the_labels(panel: BrowserPanel) -> None:
    lines = panel.describe(33)
    assert lines[0] == "face-0033"
    assert "identity 3" in lines
    assert "Smiling" in lines


def test_named_selections_come_back(panel: BrowserPanel, controller: Controller) -> None:
    controller.select((5, 6, 7))
    controller.name_selection("pilot")
    controller.select((1,))
    panel.selections.fill()
    menu = next(a.menu() for a in panel.selections.entries.actions() if a.menu() is not None)
    assert menu.title() == "pilot (3)"
    menu.actions()[1].trigger()
    assert controller.document.selection == (1, 5, 6, 7)
    menu.actions()[2].trigger()
    assert controller.document.selection == (5, 6, 7)
    controller.select((1, 5))
    menu.actions()[3].trigger()
    assert controller.document.selection == (1,)
    menu.actions()[5].trigger()
    assert controller.document.named_selections == {}
    controller.undo()
    assert controller.document.named_selections == {"pilot": (5, 6, 7)}


def test_inverting_stays_within_what_is_shown(panel: BrowserPanel, controller: Controller) -> None:
    controller.set_browser(filters={"identity": "2"})
    controller.select((20, 21, 50))
    panel.selections.invert()
    assert sorted(controller.document.selection) == list(range(22, 30))


def test_opening_another_dataset_forgets_old_pixels(panel: BrowserPanel, controller: Controller) -> None:
    edge = round(panel.grid.edge * panel.grid.devicePixelRatioF())
    panel.grid.receive((0,), edge, np.zeros((1, edge, edge, 3), dtype=np.uint8), {})
    controller.edit("Open dataset", lambda d: replace(d, data="digits", browser=Browser()))
    assert panel.grid.pixels_of(0) is None
    assert len(panel.grid.order) == 0


def test_the_keyboard_puts_images_on_both_slots(panel: BrowserPanel, controller: Controller, qtbot) -> None:
    strip = Panel(id="strip-1", kind="operation", name="interpolate")
    controller.edit("Add", lambda d: d.with_panel(strip))
    panel.grid.setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_A, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_B):
        qtbot.keyClick(panel.grid, key)
    slots = controller.document.panel("strip-1").slots
    assert (slots["a"][0].index, slots["b"][0].index) == (1, 3)
    assert controller.session.undo_label == "Use B"


def test_dozens_of_numbers_stand_in_a_menu_of_their_own(qtbot) -> None:
    def number(name: str) -> Column:
        return Column(name, "number", np.arange(4.0))

    few = {name: number(name) for name in ("yaw", "norm", "log_prob")}
    bar = FilterBar()
    qtbot.addWidget(bar)
    for columns, expected in (
        (few, ["Norm of the code…", "Log-density…", "Yaw…"]),
        ({**few, **{f"f{i}": number(f"f{i}") for i in range(20)}}, ["Norm of the code…", "Log-density…"]),
    ):
        bar.set_columns(columns)
        bar._fill_menu()
        shown = [a for a in bar._menu.actions() if not a.isSeparator()]
        assert [a.text() for a in shown if a.menu() is None] == expected
    assert [a.text() for a in shown if a.menu() is not None] == ["21 measured factors"]
