from dataclasses import replace

import numpy as np
import pytest
from silent_engine import SilentEngine

from latentstudio.figures.inspect import Inspection
from latentstudio.figures.recipe import ImageInput
from latentstudio.gui.controller import Controller
from latentstudio.gui.panels.inspected import short
from latentstudio.gui.panels.inspector import InspectorPanel
from latentstudio.gui.widgets.profile import ProfileView
from latentstudio.studio.catalogue import Catalogue
from latentstudio.studio.document import Document, Panel
from latentstudio.studio.requests import ThumbnailBatch
from latentstudio.studio.session import Session


@pytest.fixture
def inspection() -> Inspection:
    random = np.random.default_rng(0)
    return Inspection(
        image=random.integers(0, 255, (64, 64, 1), dtype=np.uint8),
        original=random.integers(0, 255, (64, 64, 1), dtype=np.uint8),
        error=17.0,
        code=random.normal(size=64).astype(np.float32),
        norm=8.1,
        log_prob=-50.25,
        prior_percentile=52.0,
        data_percentile=99.0,
        profile=random.normal(size=64),
        nearest=((3, 1.5), (11, 20.0)),
        attributes={"identity": "0", "Smiling": "yes", "Eyeglasses": "no", "pitch": "–"},
        label="00_5",
    )


@pytest.fixture
def controller(qtbot):
    strip = Panel(id="strip-1", kind="operation", name="interpolate")
    controller = Controller(Session(Document(data="faces", panels=(strip,))), SilentEngine(), Catalogue())
    yield controller
    controller.close()


@pytest.fixture
def panel(controller: Controller, qtbot) -> InspectorPanel:
    panel = InspectorPanel(controller)
    qtbot.addWidget(panel)
    panel.resize(280, 700)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


def test_empty_it_says_how_to_fill_it(panel: InspectorPanel) -> None:
    assert panel._empty.isVisible()
    assert not panel._area.isVisible()


def test_shows_numbers_labels_and_warnings(panel: InspectorPanel, inspection: Inspection) -> None:
    panel.show_inspection(inspection)
    rows = {name: (value, warn) for name, value, warn in panel._table._rows}
    assert rows["Norm of the code (64 numbers)"] == ("8.10", False)
    assert rows["Log-density"] == ("−50.2 nats", False)
    assert rows["Reconstruction error"] == ("17.0 / 255", False)
    assert panel._labels.text() == "identity 0 · Smiling"
    assert panel._data.accessibleName().endswith("99.0")


def test_nearest_images_get_their_own_pictures(panel: InspectorPanel, controller, inspection: Inspection) -> None:
    panel.show_inspection(inspection)
    lane, request = controller.engine.asked[-1]
    assert (lane, request.indices) == ("thumbnails:inspector", (3, 11))
    pixels = np.zeros((2, request.edge, request.edge, 3), dtype=np.uint8)
    pixels[0], pixels[1] = 10, 200
    controller.thumbnails_ready.emit(ThumbnailBatch("faces", request.edge, (11, 3), pixels, {}))
    assert panel._neighbours[1]._pixels.mean() == 10
    assert panel._neighbours[0]._pixels.mean() == 200


def test_use_as_puts_the_inspected_input_on_the_strip(panel: InspectorPanel, controller, inspection) -> None:
    item = ImageInput(dataset="faces", index=5, id="5")
    controller.inspect(item)
    panel.show_inspection(inspection)
    panel._use("b")
    assert controller.document.panel("strip-1").slots["b"] == (item,)


def test_the_code_leaves_as_it_is(panel: InspectorPanel, inspection: Inspection) -> None:
    panel.show_inspection(inspection)
    assert np.array_equal(panel.code_input().values(), inspection.code)


def test_long_codes_show_the_extreme_of_each_bin(qtbot) -> None:
    view = ProfileView()
    qtbot.addWidget(view)
    view.resize(100, 72)
    values = np.zeros(12_288)
    values[7_000] = -9.0
    view.set_values(values)
    columns = view.columns()
    assert len(columns) == 50
    assert columns.min() == -9.0
    assert np.count_nonzero(columns) == 1


def test_numbers_are_shortened_and_words_kept() -> None:
    assert short("0.45123456") == "0.451"
    assert short("north") == "north"


@pytest.mark.parametrize(
    ("origin", "badge"),
    [
        ("training image of Olivetti faces", "training"),
        ("held-out image of Olivetti faces", "held-out"),
        ("image of Olivetti faces", ""),
        ("a photo", ""),
    ],
)
def test_says_whether_the_model_has_seen_the_image(
    panel: InspectorPanel, inspection: Inspection, origin: str, badge: str
) -> None:
    panel.show_inspection(replace(inspection, origin=origin))
    assert (panel._split.text(), panel._split.isVisible()) == (badge, bool(badge))
