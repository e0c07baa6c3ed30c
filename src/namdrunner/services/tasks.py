"""Long work that goes on when its caller leaves: started, watched, cancelled by id."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from namdrunner.errors import ConflictError, InternalError, NamdrunnerError, NotFoundError
from namdrunner.remote.transfer.control import TransferControl
from namdrunner.remote.values import TransferProgress
from namdrunner.services.events import EventBus

log = logging.getLogger(__name__)

KEPT = 500
PROGRESS_INTERVAL_S = 0.25

TaskState = Literal["running", "done", "failed", "cancelled"]


@dataclass
class Task:
    """What is known of one piece of long work; ``document`` is what the API shows."""

    id: str
    kind: str
    job: str | None
    cluster: str | None
    state: TaskState = "running"
    pausable: bool = False
    """Whether it is moving files; what it has moved so far is kept while it is paused."""
    paused: bool = False
    message: str = ""
    progress: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended_at: datetime | None = None

    def document(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            "job": self.job,
            "cluster": self.cluster,
            "state": self.state,
            "pausable": self.pausable and self.state == "running",
            "paused": self.paused and self.state == "running",
            "message": self.message,
            "progress": self.progress,
            "error": self.error,
            "result": self.result,
            "started_at": self.started_at.isoformat().replace("+00:00", "Z"),
            "ended_at": self.ended_at.isoformat().replace("+00:00", "Z") if self.ended_at else None,
        }


class TaskHandle:
    """What the work itself uses to say how far it is."""

    def __init__(self, task: Task, events: EventBus, control: TransferControl) -> None:
        self._task = task
        self._events = events
        self._control = control
        self._told_at = 0.0

    @property
    def id(self) -> str:
        return self._task.id

    @property
    def control(self) -> TransferControl:
        """For the transfers of this work: whoever hands it to them can be paused from now on."""
        if not self._task.pausable:
            self._task.pausable = True
            self._events.publish("task.updated", self._task.document())
        return self._control

    def say(self, message: str) -> None:
        self._task.message = message
        self._events.publish("task.updated", self._task.document())

    def belongs_to(self, job: str) -> None:
        self._task.job = job

    def progress(self, progress: TransferProgress) -> None:
        """Told at most a few times a second; the last word of each file is always told."""
        self._task.progress = {
            "file": progress.file,
            "bytes": progress.bytes,
            "total": progress.total,
            "files": progress.files,
            "files_total": progress.files_total,
            "rate_bytes_per_s": progress.rate_bytes_per_s,
            "eta_s": progress.eta_s,
        }
        now = time.monotonic()
        if now - self._told_at >= PROGRESS_INTERVAL_S or progress.file_bytes >= progress.file_total:
            self._told_at = now
            self._events.publish(
                "transfer.progress", {"task": self._task.id, "job": self._task.job} | self._task.progress
            )


Work = Callable[[TaskHandle], Awaitable[dict[str, Any] | None]]


class TaskService:
    def __init__(self, events: EventBus) -> None:
        self._events = events
        self._tasks: dict[str, Task] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._controls: dict[str, TransferControl] = {}

    def start(self, kind: str, work: Work, *, job: str | None = None, cluster: str | None = None) -> Task:
        """Begin ``work`` in the background and return at once."""
        task = Task(id=secrets.token_hex(8), kind=kind, job=job, cluster=cluster)
        self._tasks[task.id] = task
        self._forget_old()
        self._controls[task.id] = TransferControl()
        self._running[task.id] = asyncio.create_task(self._run(task, work), name=f"{kind}:{job or cluster or ''}")
        self._events.publish("task.updated", task.document())
        return task

    async def _run(self, task: Task, work: Work) -> None:
        try:
            task.result = await work(TaskHandle(task, self._events, self._controls[task.id]))
            task.state = "done"
        except asyncio.CancelledError:
            task.state = "cancelled"
            task.message = "It was cancelled."
        except NamdrunnerError as error:
            task.state, task.error, task.message = "failed", error.document(), error.message
        except Exception:
            log.exception("task %s (%s) failed unexpectedly", task.id, task.kind)
            task.state = "failed"
            task.error = InternalError(
                f"Something went wrong inside NAMDRunner ({task.kind}, task {task.id}).",
                remedy="The server's log has the details under that task id; please report it.",
            ).document()
            task.message = task.error["message"]
        finally:
            task.ended_at = datetime.now(UTC)
            self._running.pop(task.id, None)
            self._controls.pop(task.id, None)
            self._events.publish("task.updated", task.document())

    def _forget_old(self) -> None:
        ended = [t.id for t in self._tasks.values() if t.state != "running"]
        for task_id in ended[: max(0, len(self._tasks) - KEPT)]:
            del self._tasks[task_id]

    def list(self) -> list[Task]:
        return list(self._tasks.values())

    def get(self, task_id: str) -> Task:
        task = self._tasks.get(task_id)
        if task is None:
            raise NotFoundError(
                f"There is no task '{task_id}'.",
                code="task-not-found",
                remedy="Tasks are forgotten when the server stops; look at the job itself.",
            )
        return task

    def running(self, kind: str, *, job: str | None = None, cluster: str | None = None) -> Task | None:
        """The task of that kind under way for that job or cluster, if there is one."""
        for task in self._tasks.values():
            if task.state == "running" and (task.kind, task.job, task.cluster) == (kind, job, cluster):
                return task
        return None

    async def wait(self, task_id: str, timeout_s: float | None = None) -> Task:
        """Return when the task has ended, or after ``timeout_s`` as it then stands."""
        task = self.get(task_id)
        work = self._running.get(task_id)
        if work is not None:
            await asyncio.wait([work], timeout=timeout_s)
        return task

    def pause(self, task_id: str) -> Task:
        """Hold a transfer; its connection stays free for everything else.

        Raises:
            ConflictError: ``task-not-pausable``: it has ended, or moves no files now.
        """
        task, control = self._pausable(task_id)
        control.pause()
        return self._held(task, paused=True)

    def resume(self, task_id: str) -> Task:
        """Let a paused transfer go on where it stopped. Raises as ``pause``."""
        task, control = self._pausable(task_id)
        control.resume()
        return self._held(task, paused=False)

    def _pausable(self, task_id: str) -> tuple[Task, TransferControl]:
        task = self.get(task_id)
        control = self._controls.get(task_id)
        if control is None or not task.pausable:
            raise ConflictError(
                "Only work that is moving files can be paused.",
                code="task-not-pausable",
                remedy="Wait for its end, or cancel it.",
                context={"task": task_id, "state": task.state},
            )
        return task, control

    def _held(self, task: Task, *, paused: bool) -> Task:
        task.paused = paused
        self._events.publish("task.updated", task.document())
        return task

    async def cancel(self, task_id: str) -> Task:
        task = self.get(task_id)
        work = self._running.get(task_id)
        if work is not None:
            work.cancel()
            await asyncio.wait([work], timeout=10)
        return task

    async def close(self) -> None:
        work = list(self._running.values())
        for item in work:
            item.cancel()
        if work:
            await asyncio.wait(work, timeout=10)
