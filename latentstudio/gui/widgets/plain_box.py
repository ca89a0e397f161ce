"""Number boxes without arrows, for numbers that a slider beside them already moves."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox

from latentstudio.gui.theme import numeric_font

_NO_ARROWS = """
QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button, QDoubleSpinBox::down-button {
  width: 0; height: 0; border: none; }
QSpinBox::up-arrow, QSpinBox::down-arrow, QDoubleSpinBox::up-arrow, QDoubleSpinBox::down-arrow {
  image: none; width: 0; height: 0; }
"""


def make_plain(box: QAbstractSpinBox) -> None:
    """Take the arrows away and set figures of equal width at the right.

    ``ButtonSymbols.NoButtons`` is not enough: under a style sheet it leaves no room for the number itself.
    """
    box.setStyleSheet(_NO_ARROWS)
    box.setFont(numeric_font())
    box.setAlignment(Qt.AlignmentFlag.AlignRight)
    box.setKeyboardTracking(False)


class RealBox(QDoubleSpinBox):
    """A box for real numbers that shows no more decimals than the number has: 0.5, not 0.500."""

    def textFromValue(self, value: float) -> str:
        """Write a number without trailing noughts."""
        return f"{round(value, self.decimals()):.10g}".replace("-", "−")

    def valueFromText(self, text: str) -> float:
        """Read a number with either kind of minus sign and either kind of decimal mark."""
        try:
            return float(text.replace("−", "-").replace(",", "."))
        except ValueError:
            return self.value()

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Accept what `valueFromText` reads; a lone sign or point may become a number."""
        plain = text.strip().replace("−", "-").replace(",", ".")
        try:
            inside = self.minimum() <= float(plain) <= self.maximum()
        except ValueError:
            partial = plain in ("", "-", ".", "-.") or plain.lower().rstrip("+-").endswith("e")
            state = QValidator.State.Intermediate if partial else QValidator.State.Invalid
        else:
            state = QValidator.State.Acceptable if inside else QValidator.State.Intermediate
        return state, text, position
