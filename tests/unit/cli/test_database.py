"""The commands that look after the local database, against a running server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.unit.cli.conftest import Run


@pytest.fixture
def known(run: Run) -> Iterator[None]:
    """A server process of its own, with one cluster."""
    assert run("cluster", "add", "alpine", "--host", "login.example", "--json").status == 0
    yield
    run("stop")


@pytest.mark.usefixtures("known")
def test_a_backup_brings_back_what_was_forgotten(run: Run) -> None:
    backup = run("database", "backup", "--json").json["backup"]
    assert run("database", "show", "--json").json["backups"] == [backup]
    assert run("database", "reset", "--yes", "--json").json["previous"]
    assert run("cluster", "list", "--json").json["clusters"] == []
    assert run("database", "restore", backup, "--yes", "--json").json["restored"] == backup
    assert [c["name"] for c in run("cluster", "list", "--json").json["clusters"]] == ["alpine"]


@pytest.mark.usefixtures("known")
def test_forgetting_jobs_keeps_the_clusters(run: Run) -> None:
    ran = run("database", "forget-jobs", "--yes", "--json")
    assert (ran.status, ran.json["forgotten"]) == (0, 0)
    assert run("database", "show", "--json").json["clusters"] == 1


@pytest.mark.usefixtures("known")
def test_nothing_is_deleted_unasked(run: Run) -> None:
    for words in (("reset",), ("forget-jobs",), ("restore", "/nowhere.sqlite")):
        ran = run("database", *words, "--json")
        assert (ran.status, ran.json["error"]["code"]) == (2, "confirmation-needed")
    assert run("database", "show", "--json").json["clusters"] == 1
    shown = run("database", "show")
    assert "namdrunner.sqlite" in shown.out
    assert "none" in shown.out
