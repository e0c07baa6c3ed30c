"""Processes of the demo cluster: started in sessions of their own, found again by a mark in their environment."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping

MARK = "NAMDRUNNER_DEMO_CLUSTER"
"""Environment variable that every process of one demo cluster carries; its value is unlike any other's."""


def signal_group(leader: int, number: int) -> None:
    """Signal the process group of ``leader``, a process that we started as leader of its own session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def signal_one(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def marked(wanted: Mapping[str, str]) -> Iterator[int]:
    """Process ids, other than our own, whose environment has all of ``wanted``."""
    import psutil

    own = os.getpid()
    for process in psutil.process_iter():
        if process.pid == own:
            continue
        try:
            if process.uids().real != os.getuid():
                continue
            environment = process.environ()
        except (psutil.Error, OSError):
            continue
        if all(environment.get(name) == value for name, value in wanted.items()):
            yield process.pid


def kill_marked(wanted: Mapping[str, str]) -> int:
    """SIGKILL to every marked process, until none is left that can be seen; returns how many there were."""
    killed = 0
    for _ in range(5):
        found = list(marked(wanted))
        for pid in found:
            signal_one(pid, signal.SIGKILL)
        killed += len(found)
        if not found:
            break
    return killed
