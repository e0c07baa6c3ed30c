"""Logs kept for reading offline: compressed and bounded; of a long log the most recent part."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from namdrunner.store.database import Database
from namdrunner.store.tables import LogPartRow, LogRow

LIMIT_BYTES = 8 * 1024 * 1024
"""Uncompressed bytes kept of one log."""


@dataclass(frozen=True)
class LogPosition:
    """How far a log is known: bytes ``start`` to ``end`` of the file on the cluster; ``kept`` of them are here."""

    start: int = 0
    end: int = 0
    complete: bool = False
    kept: int = 0
    reader: dict[str, Any] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Every byte of the finished log is here."""
        return self.complete and self.start == 0 and self.kept == self.end


class LogRepository:
    def __init__(self, database: Database) -> None:
        self._database = database

    def position(self, job_id: str, kind: str) -> LogPosition:
        with self._database.transaction() as session:
            row = session.get(LogRow, (job_id, kind))
            return _position(row) if row else LogPosition()

    def content(self, job_id: str, kind: str) -> bytes:
        with self._database.transaction() as session:
            rows = session.scalars(
                select(LogPartRow.content)
                .where(LogPartRow.job_id == job_id, LogPartRow.kind == kind)
                .order_by(LogPartRow.id)
            )
            return b"".join(zlib.decompress(row) for row in rows)

    def ends(self, job_ids: list[str], kind: str) -> dict[str, int]:
        """How far each job's log is known, in bytes of the remote file."""
        with self._database.transaction() as session:
            rows = session.query(LogRow.job_id, LogRow.end).filter(LogRow.job_id.in_(job_ids), LogRow.kind == kind)
            return {row[0]: row[1] for row in rows}

    def append(
        self, job_id: str, kind: str, new: bytes, *, start: int, end: int, reader: dict[str, Any] | None = None
    ) -> None:
        """Add bytes ``start`` to ``end`` of the remote file (``new`` is shorter where they were thinned).

        A ``start`` that is not where the kept part ends begins the log anew. The oldest parts go when it is too long.
        """
        with self._database.transaction() as session:
            row = session.get(LogRow, (job_id, kind))
            if row is None or row.end != start:
                row = _fresh(session, job_id, kind, start)
            if new:
                part = LogPartRow(job_id=job_id, kind=kind, start=start, size=len(new), content=zlib.compress(new, 6))
                session.add(part)
            row.end, row.kept = end, row.kept + len(new)
            if reader is not None:
                row.reader = reader
            session.flush()
            _shorten(session, row)

    def replace(self, job_id: str, kind: str, content: bytes, *, complete: bool) -> None:
        """Keep exactly this, a small log as a whole."""
        with self._database.transaction() as session:
            row = _fresh(session, job_id, kind, 0)
            packed = zlib.compress(content, 6)
            session.add(LogPartRow(job_id=job_id, kind=kind, start=0, size=len(content), content=packed))
            row.end = row.kept = len(content)
            row.complete = complete

    def finish(self, job_id: str, kind: str) -> None:
        """No more bytes will come."""
        with self._database.transaction() as session:
            row = session.get(LogRow, (job_id, kind))
            if row is not None:
                row.complete = True


def _fresh(session: Session, job_id: str, kind: str, start: int) -> LogRow:
    session.execute(delete(LogRow).where(LogRow.job_id == job_id, LogRow.kind == kind))
    session.expire_all()
    row = LogRow(job_id=job_id, kind=kind, start=start, end=start, complete=False, kept=0, reader={})
    session.add(row)
    session.flush()
    return row


def _shorten(session: Session, row: LogRow) -> None:
    while row.kept > LIMIT_BYTES:
        own = (LogPartRow.job_id == row.job_id, LogPartRow.kind == row.kind)
        oldest = session.scalars(select(LogPartRow).where(*own).order_by(LogPartRow.id).limit(2)).all()
        if len(oldest) < 2:
            _cut(oldest[0], row)
            return
        row.kept -= oldest[0].size
        row.start = oldest[1].start
        session.delete(oldest[0])
        session.flush()


def _cut(part: LogPartRow, row: LogRow) -> None:
    """One part that is too long by itself keeps its last whole lines."""
    content = zlib.decompress(part.content)
    cut = content.find(b"\n", len(content) - LIMIT_BYTES) + 1 or len(content) - LIMIT_BYTES
    kept = content[cut:]
    part.content, part.size, part.start = zlib.compress(kept, 6), len(kept), part.start + cut
    row.kept, row.start = len(kept), part.start


def _position(row: LogRow) -> LogPosition:
    return LogPosition(row.start, row.end, row.complete, row.kept, dict(row.reader))
