"""log show | energies | diagnose: in this process, without a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.namd.log_samples import HEAD, LONG, end
from tests.unit.namd.log_samples import run as stage

from .conftest import Run

WHOLE = HEAD + stage(0, 500) + end(500)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "namd.log"
    path.write_text(WHOLE)
    return path


def test_show(run: Run, log: Path) -> None:
    shown = run("log", "show", str(log), "--json")
    assert shown.status == 0
    assert (shown.json["finished"], shown.json["last_step"], shown.json["energy_rows"]) == (True, 500, 6)
    plain = run("log", "show", str(log))
    assert plain.status == 0
    assert "0 to 500 of 500" in plain.out


def test_energies(run: Run, log: Path, tmp_path: Path) -> None:
    target = tmp_path / "e.csv"
    assert run("log", "energies", str(log), "--csv", str(target)).status == 0
    lines = target.read_text().splitlines()
    assert lines[0] == ",".join(LONG)
    assert len(lines) == 7
    assert run("log", "energies", str(log), "--csv", "-").out.splitlines() == lines
    document = run("log", "energies", str(log), "--last", "2", "--json").json
    assert document["columns"] == list(LONG)
    assert [row[0] for row in document["rows"]] == [400, 500]


def test_energies_go_nowhere_they_must_not(run: Run, log: Path, tmp_path: Path) -> None:
    assert run("log", "energies", str(log), "--csv", str(log)).status == 2
    assert log.read_text() == WHOLE
    lost = run("log", "energies", str(log), "--csv", str(tmp_path / "no" / "e.csv"), "--json")
    assert lost.status == 1
    assert lost.json["error"]["code"] == "file-unwritable"
    assert run("log", "energies", str(log), "--csv", "-", "--json").status == 2


def test_diagnose(run: Run, log: Path, tmp_path: Path) -> None:
    sound = run("log", "diagnose", str(log), "--json")
    assert (sound.status, sound.json) == (0, {"diagnosis": []})
    slurm = tmp_path / "slurm-7.out"
    slurm.write_text("slurmstepd: error: *** JOB 7 ON c1 CANCELLED AT 2026-08-22T10:00:00 DUE TO TIME LIMIT ***\n")
    log.write_text(HEAD + stage(0, 500))
    found = run("log", "diagnose", str(log), str(slurm), "--json")
    assert found.status == 1
    cause = found.json["diagnosis"][0]
    assert (cause["code"], cause["recovery"], cause["file"], cause["line"]) == ("time-limit", "continue", str(slurm), 1)
    assert set(cause) >= {"code", "severity", "message", "remedy", "recovery", "file", "line", "excerpt"}
    plain = run("log", "diagnose", str(log), str(slurm))
    assert plain.out.startswith("error: The job reached its time limit")


@pytest.mark.parametrize("verb", ["show", "energies", "diagnose"])
def test_a_missing_file_is_told(run: Run, verb: str, tmp_path: Path) -> None:
    result = run("log", verb, str(tmp_path / "none"), "--json")
    assert result.status == 1
    assert result.json["error"]["code"] == "file-not-found"


def test_another_file_is_no_log(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "x"
    other.write_bytes(bytes(range(256)))
    assert run("log", "show", str(other), "--json").json["error"]["code"] == "log-not-namd"


def test_energies_of_another_file_are_refused_and_no_csv_is_left(run: Run, tmp_path: Path) -> None:
    """They were an empty table with exit status 0."""
    other, csv = tmp_path / "x", tmp_path / "x.csv"
    other.write_text("root:x:0:0\n")
    for options in ((), ("--csv", str(csv)), ("--csv", "-")):
        ran = run("log", "energies", str(other), *options)
        assert (ran.status, ran.out) == (1, "")
        assert "not the output of NAMD" in ran.err
    assert not csv.exists()


def test_a_device_is_not_said_to_be_missing(run: Run) -> None:
    ran = run("log", "show", "/dev/null", "--json")
    assert ran.json["error"]["code"] == "file-not-found"
    assert "There is no file" not in ran.err
