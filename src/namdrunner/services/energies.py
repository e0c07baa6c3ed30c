"""A job's energies, from the part of its log that is kept."""

from __future__ import annotations

import math
from typing import Any

from namdrunner.namd.log import read_energies
from namdrunner.services.context import Context


def energies(context: Context, job_id: str) -> dict[str, Any]:
    """``columns`` (the ETITLE names) and ``rows`` in order; values that are no number are null."""
    context.jobs.get(job_id)
    table = read_energies(context.logs.content(job_id, "namd"))
    rows = [[value if math.isfinite(value) else None for value in row] for row in table.values.tolist()]
    return {
        "columns": list(table.columns),
        "rows": rows,
        "complete": context.logs.position(job_id, "namd").whole,
    }
