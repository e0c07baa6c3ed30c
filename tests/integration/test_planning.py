"""Before a job and while it runs: forecasts from own jobs, a look at the cluster, energies as they come in."""

from __future__ import annotations

from pathlib import Path

from tests.integration.desk import Desk
from tests.integration.sample import write_config


def test_a_forecast_rests_on_own_jobs_and_the_cluster_is_asked_when_wanted(desk: Desk, tmp_path: Path) -> None:
    config = write_config(tmp_path / "s", steps=40)
    words = ["job", "create", "Plan me", "--cluster", desk.name, "--config", str(config), "--cores", "1"]
    first = desk.ask(*words, "--dry-run")
    assert [free["bytes"] > 0 for free in first["forecast"]["free"]] == [True, True]
    assert {f["code"] for f in first["findings"]} & {"namd-missing", "module-missing", "space-short"} == set()
    job = desk.ask(*words, "--walltime", "00:10:00", "--submit")["id"]
    table = tmp_path / "energies.csv"
    followed = desk.run("job", "energies", job, "--follow", "--csv", str(table))
    assert followed.status == 0, followed
    assert desk.show(job)["status"] == "COMPLETED"
    once = desk.ask("job", "energies", job)
    assert [line.split(",")[0] for line in table.read_text().splitlines()] == ["TS", *(str(r[0]) for r in once["rows"])]
    second = desk.ask(*words, "--dry-run")["forecast"]
    if desk.show(job)["progress"]["ns_per_day"]:
        assert job in second["basis_jobs"]
        assert second["ns_per_day_low"] <= second["ns_per_day"] <= second["ns_per_day_high"]
    assert desk.run(*words, "--dry-run", "--ask-cluster", "--walltime", "00:10:00", "--json").status == 0
    refused = desk.run(*words, "--dry-run", "--ask-cluster", "--account", "nobodys-account", "--json")
    codes = {f["code"] for f in refused.document["findings"] if f.get("about") == "cluster"}
    assert (refused.status, len(codes)) == (1, 1), refused


def test_check_looks_for_namd_on_a_connected_cluster(desk: Desk, tmp_path: Path) -> None:
    config = write_config(tmp_path / "s", steps=40)
    outcome = desk.run("check", str(config), "--cluster", desk.name, "--json")
    assert outcome.status == 0, outcome
    assert [f for f in outcome.document["findings"] if f.get("about") == "cluster"] == []
