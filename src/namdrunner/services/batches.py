"""What is done to several jobs at once: one remote command or one transfer per cluster, and an answer for each job."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from namdrunner.errors import ConnectionFailedError, NamdrunnerError, NotConnectedError, UsageError
from namdrunner.jobs.state import JobState
from namdrunner.services import cancel, submit
from namdrunner.services.context import Context
from namdrunner.services.documents import job_document
from namdrunner.services.fetching import download_many
from namdrunner.services.files import check_target
from namdrunner.services.job_upload import upload
from namdrunner.services.local_copies import LocalCopies
from namdrunner.services.polling import Poller
from namdrunner.services.purge import scratch_warnings
from namdrunner.services.tasks import Task, TaskHandle
from namdrunner.store.jobs import StoredJob

Refusals = dict[str, NamdrunnerError]
"""Why something was not done, by job."""
Work = Callable[[str, list[StoredJob], TaskHandle], Awaitable[tuple[dict[str, Any], Refusals]]]
"""For the jobs of one cluster: what to add to the task's result, and who was refused."""


class Batches:
    """Each task's result has ``refused``: the errors of those jobs for which it was not done, by id."""

    def __init__(self, context: Context, poller: Poller, resolve: Callable[[str], str], copies: LocalCopies) -> None:
        self._context = context
        self._poller = poller
        self._resolve = resolve
        self._copies = copies

    def start_submit(self, jobs: Sequence[str]) -> Task:
        """Submit READY jobs together, interrupted uploads first (``result``: ``jobs``, ``refused``)."""

        async def work(cluster: str, part: list[StoredJob], handle: TaskHandle) -> tuple[dict[str, Any], Refusals]:
            refused: Refusals = {}
            unsent = [job.id for job in part if job.state in (JobState.CREATED, JobState.UPLOADING)]
            for job_id in unsent:
                try:
                    await upload(self._context, [job_id], handle)
                except NamdrunnerError as error:
                    refused[job_id] = error
            handle.say(f"Submitting {len(part)} jobs")
            outcomes = await submit.submit_many(self._context, [job.id for job in part if job.id not in refused])
            self._poller.wake(cluster)
            refused |= {job_id: end for job_id, end in outcomes.items() if isinstance(end, NamdrunnerError)}
            return {"jobs": self.documents([job.id for job in part])}, refused

        return self._start("submit", jobs, work)

    def start_cancel(self, jobs: Sequence[str]) -> Task:
        """Cancel jobs with one command (``result``: ``jobs``, ``refused``)."""

        async def work(cluster: str, part: list[StoredJob], handle: TaskHandle) -> tuple[dict[str, Any], Refusals]:
            refused = await cancel.cancel_many(self._context, [job.id for job in part])
            self._poller.wake(cluster)
            return {"jobs": self.documents([job.id for job in part])}, refused

        return self._start("cancel", jobs, work)

    def start_delete(self, jobs: Sequence[str], *, keep_remote: bool = False) -> Task:
        """Delete jobs, cancelled first where they are under way (``result``: ``deleted``, ``refused``)."""

        async def work(cluster: str, part: list[StoredJob], handle: TaskHandle) -> tuple[dict[str, Any], Refusals]:
            ids = [job.id for job in part]
            refused = await cancel.delete_many(self._context, ids, keep_remote=keep_remote, handle=handle)
            return {"deleted": [job_id for job_id in ids if job_id not in refused]}, refused

        return self._start("delete", jobs, work)

    def start_download(self, jobs: Sequence[str], patterns: Sequence[str], to: str) -> Task:
        """Fetch results into a folder of each job below ``to`` in one transfer (``result``: ``jobs``, ``refused``)."""
        check_target(Path(to))

        async def work(cluster: str, part: list[StoredJob], handle: TaskHandle) -> tuple[dict[str, Any], Refusals]:
            found, refused = await download_many(self._context, part, patterns, Path(to), handle, self._copies)
            return {"jobs": found}, refused

        return self._start("download", jobs, work)

    def documents(self, job_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Everything known of the jobs, in the order given, with few queries."""
        repository = self._context.jobs
        jobs = {job.id: job for job in repository.get_many(job_ids)}
        children, timelines = repository.children_of(job_ids), repository.timelines(job_ids)
        return [
            job_document(
                jobs[job_id],
                children=children.get(job_id, []),
                timeline=timelines[job_id],
                warnings=scratch_warnings(self._context, jobs[job_id]),
            )
            for job_id in job_ids
            if job_id in jobs
        ]

    def _start(self, kind: str, jobs: Sequence[str], work: Work) -> Task:
        if not jobs:
            raise UsageError("No job was named.", code="no-jobs", remedy="Give the ids of at least one job.")
        ids = list(dict.fromkeys(self._resolve(job) for job in jobs))
        stored = {job.id: job for job in self._context.jobs.get_many(ids)}
        parts: dict[str, list[StoredJob]] = {}
        for job in (stored[job_id] for job_id in ids):
            parts.setdefault(job.record.cluster, []).append(job)

        async def whole(handle: TaskHandle) -> dict[str, Any]:
            ends = await asyncio.gather(*(_contained(work(c, part, handle), part) for c, part in parts.items()))
            return _together(ends)

        one = next(iter(parts)) if len(parts) == 1 else None
        return self._context.tasks.start(kind, whole, cluster=one)


async def _contained(
    work: Awaitable[tuple[dict[str, Any], Refusals]], part: Sequence[StoredJob]
) -> tuple[dict[str, Any], Refusals]:
    """One cluster that cannot be reached does not keep the others from their turn."""
    try:
        return await work
    except (NotConnectedError, ConnectionFailedError, NamdrunnerError) as error:
        return {}, {job.id: error for job in part}


def _together(ends: Iterable[tuple[dict[str, Any], Refusals]]) -> dict[str, Any]:
    result: dict[str, Any] = {"refused": {}}
    for found, refused in ends:
        for key, items in found.items():
            result[key] = [*result.get(key, []), *items]
        result["refused"] |= {job_id: error.document() for job_id, error in refused.items()}
    return result
