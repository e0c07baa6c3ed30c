"""Where a job comes from and what came of it: its tree, what the whole came to, and the joined energies of a line."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from namdrunner.errors import NamdrunnerError, NotFoundError
from namdrunner.services.context import Context
from namdrunner.services.documents import rfc3339
from namdrunner.services.energies import series
from namdrunner.services.forecast import costs, hardware_of
from namdrunner.store.jobs import StoredJob

MAX_JOBS = 2000


def tree(context: Context, job_id: str) -> dict[str, Any]:
    """``jobs``: all of the tree that are known here, each parent before its children; ``line``: ids from the first
    job through this one to its newest continuation; ``totals`` of that line.
    """
    jobs = _all(context, job_id)
    children = _children(jobs)
    line = _line(jobs, children, job_id)
    root = next(iter(jobs.values()))
    return {
        "job": job_id,
        "root": root.id,
        "missing_parent": root.record.parent,
        "line": [job.id for job in line],
        "jobs": [_document(job, [c.id for c in children.get(job.id, ())], context.now()) for job in jobs.values()],
        "totals": _totals(context, line),
    }


def line_of(context: Context, job_id: str) -> list[StoredJob]:
    """The jobs whose results follow each other, first to last, through this one."""
    jobs = _all(context, job_id)
    return _line(jobs, _children(jobs), job_id)


async def chain_energies(context: Context, job_id: str, *, points: int | None = None) -> dict[str, Any]:
    """The energies of a whole line as one series by step, as ``energies`` of a job gives them, with ``segments``."""
    from namdrunner.namd.energies import join_segments
    from namdrunner.namd.log import read_energies

    line = _with_steps(line_of(context, job_id), job_id)
    logs = [context.logs.content(job.id, "namd") for job in line]
    whole = all(context.logs.position(job.id, "namd").whole for job in line)

    def work() -> dict[str, Any]:
        tables = [read_energies(log) for log in logs]
        table = join_segments(tables)
        segments = [
            {"job": job.id, "first_step": int(t.steps[0]) if len(t) else job.record.run.first_step}
            for job, t in zip(line, tables, strict=True)
        ]
        about = {"columns": list(table.columns), "complete": whole, "total_rows": len(table), "segments": segments}
        return about | series(table.values, points)

    return await asyncio.to_thread(work)


def _with_steps(line: Sequence[StoredJob], job_id: str) -> list[StoredJob]:
    """The part of a line around the job whose steps count on: a plan that began again is a series of its own."""
    parts: list[list[StoredJob]] = [[]]
    for job in line:
        if job.record.continuation is not None and job.record.continuation.kind == "start":
            parts.append([])
        parts[-1].append(job)
    return next(part for part in parts if job_id in [job.id for job in part])


def _all(context: Context, job_id: str) -> dict[str, StoredJob]:
    job = context.jobs.get(job_id)
    seen = {job.id}
    while job.record.parent is not None and job.record.parent not in seen:
        try:
            job = context.jobs.get(job.record.parent)
        except NotFoundError:
            break  # deleted, or not found yet
        seen.add(job.id)
    found = {job.id: job}
    new = [job.id]
    while new and len(found) < MAX_JOBS:
        ids = [child for parent in new for child in context.jobs.children(parent) if child not in found]
        level = {child.id: child for child in context.jobs.get_many(ids)}
        found |= {i: level[i] for i in ids if i in level}
        new = [i for i in ids if i in level]
    return found


def _children(jobs: dict[str, StoredJob]) -> dict[str, list[StoredJob]]:
    children: dict[str, list[StoredJob]] = {}
    for job in jobs.values():
        if job.record.parent in jobs:
            children.setdefault(str(job.record.parent), []).append(job)
    return children


def _line(jobs: dict[str, StoredJob], children: dict[str, list[StoredJob]], job_id: str) -> list[StoredJob]:
    line = [jobs[job_id]]
    while line[0].record.parent in jobs:
        line.insert(0, jobs[str(line[0].record.parent)])
    while children.get(line[-1].id):
        line.append(children[line[-1].id][-1])
    return line


def _totals(context: Context, line: Sequence[StoredJob]) -> dict[str, Any]:
    """Of a line: a job counts up to the step from which it is continued. Hours that are not known count as none."""
    parts = [_document(job, [], context.now()) for job in line]
    for part, after in zip(parts, line[1:], strict=False):
        note = after.record.continuation
        if note is not None and part["last_step"] is not None:
            part["last_step"] = min(part["last_step"], note.from_step)
    steps = [max((p["last_step"] or p["first_step"]) - p["first_step"], 0) for p in parts]
    fs = [job.record.run.timestep_fs for job in line]
    units = [_service_units(context, job, part["wall_s"]) for job, part in zip(line, parts, strict=True)]
    return {
        "jobs": len(line),
        "steps": sum(steps),
        "simulated_ns": sum(n * dt * 1e-6 for n, dt in zip(steps, fs, strict=True)),
        "wall_s": sum(p["wall_s"] or 0.0 for p in parts),
        "queue_s": sum(p["queue_s"] or 0.0 for p in parts),
        "core_hours": sum(p["core_hours"] or 0.0 for p in parts),
        "service_units": None if None in units else sum(u for u in units if u is not None),
    }


def _service_units(context: Context, job: StoredJob, wall_s: float | None) -> float | None:
    record = job.record
    try:
        profile = context.clusters.profile(record.cluster)
    except NamdrunnerError:
        return None
    hardware = hardware_of(record.cluster, record.resources, record.recipe, profile)
    units = costs(hardware, record.resources, record.resources.nodes or 1, profile, wall_s or 0.0)["service_units"]
    return None if units is None else float(units)


def _document(job: StoredJob, children: list[str], now: datetime) -> dict[str, Any]:
    record, status = job.record, job.status
    note = record.continuation
    ended = status.ended_at or (now if status.started_at and job.state.active else None)
    wall = (ended - status.started_at).total_seconds() if ended and status.started_at else None
    begun = status.started_at or (now if job.state.active else None)
    queue = (begun - status.submitted_at).total_seconds() if begun and status.submitted_at else None
    return {
        "id": record.id,
        "name": record.name,
        "status": job.state.value,
        "parent": record.parent,
        "children": children,
        "kind": note.kind if note else None,
        "segment": note.segment if note else 1,
        "from_step": note.from_step if note else None,
        "reason": note.reason if note else "",
        "first_step": record.run.first_step,
        "last_step": status.progress.step,
        "target_step": record.run.target_step,
        "timestep_fs": record.run.timestep_fs,
        "submitted_at": rfc3339(status.submitted_at),
        "started_at": rfc3339(status.started_at),
        "ended_at": rfc3339(status.ended_at),
        "wall_s": wall,
        "queue_s": None if queue is None else max(queue, 0.0),
        "core_hours": None if wall is None else wall * record.resources.cores / 3600,
    }
