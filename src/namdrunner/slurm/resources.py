"""What a job asks of the cluster, with its units, and how people write it."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field

from namdrunner.errors import InputError


class GpuRequest(BaseModel):
    """GPUs per job; ``type`` is spelled as the site spells it, empty for "any"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str = Field(default="", pattern=r"^[A-Za-z0-9._-]*$")
    count: int = Field(ge=1, le=1024)

    def __str__(self) -> str:
        return f"{self.type}:{self.count}" if self.type else str(self.count)


class Resources(BaseModel):
    """The request of one job. ``None`` leaves the choice to the partition's or profile's default.

    ``cores`` is the total over all nodes; ``nodes`` is computed from the partition's cores per node when ``None``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cores: int = Field(default=1, ge=1, le=1_000_000)
    nodes: int | None = Field(default=None, ge=1, le=100_000)
    memory_bytes: int | None = Field(default=None, ge=1)
    """Per node."""
    walltime_s: int | None = Field(default=None, ge=60)
    partition: str | None = None
    qos: str | None = None
    account: str | None = None
    gpus: GpuRequest | None = None


_MEMORY = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([KMGTP])?(?:i?B)?\s*$", re.IGNORECASE)
_UNIT = {"": 1024**2, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4, "P": 1024**5}


def parse_memory(text: str) -> int:
    """Bytes of ``16GB``, ``3800M``, ``1.5T`` (binary units, as Slurm counts them).

    Raises InputError (``memory-unit-missing``) for a bare number: to Slurm ``--mem=64`` is 64 megabytes, to
    people it is gigabytes.
    """
    match = _MEMORY.match(text)
    if not match:
        raise InputError(
            f"'{text}' is not an amount of memory.",
            code="memory-invalid",
            remedy="Write a number and a unit, for example 16GB or 3800MB.",
        )
    number, unit = match.group(1), (match.group(2) or "").upper()
    if not unit:
        raise InputError(
            f"The memory '{text}' has no unit: Slurm would take it as megabytes.",
            code="memory-unit-missing",
            remedy=f"Write {number}GB or {number}MB.",
        )
    value = int(float(number) * _UNIT[unit])
    if value < 1:
        raise InputError("Memory must be more than zero.", code="memory-invalid", remedy="Write for example 16GB.")
    return value


_WALLTIME = re.compile(r"^(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?$")
_WALLTIME_WORDS = re.compile(r"^(\d+(?:\.\d+)?)\s*(d|h|m|min|s)$", re.IGNORECASE)


def parse_walltime(text: str) -> int:
    """Seconds of Slurm's forms (``MM``, ``MM:SS``, ``HH:MM:SS``, ``D-HH``, ``D-HH:MM``, ``D-HH:MM:SS``) or ``4h``."""
    text = text.strip()
    words = _WALLTIME_WORDS.match(text)
    if words:
        factor = {"d": 86400, "h": 3600, "m": 60, "min": 60, "s": 1}[words.group(2).lower()]
        seconds = round(float(words.group(1)) * factor)
    else:
        match = _WALLTIME.match(text)
        if not match:
            raise InputError(
                f"'{text}' is not a walltime.",
                code="walltime-invalid",
                remedy="Write HH:MM:SS or D-HH:MM:SS, for example 04:00:00.",
            )
        days, a, b, c = (int(g) if g is not None else None for g in match.groups())
        if days is not None:
            seconds = days * 86400 + (a or 0) * 3600 + (b or 0) * 60 + (c or 0)
        elif c is not None:
            seconds = (a or 0) * 3600 + (b or 0) * 60 + c
        elif b is not None:
            seconds = (a or 0) * 60 + b
        else:
            seconds = (a or 0) * 60
    if seconds < 60:
        raise InputError(
            f"The walltime '{text}' is shorter than a minute.",
            code="walltime-invalid",
            remedy="Slurm counts in minutes: ask for at least 00:01:00.",
        )
    return seconds


def parse_gpus(text: str) -> GpuRequest:
    """``a100:2`` or ``2``."""
    match = re.match(r"^\s*(?:gpu:)?(?:([A-Za-z0-9._-]*[A-Za-z._-][A-Za-z0-9._-]*):)?(\d+)\s*$", text)
    if not match or int(match.group(2)) < 1:
        raise InputError(
            f"'{text}' is not a GPU request.", code="gpus-invalid", remedy="Write TYPE:N, for example a100:1."
        )
    return GpuRequest(type=match.group(1) or "", count=int(match.group(2)))


def format_walltime(seconds: int) -> str:
    """``D-HH:MM:SS`` or ``HH:MM:SS``, as Slurm writes it; parts of a second are never lost upwards."""
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, secs = divmod(rest, 60)
    clock = f"{hours:02d}:{minutes:02d}:{secs:02d}"
    return f"{days}-{clock}" if days else clock


def format_memory(value: int) -> str:
    """For ``--mem``: whole mebibytes with the unit always written, rounded up (``16384M``)."""
    return f"{-(-value // 1024**2)}M"
