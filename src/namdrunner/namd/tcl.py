"""Evaluation of a NAMD config by Tcl, in a bounded process of its own.

``tcl_worker.py`` is that process. Here is what it is given, how it is bounded, and what becomes of a process
that does not come back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from namdrunner.errors import ConfigError

WORKER = Path(__file__).with_name("tcl_worker.py")
MEMORY_BYTES = 768 * 1024 * 1024
GRACE_S = 3.0
# SIGKILL and SIGXCPU: the kernel ended the worker for its processor time; Tcl itself aborts for want of memory.
TIME_SIGNALS = (9, 24)

# What a Python with its own Tcl may need to find itself; nothing else of the environment reaches the worker.
PASSED_ENVIRONMENT = (
    "TCL_LIBRARY",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
    "WINDIR",
    "PYTHONHOME",
)

# What a config may read of the environment as it is here; Slurm's variables get stand-ins (tcl_commands.py).
SHOWN_ENVIRONMENT = ("HOME", "USER", "LOGNAME")


@dataclass(frozen=True)
class TclRequest:
    """One config to evaluate: by its name in ``folder``, or as ``text`` that is called ``name``.

    What it may read lies below ``root`` or one of ``also``.
    """

    name: str
    folder: Path
    root: Path
    also: tuple[Path, ...] = ()
    text: str | None = None
    time_limit_s: float = 10.0
    overrides: tuple[str, ...] = ()
    defaults: Mapping[str, str | None] | None = None
    strict: bool = False
    """Runs of a length that NAMD refuses are Tcl errors, which the script may catch; else they are recorded."""


def evaluate(request: TclRequest) -> dict[str, Any]:
    """Run the worker and return its reply.

    Raises ConfigError: ``tcl-missing`` where Python has no tkinter, ``config-limit`` when the config exhausts the
    time or memory it is given.
    """
    with tempfile.TemporaryDirectory(prefix="namdrunner-tcl-") as scratch:
        document = json.dumps(
            {
                "name": request.name,
                "folder": str(request.folder),
                "roots": [str(root) for root in (request.root, *request.also)],
                "text": request.text,
                "time_limit_s": request.time_limit_s,
                "memory_bytes": MEMORY_BYTES,
                "overrides": list(request.overrides),
                "defaults": dict(request.defaults or {}),
                "strict": request.strict,
                "environment": {name: os.environ[name] for name in SHOWN_ENVIRONMENT if name in os.environ},
                "scratch": scratch,
            }
        )
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", str(WORKER)],
                input=document.encode("ascii"),
                capture_output=True,
                timeout=request.time_limit_s + GRACE_S,
                cwd=scratch,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                env={name: os.environ[name] for name in PASSED_ENVIRONMENT if name in os.environ},
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise limit_error(request, "time") from None
    return _reply(request, done)


def _reply(request: TclRequest, done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    if done.returncode != 0 or not done.stdout:
        raise limit_error(request, "time" if -done.returncode in TIME_SIGNALS else "memory")
    reply: dict[str, Any] = json.loads(done.stdout)
    if "missing" in reply:
        raise tcl_missing_error()
    return reply


def limit_error(request: TclRequest, what: str) -> ConfigError:
    limit = f"{request.time_limit_s:g} s" if what == "time" else f"{MEMORY_BYTES // 2**20} MB"
    return ConfigError(
        f"Evaluating {request.name} took more than the {limit} of {what} that a config is given.",
        code="config-limit",
        remedy="Look for a loop that never ends or a value that grows without bound.",
        context={"file": request.name, "limit": what},
    )


def tcl_missing_error() -> ConfigError:
    """Explain where Tcl comes from on this operating system."""
    remedies = {
        "linux": "Install it: `apt install python3-tk` (Debian, Ubuntu), `dnf install python3-tkinter` (Fedora, "
        "RHEL), or use the Python that `uv python install` provides.",
        "darwin": "Install it: `brew install python-tk`, or use the Python from python.org.",
        "win32": 'Run the Python installer again, choose Modify, and tick "tcl/tk and IDLE".',
    }
    return ConfigError(
        "This Python has no Tcl (module tkinter), which is needed to read NAMD configs.",
        code="tcl-missing",
        remedy=remedies.get(sys.platform, "Install the tkinter module for this Python."),
    )
