"""Files on this computer, looked at before a job is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from namdrunner.errors import InputError
from namdrunner.server.schemas.files import FileFacts, InspectRequest
from namdrunner.services.inspection import inspect_file

router = APIRouter(prefix="/files", tags=["files"])


@router.post("/inspect", response_model=FileFacts)
async def inspect(body: InspectRequest) -> Any:
    """Kind, size, and what the file's own reader finds in it."""
    path = Path(body.path).expanduser()
    if not path.is_absolute():
        raise InputError(
            "The path of the file has to be absolute.",
            code="path-not-absolute",
            remedy="Give the whole path: the server does not know in which folder you are.",
        )
    return await run_in_threadpool(inspect_file, path)
