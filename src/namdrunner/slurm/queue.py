"""What squeue says: one row per job, array task or pending array range."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from namdrunner.slurm.commands import QUEUE_FIELDS, SEPARATOR
from namdrunner.slurm.daemons import daemon_error
from namdrunner.slurm.jobid import parse_job_id
from namdrunner.slurm.state import SlurmState, parse_state
from namdrunner.slurm.times import parse_duration, parse_time


@dataclass(frozen=True)
class QueueRow:
    """One line of squeue. ``start_time`` of a waiting job is Slurm's estimate; times are UTC."""

    id: str
    """As people see it: ``1234``, ``1234_5``, or ``1234_[1-6%2]`` for array tasks that wait together."""
    job_number: str
    array_job: str
    array_task: str
    """Empty for a job that is no array."""
    state: SlurmState
    state_text: str
    submit_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    time_limit_s: int | None
    nodes: int | None
    node_list: str
    partition: str
    account: str
    qos: str
    comment: str
    name: str
    reason: str
    """Why it waits, or how it ended (``NonZeroExitCode``); empty for none. May hold spaces and commas."""


def _text(value: str) -> str:
    value = value.strip()
    return "" if value in {"(null)", "N/A", "None"} else value


def _row(line: str, fields: Sequence[str], separator: str) -> QueueRow | None:
    parts = line.split(separator)
    if len(parts) != len(fields) or not parts[0].strip():
        return None
    value = dict(zip(fields, (part.strip() for part in parts), strict=True))
    nodes = value.get("%D", "")
    return QueueRow(
        id=value["%i"],
        job_number=value.get("%A", ""),
        array_job=value.get("%F", ""),
        array_task=_text(value.get("%K", "")),
        state=parse_state(value.get("%T", "")),
        state_text=value.get("%T", ""),
        submit_time=parse_time(value.get("%V", "")),
        start_time=parse_time(value.get("%S", "")),
        end_time=parse_time(value.get("%e", "")),
        time_limit_s=parse_duration(value.get("%l", "")),
        nodes=int(nodes) if nodes.isdigit() else None,
        node_list=_text(value.get("%N", "")),
        partition=_text(value.get("%P", "")),
        account=_text(value.get("%a", "")),
        qos=_text(value.get("%q", "")),
        comment=_text(value.get("%k", "")),
        name=value.get("%j", ""),
        reason=_text(value.get("%r", "")),
    )


def parse_squeue(
    text: str, *, fields: Sequence[str] = QUEUE_FIELDS, separator: str = SEPARATOR
) -> tuple[QueueRow, ...]:
    """Rows of ``squeue_command``'s output, in its order. Lines that are not rows (a site's notice) are left out.

    ``fields`` are squeue's ``--format`` codes in the order asked for; ``%i`` must be among them.
    """
    rows = (_row(line, fields, separator) for line in text.split("\n"))
    return tuple(row for row in rows if row is not None and parse_job_id(row.id) is not None)


_UNKNOWN_ID = re.compile(r"Invalid job id specified", re.IGNORECASE)


def parse_squeue_reply(stdout: str, stderr: str, exit_status: int) -> tuple[QueueRow, ...]:
    """Rows, or none when squeue no longer knows a single one of the jobs.

    Raises ClusterError, CommandTimeoutError or CommandError when squeue itself failed, so that silence of a broken
    controller is never taken for the absence of a job.
    """
    if exit_status == 0 or _UNKNOWN_ID.search(stderr):
        return parse_squeue(stdout)
    raise daemon_error("squeue", stderr, exit_status)
