"""One use of a Slurm command: what was typed and where, and what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from namdrunner.demo.slurm.model import Job
from namdrunner.demo.slurm.scheduler import Scheduler
from namdrunner.demo.slurm.units import Calendar

VERSION = "22.05.8"
"""The version of Slurm whose outputs and words the demo follows."""


async def no_input() -> bytes:
    return b""


@dataclass(frozen=True)
class Call:
    scheduler: Scheduler
    command: str
    arguments: tuple[str, ...]
    cwd: str
    environment: Mapping[str, str]
    umask: int = 0o022
    read_stdin: Callable[[], Awaitable[bytes]] = no_input

    @property
    def calendar(self) -> Calendar:
        return Calendar.of(self.environment)

    @property
    def now(self) -> float:
        return self.scheduler.clock()


@dataclass(frozen=True)
class Reply:
    stdout: str = ""
    stderr: str = ""
    status: int = 0


def job_ids(text: str) -> list[int]:
    """Ids of ``12,14_3``; what is no number is passed over."""
    found = []
    for word in text.replace("+", ",").split(","):
        number = word.strip().split("_")[0].split(".")[0]
        if number.isdigit():
            found.append(int(number))
    return found


def state_text(job: Job) -> str:
    """The state as squeue shows it."""
    return job.state.name


def exit_text(code: int, number: int) -> str:
    return f"{code}:{number}"
