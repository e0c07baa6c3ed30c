"""NAMD's log of a job: read as it grows, kept for reading offline."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from namdrunner.errors import InputError
from namdrunner.jobs.record import LogFacts
from namdrunner.jobs.sync_script import LogPart
from namdrunner.services.context import Context
from namdrunner.services.energies import tell_rows
from namdrunner.store.jobs import StoredJob
from namdrunner.store.logs import LogPosition

if TYPE_CHECKING:
    from namdrunner.namd.energies import EnergyTable
    from namdrunner.namd.log import LogReader
    from namdrunner.namd.log_summary import LogProgress

# The reader is imported where it is used: it brings numpy, which a server with nothing to follow does without.


@dataclass(frozen=True)
class JobLog:
    """What a job's log says so far; steps are absolute."""

    progress: LogProgress
    facts: LogFacts
    last_energies: dict[str, float] = field(default_factory=dict)
    processors: int | None = None
    """On how many NAMD says that it runs."""


def read_log_part(context: Context, job: StoredJob, part: LogPart) -> JobLog:
    """Take in new bytes of a log and tell its new energies; one that was replaced (a requeued run) begins anew.

    A last line without its end is left for the next time.
    """
    from namdrunner.namd.log import LogReader

    known = context.logs.position(job.id, "namd")
    reader = _reader(known) if part.offset == known.end else None
    begins = reader is None
    reader = reader or LogReader()
    unfinished = len(part.content) - (part.content.rfind(b"\n") + 1)
    content, end = part.content[: len(part.content) - unfinished], part.end - unfinished
    tables: list[EnergyTable] = []
    if context.events.listened:
        reader.on_rows = tables.append
    reader.feed(content)
    tell_rows(context, job.id, tables, anew=begins)
    if content or begins:
        context.logs.append(job.id, "namd", content, start=part.offset, end=end, reader=reader.state())
    summary = reader.summary()
    run = summary.run
    return JobLog(
        progress=summary.progress(job.record.run.target_step),
        facts=LogFacts(
            last_step=run.step,
            final_output_step=run.outputs.get("VELOCITIES"),
            end_of_program=run.ended,
            fatal_error=run.errors > 0 or run.fatal is not None,
            memory_bytes=_memory_bytes(run.memory_mb or run.timing_memory_mb),
        ),
        last_energies={name: value for name, value in summary.last_energies.items() if math.isfinite(value)},
        processors=run.processors,
    )


def _memory_bytes(megabytes: float | None) -> int | None:
    """Some builds print 0 for what they do not know."""
    return round(megabytes * 2**20) if megabytes and math.isfinite(megabytes) and megabytes > 0 else None


def _reader(known: LogPosition) -> LogReader | None:
    """The reader as it was; ``None`` where the log was not read yet, or by a version that kept other things."""
    if not known.reader:
        return None
    from namdrunner.namd.log import LogReader

    try:
        return LogReader.from_state(known.reader)
    except InputError:
        return None
