"""Documents about files on the person's computer."""

from __future__ import annotations

from namdrunner.server.schemas.base import Answer, Body


class InspectRequest(Body):
    """``path``: absolute, on the computer the server runs on; that of an upload, for instance."""

    path: str


class FileFacts(Answer):
    """What a file is. ``cell``: three vectors in angstrom; ``charge`` in e; ``note``: what else was found, in words;
    ``problem``: why it cannot be what its name says, empty when nothing speaks against it.
    """

    path: str
    name: str
    bytes: int
    kind: str
    atoms: int | None = None
    charge: float | None = None
    cell: list[list[float]] | None = None
    origin: list[float] | None = None
    note: str = ""
    problem: str = ""
