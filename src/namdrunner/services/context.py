"""What the use cases of jobs share: where things are kept, whom to tell, and the time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from namdrunner.paths import Folders
from namdrunner.remote.values import Session
from namdrunner.services.clusters import ClusterService
from namdrunner.services.documents import short_job_document
from namdrunner.services.events import EventBus
from namdrunner.services.tasks import TaskService
from namdrunner.store.jobs import JobRepository, StoredJob
from namdrunner.store.logs import LogRepository


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Context:
    folders: Folders
    jobs: JobRepository
    logs: LogRepository
    clusters: ClusterService
    tasks: TaskService
    events: EventBus
    now: Callable[[], datetime] = utc_now
    last_seen: dict[str, object] = field(default_factory=dict)
    """Per active job, what the last sync saw of it in the queue; lost with the process, which costs one full look."""
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    def save(self, job: StoredJob, says: str = "") -> StoredJob:
        """Store the job and tell everyone."""
        self.jobs.save(job, says=says)
        self.tell(job)
        return job

    def save_many(self, jobs: Sequence[StoredJob], says: Sequence[str] = ()) -> list[StoredJob]:
        """The same for several, in one transaction."""
        self.jobs.save_many(jobs, says)
        for job in jobs:
            self.tell(job)
        return list(jobs)

    def tell(self, job: StoredJob) -> None:
        self.events.publish("job.updated", short_job_document(job))

    def session(self, job: StoredJob) -> Session:
        return self.clusters.session(job.record.cluster)

    def lock(self, job_id: str) -> asyncio.Lock:
        """Held by whoever changes the job on the cluster: two changes of one job never overlap."""
        return self._locks.setdefault(job_id, asyncio.Lock())
