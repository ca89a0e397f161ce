"""What the message bar shows when several things are wrong at once."""

import pytest
from PySide6.QtWidgets import QWidget

from latentstudio.gui.messages import MessageBar


@pytest.fixture
def bar(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.resize(900, 400)
    return MessageBar(parent)


def test_two_things_that_are_missing_are_both_in_sight(bar):
    bar.say("The model 'm' is not here.", "warning")
    bar.say("The data /photos is not there any more.", "warning")
    assert bar.text.split("\n") == ["The model 'm' is not here.", "The data /photos is not there any more."]
    low = bar.height()
    bar.say("There is no folder /photos.", "error")
    assert len(bar.text.split("\n")) == 3
    assert bar.height() > low, "every line has its room"
    assert bar.history[0].text == "The model 'm' is not here."


def test_only_the_last_lines_stay_and_none_twice(bar):
    for number in (1, 2, 3, 2, 4):
        bar.say(f"Fault {number}.", "error")
    assert bar.text.split("\n") == ["Fault 3.", "Fault 2.", "Fault 4."]


def test_information_is_not_put_under_anything(bar):
    bar.say("Saved a.", "info")
    bar.say("Saved b.", "info")
    assert bar.text == "Saved b."
    bar.say("No space left.", "error")
    assert bar.text == "No space left."
    bar.say("Saved c.", "info")
    assert bar.text == "No space left."
    bar.dismiss()
    bar.say("Something else.", "error")
    assert bar.text == "Something else."
