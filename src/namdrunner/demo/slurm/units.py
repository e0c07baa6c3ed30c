"""Times and memory as Slurm reads and writes them (checked against outputs of Slurm 22.05)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_WITH_DAYS = re.compile(r"^(\d+)-(\d+)(?::(\d+))?(?::(\d+))?$")
_CLOCK = re.compile(r"^(\d+)(?::(\d+))?(?::(\d+))?$")
_MEMORY = re.compile(r"^(\d+)([KMGT]?)B?$", re.IGNORECASE)
_SINCE_NOW = re.compile(r"^now(?:([+-])(\d+)\s*(second|minute|hour|day|week)?s?)?$")
_SPAN = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}


def parse_time_limit(text: str) -> int | None:
    """Seconds of ``MM``, ``MM:SS``, ``HH:MM:SS``, ``D-HH[:MM[:SS]]``; ``None`` where sbatch would refuse it.

    Slurm keeps limits in whole minutes: parts of a minute are rounded up.
    """
    with_days = _WITH_DAYS.match(text)
    if with_days:
        days, hours, minutes, seconds = (int(g or 0) for g in with_days.groups())
        total = days * 86400 + hours * 3600 + minutes * 60 + seconds
    else:
        clock = _CLOCK.match(text)
        if not clock:
            return None
        parts = [int(g) for g in clock.groups() if g is not None]
        if len(parts) == 3:
            total = parts[0] * 3600 + parts[1] * 60 + parts[2]
        else:
            total = parts[0] * 60 + (parts[1] if len(parts) == 2 else 0)
    return -(-total // 60) * 60


def format_short(seconds: float) -> str:
    """``0:11``, ``20:00``, ``1:00:00``, ``7-00:00:00``: squeue's and sinfo's way."""
    days, hours, minutes, secs = _split(seconds)
    if days:
        return f"{days}-{hours:02d}:{minutes:02d}:{secs:02d}"
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes}:{secs:02d}"


def format_long(seconds: float) -> str:
    """``00:00:11``, ``7-00:00:00``: sacct's and scontrol's way."""
    days, hours, minutes, secs = _split(seconds)
    clock = f"{hours:02d}:{minutes:02d}:{secs:02d}"
    return f"{days}-{clock}" if days else clock


def _split(seconds: float) -> tuple[int, int, int, int]:
    days, rest = divmod(max(0, int(seconds)), 86400)
    hours, rest = divmod(rest, 3600)
    minutes, secs = divmod(rest, 60)
    return days, hours, minutes, secs


@dataclass(frozen=True)
class Calendar:
    """How one command reads and writes points in time: its ``$TZ`` and ``$SLURM_TIME_FORMAT``."""

    zone: tzinfo | None = None
    """``None``: the machine's own time zone."""
    time_format: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Calendar:
        name = environment.get("TZ", "")
        zone: tzinfo | None = None
        if re.fullmatch(r"(UTC|GMT)0?", name):
            zone = UTC
        elif name:
            try:
                zone = ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError):
                zone = None
        return cls(zone, environment.get("SLURM_TIME_FORMAT", ""))

    def _local(self, moment: float) -> datetime:
        return datetime.fromtimestamp(int(moment), UTC).astimezone(self.zone)

    def write(self, moment: float | None, missing: str) -> str:
        """``2026-11-22T15:04:05`` or as asked for; ``missing`` where there is none."""
        if not moment:
            return missing
        if not self.time_format or self.time_format == "standard":
            return self._local(moment).strftime("%Y-%m-%dT%H:%M:%S")
        if self.time_format == "relative":
            return self._local(moment).strftime("%H:%M:%S")
        # %s is not known to every platform's strftime.
        return self._local(moment).strftime(self.time_format.replace("%s", str(int(moment))))

    def read(self, text: str, now: float) -> float | None:
        """Seconds of ``now-2hours``, ``today``, ``2026-11-22[T15:04[:05]]``, ``15:04``; ``None`` for anything else."""
        text = text.strip()
        relative = _SINCE_NOW.match(text)
        if relative:
            sign, number, unit = relative.groups()
            if sign is None:
                return now
            return now + (1 if sign == "+" else -1) * int(number) * _SPAN[unit or "second"]
        midnight = self._local(now).replace(hour=0, minute=0, second=0, microsecond=0)
        if text in {"midnight", "today"}:
            return midnight.timestamp()
        if text == "tomorrow":
            return (midnight + timedelta(days=1)).timestamp()
        for pattern in ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d", "%m/%d/%y"):
            try:
                naive = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is put on below
            except ValueError:
                continue
            return (naive.replace(tzinfo=self.zone) if self.zone else naive.astimezone()).timestamp()
        clock = re.match(r"^(\d{1,2}):(\d{2})(?::(\d{2}))?$", text)
        if clock:
            hours, minutes, seconds = (int(g or 0) for g in clock.groups())
            return midnight.timestamp() + hours * 3600 + minutes * 60 + seconds
        return None


def parse_memory_mb(text: str) -> int | None:
    """Megabytes of ``64`` (megabytes), ``16G``, ``3800MB``; ``None`` where sbatch would refuse it."""
    match = _MEMORY.match(text)
    if not match:
        return None
    number, unit = int(match.group(1)), match.group(2).upper()
    if unit == "K":
        return -(-number // 1024)
    return number * {"": 1, "M": 1, "G": 1024, "T": 1024**2}[unit]


def format_memory(megabytes: int) -> str:
    """``3840M``, ``7.50G``, ``30G``: the unit is raised while a whole number of halves remains, as Slurm does."""
    value, unit = float(megabytes), "M"
    for larger in ("G", "T"):
        if value < 1024 or int(value) % 512:
            break
        value, unit = value / 1024, larger
    return f"{value:.0f}{unit}" if value == int(value) else f"{value:.2f}{unit}"
