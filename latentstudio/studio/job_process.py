"""Child processes of this program: started out of the way, stopped politely."""

import contextlib
import os
import signal
import subprocess
import sys
from typing import Any


def own_program() -> list[str]:
    """Return the beginning of a command that runs this program again, frozen or not."""
    return [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "latentstudio"]


def started(command: list[str]) -> "subprocess.Popen[str]":
    """Start a process of its own group, so that Ctrl+C in a terminal reaches the window alone, and out of the way."""
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        bufsize=1,
        env={**os.environ, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"},
        **options,
    )
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10))
    return process


def interrupt(process: "subprocess.Popen[str]") -> None:
    """Ask a process to stop as Ctrl+C would; on Windows as Ctrl+Break would, which is what reaches another group."""
    if sys.platform == "win32":
        process.send_signal(signal.CTRL_BREAK_EVENT)
    else:
        process.send_signal(signal.SIGINT)
