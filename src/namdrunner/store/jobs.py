"""Jobs as they are kept locally: record, status and what is under way."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, or_, select
from sqlalchemy.orm import Session

from namdrunner.errors import ConflictError, InputError, NotFoundError
from namdrunner.jobs.record import JobRecord, JobStatus
from namdrunner.jobs.state import JobState
from namdrunner.slurm.resources import Resources
from namdrunner.store.database import Database
from namdrunner.store.job_views import (
    BRIEF,
    MEASURED,
    MEASURED_MEMORY,
    SUMMARY,
    ActiveJob,
    JobSummary,
    MeasuredRun,
    active_job,
    summary,
)
from namdrunner.store.tables import JobRow, JobTextRow, TimelineRow

SORTABLE = {
    "name": JobRow.name,
    "cluster": JobRow.cluster,
    "status": JobRow.state,
    "template": JobRow.template,
    "created_at": JobRow.created_at,
    "submitted_at": JobRow.submitted_at,
    "started_at": JobRow.started_at,
    "ended_at": JobRow.ended_at,
    "ns_per_day": JobRow.ns_per_day,
    "slurm_id": JobRow.slurm_id,
}


@dataclass(frozen=True)
class StoredJob:
    record: JobRecord
    status: JobStatus
    deleting: bool = False
    cancel_requested_at: datetime | None = None

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def state(self) -> JobState:
        return self.status.state

    @property
    def slurm_id(self) -> str | None:
        ids = self.record.slurm_ids
        return ids[-1] if ids else None


@dataclass(frozen=True)
class JobQuery:
    """A page of jobs. ``states``/``cluster``/``template`` filter exactly, ``search`` in name, id and Slurm id.

    ``since``: created then or later.
    """

    states: tuple[JobState, ...] = ()
    cluster: str | None = None
    template: str | None = None
    search: str = ""
    sort: str = "-created_at"
    limit: int = 200
    offset: int = 0
    since: datetime | None = None


@dataclass(frozen=True)
class TimelineEntry:
    at: datetime
    state: str | None
    says: str


class JobRepository:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, job: StoredJob, *, texts: dict[str, str] | None = None) -> None:
        """Raises ConflictError (``job-exists``) when the id is taken."""
        self.add_many([(job, texts or {})])

    def add_many(self, jobs: Sequence[tuple[StoredJob, Mapping[str, str]]]) -> None:
        """``add`` for each with its texts, in one transaction: all of them or none."""
        with self._database.transaction() as session:
            taken = session.scalar(select(JobRow.id).where(JobRow.id.in_([job.id for job, _ in jobs])).limit(1))
            if taken is not None:
                raise ConflictError(f"A job {taken} exists.", code="job-exists", remedy="Create it again.")
            session.add_all([JobRow(**_columns(job)) for job, _ in jobs])
            session.flush()
            for job, texts in jobs:
                session.add_all(JobTextRow(job_id=job.id, kind=kind, text=text) for kind, text in texts.items())
                says = "The job was created." if texts else "The job was found on the cluster."
                _note(session, job.id, job.state.value, says)

    def get(self, job_id: str) -> StoredJob:
        with self._database.transaction() as session:
            return _stored(_row(session, job_id))

    def known(self, job_ids: Iterable[str]) -> set[str]:
        wanted = list(job_ids)
        with self._database.transaction() as session:
            found: set[str] = set()
            for start in range(0, len(wanted), 500):
                chunk = wanted[start : start + 500]
                found.update(session.scalars(select(JobRow.id).where(JobRow.id.in_(chunk))))
            return found

    def match(self, prefix: str, *, limit: int = 3) -> list[str]:
        """Ids that start with ``prefix``, or belong to a job of exactly that name, newest first."""
        with self._database.transaction() as session:
            statement = (
                select(JobRow.id)
                .where(or_(JobRow.id.startswith(prefix, autoescape=True), JobRow.name == prefix))
                .order_by(JobRow.created_at.desc())
                .limit(limit)
            )
            return list(session.scalars(statement))

    def save(self, job: StoredJob, *, says: str = "", at: datetime | None = None) -> StoredJob:
        """Write record and status; a change of state, or ``says``, becomes an entry of the timeline."""
        with self._database.transaction() as session:
            _update(session, _row(session, job.id), job, says, at)
            return job

    def get_many(self, job_ids: Sequence[str]) -> list[StoredJob]:
        """Those of the jobs that exist, in one transaction."""
        with self._database.transaction() as session:
            return [_stored(row) for row in session.scalars(select(JobRow).where(JobRow.id.in_(job_ids)))]

    def save_many(self, jobs: Sequence[StoredJob], says: Sequence[str] = ()) -> None:
        """Like ``save`` for each, in one transaction; ``says`` is of the same length, or empty."""
        with self._database.transaction() as session:
            found = session.scalars(select(JobRow).where(JobRow.id.in_([job.id for job in jobs])))
            rows = {row.id: row for row in found}
            for job, words in zip(jobs, says or [""] * len(jobs), strict=True):
                _update(session, rows.get(job.id) or _row(session, job.id), job, words, None)

    def note(self, job_id: str, says: str) -> None:
        with self._database.transaction() as session:
            _note(session, job_id, None, says)

    def delete(self, job_id: str) -> None:
        with self._database.transaction() as session:
            session.execute(delete(JobRow).where(JobRow.id == job_id))

    def page(self, query: JobQuery) -> tuple[list[StoredJob], int]:
        """The jobs of one page and how many match in all."""
        with self._database.transaction() as session:
            statement, total = _page(session, select(JobRow), query)
            return [_stored(row) for row in session.scalars(statement)], total

    def summaries(self, query: JobQuery) -> tuple[list[JobSummary], int]:
        """The same with only what a list shows, cut out of the documents by SQLite: a long list stays quick."""
        with self._database.transaction() as session:
            statement, total = _page(session, select(*SUMMARY), query)
            return [summary(row) for row in session.execute(statement)], total

    def active(self, cluster: str) -> list[ActiveJob]:
        """Jobs the cluster has to be asked about, and those whose deletion was interrupted."""
        states = [s.value for s in JobState if s.active]
        return self._brief(JobRow.cluster == cluster, or_(JobRow.state.in_(states), JobRow.deleting.is_(True)))

    def brief(self, job_ids: Sequence[str]) -> list[ActiveJob]:
        """The same of certain jobs, whatever their state."""
        return self._brief(JobRow.id.in_(job_ids))

    def _brief(self, *conditions: ColumnElement[bool]) -> list[ActiveJob]:
        with self._database.transaction() as session:
            return [active_job(row) for row in session.execute(select(*BRIEF).where(*conditions))]

    def inputs_like(
        self, cluster: str, digests: Collection[str], *, leave_out: Collection[str] = ()
    ) -> list[tuple[str, str, str]]:
        """(project folder, name below input_files/, sha256) of uploaded inputs with such a digest, newest first."""
        if not digests:
            return []
        each = func.json_each(JobRow.record, "$.inputs").table_valued("value", joins_implicitly=True)
        digest = func.json_extract(each.c.value, "$.sha256")
        statement = (
            select(func.json_extract(JobRow.record, "$.project_dir"), func.json_extract(each.c.value, "$.name"), digest)
            .select_from(JobRow, each)
            .where(
                JobRow.cluster == cluster,
                JobRow.id.not_in(list(leave_out)),
                JobRow.state.not_in([JobState.CREATED.value, JobState.UPLOADING.value]),
                JobRow.deleting.is_(False),
                digest.in_(list(digests)),
            )
            .order_by(JobRow.created_at.desc())
            .limit(4 * len(digests))
        )
        with self._database.transaction() as session:
            return [(row[0], row[1], row[2]) for row in session.execute(statement)]

    def measured(self, cluster: str, *, limit: int = 500) -> list[MeasuredRun]:
        """The speeds of a cluster's completed jobs whose number of atoms is known, newest first."""
        statement = (
            select(JobRow.id, JobRow.ns_per_day, MEASURED, MEASURED_MEMORY)
            .where(
                JobRow.cluster == cluster,
                JobRow.state == JobState.COMPLETED.value,
                JobRow.ns_per_day > 0,
                func.json_extract(JobRow.record, "$.run.atoms") > 0,
            )
            .order_by(JobRow.created_at.desc())
            .limit(limit)
        )
        with self._database.transaction() as session:
            rows = session.execute(statement).all()
        return [
            MeasuredRun(
                job_id, cluster, atoms, timestep_fs, speed, Resources.model_validate(resources), recipe or "", memory
            )
            for job_id, speed, (atoms, timestep_fs, resources, recipe), memory in rows
        ]

    def on_scratch(self, cluster: str) -> list[StoredJob]:
        """Jobs of which something may be on scratch only."""
        left = func.json_extract(JobRow.status, "$.left_in_scratch").is_(True)
        states = [JobState.COLLECTING.value, JobState.UNKNOWN.value]
        statement = select(JobRow).where(JobRow.cluster == cluster, or_(left, JobRow.state.in_(states)))
        with self._database.transaction() as session:
            return [_stored(row) for row in session.scalars(statement)]

    def counts(self) -> dict[str, int]:
        with self._database.transaction() as session:
            rows = session.execute(select(JobRow.state, func.count()).group_by(JobRow.state))
            return {row[0]: row[1] for row in rows}

    def children(self, job_id: str) -> list[str]:
        with self._database.transaction() as session:
            return list(session.scalars(select(JobRow.id).where(JobRow.parent == job_id).order_by(JobRow.created_at)))

    def children_of(self, job_ids: Sequence[str]) -> dict[str, list[str]]:
        """The children of several jobs, oldest first; those without any are left out."""
        found: dict[str, list[str]] = {}
        statement = select(JobRow.parent, JobRow.id).where(JobRow.parent.in_(job_ids)).order_by(JobRow.created_at)
        with self._database.transaction() as session:
            for parent, child in session.execute(statement):
                found.setdefault(str(parent), []).append(child)
        return found

    def text(self, job_id: str, kind: str) -> str:
        with self._database.transaction() as session:
            row = session.get(JobTextRow, (job_id, kind))
            return row.text if row else ""

    def texts(self, job_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """All texts of the jobs, by job and kind."""
        found: dict[str, dict[str, str]] = {job_id: {} for job_id in job_ids}
        with self._database.transaction() as session:
            for row in session.scalars(select(JobTextRow).where(JobTextRow.job_id.in_(job_ids))):
                found[row.job_id][row.kind] = row.text
        return found

    def timelines(self, job_ids: Sequence[str]) -> dict[str, list[TimelineEntry]]:
        """The timelines of several jobs."""
        found: dict[str, list[TimelineEntry]] = {job_id: [] for job_id in job_ids}
        statement = select(TimelineRow).where(TimelineRow.job_id.in_(job_ids)).order_by(TimelineRow.id)
        with self._database.transaction() as session:
            for row in session.scalars(statement):
                found[row.job_id].append(TimelineEntry(row.at, row.state, row.says))
        return found

    def timeline(self, job_id: str) -> list[TimelineEntry]:
        with self._database.transaction() as session:
            rows = session.scalars(select(TimelineRow).where(TimelineRow.job_id == job_id).order_by(TimelineRow.id))
            return [TimelineEntry(row.at, row.state, row.says) for row in rows]


def _page(session: Session, statement: Select[Any], query: JobQuery) -> tuple[Select[Any], int]:
    """The statement with filter, order and page, and how many rows match in all."""
    conditions: list[ColumnElement[bool]] = []
    if query.states:
        conditions.append(JobRow.state.in_([s.value for s in query.states]))
    if query.cluster:
        conditions.append(JobRow.cluster == query.cluster)
    if query.template:
        conditions.append(JobRow.template == query.template)
    if query.since:
        conditions.append(JobRow.created_at >= query.since)
    if query.search:
        columns = (JobRow.name, JobRow.id, JobRow.slurm_id)
        conditions.append(or_(*(column.contains(query.search, autoescape=True) for column in columns)))
    column = SORTABLE[query.sort.removeprefix("-")]
    order = column.desc() if query.sort.startswith("-") else column.asc()
    total = session.scalar(select(func.count()).select_from(JobRow).where(*conditions)) or 0
    page = statement.where(*conditions).order_by(order, JobRow.id).limit(query.limit).offset(query.offset)
    return page, total


def with_status(job: StoredJob, **changes: Any) -> StoredJob:
    return replace(job, status=job.status.model_copy(update=changes))


def with_record(job: StoredJob, **changes: Any) -> StoredJob:
    return replace(job, record=job.record.model_copy(update=changes))


def _row(session: Session, job_id: str) -> JobRow:
    row = session.get(JobRow, job_id)
    if row is None:
        raise NotFoundError(
            f"There is no job '{job_id}'.",
            code="job-not-found",
            remedy="See 'namdrunner job list' for the ids.",
        )
    return row


def _update(session: Session, row: JobRow, job: StoredJob, says: str, at: datetime | None) -> None:
    changed = row.state != job.state.value
    for column, value in _columns(job).items():
        setattr(row, column, value)
    if changed or says:
        _note(session, job.id, job.state.value if changed else None, says or job.status.reason, at)


def _columns(job: StoredJob) -> dict[str, Any]:
    record, status = job.record, job.status
    return {
        "id": record.id,
        "name": record.name,
        "cluster": record.cluster,
        "state": status.state.value,
        "template": record.template.id if record.template else None,
        "slurm_id": job.slurm_id,
        "created_at": record.created_at,
        "submitted_at": status.submitted_at,
        "started_at": status.started_at,
        "ended_at": status.ended_at,
        "step": status.progress.step,
        "target_step": status.progress.target_step,
        "ns_per_day": status.progress.ns_per_day,
        "parent": record.parent,
        "deleting": job.deleting,
        "cancel_requested_at": job.cancel_requested_at,
        "record": record.model_dump(mode="json"),
        "status": status.model_dump(mode="json"),
    }


def _stored(row: JobRow) -> StoredJob:
    return StoredJob(
        record=JobRecord.model_validate(row.record),
        status=JobStatus.model_validate(row.status),
        deleting=row.deleting,
        cancel_requested_at=row.cancel_requested_at,
    )


def _note(session: Session, job_id: str, state: str | None, says: str, at: datetime | None = None) -> None:
    session.add(TimelineRow(job_id=job_id, at=at or datetime.now(UTC), state=state, says=says))


def check_sort(sort: str) -> None:
    """Raises InputError (``sort-unknown``) for what jobs cannot be sorted by."""
    if sort.removeprefix("-") not in SORTABLE:
        raise InputError(
            f"Jobs cannot be sorted by '{sort}'.",
            code="sort-unknown",
            remedy=f"Use one of {', '.join(SORTABLE)}, with - before it for the other direction.",
        )


def states_from(names: Sequence[str]) -> tuple[JobState, ...]:
    """Raises NotFoundError (``state-unknown``) for a word that is no state of a job."""
    states = []
    for name in names:
        try:
            states.append(JobState(name.upper()))
        except ValueError as error:
            raise NotFoundError(
                f"'{name}' is not a state of a job.",
                code="state-unknown",
                remedy="Use one of " + ", ".join(s.value for s in JobState) + ".",
            ) from error
    return tuple(states)
