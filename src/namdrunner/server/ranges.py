"""The Range header of RFC 9110, as far as browsers use it: one range of bytes."""

from __future__ import annotations

import re

_ONE_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and one past the last; ``None`` where the whole is meant, which RFC 9110 allows for odd headers.

    Raises ValueError for a range that lies outside the file (status 416).
    """
    match = _ONE_RANGE.match((header or "").replace(" ", ""))
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= end:
        raise ValueError("the range lies outside the file")
    return start, end
