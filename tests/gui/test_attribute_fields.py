from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from latentstudio.controls import controls
from latentstudio.gui.widgets.attribute_fields import AttributesField
from latentstudio.gui.widgets.form import ParameterForm
from latentstudio.operations.attribute import Attribute


def _form(qtbot) -> tuple[ParameterForm, AttributesField]:
    form = ParameterForm(controls(Attribute))
    qtbot.addWidget(form)
    form.set_attributes(("Smiling", "Eyeglasses", "selection:pilot"))
    field = form.fields["attributes"]
    assert isinstance(field, AttributesField)
    form.show()
    return form, field


def test_attributes_are_typed_or_chosen_and_taken_away_again(qtbot) -> None:
    form, field = _form(qtbot)
    seen: list[tuple[str, object]] = []
    form.changed.connect(lambda name, value: seen.append((name, value)))
    field.box.line.setText("yaw>0")
    QTest.keyClick(field.box.line, Qt.Key.Key_Return)
    field.box.setCurrentIndex(1)
    field.box.activated.emit(1)
    assert seen == [("attributes", ("yaw>0",)), ("attributes", ("yaw>0", "Eyeglasses"))]
    assert [tag.text() for tag in field.tags] == ["yaw>0", "Eyeglasses"]
    QTest.mouseClick(field.tags[0], Qt.MouseButton.LeftButton)
    assert seen[-1] == ("attributes", ("Eyeglasses",))
    assert field.box.line.text() == ""


def test_picking_what_was_found_adds_that_attribute_and_no_other(qtbot) -> None:
    form, field = _form(qtbot)
    seen: list[object] = []
    form.changed.connect(lambda _name, value: seen.append(value))
    field.box.line.setFocus()
    QTest.keyClicks(field.box.line, "glass")
    found = field.box.completer().popup()
    qtbot.waitUntil(found.isVisible)
    QTest.keyClick(found, Qt.Key.Key_Down)
    QTest.keyClick(found, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: field.box.line.text() == "")
    QTest.keyClick(field.box.line, Qt.Key.Key_Return)
    assert seen == [("Eyeglasses",)]


def test_the_same_attribute_is_added_once(qtbot) -> None:
    form, field = _form(qtbot)
    seen: list[object] = []
    form.changed.connect(lambda _name, value: seen.append(value))
    for _ in range(2):
        field.box.line.setText("Smiling")
        QTest.keyClick(field.box.line, Qt.Key.Key_Return)
    assert seen == [("Smiling",)]


def test_another_dataset_offers_other_attributes_and_keeps_the_chosen_ones(qtbot) -> None:
    form, field = _form(qtbot)
    form.set_values({"attributes": ["Smiling"]})
    form.set_attributes(("hat",))
    assert field.value() == ("Smiling",)
    assert [field.box.itemText(i) for i in range(field.box.count())] == ["hat"]
