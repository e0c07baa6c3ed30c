"""An application in memory: the real event bus, tasks, prompts and activity log, and made-up clusters and jobs."""

from __future__ import annotations

import asyncio
from typing import Any

from namdrunner.errors import NotConnectedError, NotFoundError
from namdrunner.remote.limits import Limits, RequestLimiter, SessionGate
from namdrunner.remote.values import Prompt, PromptField, PromptKind
from namdrunner.services.activity import ActivityLog
from namdrunner.services.events import EventBus
from namdrunner.services.prompts import PromptService
from namdrunner.services.tasks import Task, TaskHandle, TaskService


def job_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"sample_{number:013d}",
        "name": f"sample {number}",
        "cluster": "alpine",
        "status": "RUNNING",
        "reason": "",
        "queue_reason": "",
        "slurm_ids": [str(4000 + number)],
        "template": "explicit_solvent_npt",
        "created_at": "2026-11-22T10:00:00.000Z",
        "submitted_at": "2026-11-22T10:00:01.000Z",
        "started_at": "2026-11-22T10:01:00.000Z",
        "ended_at": None,
        "walltime_s": 3600,
        "progress": {"step": 500, "target_step": 1000, "ns_per_day": 12.5, "eta_s": 60.0},
        "synced_at": None,
        "stale": "",
        "parent": None,
        **changes,
    }


class FakeClusters:
    def __init__(self, tasks: TaskService, prompts: PromptService) -> None:
        self._tasks, self._prompts = tasks, prompts
        self.known: dict[str, dict[str, Any]] = {}

    def add(self, given: Any) -> dict[str, Any]:
        self.known[given.name] = {"name": given.name, "host": given.host, "port": given.port, "state": "disconnected"}
        return self.get(given.name)

    def list(self) -> list[dict[str, Any]]:
        return list(self.known.values())

    def get(self, name: str) -> dict[str, Any]:
        if name not in self.known:
            raise NotFoundError(f"There is no cluster '{name}'.", code="cluster-not-found", remedy="See cluster list.")
        return self.known[name]

    def edit(self, name: str, changes: dict[str, Any]) -> dict[str, Any]:
        self.get(name).update(changes)
        return self.get(name)

    async def remove(self, name: str) -> dict[str, Any]:
        del self.known[self.get(name)["name"]]
        return {"removed": name, "jobs_forgotten": 0}

    def start_connect(self, name: str) -> Task:
        async def connect(handle: TaskHandle) -> dict[str, Any]:
            question = Prompt(name, PromptKind.PASSWORD, "Password", fields=(PromptField("Password: "),))
            answers = await self._prompts.ask(question)
            self.known[name]["state"] = "connected" if answers == ["right"] else "disconnected"
            return {"cluster": self.get(name)}

        return self._tasks.start("connect", connect, cluster=self.get(name)["name"])

    async def disconnect(self, name: str) -> dict[str, Any]:
        self.get(name)["state"] = "disconnected"
        return self.get(name)

    async def test(self, name: str) -> dict[str, Any]:
        raise NotConnectedError(f"'{name}' is not connected.", remedy="Connect it first.", context={"cluster": name})


class FakeJobs:
    def __init__(self, tasks: TaskService) -> None:
        self._tasks = tasks
        self.rows = [job_row(n) for n in range(1, 4)]
        self.asked: dict[str, Any] = {}

    def list(self, **asked: Any) -> dict[str, Any]:
        self.asked = asked
        return {"jobs": self.rows, "total": len(self.rows)}

    def get(self, job_id: str) -> dict[str, Any]:
        if job_id == "broken":
            raise RuntimeError("the password is hunter2")
        for row in self.rows:
            if row["id"] == job_id:
                return row | {"inputs": [{"name": "ala.psf", "bytes": 10, "sha256": "00", "role": "structure"}]}
        raise NotFoundError(f"There is no job '{job_id}'.", code="job-not-found", remedy="See job list.")

    async def start_create(self, request: Any) -> Task:
        async def create(handle: TaskHandle) -> dict[str, Any]:
            handle.say("Uploading")
            return {"job": self.get(self.rows[0]["id"])}

        return self._tasks.start("create", create)

    def start_download(self, job_id: str, patterns: list[str], to: str) -> Task:
        async def wait(handle: TaskHandle) -> None:
            while True:
                await handle.control.checkpoint()
                await asyncio.sleep(0.01)

        return self._tasks.start("download", wait, job=self.get(job_id)["id"])


class FakeConnections:
    """One cluster with its budget untouched."""

    def limits(self) -> dict[str, dict[str, Any]]:
        limits = Limits()
        own = {"shared": 3, "in_flight": 0, "transferred_bytes": 20_000_000, "bytes_per_s": None}
        return {"alpine": RequestLimiter(limits).document() | SessionGate(limits).document() | own}


class FakeApplication:
    def __init__(self) -> None:
        self.connections = FakeConnections()
        self.events = EventBus()
        self.tasks = TaskService(self.events)
        self.prompts = PromptService(self.events)
        self.activity = ActivityLog(self.events)
        self.clusters = FakeClusters(self.tasks, self.prompts)
        self.jobs = FakeJobs(self.tasks)

    def status(self) -> dict[str, Any]:
        return {
            "version": "0",
            "pid": 1,
            "started_at": "2026-11-22T10:00:00.000Z",
            "uptime_s": 1.0,
            "active_jobs": 0,
            "connections": [],
            "database": {"path": "/home/ada/jobs.sqlite", "bytes": 0, "set_aside": None},
        }
