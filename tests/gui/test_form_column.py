"""The column beside a result: nothing in it is cut off, whether or not it scrolls."""

import pytest
from PySide6.QtWidgets import QWidget

from latentstudio.gui.widgets.form_column import FormColumn


@pytest.mark.parametrize(("height", "scrolls"), [(150, True), (500, False)])
def test_widgets_have_their_width_with_and_without_a_scroll_bar(qtbot, height: int, scrolls: bool) -> None:
    column = FormColumn(200)
    column.setStyleSheet("QScrollBar:vertical { width: 10px; }")
    qtbot.addWidget(column)
    tall = QWidget()
    tall.setMinimumSize(200, 300)
    column.column.addWidget(tall)
    column.setFixedHeight(height)
    column.show()
    qtbot.waitUntil(lambda: column.verticalScrollBar().isVisible() is scrolls and tall.width() == 200)
    assert column.widget().width() <= column.viewport().width(), "there is no horizontal scroll bar"
