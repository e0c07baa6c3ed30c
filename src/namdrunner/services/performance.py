"""How fast a run was as it went on, from the part of its log that is kept, and what its system weighs."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from namdrunner.services.context import Context

MAX_POINTS = 2000
_MASS = re.compile(rb"^Info: TOTAL MASS = ([\d.eE+-]+) amu", re.MULTILINE)
_MARKS = re.compile(
    rb"^(?:TCL: (Minimizing|Running) for|TIMING: (\d+)  CPU: [^W\n]*Wall: [\d.eE+-]+, ([\d.eE+-]+)/step)", re.MULTILINE
)


async def performance(context: Context, job_id: str) -> dict[str, Any]:
    """``steps`` and ``ns_per_day`` of the TIMING lines of dynamics; ``total_mass_u`` is null where it is not said."""
    job = context.jobs.get(job_id)
    log = context.logs.content(job_id, "namd")
    mass = _MASS.search(log)
    points = await asyncio.to_thread(speeds, log, job.record.run.timestep_fs)
    kept = points[:: -(-len(points) // MAX_POINTS) or 1]
    return {
        "total_mass_u": float(mass.group(1)) if mass else None,
        "steps": [step for step, _ in kept],
        "ns_per_day": [speed for _, speed in kept],
    }


def speeds(log: bytes, timestep_fs: float) -> list[tuple[int, float]]:
    """Step and ns/day; steps of a minimisation simulate no time and are left out."""
    found = []
    dynamics = True
    for mark in _MARKS.finditer(log):
        if mark.group(1):
            dynamics = mark.group(1) == b"Running"
        elif dynamics and (seconds := float(mark.group(3))) > 0:
            found.append((int(mark.group(2)), round(86400 / seconds * timestep_fs * 1e-6, 6)))
    return found
