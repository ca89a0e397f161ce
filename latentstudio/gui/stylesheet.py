"""The style sheet of the window: flat fields, hairline borders, one accent. Plots and pictures paint themselves."""

from typing import TYPE_CHECKING

from latentstudio.paths import bundled

if TYPE_CHECKING:
    from latentstudio.gui.theme import Palette

_SHEET = """
QMainWindow, QDialog {{ background: {background}; }}
QMainWindow::separator {{ background: {background}; width: 5px; height: 5px; }}
QMainWindow::separator:vertical {{ border-left: 1px solid {border}; }}
QMainWindow::separator:horizontal {{ border-top: 1px solid {border}; }}
QMainWindow::separator:hover {{ background: {accent}; }}
QToolTip {{ background: {raised}; color: {text}; border: 1px solid {border}; padding: 4px 6px; }}

QMenuBar {{ background: {background}; padding: 1px 4px; }}
QMenuBar::item {{ padding: 4px 8px; background: transparent; border-radius: 3px; }}
QMenuBar::item:selected {{ background: {hover}; }}
QMenu {{ background: {surface}; border: 1px solid {border}; padding: 4px 0; }}
QMenu::item {{ padding: 5px 28px 5px 12px; }}
QMenu::icon {{ padding-left: 8px; }}
QMenu::item:selected {{ background: {selected}; color: {text}; }}
QMenu::item:disabled {{ color: {muted}; }}
QMenu::separator {{ height: 1px; background: {border}; margin: 4px 0; }}

QToolBar {{ background: {background}; border: none; border-bottom: 1px solid {border}; padding: 3px 6px;
  spacing: 4px; }}
QToolBar::separator {{ width: 1px; background: {border}; margin: 4px 4px; }}
QToolButton {{ border: 1px solid transparent; border-radius: 4px; padding: 3px; background: transparent; }}
QToolButton:hover {{ background: {hover}; }}
QToolButton:pressed, QToolButton:checked {{ background: {selected}; }}
QToolButton:focus {{ border-color: {accent}; }}
QToolButton::menu-indicator {{ image: none; }}
QToolBarExtension {{ qproperty-text: ""; }}

QDockWidget {{ titlebar-close-icon: none; }}
QTabBar {{ background: transparent; }}
QTabBar::tab {{ background: transparent; color: {muted}; padding: 5px 10px; border: none;
  border-bottom: 2px solid transparent; }}
QTabBar::tab:hover {{ color: {text}; }}
QTabBar::tab:selected {{ color: {text}; border-bottom: 2px solid {accent}; }}
QTabBar::tab:focus {{ color: {text}; border-bottom: 2px solid {text}; }}
QTabBar::scroller {{ width: 20px; }}
QTabWidget::pane {{ border: none; border-top: 1px solid {border}; }}

QStatusBar {{ background: {background}; border-top: 1px solid {border}; }}
QStatusBar::item {{ border: none; }}

QPushButton {{ background: {raised}; border: 1px solid {border}; border-radius: 4px; padding: 4px 12px; }}
QPushButton:hover {{ background: {hover}; }}
QPushButton:pressed, QPushButton:checked {{ background: {selected}; }}
QPushButton:default {{ border-color: {accent}; }}
QPushButton:focus {{ border-color: {accent}; }}
QPushButton:disabled {{ color: {muted}; background: transparent; }}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QPushButton:flat {{ background: transparent; border-color: transparent; }}

QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QPlainTextEdit, QTextEdit {{
  background: {raised}; border: 1px solid {border}; border-radius: 4px; padding: 3px 6px;
  selection-background-color: {accent}; selection-color: {accent_text}; }}
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus, QPlainTextEdit:focus {{
  border-color: {accent}; }}
QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled {{
  color: {muted}; background: transparent; }}
QSpinBox, QDoubleSpinBox {{ padding: 3px 18px 3px 6px; }}
QComboBox {{ padding-right: 20px; combobox-popup: 0; }}
QComboBox::drop-down {{ border: none; width: 20px; subcontrol-origin: padding; subcontrol-position: center right; }}
QComboBox::down-arrow {{ image: url("{icons}/arrow-down.svg"); width: 10px; height: 10px; }}
QComboBox QAbstractItemView {{ background: {surface}; border: 1px solid {border}; outline: none; padding: 2px;
  selection-background-color: {selected}; selection-color: {text}; }}
QComboBox QAbstractItemView::item {{ min-height: 24px; padding: 0 4px; }}
QSpinBox::up-button, QDoubleSpinBox::up-button {{ subcontrol-origin: border; subcontrol-position: top right;
  width: 16px; border: none; }}
QSpinBox::down-button, QDoubleSpinBox::down-button {{ subcontrol-origin: border;
  subcontrol-position: bottom right; width: 16px; border: none; }}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow {{ image: url("{icons}/arrow-up.svg"); width: 8px; height: 8px; }}
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {{ image: url("{icons}/arrow-down.svg"); width: 8px; height: 8px; }}

QCheckBox, QRadioButton {{ spacing: 6px; }}
QCheckBox::indicator {{ width: 14px; height: 14px; border: 1px solid {muted}; border-radius: 3px;
  background: {raised}; }}
QCheckBox::indicator:checked {{ background: {accent}; border-color: {accent};
  image: url("{icons}/tick-{name}.svg"); }}
QCheckBox::indicator:focus {{ border-color: {accent}; }}
QCheckBox::indicator:disabled {{ border-color: {border}; }}

QSlider::groove:horizontal {{ height: 3px; background: {border}; border-radius: 1px; }}
QSlider::sub-page:horizontal {{ background: {accent}; border-radius: 1px; }}
QSlider::handle:horizontal {{ width: 13px; height: 13px; margin: -6px 0; border-radius: 7px;
  background: {text}; border: 1px solid {background}; }}
QSlider::handle:horizontal:hover, QSlider::handle:horizontal:focus {{ background: {accent}; }}
QSlider::sub-page:horizontal:disabled {{ background: {border}; }}
QSlider::handle:horizontal:disabled {{ background: {muted}; }}

QProgressBar {{ background: {raised}; border: none; border-radius: 2px; max-height: 4px; color: transparent; }}
QProgressBar::chunk {{ background: {accent}; border-radius: 2px; }}

QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle {{ background: {border}; border-radius: 3px; margin: 2px; }}
QScrollBar::handle:vertical {{ min-height: 28px; }}
QScrollBar::handle:horizontal {{ min-width: 28px; }}
QScrollBar::handle:hover {{ background: {muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QAbstractScrollArea::corner {{ background: transparent; }}

QHeaderView::section {{ background: {surface}; color: {muted}; border: none; border-bottom: 1px solid {border};
  padding: 4px 8px; }}
QTableView, QTableWidget, QTreeView, QListView, QListWidget {{ background: {surface}; border: 1px solid {border};
  gridline-color: {border}; alternate-background-color: {background}; outline: none;
  selection-background-color: {selected}; selection-color: {text}; }}
QGroupBox {{ border: none; border-top: 1px solid {border}; margin-top: 18px; padding-top: 6px; }}
QGroupBox::title {{ subcontrol-origin: margin; left: 0; color: {muted}; }}
QLabel[muted="true"] {{ color: {muted}; }}
QLabel#badge {{ color: {muted}; border: 1px solid {border}; border-radius: 7px; padding: 0 6px; }}
QLabel#badge[split="training"] {{ color: {train}; }}
QLabel#badge[split="held-out"] {{ color: {held_out}; }}
QFrame[hairline="true"] {{ background: {border}; border: none; max-height: 1px; min-height: 1px; }}
"""


def stylesheet(palette: "Palette") -> str:
    """Return the application's style sheet in the colours of `palette`."""
    fields = {name: getattr(palette, name) for name in palette.__dataclass_fields__}
    return _SHEET.format(icons=bundled("resources", "icons").as_posix(), **fields)
