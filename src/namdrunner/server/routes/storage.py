"""The local database: looked at, backed up, emptied. Nothing here touches a cluster."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from namdrunner.server.context import Context
from namdrunner.server.schemas import system as schema
from namdrunner.services.staging import sources_in_use

router = APIRouter(prefix="/storage", tags=["storage"])


@router.get("", response_model=schema.StorageDocument)
async def describe_storage(context: Context) -> Any:
    """Where the database is, how large, which backups there are, and what uploads take."""
    uploads = await run_in_threadpool(context.uploads.describe)
    return context.application.storage.describe() | {"uploads": asdict(uploads)}


@router.post("/clear-uploads", response_model=schema.UploadsCleared)
async def clear_uploads(context: Context) -> Any:
    """Remove the files browsers handed over, except those that a job has still to send; drafts lose theirs."""
    in_use = sources_in_use(context.application.context.jobs)
    return {"freed": await run_in_threadpool(context.uploads.clear, in_use)}


@router.post("/backup", response_model=schema.Backup)
async def back_up(context: Context) -> Any:
    """A consistent copy beside the database."""
    return await run_in_threadpool(context.application.storage.backup)


@router.post("/forget-jobs", response_model=schema.JobsForgotten)
async def forget_jobs(context: Context) -> Any:
    """Empty the local list of jobs after a backup; a sync restores it from the clusters."""
    return context.application.storage.forget_jobs()


@router.post("/restore", response_model=schema.Restored)
async def restore(body: schema.RestoreRequest, context: Context) -> Any:
    """Put a backup in the place of the database, which is kept beside it."""
    return context.application.storage.restore(body.backup)


@router.post("/reset", response_model=schema.Restored)
async def reset(context: Context) -> Any:
    """Forget jobs and clusters after keeping the database; nothing on the clusters is touched."""
    return context.application.storage.reset()
