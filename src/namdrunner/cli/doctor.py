"""doctor: is this computer able to run NAMDRunner, and what to do where it is not."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypedDict

import namdrunner
from namdrunner.cli.options import Json
from namdrunner.cli.output import table, write_json
from namdrunner.errors import NamdrunnerError
from namdrunner.paths import Folders

Severity = Literal["ok", "advice", "warning", "error"]
OLDEST_PYTHON = (3, 11)
LOW_DISK_BYTES = 1_000_000_000
MAX_SKEW_S = 5.0
# The clock of a computer with an empty battery starts decades back; certificates and job times then make no sense.
EARLIEST_TIME = 1_760_000_000.0


class DoctorCheck(TypedDict):
    name: str
    ok: bool
    severity: Severity
    message: str
    remedy: str


def doctor(as_json: Json = False) -> int:
    """Check Python, folders, disk, SSH, clock, database and server; exit status 1 when something has to be mended."""
    checks = examine(Folders.default())
    ok = all(check["severity"] != "error" for check in checks)
    if as_json:
        write_json({"ok": ok, "version": namdrunner.__version__, "checks": checks})
    else:
        columns = ("check", "result", "message", "remedy")
        table(columns, [[c["name"], c["severity"], c["message"], c["remedy"]] for c in checks])
    return 0 if ok else 1


def examine(folders: Folders) -> list[DoctorCheck]:
    steps: tuple[Callable[[Folders], DoctorCheck], ...] = (
        _python,
        _tcl,
        _folders,
        _disk,
        _database,
        _server,
        _ssh_config,
        _ssh_agent,
        _clock,
        _openmm,
    )
    return [_examined(step, folders) for step in steps]


def _examined(step: Callable[[Folders], DoctorCheck], folders: Folders) -> DoctorCheck:
    """What the file system refuses is a finding like others: the remaining checks must still be seen."""
    try:
        return step(folders)
    except OSError as error:
        name = step.__name__.strip("_").replace("_", "-")
        message = f"It could not be checked: {error}."
        return _result(name, "error", message, "Check that the path exists and that you may read and write there.")


def _result(name: str, severity: Severity, message: str, remedy: str = "") -> DoctorCheck:
    return {
        "name": name,
        "ok": severity != "error",
        "severity": severity,
        "message": message,
        "remedy": remedy,
    }


def _python(folders: Folders) -> DoctorCheck:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < OLDEST_PYTHON:
        return _result("python", "error", f"Python {version} is too old.", "Install Python 3.11 or newer.")
    return _result("python", "ok", f"Python {version} in {sys.prefix}")


def _tcl(folders: Folders) -> DoctorCheck:
    try:
        import tkinter

        patch = tkinter.Tcl().eval("info patchlevel")
    except Exception as error:  # a broken Tcl installation raises TclError, a missing one ImportError
        remedy = "Install it: `apt install python3-tk`, `dnf install python3-tkinter` or `brew install python-tk`."
        return _result("tcl", "error", f"NAMD configs cannot be read: {error}.", remedy)
    return _result("tcl", "ok", f"Tcl {patch}")


def _folders(folders: Folders) -> DoctorCheck:
    try:
        folders.ensure()
        for folder in (folders.data, folders.state, folders.cache):
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor"):
                pass
            if os.name == "posix" and folder.stat().st_mode & 0o077:
                return _result("folders", "error", f"Others can look into {folder}.", f"Run `chmod 700 {folder}`.")
    except OSError as error:
        remedy = "Give yourself write access, or choose another place with NAMDRUNNER_HOME."
        return _result("folders", "error", f"A folder cannot be used: {error}.", remedy)
    return _result("folders", "ok", f"{folders.data}, {folders.state}")


def _disk(folders: Folders) -> DoctorCheck:
    free = shutil.disk_usage(folders.data if folders.data.exists() else Path.home()).free
    message = f"{free / 1e9:.1f} GB are free where NAMDRunner keeps its files."
    if free < LOW_DISK_BYTES:
        return _result("disk", "warning", message, "Free some space: results that are brought home need it.")
    return _result("disk", "ok", message)


def _database(folders: Folders) -> DoctorCheck:
    if not folders.database.exists():
        return _result("database", "ok", "There is none yet; it is made when the server first starts.")
    try:
        address = folders.database.as_uri() + "?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=5)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        found = str(error)
    if found != "ok":
        remedy = f"Stop the server and move {folders.database} away: jobs are read again from the clusters."
        return _result("database", "error", f"The database is damaged: {found}.", remedy)
    return _result("database", "ok", f"{folders.database} ({folders.database.stat().st_size / 1e6:.1f} MB)")


def _server(folders: Folders) -> DoctorCheck:
    from namdrunner.client.presence import find_server

    try:
        server = find_server(folders)
    except NamdrunnerError as error:
        return _result("server", "error", error.message, "Run `namdrunner stop --force`.")
    if server is None:
        return _result("server", "ok", "It does not run; commands that need it start it.")
    if server.version != namdrunner.__version__:
        message = f"It is version {server.version}, this is {namdrunner.__version__}."
        return _result("server", "warning", message, "Run `namdrunner stop`.")
    return _result("server", "ok", f"Process {server.pid} answers at {server.url}.")


def _ssh_config(folders: Folders) -> DoctorCheck:
    config = Path.home() / ".ssh" / "config"
    if not config.exists():
        return _result("ssh-config", "ok", "There is no ~/.ssh/config; it is not needed.")
    try:
        config.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return _result(
            "ssh-config",
            "warning",
            f"~/.ssh/config cannot be read: {error}.",
            "Run `chmod 600 ~/.ssh/config`.",
        )
    if os.name == "posix" and config.stat().st_mode & 0o022:
        message = "Others can write ~/.ssh/config; SSH programs refuse it then."
        return _result("ssh-config", "warning", message, "Run `chmod 600 ~/.ssh/config`.")
    return _result("ssh-config", "ok", "~/.ssh/config is readable.")


def _ssh_agent(folders: Folders) -> DoctorCheck:
    address = os.environ.get("SSH_AUTH_SOCK", "")
    if not address:
        remedy = "Optional: start one and `ssh-add` your key, to connect without typing a passphrase."
        return _result("ssh-agent", "advice", "No SSH agent is announced (SSH_AUTH_SOCK).", remedy)
    if os.name == "posix" and not os.access(address, os.R_OK | os.W_OK):
        remedy = "Start a new agent: eval `ssh-agent`."
        return _result("ssh-agent", "warning", "The SSH agent that is announced is not there.", remedy)
    return _result("ssh-agent", "ok", "An SSH agent is there.")


def _clock(folders: Folders) -> DoctorCheck:
    """Against the file system: on a network home it is another machine's clock."""
    now = time.time()
    if now < EARLIEST_TIME:
        return _result("clock", "error", "The clock of this computer is years behind.", "Set date and time.")
    try:
        with tempfile.NamedTemporaryFile(dir=folders.state, prefix=".doctor") as stream:
            skew = os.fstat(stream.fileno()).st_mtime - now
    except OSError:
        return _result("clock", "ok", "It is plausible.")
    if abs(skew) > MAX_SKEW_S:
        message = f"The clocks of this computer and of its file server are {abs(skew):.0f} s apart."
        return _result("clock", "warning", message, "Switch time synchronisation on.")
    return _result("clock", "ok", "It is plausible.")


def _openmm(folders: Folders) -> DoctorCheck:
    import importlib.util

    if importlib.util.find_spec("openmm") is None:
        remedy = "For `namdrunner demo`: `pip install 'namdrunner[demo]'`."
        return _result("openmm", "advice", "OpenMM is not installed; only the demo needs it.", remedy)
    return _result("openmm", "ok", "OpenMM is installed (for the demo).")
