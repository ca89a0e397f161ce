"""What the panels of operations and analyses share: a result, a progress line, and a line of words beneath."""

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from latentstudio.gui.panels.recipe_panel import RecipePanel
from latentstudio.gui.widgets.lines import Hairline, WordLine
from latentstudio.gui.widgets.result_view import ResultView

if TYPE_CHECKING:
    from latentstudio.gui.controller import Controller
    from latentstudio.gui.views import PanelView

FORM_WIDTH = 250


class ResultPanel(RecipePanel):
    """A panel that shows one result; subclasses lay the widgets out and add a form."""

    pairs = False
    """Whether plots stand side by side where there is room."""

    def __init__(self, controller: "Controller", panel_id: str, parent: QWidget | None = None) -> None:
        super().__init__(controller, panel_id, parent)
        self.hairline = Hairline(self)
        self.result = ResultView(self, self.pairs)
        self.words = WordLine(self)

    def refresh(self) -> None:
        """Show what the controller says now."""
        view = self.panel_view()
        if view is None:
            return
        self.show_document()
        self.result.set_hint(view.reason or view.error or view.message)
        if view.result is not self.result.result:
            self.result.set_result(view.result)
        self.result.set_stale(view.stale or bool(view.result is not None and (view.reason or view.error)))
        self.hairline.set_fraction(view.fraction)
        self.say()

    def say(self) -> None:
        """Say the caption of what is shown, or why nothing is."""
        view = self.panel_view()
        if view is not None:
            say_state(self.words, view)


def say_state(words: WordLine, view: "PanelView") -> None:
    """Say in one line what went wrong, what is going on, or where the result is from."""
    if view.error and view.result is not None:
        words.say(view.error, "error")
    elif view.result is not None and view.reason:
        words.say(view.reason, "warning")
    elif view.fraction < 1 and view.message:
        words.say(view.message, "info")
    elif view.result is not None:
        notes = getattr(view.result, "notes", ())
        words.say(" · ".join(filter(None, [view.result.caption, *notes])))
    else:
        words.say("")
