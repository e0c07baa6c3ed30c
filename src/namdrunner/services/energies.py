"""A job's energies: from the part of its log that is kept, and as they come in while it runs."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from namdrunner.services.context import Context

if TYPE_CHECKING:
    from namdrunner.namd.energies import EnergyTable, Floats

LIVE_ROWS = 200
"""Rows of one event at most."""

# numpy is imported where it is used: a server with nothing to follow does without.


async def energies(
    context: Context, job_id: str, *, points: int | None = None, after: int = 0, until: int | None = None
) -> dict[str, Any]:
    """``columns`` (the ETITLE names) and ``rows`` in order; what is no number is null.

    Of all rows those from ``after`` up to and without ``until``, counted from 0.

    More rows than ``points`` become so many buckets of neighbours: ``rows`` are their means, ``lowest`` and
    ``highest`` what the buckets span. ``total_rows``: all that are known, ``after`` included.
    """
    from namdrunner.namd.log import read_energies

    context.jobs.get(job_id)
    log = context.logs.content(job_id, "namd")
    whole = context.logs.position(job_id, "namd").whole

    def work() -> dict[str, Any]:
        table = read_energies(log)
        columns = list(table.columns)
        return {"columns": columns, "complete": whole, "total_rows": len(table)} | series(
            table.values[after:until], points
        )

    return await asyncio.to_thread(work)  # a long log takes a second


def series(values: Floats, points: int | None) -> dict[str, Any]:
    """``rows`` of a document, and ``lowest`` and ``highest`` where there are more of them than ``points``."""
    if points is None or len(values) <= points:
        return {"rows": _plain(values)}
    means, lowest, highest = buckets(values, points)
    return {"rows": _plain(means), "lowest": _plain(lowest), "highest": _plain(highest)}


def buckets(values: Floats, points: int) -> tuple[Floats, Floats, Floats]:
    """Mean, lowest and highest of each of ``points`` groups of neighbouring rows, about equally many in each.

    Needs at least ``points`` rows. What is no number spoils a mean, but not the limits.
    """
    import numpy as np

    edges = np.linspace(0, len(values), points, endpoint=False).astype(np.int64)
    counts = np.diff(np.append(edges, len(values)))
    with np.errstate(invalid="ignore", over="ignore"):
        means = np.add.reduceat(values, edges, axis=0) / counts[:, None]
        return means, np.fmin.reduceat(values, edges, axis=0), np.fmax.reduceat(values, edges, axis=0)


def tell_rows(context: Context, job_id: str, tables: Sequence[EnergyTable], *, anew: bool) -> None:
    """Publish ``job.energies``: rows that a sync has read, evenly chosen where there are many; the last is among them.

    ``new_rows`` is how many there were; ``anew``: they begin a log, so that earlier rows are no longer its.
    """
    from namdrunner.namd.energies import concatenate

    table = concatenate(tables)
    if not len(table):
        return
    count = min(LIVE_ROWS, len(table))
    chosen = [(i + 1) * len(table) // count - 1 for i in range(count)]
    document = {
        "id": job_id,
        "columns": list(table.columns),
        "rows": _plain(table.values[chosen]),
        "new_rows": len(table),
        "anew": anew,
    }
    context.events.publish("job.energies", document, keep=False)


def _plain(values: Floats) -> list[list[float | None]]:
    return [[value if math.isfinite(value) else None for value in row] for row in values.tolist()]
