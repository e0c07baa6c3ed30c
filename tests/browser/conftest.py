"""Fixtures of the browser tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser.chromium import Chromium, find_chromium
from tests.browser.jobs import NASTY, ended_job
from tests.conftest import not_available

from namdrunner.client import Client, stop_server
from namdrunner.paths import Folders
from namdrunner.store.clusters import ClusterRepository, StoredCluster
from namdrunner.store.database import Database
from namdrunner.store.jobs import JobRepository


@pytest.fixture(scope="session")
def chromium_program() -> str:
    program = find_chromium()
    if program is None:
        not_available("Chromium is not installed")
    return program


@pytest.fixture
def chromium(chromium_program: str, tmp_path: Path) -> Iterator[Chromium]:
    """A browser with an empty profile."""
    profile = tmp_path / "chromium"
    profile.mkdir()
    with Chromium(chromium_program, profile) as browser:
        yield browser


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server of its own with one cluster and two finished jobs, one of them with a name full of markup."""
    folders = Folders.below(tmp_path_factory.mktemp("home")).ensure()
    database = Database(folders.database)
    ClusterRepository(database).add(StoredCluster("alpine", "login.example.org", user="ralphie"))
    jobs = JobRepository(database)
    for name in ("Ubiquitin in water", NASTY):
        jobs.add(ended_job(name))
    database.close()
    with Client.connect(folders) as connected:
        yield connected
        stop_server(connected.server, force=True)
