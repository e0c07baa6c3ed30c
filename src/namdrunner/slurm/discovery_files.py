"""Readers of df, quota and lfs quota: how much room there is, and how much of it is the person's."""

from __future__ import annotations

import re
from collections.abc import Iterable

from namdrunner.slurm.discovery import FileSystem

_DF = re.compile(r"^(\S.*?)\s+(\S+)\s+(\d+)\s+(\d+)\s+(-?\d+)\s+\S+\s+(/.*)$")
_SIZE = re.compile(r"^(\d+(?:\.\d+)?)([KMGTP]?)(?:i?B)?\*?$", re.IGNORECASE)
_UNIT = {"": 1024, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4, "P": 1024**5}


def parse_df(path: str, text: str) -> FileSystem | None:
    """One row of ``df -PkT PATH``."""
    for line in reversed(text.strip().splitlines()):
        match = _DF.match(line.strip())
        if match:
            filesystem, kind, total, _, free, mount = match.groups()
            return FileSystem(
                path, filesystem, mount, kind, bytes=int(total[:16]) * 1024, free_bytes=max(int(free[:16]), 0) * 1024
            )
    return None


def parse_quota(text: str) -> dict[str, FileSystem]:
    """Quotas by file system or mount point, from ``quota -w`` or ``lfs quota``: rows of used, soft, hard, grace, files.

    Sizes without a unit are kilobytes. A soft limit counts where it is set, else the hard one.
    """
    found = {}
    waiting = ""
    for line in text.splitlines()[:2000]:
        words = line.split()
        if len(words) == 1 and words[0].startswith("/"):  # long names stand on a line of their own
            waiting = words[0]
            continue
        name = waiting if waiting and words and _SIZE.match(words[0]) else words[0] if words else ""
        numbers = words if name == waiting and waiting else words[1:]
        waiting = ""
        if (":" not in name and "/" not in name) or len(numbers) < 3:
            continue
        space = [_bytes(word) for word in numbers[:3]]
        if any(value is None for value in space):
            continue
        used, soft, hard = space
        files = [int(w.rstrip("*")) for w in numbers[3:] if re.fullmatch(r"\d{1,15}\*?", w)]
        limit = files[1] or (files[2] if len(files) > 2 else 0) if len(files) > 1 else 0
        found[name] = FileSystem(
            name,
            filesystem=name,
            quota_used_bytes=used,
            quota_bytes=soft or hard or None,
            quota_files_used=files[0] if files else None,
            quota_files=limit or None,
        )
    return found


def with_quotas(systems: Iterable[FileSystem], quotas: dict[str, FileSystem]) -> tuple[FileSystem, ...]:
    """Each file system with the quota that is told for its path, its mount point or its device."""
    found = []
    for system in systems:
        quota = next((quotas[k] for k in (system.path, system.mounted_on, system.filesystem) if k in quotas), None)
        if quota is None:
            found.append(system)
            continue
        found.append(
            FileSystem(
                system.path, system.filesystem, system.mounted_on, system.type, system.bytes, system.free_bytes,
                quota.quota_used_bytes, quota.quota_bytes, quota.quota_files_used, quota.quota_files,
            )
        )  # fmt: skip
    return tuple(found)


def _bytes(word: str) -> int | None:
    match = _SIZE.match(word)
    return int(float(match.group(1)[:15]) * _UNIT[match.group(2).upper()]) if match else None
