"""What a demo cluster with ``--keep`` remembers from one start to the next: the jobs that ended, the next job id."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from namdrunner.demo.slurm.model import Dependency, Job, Order, Run, State, WarningSignal
from namdrunner.demo.slurm.scheduler import Scheduler


def save(scheduler: Scheduler, path: Path) -> None:
    """Jobs that still waited or ran are left out: the queue does not outlive the cluster."""
    ended = [j for j in scheduler.accounts.values() if not j.state.active]
    document = {"next_id": scheduler.next_id, "jobs": [_plain(asdict(j)) for j in ended]}
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(document), "utf-8")
    temporary.replace(path)


def restore(scheduler: Scheduler, path: Path) -> None:
    if not path.exists():
        return
    document = json.loads(path.read_text("utf-8"))
    scheduler.next_id = int(document["next_id"])
    for one in document["jobs"]:
        job = _job(one)
        scheduler.accounts[job.id] = job


def _plain(value: Any) -> Any:
    if isinstance(value, State):
        return value.name
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if k != "environment"}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def _job(one: dict[str, Any]) -> Job:
    order = dict(one["order"])
    order["script"] = base64.b64decode(order["script"])
    order["environment"] = {}
    order["signal"] = WarningSignal(**order["signal"]) if order["signal"] else None
    order["dependencies"] = tuple(Dependency(**d) for d in order["dependencies"])
    order["arguments"] = tuple(order["arguments"])
    values = {f.name: one[f.name] for f in fields(Job)}
    values["order"] = Order(**order)
    values["state"] = State[one["state"]]
    values["ending"] = None
    values["node_names"] = tuple(one["node_names"])
    values["dependencies"] = tuple(Dependency(**d) for d in one["dependencies"])
    values["runs"] = [
        Run(**{**run, "state": State[run["state"]], "node_names": tuple(run["node_names"])}) for run in one["runs"]
    ]
    return Job(**values)
