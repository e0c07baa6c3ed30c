"""A job's energies, from the part of its log that is kept."""

from __future__ import annotations

import math
from typing import Any

from namdrunner.services.context import Context


def energies(context: Context, job_id: str) -> dict[str, Any]:
    """``columns`` (the ETITLE names) and ``rows`` in order; values that are no number are null."""
    from namdrunner.namd.log import read_energies  # brings numpy, which a server with nothing to follow does without

    context.jobs.get(job_id)
    table = read_energies(context.logs.content(job_id, "namd"))
    rows = [[value if math.isfinite(value) else None for value in row] for row in table.values.tolist()]
    return {
        "columns": list(table.columns),
        "rows": rows,
        "complete": context.logs.position(job_id, "namd").whole,
    }
