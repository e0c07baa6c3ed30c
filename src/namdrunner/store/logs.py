"""Logs kept for reading offline: compressed and bounded; of a long log the most recent part."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from typing import Any

from namdrunner.store.database import Database
from namdrunner.store.tables import LogRow

LIMIT_BYTES = 8 * 1024 * 1024
"""Uncompressed bytes kept of one log."""


@dataclass(frozen=True)
class CachedLog:
    """``content`` is bytes ``start`` to ``end`` of the log on the cluster, thinned where it was long."""

    job_id: str
    kind: str
    start: int = 0
    end: int = 0
    complete: bool = False
    content: bytes = b""
    reader: dict[str, Any] = field(default_factory=dict)

    def extended(self, new: bytes, *, end: int, reader: dict[str, Any] | None = None) -> CachedLog:
        """With ``new`` at its end; the oldest whole lines go when it gets too long."""
        content, start = self.content + new, self.start
        if len(content) > LIMIT_BYTES:
            cut = content.find(b"\n", len(content) - LIMIT_BYTES) + 1 or len(content) - LIMIT_BYTES
            content, start = content[cut:], start + cut
        return replace(self, content=content, start=start, end=end, reader=self.reader if reader is None else reader)


class LogRepository:
    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, job_id: str, kind: str) -> CachedLog:
        with self._database.transaction() as session:
            row = session.get(LogRow, (job_id, kind))
            if row is None:
                return CachedLog(job_id, kind)
            content = zlib.decompress(row.content) if row.content else b""
            return CachedLog(job_id, kind, row.start, row.end, row.complete, content, dict(row.reader))

    def ends(self, job_ids: list[str], kind: str) -> dict[str, int]:
        """How far each job's log is known, in bytes of the remote file."""
        with self._database.transaction() as session:
            rows = session.query(LogRow.job_id, LogRow.end).filter(LogRow.job_id.in_(job_ids), LogRow.kind == kind)
            return {row[0]: row[1] for row in rows}

    def save(self, log: CachedLog) -> None:
        with self._database.transaction() as session:
            session.merge(
                LogRow(
                    job_id=log.job_id,
                    kind=log.kind,
                    start=log.start,
                    end=log.end,
                    complete=log.complete,
                    content=zlib.compress(log.content, 6),
                    reader=log.reader,
                )
            )
