"""What people read of a forecast, and of a check for a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import Run

from namdrunner.cli import check
from namdrunner.cli.job_create import print_forecast

NOTHING: dict[str, Any] = {
    "output_bytes": None,
    "free": [],
    "ns_per_day": None,
    "ns_per_day_low": None,
    "ns_per_day_high": None,
    "extrapolated": False,
    "basis": "",
    "basis_jobs": [],
    "run_time_s": None,
    "walltime_s": None,
    "memory_bytes": None,
    "memory_basis": "",
    "service_units": None,
    "service_units_most": None,
    "service_units_basis": "",
}


def test_a_forecast_has_its_range_and_basis(capfd: pytest.CaptureFixture[str]) -> None:
    known = {
        "output_bytes": 2_500_000_000,
        "free": [{"root": "/projects/x", "bytes": 10**12}],
        "ns_per_day": 12.5,
        "ns_per_day_low": 11.0,
        "ns_per_day_high": 14.0,
        "basis": "From one earlier run on alpine, partition cpu.",
        "run_time_s": 86_520.0,
        "walltime_s": 99_480.0,
        "memory_bytes": 3_000_000_000,
        "memory_basis": "From one earlier run on alpine, as NAMD counted it.",
        "service_units": 384.5,
        "service_units_most": 1600.0,
        "service_units_basis": "16 cores at 1 per hour on cpu.",
    }
    print_forecast(NOTHING | known)  # type: ignore[arg-type]
    assert [line.split("  ")[-1].strip() for line in capfd.readouterr().out.splitlines()] == [
        "2.5 GB",
        "1.0 TB below /projects/x",
        "12.5 ns/day (11 to 14)",
        "1-00:02:00",
        "1-03:38:00",
        "From one earlier run on alpine, partition cpu.",
        "3.0 GB per node. From one earlier run on alpine, as NAMD counted it.",
        "384 expected, 1,600 at most: 16 cores at 1 per hour on cpu.",
    ]


def test_nothing_is_said_of_what_is_not_known(capfd: pytest.CaptureFixture[str]) -> None:
    print_forecast(NOTHING)  # type: ignore[arg-type]
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("looked", [True, False])
def test_a_check_for_a_cluster_takes_its_namd_and_adds_what_is_missing_there(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looked: bool
) -> None:
    finding = {"code": "namd-missing", "severity": "warning", "message": "No namd3.", "remedy": "", "about": "cluster"}
    found = [finding] if looked else []
    answer = {"recipe": "cpu", "namd_version": "2.14", "gpu": False, "looked": looked, "findings": found}
    monkeypatch.setattr(check, "_namd_of", lambda cluster: answer)
    config = tmp_path / "x.namd"
    config.write_text("run 10\n")
    document = run("check", str(config), "--cluster", "alpine", "--json").json
    assert [f for f in document["findings"] if f.get("about") == "cluster"] == found
    assert ("not connected" in run("check", str(config), "--cluster", "alpine").err) is not looked


def test_asking_the_cluster_belongs_to_a_dry_run(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "x.namd"
    config.write_text("run 10\n")
    ran = run("job", "create", "x", "--cluster", "c", "--config", str(config), "--ask-cluster")
    assert ran.status == 2
    assert "--dry-run" in ran.err
