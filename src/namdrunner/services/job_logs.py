"""NAMD's log of a job: read as it grows, kept for reading offline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from namdrunner.jobs.evidence import LogSight
from namdrunner.jobs.sync_script import LogPart
from namdrunner.namd.log import LogReader
from namdrunner.services.context import Context
from namdrunner.store.jobs import StoredJob


@dataclass(frozen=True)
class JobLog:
    """What a job's log says so far; steps are absolute, ``eta_s`` is from the speed of the last measurement."""

    step: int | None = None
    target_step: int | None = None
    ns_per_day: float | None = None
    eta_s: float | None = None
    last_energies: dict[str, float] = field(default_factory=dict)
    sight: LogSight = field(default_factory=LogSight)

    @classmethod
    def from_reader(cls, state: dict[str, Any]) -> JobLog | None:
        """``None`` when nothing was read yet."""
        if not state:
            return None
        summary = LogReader.from_state(state).summary()
        progress = summary.progress
        return cls(
            step=progress.step,
            target_step=progress.target_step,
            ns_per_day=progress.ns_per_day,
            eta_s=progress.eta_s,
            last_energies=dict(summary.last_energies),
            sight=LogSight(
                last_step=summary.last_step,
                final_output_step=summary.final_output_step,
                end_of_program=summary.end_of_program,
                fatal_error=summary.fatal_error,
            ),
        )


def read_log_part(context: Context, job: StoredJob, part: LogPart) -> JobLog:
    """Add new bytes to the kept log; a log that was replaced (a requeued run) begins anew."""
    known = context.logs.position(job.id, "namd")
    going_on = part.offset == known.end and bool(known.reader)
    reader = LogReader.from_state(known.reader) if going_on else LogReader()
    reader.feed(part.content)
    state = reader.state()
    if part.end != known.end or not going_on:
        context.logs.append(job.id, "namd", part.content, start=part.offset, end=part.end, reader=state)
    return JobLog.from_reader(state) or JobLog()
