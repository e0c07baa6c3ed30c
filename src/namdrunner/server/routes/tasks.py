"""Long work and questions to the person: watch, cancel, answer."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query

from namdrunner.server.context import Context
from namdrunner.server.schemas import tasks as schema
from namdrunner.server.schemas.base import Done

tasks = APIRouter(prefix="/tasks", tags=["tasks"])
prompts = APIRouter(prefix="/prompts", tags=["prompts"])

MAX_WAIT_S = 60.0


@tasks.get("", response_model=schema.TaskList)
async def list_tasks(context: Context) -> Any:
    """What runs, and what ended lately."""
    return {"tasks": [task.document() for task in context.application.tasks.list()]}


@tasks.get("/{task_id}", response_model=schema.TaskDocument)
async def get_task(task_id: str, context: Context, wait_s: Annotated[float, Query(ge=0, le=MAX_WAIT_S)] = 0.0) -> Any:
    """The task as it stands; with ``wait_s`` once it has ended, or after that many seconds."""
    task = context.application.tasks.get(task_id)
    if wait_s > 0 and task.state == "running":
        ended = asyncio.ensure_future(context.application.tasks.wait(task_id, wait_s))
        stopping = asyncio.ensure_future(context.stopping.wait())
        await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for waiting in (ended, stopping):
            waiting.cancel()
    return task.document()


@tasks.delete("/{task_id}", response_model=schema.TaskDocument)
async def cancel_task(task_id: str, context: Context) -> Any:
    """Stop it; what it has done so far stays, or can be resumed."""
    return (await context.application.tasks.cancel(task_id)).document()


@tasks.post("/{task_id}/pause", response_model=schema.TaskDocument)
async def pause_task(task_id: str, context: Context) -> Any:
    """Hold a transfer where it is, until it is resumed or cancelled."""
    return context.application.tasks.pause(task_id).document()


@tasks.post("/{task_id}/resume", response_model=schema.TaskDocument)
async def resume_task(task_id: str, context: Context) -> Any:
    """Let a paused transfer go on."""
    return context.application.tasks.resume(task_id).document()


@prompts.get("", response_model=schema.PromptList)
async def list_prompts(context: Context) -> Any:
    """Questions that wait for a person."""
    return {"prompts": context.application.prompts.pending()}


@prompts.post("/{prompt_id}", response_model=Done)
async def answer_prompt(prompt_id: str, body: schema.PromptAnswer, context: Context) -> Any:
    """Answer every field, in order; answers are handed to the connection and kept nowhere."""
    context.application.prompts.answer(prompt_id, body.answers)
    return Done()


@prompts.delete("/{prompt_id}", response_model=Done)
async def decline_prompt(prompt_id: str, context: Context) -> Any:
    """Do not answer: the connection attempt fails."""
    context.application.prompts.decline(prompt_id)
    return Done()
