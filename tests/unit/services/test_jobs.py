"""The list of jobs and the sync of all clusters, without any cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from namdrunner.errors import ConnectionFailedError, InputError
from namdrunner.paths import Folders
from namdrunner.services.application import Application


@pytest.fixture
async def application(tmp_path: Path) -> AsyncIterator[Application]:
    opened = await Application.open(Folders.below(tmp_path))
    yield opened
    await opened.close()


async def test_order_that_does_not_exist_is_refused(application: Application) -> None:
    assert application.jobs.list(sort="-name")["total"] == 0
    with pytest.raises(InputError, match="sorted by 'colour'") as caught:
        application.jobs.list(sort="colour")
    assert caught.value.code == "sort-unknown"
    assert "created_at" in caught.value.remedy


async def test_one_cluster_that_fails_does_not_keep_the_others_from_a_sync(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sync_now(cluster: str, **_: object) -> dict[str, Any]:
        if cluster == "broken":
            raise ConnectionFailedError("The connection to broken was lost.")
        return {"synced": [f"{cluster}_1"], "changed": [], "found": [f"{cluster}_2"], "warnings": []}

    connected = [{"name": name, "state": "connected"} for name in ("first", "broken", "last")]
    monkeypatch.setattr(application.clusters, "list", lambda: connected)
    monkeypatch.setattr(application.poller, "sync_now", sync_now)
    task = await application.tasks.wait(application.jobs.start_sync().id)
    assert task.state == "done"
    assert task.result is not None
    assert (task.result["synced"], task.result["found"]) == (["first_1", "last_1"], ["first_2", "last_2"])
    assert list(task.result["failed"]) == ["broken"]
    assert task.result["failed"]["broken"]["message"] == "The connection to broken was lost."
