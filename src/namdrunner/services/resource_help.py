"""Help with resources for a job that is being planned: what to ask for, and when it would start."""

from __future__ import annotations

from typing import Any

from namdrunner.services import expected_start, suggestion
from namdrunner.services.context import Context
from namdrunner.services.job_request import JobRequest, resolve_resources
from namdrunner.services.resource_plan import plan_resources
from namdrunner.slurm.geometry import choose_partition, choose_recipe, geometry
from namdrunner.store.jobs import JobQuery


class ResourceHelp:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def expected_start(self, request: JobRequest) -> dict[str, Any]:
        """When a job with these resources would start: three signals, each with its basis.

        Raises what ``plan_resources`` raises.
        """
        clusters = self._context.clusters
        name, profile = request.cluster, clusters.profile(request.cluster)
        resources = resolve_resources(request, profile)
        partition = choose_partition(resources, profile)
        layout = geometry(resources, partition, choose_recipe(profile, partition, request.resources.recipe))
        where = partition.name if partition else resources.partition
        now = self._context.now()
        if clusters.connected(name):
            script = plan_resources(request, profile, clusters.roots(name), now)["script"]
            signals = await expected_start.ask(clusters.session(name), script, layout, where)
        else:
            offline = "The cluster is not connected."
            signals = [expected_start.unknown("idle", offline), expected_start.unknown("test-only", offline)]
        past, _ = self._context.jobs.page(JobQuery(cluster=name, limit=200))
        signals.append(expected_start.read_history(past, where, layout))
        return {"cluster": name, "signals": [expected_start.with_moment(signal, now) for signal in signals]}

    def suggest(self, cluster: str, system: suggestion.System) -> dict[str, Any]:
        """Resources for a system on a cluster, with reasons."""
        profile = self._context.clusters.profile(cluster)
        return suggestion.suggest(cluster, profile, system, self._context.jobs.measured(cluster))
