"""When the clusters are asked: never more often than they allow, less often when little changes, never when idle."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

from namdrunner.errors import NamdrunnerError
from namdrunner.services.cancel import start_delete
from namdrunner.services.chains import chain_goes_on
from namdrunner.services.context import Context
from namdrunner.services.job_info import rediscover as rediscover_jobs
from namdrunner.services.sync import sync_cluster

log = logging.getLogger(__name__)

EXPECTED_S = 600.0
"""How long the successor of a job that continues itself is looked for."""
BACKOFF = 1.5
"""Factor by which the pause grows after a sync that changed nothing."""


class Poller:
    """One loop per connected cluster. A sync asked for while one is running joins it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loops: dict[str, asyncio.Task[None]] = {}
        self._wake: dict[str, asyncio.Event] = {}
        self._running: dict[str, asyncio.Task[dict[str, Any]]] = {}
        self._expected: dict[str, float] = {}
        """Until when the successor of a job that continues itself is looked for, by cluster."""
        self._last: dict[str, tuple[float, dict[str, Any]]] = {}

    def start(self, cluster: str) -> None:
        """Begin to look after a cluster that has just been connected."""
        if cluster not in self._loops or self._loops[cluster].done():
            self._loops[cluster] = asyncio.create_task(self._loop(cluster), name=f"poll:{cluster}")

    def stop(self, cluster: str) -> None:
        """The connection is gone: the next one begins with a look at everything, not where this one slept."""
        loop = self._loops.pop(cluster, None)
        if loop is not None:
            loop.cancel()

    def wake(self, cluster: str) -> None:
        """Something was submitted or cancelled: look again soon."""
        self._wake.setdefault(cluster, asyncio.Event()).set()

    async def close(self) -> None:
        tasks = [*self._loops.values(), *self._running.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=10)

    async def sync_now(self, cluster: str, *, extra: Sequence[str] = (), rediscover: bool = False) -> dict[str, Any]:
        """Sync out of turn. Asked again within the cluster's interval, the answer is that of the last sync."""
        interval = self._context.clusters.pace(cluster).sync_now_interval_s
        at, outcome = self._last.get(cluster, (-interval, {}))
        wanted = set(extra) - set(outcome.get("synced", []))
        if time.monotonic() - at < interval and not wanted and not (rediscover and "found" not in outcome):
            return outcome | {"debounced": True}
        return await self._sync(cluster, extra, rediscover)

    async def _sync(self, cluster: str, extra: Sequence[str], rediscover: bool) -> dict[str, Any]:
        running = self._running.get(cluster)
        if running is not None and not running.done():
            try:
                outcome = await asyncio.shield(running)
            except NamdrunnerError:
                # It may belong to the connection before this one; who asks for everything gets a try of their own.
                if not rediscover:
                    raise
                outcome = {"synced": []}
            if not (set(extra) - set(outcome["synced"])) and (not rediscover or "found" in outcome):
                return outcome
        task = asyncio.create_task(self._once(cluster, list(extra), rediscover), name=f"sync:{cluster}")
        self._running[cluster] = task
        return await asyncio.shield(task)

    async def _once(self, cluster: str, extra: list[str], rediscover: bool) -> dict[str, Any]:
        found = await rediscover_jobs(self._context, cluster) if rediscover else None
        outcome: dict[str, Any] = await sync_cluster(self._context, cluster, extra + (found or []))
        if found is not None:
            outcome["found"] = found
        if found and cluster in self._expected:
            del self._expected[cluster]
        ended = [job for job in self._context.jobs.get_many(outcome["changed"]) if job.state.final]
        if any(chain_goes_on(job.record, job.status) for job in ended):
            self._expected[cluster] = time.monotonic() + EXPECTED_S
        self._finish_deletions(cluster)
        self._last[cluster] = (time.monotonic(), outcome)
        self._context.events.publish("cluster.synced", {"cluster": cluster} | outcome)
        return outcome

    def _finish_deletions(self, cluster: str) -> None:
        """Deletions that were interrupted, by a stop of the server or a lost connection, go on."""
        for job in self._context.jobs.active(cluster):
            if job.deleting:
                start_delete(self._context, job, cluster)

    async def _loop(self, cluster: str) -> None:
        wake = self._wake.setdefault(cluster, asyncio.Event())
        profile = self._context.clusters.pace(cluster)
        pause = profile.polling_floor_s
        first = True
        while self._context.clusters.connected(cluster) or not first:
            changed = False
            expecting = self._expected.get(cluster, 0.0) > time.monotonic()
            if first or expecting or self._context.jobs.active(cluster):
                try:
                    outcome = await self._sync(cluster, (), rediscover=first or expecting)
                    changed = bool(outcome["changed"])
                    first = False
                except NamdrunnerError as error:
                    log.info("sync of %s failed: %s", cluster, error.message)
                    self._context.events.publish("cluster.sync-failed", {"cluster": cluster, "error": error.document()})
                    first = False
                except Exception:
                    log.exception("sync of %s failed unexpectedly", cluster)
                    first = False
            profile = self._context.clusters.pace(cluster)  # may have been changed meanwhile
            longer = max(profile.polling_floor_s, min(pause * BACKOFF, profile.polling_ceiling_s))
            pause = profile.polling_floor_s if changed else longer
            try:
                expecting = self._expected.get(cluster, 0.0) > time.monotonic()
                busy = expecting or bool(self._context.jobs.active(cluster))
                await asyncio.wait_for(wake.wait(), pause if busy else None)
                # What was just submitted is looked for soon, but not at once: Slurm needs a moment.
                await asyncio.sleep(min(2.0, profile.polling_floor_s))
                pause = profile.polling_floor_s
            except TimeoutError:
                pass
            wake.clear()
            if not self._context.clusters.connected(cluster):
                return
