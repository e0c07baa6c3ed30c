"""What the end of a job suggests for its continuation: more time, more memory, or another look at the simulation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from namdrunner.jobs.state import JobState
from namdrunner.slurm.geometry import choose_partition
from namdrunner.slurm.profile import ClusterProfile
from namdrunner.slurm.resources import Resources
from namdrunner.store.jobs import StoredJob

MORE_MEMORY = 1.5
SPARE = 1.15
"""Walltime asked for, relative to what the measured speed needs."""
START_UP_S = 300
QUARTER_S = 900


@dataclass(frozen=True)
class Suggestion:
    """A value for one field of the resources, or (``field`` empty) advice in words alone."""

    field: str
    value: Any
    why: str

    def document(self) -> dict[str, Any]:
        return {"field": self.field, "value": self.value, "why": self.why}


def suggest(job: StoredJob, profile: ClusterProfile, steps_left: int | None) -> tuple[Suggestion, ...]:
    """For the job's state, its measured speed and the steps that are left."""
    resources = job.record.resources
    found = []
    if job.state is JobState.OUT_OF_MEMORY and resources.memory_bytes:
        memory = math.ceil(resources.memory_bytes * MORE_MEMORY / 2**30) * 2**30
        why = "The job ran out of memory; half as much again is asked for."
        found.append(Suggestion("memory_bytes", memory, why))
    walltime = _walltime(job, profile, steps_left)
    if walltime is not None:
        found.append(walltime)
    for entry in job.status.diagnosis:
        if entry.get("recovery") == "rollback":
            words = f"{entry.get('message', '')} {entry.get('remedy', '')}".strip()
            found.append(Suggestion("", None, f"Unchanged it would fail again: {words}"))
            break
    return tuple(found)


def _walltime(job: StoredJob, profile: ClusterProfile, steps_left: int | None) -> Suggestion | None:
    speed, fs = job.status.progress.ns_per_day, job.record.run.timestep_fs
    resources = job.record.resources
    if not speed or steps_left is None or fs <= 0:
        return None
    needed = steps_left * fs * 1e-6 / speed * 86400.0 * SPARE + START_UP_S
    wanted = math.ceil(needed / QUARTER_S) * QUARTER_S
    partition = choose_partition(resources, profile)
    longest = partition.max_walltime_s if partition is not None else None
    if longest is not None and wanted > longest:
        count = math.ceil(wanted / longest)
        why = f"At {speed:.3g} ns/day it needs {needed / 3600:.1f} h, which is {count} jobs of the longest walltime."
        return Suggestion("walltime_s", longest, why)
    return Suggestion("walltime_s", wanted, f"At the measured {speed:.3g} ns/day it needs {needed / 3600:.1f} h.")


def with_suggestions(resources: Resources, suggestions: tuple[Suggestion, ...]) -> Resources:
    """The resources with every suggested value."""
    return resources.model_copy(update={s.field: s.value for s in suggestions if s.field})
