"""Menus whose lines depend on what there is: recent files, models, panels, saved layouts."""

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

if TYPE_CHECKING:
    from latentstudio.gui.main_window import MainWindow


class DynamicMenus:
    """Fills the changing menus whenever they open."""

    def __init__(self, window: "MainWindow", menus: dict[str, QMenu]) -> None:
        self._window = window
        self.menus = menus
        file, view, model = menus["&File"], menus["&View"], menus["&Model"]
        self.recent = QMenu("Open &recent", file)
        file.insertMenu(window.table.actions["save"], self.recent)
        file.insertSeparator(window.table.actions["save"])
        self.recent.aboutToShow.connect(self._fill_recent)
        self.panels = QMenu("&Panels", view)
        view.insertMenu(window.table.actions["maximise"], self.panels)
        self.panels.aboutToShow.connect(self._fill_panels)
        self.layouts = QMenu("Saved &layouts", view)
        view.insertMenu(window.table.actions["save-layout"], self.layouts)
        self.layouts.aboutToShow.connect(self._fill_layouts)
        self.models = QMenu("&Use model", model)
        model.insertMenu(window.table.actions["open-model"], self.models)
        self.models.aboutToShow.connect(self._fill_models)

    def _fill_recent(self) -> None:
        self.recent.clear()
        files = self._window.recent.files
        for path in files:
            action = self.recent.addAction(path.name)
            action.setToolTip(str(path))
            action.triggered.connect(lambda _checked=False, path=path: self._window.files.open_path(path))
        if files:
            self.recent.addSeparator()
            self.recent.addAction("Clear this list").triggered.connect(lambda: self._window.recent.clear())
        else:
            self.recent.addAction("No recent files").setEnabled(False)

    def _fill_panels(self) -> None:
        self.panels.clear()
        for dock in self._window.area.docks.values():
            self.panels.addAction(dock.toggleViewAction())

    def _fill_layouts(self) -> None:
        self.layouts.clear()
        names = sorted(self._window.settings.layouts)
        for name in names:
            action = self.layouts.addAction(name)
            action.triggered.connect(lambda _checked=False, name=name: self._window.views.use_layout(name))
        if not names:
            self.layouts.addAction("No saved layouts").setEnabled(False)
            return
        self.layouts.addSeparator()
        forget = self.layouts.addMenu("Forget")
        for name in names:
            action = forget.addAction(name)
            action.triggered.connect(lambda _checked=False, name=name: self._window.views.forget_layout(name))

    def _fill_models(self) -> None:
        self.models.clear()
        controller = self._window.controller
        for name, info in controller.catalogue.models.items():
            action = self.models.addAction(info.name)
            action.setToolTip(info.title)
            action.setCheckable(True)
            action.setChecked(name == controller.document.model)
            action.triggered.connect(lambda _checked=False, name=name: controller.set_model(name))
        if not controller.catalogue.models:
            self.models.addAction("No models found").setEnabled(False)
