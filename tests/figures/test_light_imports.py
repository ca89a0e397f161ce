"""The window may import these modules, so they must not load torch, scikit-learn, SciPy or matplotlib."""

import subprocess
import sys

import pytest

MODULES = (
    "latentstudio.controls",
    "latentstudio.operations",
    "latentstudio.analyses",
    "latentstudio.figures.run",
    "latentstudio.figures.run_operation",
    "latentstudio.figures.run_analysis",
    "latentstudio.figures.readouts",
    "latentstudio.figures.inspect",
    "latentstudio.figures.sealing",
)


@pytest.mark.parametrize("module", MODULES)
def test_module_loads_nothing_heavy(module: str) -> None:
    program = (
        f"import sys, {module}\n"
        "print(*[m for m in ('torch', 'sklearn', 'scipy', 'matplotlib', 'PySide6') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.strip() == ""
