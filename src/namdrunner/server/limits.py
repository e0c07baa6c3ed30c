"""How much a request may send: bodies are documents of a few kilobytes; only uploads are large."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from namdrunner.server.problems import problem_response, too_large

MAX_BODY_BYTES = 8 * 1024 * 1024
UPLOADS_PATH = "/api/v1/uploads"


class BodyLimit:
    """Answers 413 as soon as a body is announced or turns out to be larger than a document can be."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_upload(scope):
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdigit() and int(announced) > self.max_bytes:
            await problem_response(too_large(), 413)(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                raise HTTPException(413)
            return message

        await self.app(scope, counted, send)


def _is_upload(scope: Scope) -> bool:
    parts = scope["method"] == "PATCH" and scope["path"].startswith(f"{UPLOADS_PATH}/incoming/")
    return parts or bool(scope["path"] == UPLOADS_PATH)
