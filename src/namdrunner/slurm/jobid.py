"""Slurm's job ids: plain numbers, array tasks, pending array ranges and federation suffixes."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ID = re.compile(r"^(\d+)(?:_(\d+|\[[^\]]*\])|\+(\d+))?(?:;(\S+))?$")


@dataclass(frozen=True)
class SlurmJobId:
    """``job`` is the number before ``_`` or ``+``; ``task`` an array task (``3``) or a waiting range (``[1-6%2]``)."""

    job: str
    task: str = ""
    cluster: str = ""

    @property
    def text(self) -> str:
        """As given to squeue, sacct and scancel."""
        return f"{self.job}_{self.task}" if self.task else self.job


def parse_job_id(text: str) -> SlurmJobId | None:
    """``1234``, ``1234_5``, ``1234_[1-6%2]``, ``1234+1``, ``1234;cluster``; ``None`` for all else, steps included."""
    match = _ID.match(text.strip())
    if not match:
        return None
    return SlurmJobId(match.group(1), match.group(2) or "", match.group(4) or "")


def parse_sbatch(stdout: str) -> SlurmJobId | None:
    """The id from ``sbatch --parsable``; sites print words of their own around it: the last line that is an id."""
    for line in reversed(stdout.splitlines()):
        job = parse_job_id(line)
        if job is not None and not job.task:
            return job
    return None
