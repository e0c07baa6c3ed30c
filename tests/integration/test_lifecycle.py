"""The life of a job from outside, on the demo cluster and on real Slurm alike: command line and HTTP API."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.desk import JOB_KEYS, Desk
from tests.integration.environments import Cluster
from tests.integration.sample import ENDLESS, write_config, write_real_config

from namdrunner.demo.sample.job import sample_job


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_cluster_is_added_connected_and_tested(desk: Desk) -> None:
    shown = desk.ask("cluster", "show", desk.name)
    assert (shown["state"], shown["host"], shown["port"]) == ("connected", "127.0.0.1", desk.cluster.port)
    assert shown["project_root"] == desk.cluster.project_root
    assert desk.cluster.partition in [p["name"] for p in shown["partitions"]]
    checks = desk.ask("cluster", "test", desk.name)
    assert checks["ok"], checks
    assert [c["name"] for c in desk.ask("cluster", "list")["clusters"]] == [desk.name]
    assert desk.cluster.password not in json.dumps(shown)


def test_a_job_of_ones_own_config_comes_home_whole(desk: Desk, tmp_path: Path) -> None:
    config = write_config(tmp_path / "system")
    job = desk.create("My own config", config)
    ready = desk.show(job)
    assert ready["status"] == "READY"
    assert set(ready) >= JOB_KEYS
    names = {i["name"]: i for i in ready["inputs"]}
    assert {n.rsplit("/", 1)[-1] for n in names} >= {"sample.psf", "sample.pdb", "sample.prm"}
    for entry in names.values():
        if entry["source"]:
            assert entry["sha256"] == sha256(Path(entry["source"]))

    desk.ask("job", "submit", job)
    ended = desk.watch(job)
    assert ended["status"] == "COMPLETED"
    assert set(ended) >= JOB_KEYS
    assert ended["exit_code"] == 0
    assert len(ended["slurm_ids"]) == 1
    assert desk.cluster.states(ended["slurm_ids"][0]) == ["COMPLETED"]
    assert ended["progress"]["step"] == ended["progress"]["target_step"] == 60
    assert {e["source"] for e in ended["evidence"]} >= {"result"}
    # Slurm and the job script count whole seconds.
    moments = [ended[k][:19] for k in ("created_at", "submitted_at", "started_at", "ended_at")]
    assert moments == sorted(moments)
    outputs = {Path(o["name"]).name for o in ended["outputs"]}
    assert outputs >= {"equil.coor", "equil.vel", "equil.xsc", "equil.dcd", "equil.restart.coor", "namd.log"}
    assert desk.cluster.lines(f"ls -A {ended['scratch_dir']} 2>/dev/null | wc -l") == ["0"]

    listed = desk.ask("job", "files", job)
    assert {i["name"] for i in listed["inputs"]} == set(names)
    home = tmp_path / "home"
    fetched = desk.ask("job", "download", job, "--to", str(home))["files"]
    assert {Path(f["name"]).name for f in fetched} >= outputs
    for entry in fetched:
        local = Path(entry["path"])
        assert local.stat().st_size == entry["bytes"]
        assert sha256(local) == entry["sha256"]
        (remote,) = desk.cluster.lines(f"find {ended['project_dir']} -name {local.name} -type f -exec sha256sum {{}} +")
        assert remote.split()[0] == entry["sha256"]
    again = desk.ask("job", "download", job, "*.coor", "--to", str(home))["files"]
    assert {Path(f["name"]).name for f in again} == {"equil.coor", "equil.restart.coor"}


def test_logs_energies_and_list_of_an_ended_job(desk: Desk, tmp_path: Path) -> None:
    job = desk.create("Read me", write_config(tmp_path / "s", steps=20, minimize=10), "--submit")
    desk.watch(job)
    log = desk.run("job", "logs", job, "--namd")
    assert log.status == 0
    assert "OpenMM demo engine, not NAMD" in log.stdout
    assert "End of program" in log.stdout
    assert desk.run("job", "logs", job, "--slurm").status == 0
    table = tmp_path / "energies.csv"
    assert desk.run("job", "energies", job, "--csv", str(table)).status == 0
    header, *rows = table.read_text().splitlines()
    assert header.startswith("TS,BOND,ANGLE")
    assert [float(row.split(",")[0]) for row in rows][-1] == 30
    jobs = desk.ask("job", "list", "--status", "COMPLETED")["jobs"]
    assert job in [j["id"] for j in jobs]
    assert desk.ask("job", "list", "--status", "FAILED", "--search", job)["jobs"] == []


def test_a_job_of_a_template_completes(desk: Desk, tmp_path: Path) -> None:
    sample = sample_job(tmp_path)
    words = ["job", "create", sample.name, "--cluster", desk.name, "--template", sample.template]
    for variable, paths in sample.files.items():
        for path in paths:
            words += ["--file", f"{variable}={path}"]
    shorter = {"minimize_steps": "40 steps", "duration": "0.96 ps"}
    for variable, value in {**sample.values, **shorter}.items():
        words += ["--set", f"{variable}={value}"]
    plan = desk.ask(*words, "--dry-run")
    assert "sample.psf" in plan["config"]
    assert "#SBATCH" in plan["script"]
    assert desk.ask("job", "list", "--search", sample.name)["jobs"] == []
    created = desk.ask(*words, "--submit", "--cores", "2", "--walltime", "00:10:00")
    assert created["template"] == sample.template
    ended = desk.watch(created["id"])
    assert ended["exit_code"] == 0
    assert ended["values"]["temperature"] == sample.values["temperature"]
    sent = desk.cluster.lines(f"cat {ended['project_dir']}/config.namd")
    assert "\n".join(sent).strip() == plan["config"].strip()


def test_a_running_job_is_cancelled(desk: Desk, tmp_path: Path) -> None:
    job = desk.create("Endless", write_config(tmp_path / "s", steps=ENDLESS), "--submit")
    running = desk.wait(job, lambda d: d["status"] == "RUNNING" and (d["progress"]["step"] or 0) > 0)
    assert running["ended_at"] is None
    desk.ask("job", "cancel", job)
    ended = desk.wait_status(job, "CANCELLED")
    assert ended["slurm_ids"] == running["slurm_ids"]
    assert desk.cluster.states(ended["slurm_ids"][0]) == ["CANCELLED"]
    kept = desk.wait(job, lambda d: any(o["name"].endswith(".restart.coor") for o in d["outputs"]))
    assert kept["status"] == "CANCELLED"
    again = desk.run("job", "cancel", job, "--json")
    assert again.status in (0, 1)
    assert desk.show(job)["status"] == "CANCELLED"


def test_a_waiting_job_is_cancelled_before_it_runs(desk: Desk, tmp_path: Path) -> None:
    config = write_config(tmp_path / "s", steps=ENDLESS)
    blocker = desk.create("Blocker", config, "--submit", *desk.cluster.full)
    desk.wait_status(blocker, "RUNNING")
    job = desk.create("Waits", config, "--submit", *desk.cluster.full)
    waiting = desk.wait(job, lambda d: d["status"] == "PENDING" and d["queue_reason"])
    assert waiting["started_at"] is None
    desk.ask("job", "cancel", job)
    ended = desk.wait_status(job, "CANCELLED")
    assert ended["started_at"] is None
    desk.ask("job", "delete", blocker)


def test_a_config_that_namd_refuses_fails_with_a_diagnosis(desk: Desk, tmp_path: Path) -> None:
    config = write_config(tmp_path / "s", extra="notAKeyword   yes")
    job = desk.create("Bad keyword", config, "--submit", "--force")
    ended = desk.watch(job, "FAILED")
    assert ended["exit_code"] != 0
    assert ended["diagnosis"], ended
    assert "notakeyword" in json.dumps(ended["diagnosis"]).lower()
    assert all(d["message"] and d["remedy"] for d in ended["diagnosis"])


def test_a_job_beyond_its_walltime_times_out_and_keeps_what_it_wrote(desk: Desk, tmp_path: Path) -> None:
    config = write_config(tmp_path / "s", steps=ENDLESS)
    job = desk.create("Too long", config, "--submit", "--walltime", "00:01:00")
    ended = desk.wait_status(job, "TIMEOUT", timeout_s=200)
    assert ended["exit_code"] != 0 or ended["reason"]
    kept = {Path(o["name"]).name for o in ended["outputs"]}
    assert {"equil.restart.coor", "equil.restart.vel", "equil.restart.xsc", "namd.log"} <= kept


def test_deleting_removes_or_keeps_what_is_on_the_cluster(desk: Desk, tmp_path: Path) -> None:
    config = write_config(tmp_path / "s", steps=ENDLESS)
    gone = desk.create("To be deleted", config, "--submit")
    running = desk.wait(gone, lambda d: d["status"] == "RUNNING")
    desk.ask("job", "delete", gone)
    assert desk.cluster.shell(f"test -e {running['project_dir']} -o -e {running['scratch_dir']}").returncode == 1
    assert running["slurm_ids"][0] not in desk.cluster.queue()
    assert desk.refused("job", "show", gone, status=1)["code"]

    kept = desk.create("Kept there", config)
    folder = desk.show(kept)["project_dir"]
    desk.ask("job", "delete", kept, "--keep-remote")
    assert desk.cluster.shell(f"test -s {folder}/job_info.json").returncode == 0
    assert kept not in [j["id"] for j in desk.ask("job", "list")["jobs"]]
    desk.cluster.lines(f"rm -r {folder}")


def test_submitting_twice_makes_one_job(desk: Desk, tmp_path: Path) -> None:
    job = desk.create("Once", write_config(tmp_path / "s", steps=ENDLESS), "--submit")
    first = desk.show(job)["slurm_ids"]
    again = desk.run("job", "submit", job, "--json")
    assert again.status in (0, 1)
    assert desk.show(job)["slurm_ids"] == first
    assert desk.cluster.queue() == first
    desk.ask("job", "delete", job)


def test_the_api_is_what_the_command_line_uses(desk: Desk, tmp_path: Path) -> None:
    job = desk.create("Through the API", write_config(tmp_path / "s", steps=20, minimize=10))
    server = desk.server_file
    headers = {"Authorization": f"Bearer {server['token']}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{server['port']}/api/v1", headers=headers, timeout=30) as api:
        assert api.get(f"/jobs/{job}").json()["name"] == "Through the API"
        assert [c["name"] for c in api.get("/clusters").json()["clusters"]] == [desk.name]
        task: Any = api.post(f"/jobs/{job}/submit").json()
        deadline = time.monotonic() + 60
        while task["state"] == "running":
            assert time.monotonic() < deadline
            task = api.get(f"/tasks/{task['id']}").json()
        assert task["state"] == "done", task
        assert api.get(f"/jobs/{job}").json()["slurm_ids"]
        missing = api.get("/jobs/nothing_1")
        assert missing.status_code == 404
        assert missing.headers["content-type"].startswith("application/problem+json")
        assert {"code", "remedy", "retryable", "title", "status"} <= set(missing.json())
    assert httpx.get(f"http://127.0.0.1:{server['port']}/api/v1/jobs").status_code == 401
    desk.watch(job)


@pytest.mark.shared_data
@pytest.mark.parametrize("system", ["colvars_alad", "openmm_dhfr"])
def test_real_systems_by_their_own_configs_come_home(
    system: str, desk: Desk, cluster: Cluster, shared_data: Path, tmp_path: Path
) -> None:
    config = write_real_config(system, shared_data, tmp_path)
    job = desk.create(f"Real {system}", config, "--submit", "--cores", "4")
    ended = desk.watch(job)
    assert ended["status"] == "COMPLETED"
    fetched = desk.ask("job", "download", job, "--to", str(tmp_path / "home"))["files"]
    assert any(f["name"].endswith(".dcd") for f in fetched)
    for entry in fetched:
        local = Path(entry["path"])
        assert sha256(local) == entry["sha256"]
        (remote,) = cluster.lines(f"find {ended['project_dir']} -name {local.name} -type f -exec sha256sum {{}} +")
        assert remote.split()[0] == entry["sha256"]
