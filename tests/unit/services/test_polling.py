"""When clusters are asked: at once after every connect, then as often as they allow."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from namdrunner.services import polling
from namdrunner.services.context import Context
from namdrunner.services.events import EventBus
from namdrunner.services.polling import Poller
from namdrunner.slurm.profile import ClusterProfile


class Idle:
    """A context whose cluster is connected and has nothing active."""

    def __init__(self) -> None:
        self.clusters = self.jobs = self
        self.events = EventBus()
        self.is_connected = True

    def connected(self, cluster: str) -> bool:
        return self.is_connected

    def pace(self, cluster: str) -> ClusterProfile:
        return ClusterProfile()

    def active(self, cluster: str) -> list[Any]:
        return []


async def test_every_connect_begins_with_a_look_at_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop of an earlier connection slept on when nothing was active, and nothing was looked for any more."""
    looks: list[str] = []

    async def rediscover(_: object, cluster: str) -> list[str]:
        looks.append(cluster)
        return []

    async def sync(_: object, __: str, ___: object) -> dict[str, Any]:
        return {"synced": [], "changed": []}

    monkeypatch.setattr(polling, "rediscover_jobs", rediscover)
    monkeypatch.setattr(polling, "sync_cluster", sync)
    context = Idle()
    poller = Poller(cast("Context", context))
    for times in (1, 2):
        poller.start("alpine")
        poller.start("alpine")  # the connection and the connect both tell of it
        await asyncio.sleep(0.05)
        assert len(looks) == times
        poller.stop("alpine")
    await poller.close()
