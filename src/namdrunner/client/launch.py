"""Starting the server in the background, on Linux, macOS and Windows, and stopping it again."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import time
from pathlib import Path

from namdrunner.client.lock import LOCK_NAME, lock_held
from namdrunner.client.presence import ServerFile, find_server, read_server_file, wait_until_gone
from namdrunner.client.transport import Transport, path_of
from namdrunner.errors import ConnectionFailedError, NamdrunnerError
from namdrunner.paths import HOME_VARIABLE, Folders

START_TIMEOUT_S = 30.0
_TAIL_LINES = 15

# Background servers outlive us; keeping the handles stops the interpreter from complaining that they do.
_started: list[subprocess.Popen[bytes]] = []


@atexit.register
def _let_go() -> None:
    for process in _started:
        if process.poll() is None:
            process.returncode = 0  # as far as we are concerned


def start_server(folders: Folders, *, timeout_s: float = START_TIMEOUT_S) -> ServerFile:
    """Start a detached server and wait until it answers; one that another program is just starting will do.

    Raises ConnectionFailedError (``server-start-failed``) with the end of its log when it does not come up.
    """
    folders.ensure()
    output = folders.state / "server-start.log"
    process = _spawn(folders, output)
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if read_server_file(folders.server_file) is not None:
            found = find_server(folders)
            if found is not None:
                return found
        if process.poll() is not None and not lock_held(folders.state / LOCK_NAME):
            raise _failed(f"The server ended with status {process.returncode} instead of starting.", output)
        time.sleep(0.03)
    raise _failed(f"The server did not answer within {timeout_s:.0f} seconds.", output)


def stop_server(server: ServerFile, *, timeout_s: float = 30.0, force: bool = False) -> bool:
    """Ask the server to end and wait for it; with ``force`` end its process when it does not. True when it is gone."""
    transport = Transport(server, timeout_s=5.0)
    try:
        transport.post(path_of("stop"))
    except NamdrunnerError:
        if not force:
            raise
    finally:
        transport.close()
    if wait_until_gone(server, timeout_s=5.0 if force else timeout_s):
        return True
    if not force:
        return False
    import psutil

    try:
        psutil.Process(server.pid).kill()
    except psutil.NoSuchProcess:
        return True
    return wait_until_gone(server, timeout_s=5.0)


def server_command(*options: str) -> list[str]:
    """How this very installation runs its server."""
    return [sys.executable, "-m", "namdrunner", "serve", "--no-browser", "--quiet", *options]


def _spawn(folders: Folders, output: Path) -> subprocess.Popen[bytes]:
    environment = dict(os.environ)
    root = folders.data.absolute().parent
    if folders != Folders.default() and Folders.below(root) == folders:
        environment[HOME_VARIABLE] = str(root)
    elif environment.get(HOME_VARIABLE):
        # The server runs in another folder: a relative home would be another one there.
        environment[HOME_VARIABLE] = str(Path(environment[HOME_VARIABLE]).expanduser().absolute())
    descriptor = os.open(output, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        process = subprocess.Popen(
            server_command(),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=folders.state,
            env=environment,
            start_new_session=os.name == "posix",  # Ctrl-C in the terminal must not reach it
            creationflags=_window_flags(),
        )
    finally:
        os.close(descriptor)
    _started.append(process)
    return process


def _window_flags() -> int:
    """Windows only: a process group of its own, and no console window."""
    if sys.platform == "win32":
        return subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    return 0


def _failed(sentence: str, output: Path) -> ConnectionFailedError:
    tail = _tail(output)
    return ConnectionFailedError(
        sentence + (f" Its last words:\n{tail}" if tail else ""),
        code="server-start-failed",
        remedy="Run `namdrunner doctor`, or `namdrunner serve` to see it start.",
        context={"log": str(output)},
    )


def _tail(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(line for line in lines[-_TAIL_LINES:] if line.strip())
