"""Energies of a job: thinned for charts, continued from a row on, told as they come in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from tests.unit.namd.log_samples import HEAD, energy, title
from tests.unit.server.test_contract import JOB, stored_job

from namdrunner.jobs.sync_script import LogPart, SyncReply
from namdrunner.paths import Folders
from namdrunner.services.application import Application
from namdrunner.services.clusters import ClusterInput
from namdrunner.services.energies import LIVE_ROWS, buckets, energies
from namdrunner.services.events import Event
from namdrunner.services.job_logs import read_log_part
from namdrunner.services.sync import Seen, with_log


@pytest.fixture
async def application(tmp_path: Path) -> AsyncIterator[Application]:
    application = await Application.open(Folders.below(tmp_path).ensure())
    application.clusters.add(ClusterInput("alpine", "login.example", profile="alpine"))
    application.context.jobs.add(stored_job())
    yield application
    await application.close()


def log(first: int, end: int) -> bytes:
    return "".join(energy(step) + "\n" for step in range(first, end)).encode()


def take(application: Application, offset: int, content: bytes) -> int:
    """One sync's part of the log; returns where the next begins."""
    end = offset + len(content)
    part = LogPart(offset=offset, end=end, size=end, content=content)
    read_log_part(application.context, stored_job(), part)
    return end


async def heard(application: Application, count: int) -> list[Event]:
    found = []
    async for event in application.events.subscribe():
        found.append(event)
        if len(found) == count:
            break
    return found


async def test_new_rows_are_told_and_many_are_thinned_evenly(application: Application) -> None:
    listening = asyncio.create_task(heard(application, 2))
    await asyncio.sleep(0)
    offset = take(application, 0, (HEAD + title() + "\n").encode() + log(0, 1000))
    take(application, offset, log(1000, 1003) + b"ENERGY:    1003  half a li")
    first, second = await listening
    assert (first.kind, first.data["id"], first.data["anew"]) == ("job.energies", JOB, True)
    assert first.data["columns"][0] == "TS"
    steps = [row[0] for row in first.data["rows"]]
    assert (len(steps), steps[-1], first.data["new_rows"]) == (LIVE_ROWS, 999, 1000)
    assert set(np.diff(steps)) == {5.0}
    assert [row[0] for row in second.data["rows"]] == [1000, 1001, 1002]
    assert (second.data["new_rows"], second.data["anew"]) == (3, False)


async def test_rows_nobody_listens_to_are_not_kept_for_later(application: Application) -> None:
    before = application.events.last_id
    take(application, 0, (HEAD + title() + "\n").encode() + log(0, 10))
    assert application.events.last_id == before


async def test_all_rows_some_rows_or_buckets(application: Application) -> None:
    take(application, 0, (HEAD + title() + "\n").encode() + log(0, 1000))
    whole = await energies(application.context, JOB)
    assert (len(whole["rows"]), whole["total_rows"], whole["complete"]) == (1000, 1000, False)
    assert "lowest" not in whole
    rest = await energies(application.context, JOB, after=990, points=20)
    assert ([row[0] for row in rest["rows"]], rest["total_rows"]) == (list(range(990, 1000)), 1000)
    few = await energies(application.context, JOB, points=7)
    assert len(few["rows"]) == len(few["lowest"]) == len(few["highest"]) == 7
    assert (few["lowest"][0][0], few["highest"][-1][0]) == (0, 999)
    assert (await energies(application.context, JOB, after=5000))["rows"] == []


def test_buckets_hold_every_row_once_and_ignore_what_is_no_number_in_the_limits() -> None:
    values = np.column_stack([np.arange(10.0), np.where(np.arange(10) == 4, np.nan, np.arange(10.0))])
    means, lowest, highest = buckets(values, 3)
    assert means[:, 0].tolist() == [1.0, 4.0, 7.5]
    assert lowest.tolist() == [[0, 0], [3, 3], [6, 6]]
    assert highest.tolist() == [[2, 2], [5, 5], [9, 9]]
    assert np.isnan(means[1, 1])


async def test_a_job_looked_at_twice_in_one_sync_keeps_its_log(application: Application) -> None:
    context = application.context
    start = take(application, 0, (HEAD + title() + "\n").encode() + log(0, 10))
    content = log(10, 20)
    part = LogPart(offset=start, end=start + len(content), size=start + len(content), content=content)
    seen = Seen(SyncReply(logs={JOB: part}), {}, "", (), "", frozenset())
    for _ in range(2):
        assert with_log(context, context.jobs.get(JOB), seen).status.progress.step == 19
    assert (await energies(context, JOB))["total_rows"] == 20
