"""Builds the widget of each kind of panel; modules are imported when the first panel of their kind is seen."""

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from latentstudio.gui.controller import Controller


def _browser(controller: Controller, panel_id: str) -> QWidget:
    from latentstudio.gui.panels.browser import BrowserPanel

    return BrowserPanel(controller, panel_id)


def _inspector(controller: Controller, panel_id: str) -> QWidget:
    from latentstudio.gui.panels.inspector import InspectorPanel

    return InspectorPanel(controller, panel_id)


def _strip(controller: Controller, panel_id: str) -> QWidget:
    from latentstudio.gui.panels.strip import StripPanel

    return StripPanel(controller, panel_id)


def _operation(controller: Controller, panel_id: str) -> QWidget:
    from latentstudio.gui.panels.operation import OperationPanel

    return OperationPanel(controller, panel_id)


def _attributes(controller: Controller, panel_id: str) -> QWidget:
    from latentstudio.gui.panels.attributes import AttributesPanel

    return AttributesPanel(controller, panel_id)


def _corruption(controller: Controller, panel_id: str) -> QWidget:
    from latentstudio.gui.panels.corruption import CorruptionPanel

    return CorruptionPanel(controller, panel_id)


def _analysis(controller: Controller, panel_id: str) -> QWidget:
    if controller.document.panel(panel_id).name == "projections":
        from latentstudio.gui.panels.projections import ProjectionsPanel

        return ProjectionsPanel(controller, panel_id)
    from latentstudio.gui.panels.analysis import AnalysisPanel

    return AnalysisPanel(controller, panel_id)


def _jobs(controller: Controller, panel_id: str) -> QWidget:
    from latentstudio.gui.panels.jobs import JobsPanel

    return JobsPanel(controller, panel_id)


MAKERS: dict[str, Callable[[Controller, str], QWidget]] = {
    "browser": _browser,
    "inspector": _inspector,
    "strip": _strip,
    "operation": _operation,
    "attributes": _attributes,
    "corruption": _corruption,
    "analysis": _analysis,
    "jobs": _jobs,
}
