"""Continuations, as the API sees them: what a job can go on from, the child that does, and the tree they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from namdrunner.errors import NamdrunnerError
from namdrunner.services import chains, lineage, submit
from namdrunner.services.checkpoints import checkpoints_document, find_checkpoints
from namdrunner.services.context import Context
from namdrunner.services.continuation import errors_of, make_child, plan_continuation
from namdrunner.services.continue_request import ContinueRequest
from namdrunner.services.documents import job_document
from namdrunner.services.polling import Poller
from namdrunner.services.tasks import Task, TaskHandle
from namdrunner.services.templates import TemplateService


class ContinueService:
    """``resolve`` turns what people call a job into its id."""

    def __init__(
        self, context: Context, templates: TemplateService, poller: Poller, resolve: Callable[[str], str]
    ) -> None:
        self._context = context
        self._templates = templates
        self._poller = poller
        self._resolve = resolve

    async def checkpoints(self, job: str) -> dict[str, Any]:
        """Every restart set of the job, looked at on the cluster, and which one would be continued from."""
        stored = self._context.jobs.get(self._resolve(job))
        return checkpoints_document(stored, await find_checkpoints(self._context, stored, thorough=True))

    async def plan(self, job: str, request: ContinueRequest) -> dict[str, Any]:
        """What continuing would make, without making anything."""
        stored = self._context.jobs.get(self._resolve(job))
        return (await plan_continuation(self._context, self._templates, stored, request)).document()

    def start(self, job: str, request: ContinueRequest) -> Task:
        """Make the child, and submit it if asked to, as a task (``result``: ``job`` and ``plan``)."""
        stored = self._context.jobs.get(self._resolve(job))
        self._context.session(stored)

        async def work(handle: TaskHandle) -> dict[str, Any]:
            handle.say("Looking at the restart files")
            plan = await plan_continuation(self._context, self._templates, stored, request)
            if plan.errors and not request.force:
                raise errors_of(plan)
            handle.say("Making the job on the cluster")
            child = await make_child(self._context, plan)
            handle.belongs_to(child.id)
            if request.submit:
                handle.say("Submitting")
                outcome = (await submit.submit_many(self._context, [child.id]))[child.id]
                if isinstance(outcome, NamdrunnerError):
                    raise outcome
                self._poller.wake(child.record.cluster)
            child = self._context.jobs.get(child.id)
            timeline = self._context.jobs.timeline(child.id)
            document = job_document(child, children=[], timeline=timeline)
            shown = plan.document()
            return {"job": document, "plan": {k: v for k, v in shown.items() if k not in ("config", "script")}}

        return self._context.tasks.start("continue", work, cluster=stored.record.cluster)

    async def chain(self, job: str, *, stop: bool = False) -> dict[str, Any]:
        """What the chain of a job has done on the cluster; ``stop``: it is to submit no further job."""
        stored = self._context.jobs.get(self._resolve(job))
        return await (chains.stop_chain if stop else chains.chain_state)(self._context, stored)

    def tree(self, job: str) -> dict[str, Any]:
        return lineage.tree(self._context, self._resolve(job))

    async def energies(self, job: str, *, points: int | None = None) -> dict[str, Any]:
        return await lineage.chain_energies(self._context, self._resolve(job), points=points)
