"""doctor: every check has words; broken things are found."""

from __future__ import annotations

import os

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.server.live import Live

from namdrunner.cli.doctor import examine
from namdrunner.paths import Folders


def by_name(folders: Folders) -> dict[str, tuple[str, str]]:
    return {check["name"]: (check["severity"], check["message"] + check["remedy"]) for check in examine(folders)}


def test_a_sound_computer_passes(run: Run) -> None:
    ran = run("doctor", "--json")
    document = ran.json
    assert (ran.status, document["ok"]) == (0, True)
    names = {check["name"] for check in document["checks"]}
    assert names >= {
        "python",
        "tcl",
        "folders",
        "disk",
        "database",
        "server",
        "ssh-config",
        "ssh-agent",
        "clock",
        "openmm",
    }
    assert all(check["message"] for check in document["checks"])
    assert all(check["remedy"] for check in document["checks"] if check["severity"] != "ok")


def test_a_damaged_database_is_found(home: Folders, run: Run) -> None:
    home.database.write_bytes(b"SQLite format 3\x00" + b"\xff" * 4096)
    assert by_name(home)["database"][0] == "error"
    assert run("doctor").status == 1


def test_a_running_server_is_found(home: Folders, live: Live) -> None:
    severity, words = by_name(home)["server"]
    assert severity == "ok"
    assert live.server.url in words
    assert live.server.token not in words


def test_a_missing_tcl_has_a_remedy(home: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tkinter", None)
    severity, words = by_name(home)["tcl"]
    assert severity == "error"
    assert "apt install python3-tk" in words


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_an_announced_agent_that_is_gone(home: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(home.state / "nothing"))
    assert by_name(home)["ssh-agent"][0] == "warning"


def test_a_full_disk_is_a_warning(home: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("namdrunner.cli.doctor.LOW_DISK_BYTES", 10**18)
    assert by_name(home)["disk"][0] == "warning"


def test_what_may_not_be_read_does_not_end_the_examination(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ~/.ssh that belongs to somebody else was told instead of all checks."""

    def refuse(*_: object, **__: object) -> bool:
        raise PermissionError(13, "Permission denied", "/root/.ssh/config")

    monkeypatch.setattr("namdrunner.cli.doctor.Path.home", refuse)
    ran = run("doctor", "--json")
    assert ran.status == 1
    found = {check["name"]: check for check in ran.json["checks"]}
    assert "Permission denied" in found["ssh-config"]["message"]
    assert "python" in found
    assert "clock" in found
