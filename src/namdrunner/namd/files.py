"""Bytes of input files, read whole and bounded, with errors a person can act on."""

from __future__ import annotations

import os
from pathlib import Path

from namdrunner.errors import InputError

Source = Path | str | bytes

MAX_TEXT_BYTES = 8 * 2**30
_FIRST_BYTES = 4096


def source_name(source: Source, name: str | None = None) -> str:
    """What to call the source in a message: the path, or what the caller calls it."""
    if name is not None:
        return name
    return "<bytes>" if isinstance(source, bytes) else str(source)


def file_size(path: Path) -> int:
    """Size in bytes; raises InputError when the file is missing, a folder or not readable."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise missing_file(path) from None
    except OSError as error:
        raise unreadable_file(path, error) from None
    except ValueError as error:
        raise InputError(
            f"{str(path)!r} is not a usable file name: {error}.",
            code="file-name-invalid",
            remedy="Give a path without control characters.",
        ) from None
    if not path.is_file():
        raise InputError(
            f"{path} is not a regular file.",
            code="file-not-regular",
            remedy="Give the path of a file, not of a folder or device.",
            context={"file": str(path)},
        )
    return status.st_size


def read_bytes(source: Source, *, limit: int = MAX_TEXT_BYTES) -> bytes:
    """The whole content; raises InputError when it cannot be read or has more than ``limit`` bytes."""
    if isinstance(source, bytes):
        return source
    path = Path(source)
    size = file_size(path)
    if size > limit:
        raise InputError(
            f"{path} has {size} bytes, more than the {limit} that are read at once.",
            code="file-too-large",
            remedy="Check that this is the file you mean.",
            context={"file": str(path), "bytes": size},
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable_file(path, error) from None


def first_bytes(source: Source) -> bytes:
    """The beginning, which tells a file of another kind before gigabytes of it are read."""
    if isinstance(source, bytes):
        return source[:_FIRST_BYTES]
    path = Path(source)
    file_size(path)
    try:
        with path.open("rb") as stream:
            return stream.read(_FIRST_BYTES)
    except OSError as error:
        raise unreadable_file(path, error) from None


def missing_file(path: Path) -> InputError:
    """The error for a file that is not there."""
    return InputError(
        f"{path} does not exist.",
        code="file-missing",
        remedy="Check the path; relative paths count from the folder of the config file.",
        context={"file": str(path)},
    )


def unreadable_file(path: Path, error: OSError) -> InputError:
    """The error for a file the system refuses to read."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    return InputError(
        f"{path} cannot be read: {reason}.",
        code="file-unreadable",
        remedy="Check the permissions of the file and of its folder.",
        context={"file": str(path)},
    )


def line_at(data: bytes, offset: int) -> int:
    """The 1-based number of the line that contains byte ``offset``."""
    return data.count(b"\n", 0, max(offset, 0)) + 1


def bad_input(code: str, message: str, remedy: str, name: str, line: int | None = None) -> InputError:
    """An InputError that names the file and, where known, the line."""
    context: dict[str, object] = {"file": name}
    if line is not None:
        context["line"] = line
    return InputError(message, code=code, remedy=remedy, context=context)
