"""Clusters as they are kept locally."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select

from namdrunner.errors import ConflictError, NotFoundError
from namdrunner.store.database import Database
from namdrunner.store.tables import ClusterRow, JobRow


@dataclass(frozen=True)
class StoredCluster:
    """``project_root`` and ``scratch_root`` as given (empty: the profile's); ``resolved``: as found."""

    name: str
    host: str
    port: int | None = None
    user: str | None = None
    identity_file: str | None = None
    profile: str = "generic"
    project_root: str = ""
    scratch_root: str = ""
    resolved: dict[str, Any] = field(default_factory=dict)


_FIELDS = tuple(StoredCluster.__dataclass_fields__)


class ClusterRepository:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, cluster: StoredCluster) -> None:
        now = datetime.now(UTC)
        with self._database.transaction() as session:
            if session.get(ClusterRow, cluster.name) is not None:
                raise ConflictError(
                    f"A cluster named '{cluster.name}' exists.",
                    code="cluster-exists",
                    remedy=f"Choose another name, or change it with 'namdrunner cluster edit {cluster.name}'.",
                )
            session.add(ClusterRow(**_values(cluster), created_at=now, edited_at=now))

    def get(self, name: str) -> StoredCluster:
        with self._database.transaction() as session:
            row = session.get(ClusterRow, name)
            if row is None:
                raise _unknown(name)
            return _stored(row)

    def list(self) -> list[StoredCluster]:
        with self._database.transaction() as session:
            return [_stored(row) for row in session.scalars(select(ClusterRow).order_by(ClusterRow.name))]

    def save(self, cluster: StoredCluster) -> None:
        with self._database.transaction() as session:
            row = session.get(ClusterRow, cluster.name)
            if row is None:
                raise _unknown(cluster.name)
            for name, value in _values(cluster).items():
                setattr(row, name, value)
            row.edited_at = datetime.now(UTC)

    def remove(self, name: str) -> int:
        """Forget the cluster and the local records of its jobs; returns how many those were."""
        with self._database.transaction() as session:
            row = session.get(ClusterRow, name)
            if row is None:
                raise _unknown(name)
            count = session.scalar(select(func.count()).select_from(JobRow).where(JobRow.cluster == name)) or 0
            session.query(JobRow).filter(JobRow.cluster == name).delete()
            session.delete(row)
            return count


def _values(cluster: StoredCluster) -> dict[str, Any]:
    return {name: getattr(cluster, name) for name in _FIELDS}


def _stored(row: ClusterRow) -> StoredCluster:
    return StoredCluster(**{name: getattr(row, name) for name in _FIELDS})


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(
        f"There is no cluster '{name}'.",
        code="cluster-not-found",
        remedy="See 'namdrunner cluster list', or add it with 'namdrunner cluster add'.",
    )
