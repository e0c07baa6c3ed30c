"""The tables. Columns exist for what is filtered, sorted or joined on; the rest of a record is one JSON document."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, String, Text, types
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcTime(types.TypeDecorator[datetime]):
    """Aware UTC datetimes, kept as sortable RFC 3339 text with microseconds."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class Table(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcTime, dict[str, Any]: JSON}


class ClusterRow(Table):
    __tablename__ = "clusters"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    host: Mapped[str]
    port: Mapped[int | None]
    user: Mapped[str | None]
    identity_file: Mapped[str | None]
    profile: Mapped[str] = mapped_column(default="generic")
    project_root: Mapped[str] = mapped_column(default="")
    scratch_root: Mapped[str] = mapped_column(default="")
    resolved: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What the cluster said on the last connect: ``project_root`` and ``scratch_root`` with variables filled in."""
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime]


class JobRow(Table):
    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(String(160), primary_key=True)
    name: Mapped[str]
    cluster: Mapped[str] = mapped_column(ForeignKey("clusters.name", onupdate="CASCADE"))
    state: Mapped[str] = mapped_column(String(16))
    template: Mapped[str | None]
    slurm_id: Mapped[str | None]
    created_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    step: Mapped[int | None]
    target_step: Mapped[int | None]
    ns_per_day: Mapped[float | None]
    parent: Mapped[str | None]
    deleting: Mapped[bool] = mapped_column(default=False)
    cancel_requested_at: Mapped[datetime | None]
    record: Mapped[dict[str, Any]]
    status: Mapped[dict[str, Any]]

    __table_args__ = (
        Index("ix_jobs_cluster_state", "cluster", "state"),
        Index("ix_jobs_state", "state"),
        Index("ix_jobs_created_at", "created_at"),
        Index("ix_jobs_name", "name"),
    )


class JobTextRow(Table):
    """The plain files of a job as sent: ``config`` and ``script``."""

    __tablename__ = "job_texts"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    text: Mapped[str] = mapped_column(Text)


class LogRow(Table):
    """What is kept of a job's log: bytes ``start`` to ``end`` of the remote file, in parts."""

    __tablename__ = "logs"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    start: Mapped[int] = mapped_column(default=0)
    end: Mapped[int] = mapped_column(default=0)
    complete: Mapped[bool] = mapped_column(default=False)
    kept: Mapped[int] = mapped_column(default=0)
    """Uncompressed bytes in the parts; less than ``end - start`` where the log was thinned on the cluster."""
    reader: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """State of the log reader at ``end``."""


class LogPartRow(Table):
    """One piece of a log as it arrived; ``content`` is zlib, ``size`` its uncompressed length."""

    __tablename__ = "log_parts"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    job_id: Mapped[str]
    kind: Mapped[str] = mapped_column(String(16))
    start: Mapped[int]
    size: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        ForeignKeyConstraint(["job_id", "kind"], ["logs.job_id", "logs.kind"], ondelete="CASCADE"),
        Index("ix_log_parts_log", "job_id", "kind", "id"),
    )


class TimelineRow(Table):
    """One entry in the history of a job: a change of state, or something that was done for it."""

    __tablename__ = "timeline"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    state: Mapped[str | None] = mapped_column(String(16))
    says: Mapped[str]

    __table_args__ = (Index("ix_timeline_job", "job_id", "at"),)


class SettingRow(Table):
    __tablename__ = "settings"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[dict[str, Any]]
