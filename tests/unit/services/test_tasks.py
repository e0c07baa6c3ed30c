"""Long work: its end is known, its failure explained, its cancellation heard; and prompts wait for people."""

from __future__ import annotations

import asyncio

import pytest

from namdrunner.errors import ConflictError, InputError, NotFoundError
from namdrunner.remote.values import Prompt, PromptField, PromptKind, TransferProgress
from namdrunner.services.events import EventBus
from namdrunner.services.prompts import PromptService
from namdrunner.services.tasks import TaskHandle, TaskService


async def test_result_progress_and_message_are_kept() -> None:
    bus = EventBus()
    tasks = TaskService(bus)

    async def work(handle: TaskHandle) -> dict[str, int]:
        handle.say("half way")
        handle.progress(TransferProgress("a.dcd", 5, 10, 5, 20, 0, 2, 100.0, 0.15))
        return {"n": 1}

    task = tasks.start("download", work, job="j")
    done = await tasks.wait(task.id, 5)
    assert (done.state, done.result, done.message) == ("done", {"n": 1}, "half way")
    assert done.progress is not None
    assert done.progress["total"] == 20


async def test_failure_is_an_error_object_and_unexpected_ones_hide_no_details_in_public() -> None:
    tasks = TaskService(EventBus())

    async def refuses(_: TaskHandle) -> None:
        raise InputError("No such file.", code="file-missing", remedy="Look again.")

    async def breaks(_: TaskHandle) -> None:
        raise RuntimeError("secret detail")

    refused = await tasks.wait(tasks.start("create", refuses).id, 5)
    broken = await tasks.wait(tasks.start("create", breaks).id, 5)
    assert refused.error is not None
    assert refused.error["code"] == "file-missing"
    assert broken.error is not None
    assert "secret detail" not in str(broken.document())


async def test_cancel_stops_the_work() -> None:
    tasks = TaskService(EventBus())
    task = tasks.start("upload", lambda _: asyncio.sleep(60))
    assert tasks.running("upload") is task
    await asyncio.sleep(0)
    assert (await tasks.cancel(task.id)).state == "cancelled"
    assert tasks.running("upload") is None
    with pytest.raises(NotFoundError):
        tasks.get("nothing")


async def test_only_work_that_moves_files_can_be_paused() -> None:
    tasks = TaskService(EventBus())
    moved: list[int] = []

    async def moves(handle: TaskHandle) -> None:
        for piece in range(3):
            await handle.control.checkpoint()
            moved.append(piece)
            await asyncio.sleep(0)

    still = tasks.start("discover", lambda _: asyncio.sleep(60))
    with pytest.raises(ConflictError) as caught:
        tasks.pause(still.id)
    assert caught.value.code == "task-not-pausable"
    task = tasks.start("download", moves)
    while not moved:  # noqa: ASYNC110 - the work itself tells nobody
        await asyncio.sleep(0)
    assert tasks.pause(task.id).document()["paused"]
    for _ in range(20):
        await asyncio.sleep(0)
    assert moved == [0]
    assert tasks.get(task.id).state == "running"
    assert not tasks.resume(task.id).document()["paused"]
    done = await tasks.wait(task.id, 5)
    assert (done.state, moved) == ("done", [0, 1, 2])
    assert done.document()["pausable"] is False
    with pytest.raises(ConflictError):
        tasks.pause(task.id)
    await tasks.close()


async def test_prompt_is_announced_and_answered_once() -> None:
    bus = EventBus()
    prompts = PromptService(bus)
    prompt = Prompt("alpha", PromptKind.PASSWORD, "Password", fields=(PromptField("Password:"),))
    asking = asyncio.create_task(prompts.ask(prompt))
    await asyncio.sleep(0)
    (document,) = prompts.pending()
    with pytest.raises(InputError):
        prompts.answer(document["id"], ["a", "b"])
    prompts.answer(document["id"], ["secret"])
    assert await asking == ["secret"]
    assert prompts.pending() == []
    with pytest.raises(NotFoundError):
        prompts.answer(document["id"], ["again"])
    assert all("secret" not in str(e.data) for e in bus._ring)


async def test_declined_prompt_gives_none() -> None:
    prompts = PromptService(EventBus())
    asking = asyncio.create_task(prompts.ask(Prompt("a", PromptKind.HOST_KEY, "t", fields=(PromptField("?", True),))))
    await asyncio.sleep(0)
    prompts.decline(prompts.pending()[0]["id"])
    assert await asking is None
