"""A job's energies, from the part of its log that is kept."""

from __future__ import annotations

from typing import Any

from namdrunner.namd.log import LogReader
from namdrunner.services.context import Context


def energies(context: Context, job_id: str) -> dict[str, Any]:
    """``columns`` (the ETITLE names) and ``rows`` in order; thinned where the log was long."""
    context.jobs.get(job_id)
    position = context.logs.position(job_id, "namd")
    reader = LogReader()
    reader.feed(context.logs.content(job_id, "namd"))
    table = reader.energies()
    return {"columns": list(table.columns), "rows": table.rows.tolist(), "complete": position.complete}
