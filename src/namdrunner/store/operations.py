"""Work in several steps, recorded so that a restart knows what was under way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from namdrunner.store.database import Database
from namdrunner.store.tables import OperationRow


@dataclass(frozen=True)
class Operation:
    id: int
    job_id: str | None
    kind: str
    state: str
    step: str
    detail: dict[str, Any]
    started_at: datetime


class OperationRepository:
    """States of an operation: ``running``, ``done``, ``failed``, ``interrupted`` (found running at a start)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, kind: str, job_id: str | None, detail: dict[str, Any] | None = None) -> int:
        with self._database.transaction() as session:
            row = OperationRow(
                kind=kind,
                job_id=job_id,
                state="running",
                step="",
                detail=detail or {},
                started_at=datetime.now(UTC),
            )
            session.add(row)
            session.flush()
            return row.id

    def step(self, operation: int, step: str) -> None:
        with self._database.transaction() as session:
            row = session.get(OperationRow, operation)
            if row is not None:
                row.step = step

    def end(self, operation: int, state: str = "done") -> None:
        with self._database.transaction() as session:
            row = session.get(OperationRow, operation)
            if row is not None:
                row.state = state
                row.ended_at = datetime.now(UTC)

    def interrupted(self) -> list[Operation]:
        """Mark what was running when the last server ended, and return it."""
        with self._database.transaction() as session:
            rows = list(session.scalars(select(OperationRow).where(OperationRow.state == "running")))
            for row in rows:
                row.state = "interrupted"
            return [Operation(r.id, r.job_id, r.kind, r.state, r.step, dict(r.detail), r.started_at) for r in rows]
