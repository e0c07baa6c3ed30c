"""A server's work without its HTTP face, in a process that can be killed, or its connection cut, at any await.

``python -m tests.faults.driver HOME ACTION ... [--kill-at N | --cut-at N]`` prints one JSON line. Every resumption of
every coroutine after the cluster is connected counts as one step; the fault strikes at step N.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

from namdrunner.errors import NamdrunnerError
from namdrunner.jobs import sync_script
from namdrunner.jobs.state import JobState
from namdrunner.paths import Folders
from namdrunner.services import submit
from namdrunner.services.application import Application
from namdrunner.services.clusters import ClusterInput
from namdrunner.services.context import utc_now
from namdrunner.services.job_request import JobRequest
from namdrunner.services.tasks import Task

CLUSTER = "here"


class Steps:
    """Counts steps once armed, and strikes at one of them."""

    def __init__(self) -> None:
        self.armed = False
        self.count = 0
        self.at = 0
        self.strike: Callable[[], None] = lambda: None

    def step(self) -> None:
        if not self.armed:
            return
        self.count += 1
        if self.count == self.at:
            self.strike()


STEPS = Steps()


class Stepped(Coroutine[Any, Any, Any]):
    """A coroutine that counts its resumptions."""

    def __init__(self, inner: Coroutine[Any, Any, Any]) -> None:
        self._inner = inner

    def send(self, value: Any) -> Any:
        STEPS.step()
        return self._inner.send(value)

    def throw(self, *error: Any) -> Any:
        return self._inner.throw(*error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Any:
        return self._inner.__await__()


def stepping(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
    return asyncio.Task(Stepped(coro), loop=loop, **options)


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def connect(app: Application) -> None:
    task = app.clusters.start_connect(CLUSTER)
    while task.state == "running":
        for prompt in app.prompts.pending():
            app.prompts.answer(prompt["id"], ["yes"])
        await asyncio.sleep(0.02)
    if task.error:
        raise RuntimeError(task.error["message"])


async def done(app: Application, task: Task) -> dict[str, Any]:
    ended = await app.tasks.wait(task.id, 120)
    return ended.document()


async def add(app: Application, arguments: argparse.Namespace) -> Any:
    given = json.loads(arguments.words[0])
    app.clusters.add(ClusterInput(name=CLUSTER, **given))
    await connect(app)


def _request(arguments: argparse.Namespace) -> JobRequest:
    name, config = arguments.words[:2]
    resources = {"cores": 1, "walltime": "00:05:00"} | json.loads(arguments.resources)
    return JobRequest.model_validate(
        {
            "name": name,
            "cluster": CLUSTER,
            "config": config,
            "submit": True,
            "force": True,
            "resources": resources,
        }
    )


async def create(app: Application, arguments: argparse.Namespace) -> Any:
    request = _request(arguments)
    STEPS.armed = True
    return await done(app, await app.jobs.start_create(request))


async def create_many(app: Application, arguments: argparse.Namespace) -> Any:
    """As many jobs of one name as the third word says."""
    requests = [_request(arguments)] * int(arguments.words[2])
    STEPS.armed = True
    return await done(app, await app.jobs.start_create_many(requests))


async def sync(app: Application, arguments: argparse.Namespace) -> Any:
    STEPS.armed = True
    return await done(app, app.jobs.start_sync(CLUSTER))


async def delete(app: Application, arguments: argparse.Namespace) -> Any:
    STEPS.armed = True
    return await done(app, app.jobs.start_delete(arguments.words[0]))


async def settle(app: Application, arguments: argparse.Namespace) -> Any:
    """What a person does after an accident: sync, and submit what says it was not submitted."""
    wanted = arguments.words[0] if arguments.words else "submitted"
    for _ in range(120):
        try:
            await app.poller.sync_now(CLUSTER, rediscover=True)
        except NamdrunnerError as error:
            if not error.retryable:
                raise
            await asyncio.sleep(1)
            continue
        jobs = app.jobs.list()["jobs"]
        for job in jobs:
            if job["status"] in ("CREATED", "UPLOADING", "READY"):
                await done(app, app.jobs.start_submit(job["id"]))
        states = [JobState(job["status"]) for job in app.jobs.list()["jobs"]]
        goal = (lambda s: s.final) if wanted == "final" else (lambda s: s.submitted and s not in _UNSETTLED)
        if all(goal(state) for state in states) and not any(app.jobs.get(j["id"])["deleting"] for j in jobs):
            break
        await asyncio.sleep(0.5)
    return [app.jobs.get(job["id"]) for job in app.jobs.list()["jobs"]]


async def list_jobs(app: Application, arguments: argparse.Namespace) -> Any:
    return app.jobs.list()["jobs"]


_UNSETTLED = (JobState.SUBMITTING, JobState.SUBMIT_UNKNOWN)
ACTIONS = {
    "add": add,
    "create": create,
    "create-many": create_many,
    "sync": sync,
    "delete": delete,
    "settle": settle,
    "list": list_jobs,
}


async def main(arguments: argparse.Namespace) -> Any:
    asyncio.get_running_loop().set_task_factory(stepping)
    # An attempt is given up for lost sooner than for people, so that the suite does not wait.
    sync_script.PATIENCE_S = arguments.patience
    submit.ABSENT_AFTER = timedelta(seconds=arguments.absent_after)
    app = await Application.open(Folders.below(Path(arguments.home)))
    if arguments.clock_off_h:
        off = timedelta(hours=arguments.clock_off_h)
        app.context.now = lambda: utc_now() + off
    try:
        if arguments.action not in ("add", "list"):
            await connect(app)
            (Path(arguments.home) / "connected").touch()

        def cut() -> None:
            app.connections.session(CLUSTER).link._chain[-1].abort()  # type: ignore[attr-defined]

        STEPS.at = arguments.kill_at or arguments.cut_at
        STEPS.strike = kill if arguments.kill_at else cut
        try:
            outcome = await ACTIONS[arguments.action](app, arguments)
        except NamdrunnerError as error:
            outcome = {"error": error.document()}
        STEPS.armed = False
        return {"steps": STEPS.count, "outcome": outcome}
    finally:
        await app.close()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("home")
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--kill-at", type=int, default=0)
    parser.add_argument("--cut-at", type=int, default=0)
    parser.add_argument("--resources", default="{}", help="in place of one core for five minutes, as JSON")
    parser.add_argument("--clock-off-h", type=float, default=0.0, help="how wrong the clock here is")
    parser.add_argument("--patience", type=int, default=30, help="with each of Slurm's commands, in seconds")
    parser.add_argument("--absent-after", type=float, default=8.0)
    return parser.parse_args()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(parse()))))
