"""Look at this installation and say what is wrong and which line mends it."""

import argparse
import ctypes
import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from latentstudio import __version__, paths
from latentstudio.cli.output import print_json
from latentstudio.cli.parsing import add_json
from latentstudio.cli.window import has_display

QT_LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
}
"""Shared libraries that Qt needs even to draw offscreen, and their Debian packages."""

XCB_LIBRARIES = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
"""Shared libraries that a window under X11 needs besides."""

_ROOM = 500 << 20


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `mend` is the line that puts it right, `fatal` whether it stops the program."""

    topic: str
    ok: bool
    text: str
    mend: str = ""
    fatal: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print the findings; the status is 1 when something stands in the way of working."""
    findings = examine()
    if options.json:
        print_json({"version": __version__, "findings": [asdict(f) for f in findings]})
    else:
        for f in findings:
            print(f"{'ok     ' if f.ok else 'PROBLEM'}  {f.topic:<12} {f.text}")
            if f.mend:
                print(f"         {'':<12} → {f.mend}")
        wrong = sum(not f.ok for f in findings)
        print("Everything is in order." if not wrong else f"{wrong} thing(s) to mend.")
    return 1 if any(f.fatal and not f.ok for f in findings) else 0


def examine() -> list[Finding]:
    """Return everything that was found, in reading order."""
    findings = [_python(), *_packages()]
    if not any(f.fatal and not f.ok for f in findings):
        findings.append(_device())
    return [*findings, *_display(), _folders(), _fonts(), *_models(), _olivetti()]


def _python() -> Finding:
    words = f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores"
    fits = (3, 11) <= sys.version_info[:2] < (3, 14)
    mend = "" if fits else "install Python 3.11, 3.12 or 3.13 and make a new virtual environment with it"
    return Finding("python", fits, words, mend, fatal=True)


def _packages() -> list[Finding]:
    names = [line.split(";")[0] for line in requires("latentstudio") or () if "extra ==" not in line]
    have, missing = [], []
    for name in (_bare(line) for line in names):
        try:
            have.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    found = [Finding("packages", not missing, ", ".join(have) or "none", fatal=True)]
    if missing:
        mend = f"{sys.executable} -m pip install latentstudio"
        found = [Finding("packages", False, f"missing: {', '.join(missing)}", mend, fatal=True)]
    return found + _qt_release()


def _bare(line: str) -> str:
    end = next((i for i, c in enumerate(line) if not (c.isalnum() or c in "-_.")), len(line))
    return line[:end]


def _qt_release() -> list[Finding]:
    """PySide6 6.12.0 drops references to None while painting and aborts Python 3.11."""
    try:
        found = version("PySide6-Essentials")
    except PackageNotFoundError:
        return []
    if found.startswith("6.12.0") and sys.version_info < (3, 12):
        mend = f"{sys.executable} -m pip install 'PySide6-Essentials>=6.10,<6.12'"
        return [Finding("PySide6", False, f"{found} aborts under Python 3.11", mend, fatal=True)]
    return []


def _device() -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding("device", True, f"cuda: {torch.cuda.get_device_name(0)}; choose it with --device cuda")
    if torch.backends.mps.is_available():
        return Finding("device", True, "mps (Apple); choose it with --device mps")
    return Finding("device", True, f"cpu, {torch.get_num_threads()} threads")


def _display() -> list[Finding]:
    platform_name = os.environ.get("QT_QPA_PLATFORM", "")
    where = platform_name or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY") or ""
    here = has_display()
    words = f"windows open on {where or sys.platform}" if here else "none: the window cannot open here"
    mend = "" if here else "use the command line, 'latentstudio --screenshot FILE.png', or log in with 'ssh -X'"
    found = [Finding("display", here, words, mend)]
    if sys.platform.startswith("linux"):
        found += _libraries("Qt libraries", QT_LIBRARIES)
        if "offscreen" not in platform_name:
            found += _libraries("X11 libraries", XCB_LIBRARIES)
    return found


def missing_libraries(names: dict[str, str]) -> list[str]:
    """Return those shared libraries that the loader does not find."""
    missing = []
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            missing.append(name)
    return missing


def _libraries(topic: str, names: dict[str, str]) -> list[Finding]:
    missing = missing_libraries(names)
    if not missing:
        return [Finding(topic, True, f"all {len(names)} there")]
    packages = " ".join(names[name] for name in missing)
    mend = f"sudo apt-get install -y {packages}" if shutil.which("apt-get") else f"install the libraries {packages}"
    return [Finding(topic, False, f"missing: {', '.join(missing)}", mend)]


def _folders() -> Finding:
    texts, wrong = [], ""
    for name, folder in (("data", paths.data_home()), ("cache", paths.cache_home()), ("state", paths.state_home())):
        near = _existing(folder)
        free = shutil.disk_usage(near).free
        texts.append(f"{name} {folder} ({free / (1 << 30):.1f} GiB free)")
        if not os.access(near, os.W_OK):
            wrong = f"make {near} writable, or set LATENTSTUDIO_{name.upper()} to a folder of yours"
        elif free < _ROOM:
            wrong = f"make room on the disk of {near}, or set LATENTSTUDIO_{name.upper()} to another disk"
    return Finding("folders", not wrong, "; ".join(texts), wrong)


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _fonts() -> Finding:
    """Figures use the font that matplotlib brings; the window needs one of the system."""
    homes = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts"]
    if not sys.platform.startswith("linux") or any(next(h.rglob("*.[to]tf"), None) for h in homes if h.is_dir()):
        return Finding("fonts", True, "there are fonts for the window")
    mend = "sudo apt-get install -y fonts-dejavu-core" if shutil.which("apt-get") else "install the DejaVu fonts"
    return Finding("fonts", False, "the system has none; words in the window would be boxes", mend)


def _models() -> list[Finding]:
    from latentstudio.models.library import scan_models

    found, broken = scan_models()
    homes = ", ".join(str(p) for p in paths.model_folders())
    listed = Finding("models", bool(found), ", ".join(found) or f"none in {homes}", fatal=True)
    if not found:
        listed = Finding("models", False, listed.text, "put a model folder there, or install the program again")
    return [listed, *(Finding("model", False, why, f"repair or remove {folder}") for folder, why in broken.items())]


def _olivetti() -> Finding:
    from latentstudio.data import olivetti

    if olivetti.is_available():
        return Finding("olivetti", True, f"in {paths.data_home()}")
    return Finding("olivetti", True, "not here yet (optional)", "latentstudio datasets --fetch olivetti")
