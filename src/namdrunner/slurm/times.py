"""Times and durations as Slurm's commands print them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_ABSENT = {"", "N/A", "Unknown", "None", "NONE", "(null)", "INVALID"}
_DURATION = re.compile(r"^(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?(?:\.\d+)?$")


def parse_time(text: str) -> datetime | None:
    """A UTC time from seconds since the epoch, or from ``2026-11-22T14:53:31`` printed under ``TZ=UTC0``.

    ``None`` where Slurm has no time yet (``N/A``, ``Unknown``, ``None``, 0).
    """
    text = text.strip()
    if text in _ABSENT:
        return None
    try:
        if text.isdigit():
            return datetime.fromtimestamp(int(text), UTC) if int(text) > 0 else None
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_duration(text: str) -> int | None:
    """Seconds of ``SS``-less forms ``MM:SS``, ``HH:MM:SS``, ``D-HH:MM:SS``; ``None`` for ``UNLIMITED`` and the like."""
    match = _DURATION.match(text.strip())
    if not match:
        return None
    days, first, second, third = (int(g) if g else 0 for g in match.groups())
    if match.group(1) is not None:
        return days * 86400 + first * 3600 + second * 60 + third
    if match.group(4) is not None:
        return first * 3600 + second * 60 + third
    if match.group(3) is not None:
        return first * 60 + second
    return first


def slurm_time(moment: datetime) -> str:
    """A time for ``--starttime``, to be read under ``TZ=UTC0``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
