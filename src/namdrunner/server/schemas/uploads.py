"""Documents about files on their way into the staging store."""

from __future__ import annotations

from pydantic import Field

from namdrunner.server.schemas.base import Answer, Body


class UploadStart(Body):
    """``modified_ms``: when the file was last changed (milliseconds since 1970), by which a resumed one is known."""

    name: str = Field(min_length=1, max_length=1024)
    bytes: int = Field(ge=0)
    modified_ms: int = 0
    into: str = Field(default="", pattern="^([0-9a-f]{16})?$")


class IncomingDocument(Answer):
    """A file of which ``received`` of ``bytes`` are here."""

    id: str
    name: str
    bytes: int
    received: int
    modified_ms: int = 0
    into: str = ""


class IncomingList(Answer):
    incoming: list[IncomingDocument]
