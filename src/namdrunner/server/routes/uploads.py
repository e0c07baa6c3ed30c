"""Files a browser hands over, whole or in parts, kept in the staging store until jobs have used them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, status
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from namdrunner.errors import InputError, InterruptedOperationError
from namdrunner.server.context import Context
from namdrunner.server.schemas.base import Done
from namdrunner.server.schemas.system import UploadDocument
from namdrunner.server.schemas.uploads import IncomingDocument, IncomingList, UploadStart
from namdrunner.services.staging import StagingStore, Writer

router = APIRouter(prefix="/uploads", tags=["uploads"])

BINARY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
WRITE_BYTES = 1 << 20
"""Written at once; it bounds the memory an upload takes."""


@router.post("", response_model=UploadDocument, status_code=status.HTTP_201_CREATED, openapi_extra=BINARY)
async def upload_file(
    request: Request,
    context: Context,
    name: Annotated[str, Query(min_length=1, max_length=1024)],
    into: Annotated[str, Query(pattern="^([0-9a-f]{16})?$")] = "",
) -> Any:
    """Keep the body of the request as a file; its path can then be named in a job's files.

    ``name`` may be a relative path; files of one folder that belong together are put ``into`` the upload of the
    first of them. A request that breaks off leaves nothing: large files are sent in parts.
    """
    announced = request.headers.get("content-length", "")
    if not announced.isdigit():
        raise InputError(
            "The upload does not say how large it is.",
            code="length-required",
            remedy="Send the header Content-Length.",
        )
    # A time of its own: a whole upload never goes on where another one broke off.
    begun = await run_in_threadpool(context.uploads.begin, name, int(announced), -1, into)
    try:
        await _receive(request, context.uploads, begun.id, begun.received)
        return asdict(await run_in_threadpool(context.uploads.finish, begun.id))
    except BaseException:
        await run_in_threadpool(context.uploads.drop, begun.id)
        raise


@router.delete("/{upload_id}", response_model=Done)
async def delete_upload(upload_id: str, context: Context) -> Any:
    """Throw a staged file away."""
    await run_in_threadpool(context.uploads.remove, upload_id)
    return Done()


@router.post("/incoming", response_model=IncomingDocument, status_code=status.HTTP_201_CREATED)
async def begin_upload(body: UploadStart, context: Context) -> Any:
    """Begin a file that is sent in parts, or find the one that was broken off: ``received`` says where to go on."""
    begun = await run_in_threadpool(context.uploads.begin, body.name, body.bytes, body.modified_ms, body.into)
    return asdict(begun)


@router.get("/incoming", response_model=IncomingList)
async def list_incoming(context: Context) -> Any:
    """Files of which a part is here."""
    return {"incoming": [asdict(one) for one in await run_in_threadpool(context.uploads.incoming)]}


@router.patch("/incoming/{incoming_id}", response_model=IncomingDocument, openapi_extra=BINARY)
async def append_to_upload(
    incoming_id: str, request: Request, context: Context, offset: Annotated[int, Query(ge=0)]
) -> Any:
    """Add the body to what is here. When the connection breaks, what came before stays."""
    received = await _receive(request, context.uploads, incoming_id, offset)
    return asdict(received)


@router.post("/incoming/{incoming_id}/finish", response_model=UploadDocument, status_code=status.HTTP_201_CREATED)
async def finish_upload(incoming_id: str, context: Context) -> Any:
    """Put a file that is all here in its place; its path can then be named in a job's files."""
    return asdict(await run_in_threadpool(context.uploads.finish, incoming_id))


@router.delete("/incoming/{incoming_id}", response_model=Done)
async def drop_upload(incoming_id: str, context: Context) -> Any:
    """Forget an unfinished file."""
    await run_in_threadpool(context.uploads.drop, incoming_id)
    return Done()


async def _receive(request: Request, store: StagingStore, incoming_id: str, offset: int) -> Any:
    """Append the body in pieces; what is known of the file afterwards."""
    writer = await run_in_threadpool(store.writer, incoming_id, offset)
    try:
        await _pour(request, writer)
    except ClientDisconnect:
        raise InterruptedOperationError(
            "The upload broke off.", code="upload-interrupted", remedy="Send the rest."
        ) from None
    finally:
        writer.close()
    return await run_in_threadpool(store.about, incoming_id)


async def _pour(request: Request, writer: Writer) -> None:
    pending = bytearray()
    try:
        async for chunk in request.stream():
            pending += chunk
            if len(pending) >= WRITE_BYTES:
                await run_in_threadpool(writer.write, bytes(pending))
                pending.clear()
    finally:
        # Also when the connection broke: every byte that came is one that need not come again.
        if pending:
            await run_in_threadpool(writer.write, bytes(pending))
