"""Daemons kept in the foreground as children, so that each is known by its process id and nothing else is ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from tests.integration.slurm_cluster.packages import program


class ClusterError(RuntimeError):
    """The test cluster did not come up, or a command of its own failed."""


@dataclass(frozen=True)
class ProcessRecord:
    """A process across restarts of whoever looks: ids are given out again, so the time of its start counts too."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> ProcessRecord:
        return cls(pid, psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) > 1 or process.status() == psutil.STATUS_ZOMBIE:
                return None
        except psutil.NoSuchProcess:
            return None
        return process


def end(processes: Iterable[psutil.Process], grace_s: float = 5.0) -> None:
    """Ask, wait, then kill. Stopped ones are continued first, or they would never hear it."""
    processes = list(processes)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)
            process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=grace_s)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=5)


@dataclass
class Daemon:
    """One daemon: how it is started, and the process while it runs."""

    name: str
    command: tuple[str, ...]
    log: Path
    user: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], None] = lambda: None
    """Called before each start, e.g. to remove a socket that a killed process left."""
    process: subprocess.Popen[bytes] | None = None
    record: ProcessRecord | None = None

    @property
    def running(self) -> bool:
        return self.record is not None and self.record.find() is not None

    def start(self) -> None:
        if self.running:
            return
        self._reap()
        self.before()
        path = program(self.command[0])
        if path is None:
            raise ClusterError(f"{self.command[0]} is not installed")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [path, *self.command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd="/",
                env={**clean_environment(), **self.environment},
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
            )
        self.record = ProcessRecord.of(self.process.pid)

    def stop(self, grace_s: float = 10.0) -> None:
        process = self.record.find() if self.record else None
        if process is not None:
            end([process], grace_s)
        self._reap()
        self.record = None

    def kill(self) -> None:
        """As in a power cut."""
        process = self.record.find() if self.record else None
        if process is not None:
            process.kill()
            psutil.wait_procs([process], timeout=5)
        self._reap()
        self.record = None

    def pause(self) -> None:
        """Hung, not dead: connections are accepted by the kernel and nobody answers."""
        os.kill(self._pid(), signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self._pid(), signal.SIGCONT)

    def check(self) -> None:
        """Raise with the end of the log when the daemon has ended by itself."""
        if self.process is not None and self.process.poll() is not None:
            raise ClusterError(f"{self.name} ended with status {self.process.returncode}:\n{tail(self.log)}")

    def _pid(self) -> int:
        if self.record is None or self.record.find() is None:
            raise ClusterError(f"{self.name} does not run")
        return self.record.pid

    def _reap(self) -> None:
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=5)
            self.process = None


def clean_environment() -> dict[str, str]:
    """What daemons and commands of the cluster inherit: nothing of the caller's Slurm, Python or locale settings."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/",
    }


def tail(path: Path, lines: int = 15) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return f"({path.name} was not written)"


def wait_until(ready: Callable[[], bool], what: str, timeout_s: float, daemon: Daemon | None = None) -> None:
    deadline = time.monotonic() + timeout_s
    while not ready():
        if daemon is not None:
            daemon.check()
        if time.monotonic() > deadline:
            log = f":\n{tail(daemon.log)}" if daemon is not None else ""
            raise ClusterError(f"waited {timeout_s:.0f} s in vain for {what}{log}")
        time.sleep(0.05)


def processes_of_user(uid: int) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.uids().real == uid:
                yield process


def processes_with_variable(name: str, value: str) -> Iterator[psutil.Process]:
    """Processes started with this environment variable, e.g. the job step daemons that outlive their slurmd."""
    wanted = f"{name}={value}".encode()
    for process in psutil.process_iter():
        with contextlib.suppress(OSError):
            if wanted in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0"):
                yield process
