"""Files a browser hands over, kept in the staging folder until a job uses them."""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, status
from fastapi.concurrency import run_in_threadpool

from namdrunner.errors import ConflictError, InputError, NotFoundError
from namdrunner.server.context import Context
from namdrunner.server.schemas.base import Done
from namdrunner.server.schemas.system import UploadDocument

router = APIRouter(prefix="/uploads", tags=["uploads"])

PART = ".part"

RESERVE_BYTES = 512 * 1024**2
"""What stays free on the disk, so that the database can still be written."""


@router.post(
    "",
    response_model=UploadDocument,
    status_code=status.HTTP_201_CREATED,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def upload_file(
    request: Request,
    context: Context,
    name: Annotated[str, Query(min_length=1, max_length=1024)],
    into: Annotated[str, Query(pattern="^([0-9a-f]{16})?$")] = "",
) -> Any:
    """Keep the body of the request as a file; its path can then be named in a job's files.

    ``name`` may be a relative path; files of one folder that belong together are put ``into`` the upload of the
    first of them.
    """
    parts = name.split("/")
    for part in parts:
        _check_name(part)
    identifier = into or secrets.token_hex(8)
    folder = context.folders.staging / identifier
    if into and not folder.is_dir():
        raise _no_upload(into)
    target = folder.joinpath(*parts)
    await run_in_threadpool(_make_folder, folder, target.parent)
    try:
        size, digest = await _receive(request, target)
    except BaseException:
        target.with_name(target.name + PART).unlink(missing_ok=True)
        if not into:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return {"id": identifier, "name": name, "path": str(target), "bytes": size, "sha256": digest}


@router.delete("/{upload_id}", response_model=Done)
async def delete_upload(upload_id: str, context: Context) -> Any:
    """Throw a staged file away."""
    folder = context.folders.staging / upload_id
    if not re.fullmatch(r"[0-9a-f]{16}", upload_id) or not folder.is_dir():
        raise _no_upload(upload_id)
    await run_in_threadpool(shutil.rmtree, folder)
    return Done()


def _no_upload(upload_id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no upload '{upload_id}'.",
        code="upload-not-found",
        remedy="Choose the file again; uploads are thrown away when they are used or old.",
    )


def _make_folder(root: Path, folder: Path) -> None:
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ConflictError(
            "A file and a folder of the upload have the same name.",
            code="file-exists",
            remedy="Rename one of them and upload them again.",
        ) from None


def _check_name(name: str) -> None:
    if not name or len(name) > 255 or name in (".", "..") or re.search(r'[/\\:\x00-\x1f\x7f<>"|?*]', name):
        raise InputError(
            "The name of the file has characters that no folder can hold.",
            code="file-name-invalid",
            remedy="Rename the file and upload it again.",
        )


async def _receive(request: Request, target: Path) -> tuple[int, str]:
    """Size and sha256 of what was written."""
    digest, size = hashlib.sha256(), 0
    announced = request.headers.get("content-length", "")
    if not announced.isdigit():
        raise InputError(
            "The upload does not say how large it is.",
            code="length-required",
            remedy="Send the header Content-Length.",
        )
    await run_in_threadpool(_check_space, target.parent, int(announced))
    part = target.with_name(target.name + PART)
    with part.open("wb") as stream:
        async for chunk in request.stream():
            if chunk:
                await run_in_threadpool(stream.write, chunk)
                digest.update(chunk)
                size += len(chunk)
    if target.is_dir():
        raise ConflictError(
            "A file and a folder of the upload have the same name.",
            code="file-exists",
            remedy="Rename one of them and upload them again.",
        )
    part.replace(target)
    return size, digest.hexdigest()


def _check_space(folder: Path, needed: int) -> None:
    if shutil.disk_usage(folder).free < needed + RESERVE_BYTES:
        raise InputError(
            "There is not enough room on this computer for the file.",
            code="local-disk-full",
            remedy="Free some space, or create the job on the command line: files are then not copied here.",
        )
