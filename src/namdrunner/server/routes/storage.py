"""The local database: looked at, backed up, emptied. Nothing here touches a cluster."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from namdrunner.server.context import Context
from namdrunner.server.schemas import system as schema

router = APIRouter(prefix="/storage", tags=["storage"])


@router.get("", response_model=schema.StorageDocument)
async def describe_storage(context: Context) -> Any:
    """Where the database is, how large, and which backups there are."""
    return context.application.storage.describe()


@router.post("/backup", response_model=schema.Backup)
async def back_up(context: Context) -> Any:
    """A consistent copy beside the database."""
    return await run_in_threadpool(context.application.storage.backup)


@router.post("/forget-jobs", response_model=schema.JobsForgotten)
async def forget_jobs(context: Context) -> Any:
    """Empty the local list of jobs after a backup; a sync restores it from the clusters."""
    return context.application.storage.forget_jobs()
