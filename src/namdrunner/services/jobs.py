"""Jobs, as the API sees them: one method per thing people do; each use case has its own module."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from namdrunner.errors import ConflictError, NamdrunnerError, NotFoundError, UsageError
from namdrunner.jobs.state import JobState
from namdrunner.services import cancel, create, energies, files, job_upload, performance, resource_plan, submit
from namdrunner.services.batches import Batches
from namdrunner.services.content import open_content
from namdrunner.services.context import Context
from namdrunner.services.documents import summary_document
from namdrunner.services.job_file import JobFile, open_job_file
from namdrunner.services.job_request import JobRequest
from namdrunner.services.plan import error_findings
from namdrunner.services.polling import Poller
from namdrunner.services.structure import Structures
from namdrunner.services.tasks import Task, TaskHandle
from namdrunner.services.templates import TemplateService
from namdrunner.store.jobs import JobQuery, StoredJob, check_sort, states_from


class JobService:
    def __init__(self, context: Context, templates: TemplateService, poller: Poller) -> None:
        self._context = context
        self._templates = templates
        self._poller = poller
        self.structures = Structures(context)
        self.batches = Batches(context, poller, self.resolve, self.structures.copies)

    # Looking

    def list(
        self,
        *,
        status: Sequence[str] = (),
        cluster: str | None = None,
        template: str | None = None,
        search: str = "",
        sort: str = "-created_at",
        limit: int = 200,
        offset: int = 0,
        since: datetime | None = None,
    ) -> dict[str, Any]:
        """A page of jobs and how many match in all. Raises NotFoundError for a cluster that is not known."""
        if cluster is not None:
            self._context.clusters.stored(cluster)
        check_sort(sort)
        query = JobQuery(states_from(status), cluster, template, search, sort, limit, offset, since)
        jobs, total = self._context.jobs.summaries(query)
        return {"jobs": [summary_document(job) for job in jobs], "total": total}

    def get(self, job: str) -> dict[str, Any]:
        """Everything that is known locally of a job."""
        return self._document(self._context.jobs.get(self.resolve(job)))

    def resolve(self, job: str) -> str:
        """The id of a job given by id, by an unambiguous beginning of it, or by its name.

        Raises NotFoundError (``job-not-found``), ConflictError (``job-ambiguous``).
        """
        if self._context.jobs.known([job]):
            return job
        found = self._context.jobs.match(job)
        if not found:
            raise NotFoundError(
                f"There is no job '{job}'.", code="job-not-found", remedy="See 'namdrunner job list' for the ids."
            )
        if len(found) > 1:
            raise ConflictError(
                f"'{job}' fits several jobs.",
                code="job-ambiguous",
                remedy="Give more of the id.",
                context={"jobs": found},
            )
        return found[0]

    def script(self, job: str) -> dict[str, str]:
        """Config and job script as sent."""
        job_id = self.resolve(job)
        return {
            "config": self._context.jobs.text(job_id, "config"),
            "script": self._context.jobs.text(job_id, "script"),
        }

    async def logs(self, job: str, which: str, offset: int | None) -> dict[str, Any]:
        return await files.read_log(self._context, self.resolve(job), which, offset)

    async def files(self, job: str) -> dict[str, Any]:
        return await files.list_files(self._context, self.resolve(job), self.structures.copies)

    async def content(self, job: str, name: str) -> JobFile:
        """One file as a stream of bytes: from the cluster, or without a connection from a copy that is here."""
        stored = self._context.jobs.get(self.resolve(job))
        if self._context.clusters.connected(stored.record.cluster):
            return await open_content(self._context, stored.id, name)
        return await open_job_file(self._context, self.structures.copies, stored, name)

    async def energies(
        self, job: str, *, points: int | None = None, after: int = 0, until: int | None = None
    ) -> dict[str, Any]:
        return await energies.energies(self._context, self.resolve(job), points=points, after=after, until=until)

    async def performance(self, job: str) -> dict[str, Any]:
        """Speed as the run went on, and the system's mass."""
        return await performance.performance(self._context, self.resolve(job))

    # Doing

    async def dry_run(self, request: JobRequest, *, ask_cluster: bool = False) -> dict[str, Any]:
        """What would be sent, and what the checks say of it; nothing is made on the cluster.

        ``ask_cluster``: Slurm is shown the job script without submitting it.
        """
        plan = await create.plan_on_cluster(self._context, self._templates, request, ask_cluster=ask_cluster)
        return create.plan_document(plan)

    def plan_resources(self, request: JobRequest) -> dict[str, Any]:
        """What the request's resources come to, whatever would run with them."""
        clusters = self._context.clusters
        profile, roots = clusters.profile(request.cluster), clusters.roots(request.cluster)
        return resource_plan.plan_resources(request, profile, roots, self._context.now())

    async def start_create(self, request: JobRequest) -> Task:
        """Plan at once (errors are raised), then upload, and submit if asked to, as a task (``result``: ``job``)."""
        return await self._start_create([request], single=True)

    async def start_create_many(self, requests: Sequence[JobRequest]) -> Task:
        """Jobs of one cluster made together: one upload, one submission (``result``: ``jobs``, ``refused``).

        All are planned before any is made. ``submit`` and ``force`` hold for all when the first request says so.
        """
        if not requests or len({r.cluster for r in requests}) != 1:
            raise UsageError(
                "Jobs that are made together belong to one cluster.",
                code="batch-invalid",
                remedy="Give at least one job, and make the jobs of each cluster by themselves.",
            )
        return await self._start_create(requests, single=False)

    async def _start_create(self, requests: Sequence[JobRequest], *, single: bool) -> Task:
        first = requests[0]
        await self._context.clusters.find_roots(first.cluster)
        plans = await create.plan_many(self._context, self._templates, requests)
        failed = next((plan for plan in plans if plan.errors), None)
        if failed is not None and not first.force:
            raise error_findings(failed)

        async def work(handle: TaskHandle) -> dict[str, Any]:
            jobs: Sequence[StoredJob] = await create.create(self._context, plans, force=first.force, handle=handle)
            refused: dict[str, Any] = {}
            if first.submit:
                jobs, refused = await self._submit([job.id for job in jobs], handle, raising=single)
            documents = self.batches.documents([job.id for job in jobs])
            return {"job": documents[0]} if single else {"jobs": documents, "refused": refused}

        return self._context.tasks.start("create", work, cluster=first.cluster)

    def start_submit(self, job: str) -> Task:
        """Submit a READY job; one whose upload was interrupted is uploaded first."""
        stored = self._context.jobs.get(self.resolve(job))
        running = self._context.tasks.running("submit", job=stored.id, cluster=stored.record.cluster)
        if running is not None:
            return running
        if not stored.state.submitted and stored.state is not JobState.CANCELLED:
            self._context.session(stored)

        async def work(handle: TaskHandle) -> dict[str, Any]:
            if self._context.jobs.get(stored.id).state in (JobState.CREATED, JobState.UPLOADING):
                await job_upload.upload(self._context, [stored.id], handle)
            (submitted,), _ = await self._submit([stored.id], handle, raising=True)
            return {"job": self._document(submitted)}

        return self._context.tasks.start("submit", work, job=stored.id, cluster=stored.record.cluster)

    async def _submit(
        self, job_ids: Sequence[str], handle: TaskHandle, *, raising: bool
    ) -> tuple[tuple[StoredJob, ...], dict[str, Any]]:
        """The jobs as they then are, and why Slurm refused those it refused."""
        handle.say("Submitting")
        outcomes = await submit.submit_many(self._context, job_ids)
        refused = {job_id: outcome for job_id, outcome in outcomes.items() if isinstance(outcome, NamdrunnerError)}
        if raising and refused:
            raise next(iter(refused.values()))
        order = {job_id: index for index, job_id in enumerate(job_ids)}
        jobs = sorted(self._context.jobs.get_many(job_ids), key=lambda job: order[job.id])
        self._poller.wake(jobs[0].record.cluster)
        return tuple(jobs), {job_id: error.document() for job_id, error in refused.items()}

    def start_sync(self, cluster: str | None = None, job: str | None = None, jobs: Sequence[str] = ()) -> Task:
        """Sync one cluster, the cluster of one job, or all that are connected; also finds jobs made elsewhere.

        One of several that cannot be asked is named in ``failed`` with its error; the others are asked all the same.
        """
        named = [self._context.jobs.get(self.resolve(each)) for each in (*([job] if job else []), *jobs)]
        extra: dict[str, list[str]] = defaultdict(list)
        for each in named:
            extra[each.record.cluster].append(each.id)
        if named:
            clusters = list(extra)
        elif cluster is not None:
            clusters = [cluster]
        else:
            clusters = [c["name"] for c in self._context.clusters.list() if c["state"] == "connected"]
        if len(clusters) == 1 and (named or cluster is not None):
            self._context.clusters.session(clusters[0])

        async def work(_: TaskHandle) -> dict[str, Any]:
            keys = ("synced", "changed", "found", "warnings")
            outcome: dict[str, Any] = {key: [] for key in keys} | {"clusters": clusters, "failed": {}}
            looks = (self._poller.sync_now(name, extra=extra[name], rediscover=not named) for name in clusters)
            for name, part in zip(clusters, await asyncio.gather(*looks, return_exceptions=True), strict=True):
                if isinstance(part, NamdrunnerError) and len(clusters) > 1:
                    outcome["failed"][name] = part.document()
                elif isinstance(part, BaseException):
                    raise part
                else:
                    for key in keys:
                        outcome[key] += part.get(key, [])
            return outcome

        return self._context.tasks.start("sync", work, cluster=clusters[0] if len(clusters) == 1 else cluster)

    def start_download(self, job: str, patterns: Sequence[str], to: str) -> Task:
        stored = self._context.jobs.get(self.resolve(job))
        self._context.session(stored)

        async def work(handle: TaskHandle) -> dict[str, Any]:
            return await files.download(self._context, stored.id, patterns, Path(to), handle, self.structures.copies)

        return self._context.tasks.start("download", work, job=stored.id, cluster=stored.record.cluster)

    def start_cancel(self, job: str) -> Task:
        stored = self._context.jobs.get(self.resolve(job))

        async def work(_: TaskHandle) -> dict[str, Any]:
            cancelled = await cancel.cancel(self._context, stored.id)
            self._poller.wake(stored.record.cluster)
            return {"job": self._document(cancelled)}

        return self._context.tasks.start("cancel", work, job=stored.id, cluster=stored.record.cluster)

    def start_delete(self, job: str, *, keep_remote: bool = False) -> Task:
        stored = self._context.jobs.get(self.resolve(job))
        return cancel.start_delete(self._context, stored, stored.record.cluster, keep_remote=keep_remote)

    def _document(self, job: StoredJob) -> dict[str, Any]:
        return self.batches.documents([job.id])[0]
