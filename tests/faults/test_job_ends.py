"""Each way a job can end on a real Slurm is told from the others, and what it wrote comes home."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.faults.accidents import Scene, check_once
from tests.integration.slurm_cluster import ClusterOptions, SlurmCluster, start_cluster
from tests.integration.slurm_cluster.processes import ClusterError, wait_until

pytestmark = pytest.mark.slurm

Scenes = Callable[..., Scene]


def running(place: Scene, number: str) -> None:
    """NAMD has begun to write, so that there is something to lose."""
    place.slurm.wait_for_job(number, ("RUNNING",))
    logs = place.project.glob("namdrunner_jobs/*/logs/namd.log")
    wait_until(lambda: any("ENERGY" in log.read_text("utf-8", "replace") for log in logs), "NAMD to run", 30)


def ended(place: Scene, tally: Counter[str], status: str) -> dict[str, Any]:
    (job,) = place.settle("final")
    tally["wrong states"] += job["status"] != status
    assert job["status"] == status, (job["status"], job["reason"], job["evidence"])
    assert job["reason"]
    return job


def restart_files(place: Scene) -> list[Path]:
    return list(place.project.glob("namdrunner_jobs/*/outputs/**/equil.restart.coor"))


def test_walltime_hit_is_a_timeout_with_its_restart_files(scene: Scenes, tally: Counter[str]) -> None:
    place = scene(seconds=200)
    number = place.create()
    running(place, number)
    place.slurm.scontrol("update", f"jobid={number}", "timelimit=1")
    tally["injected"] += 1
    job = ended(place, tally, "TIMEOUT")
    assert "walltime" in job["reason"]
    assert restart_files(place)
    assert place.scratch_folders() == []


@pytest.mark.parametrize(("qos", "status"), [("lowcancel", "PREEMPTED"), ("low", "PENDING")])
def test_preempted_job_is_told_from_a_cancelled_one(scene: Scenes, tally: Counter[str], qos: str, status: str) -> None:
    place = scene(seconds=200)
    number = place.create(qos=qos)
    running(place, number)
    command = "sbatch --parsable -p cpu -N 4 --exclusive -t 2 -o /dev/null --wrap 'sleep 1'"
    stronger = place.slurm.user_command(command).stdout.strip()
    tally["injected"] += 1
    if status == "PREEMPTED":
        ended(place, tally, status)
        assert restart_files(place)
    else:
        place.slurm.wait_for_job(stronger, ("COMPLETED",))
        place.drive("sync")
        (job,) = place.settle()
        tally["wrong states"] += job["status"] != status
        assert job["status"] == status, (job["status"], job["evidence"])
        check_once(place, [job], tally, made=1)
    place.slurm.user_command(f"scancel {stronger}")


def test_dead_node_without_requeue_leaves_nothing_behind(scene: Scenes, tally: Counter[str]) -> None:
    """The job script could not do anything any more: we bring home what it wrote."""
    place = scene(seconds=200)
    number = place.create()
    running(place, number)
    place.slurm.scontrol("update", f"jobid={number}", "requeue=0")
    node = place.slurm.user_command(f"squeue -h -j {number} -o %N").stdout.strip()
    place.slurm.node_down(node)
    tally["injected"] += 1
    try:
        ended(place, tally, "NODE_FAIL")
    finally:
        place.slurm.node_up(node)
    assert restart_files(place)
    assert place.scratch_folders() == []


@pytest.fixture(scope="module")
def strict_memory() -> Any:
    """A cluster that kills by cgroups, where this machine lets it."""
    try:
        cluster = start_cluster(ClusterOptions(memory_cgroups=True))
    except ClusterError as error:
        pytest.skip(f"memory cgroups cannot be had here: {error}")
    yield cluster
    cluster.stop()


def test_too_much_memory_is_told_from_a_crash(strict_memory: SlurmCluster, tmp_path: Path, tally: Counter[str]) -> None:
    root = tmp_path / "memory"
    root.mkdir()
    place = Scene(root, strict_memory, "too-much")
    place.prepare(seconds=2, megabytes=400)
    place.create(memory="100MB")
    tally["injected"] += 1
    job = ended(place, tally, "OUT_OF_MEMORY")
    assert "memory" in job["reason"]
    assert job["remedy"]


def test_outage_of_three_seconds_goes_unnoticed(scene: Scenes, tally: Counter[str]) -> None:
    place = scene(seconds=8)
    number = place.create()
    place.slurm.wait_for_job(number, ("RUNNING",))
    connected = place.home / "connected"
    connected.unlink()
    with ThreadPoolExecutor(1) as aside:
        looking = aside.submit(place.settle, "final")
        wait_until(connected.exists, "the driver to be connected", 60)
        with place.slurm.stopped("sshd"):
            place.slurm.drop_connections()
            tally["injected"] += 1
            time.sleep(3)
        jobs = looking.result(180)
    assert [job["status"] for job in jobs] == ["COMPLETED"]
    check_once(place, jobs, tally, made=1)


def test_controller_that_hangs_keeps_the_last_known_state(scene: Scenes, tally: Counter[str]) -> None:
    place = scene(seconds=60)
    number = place.create()
    running(place, number)
    place.settle()
    with place.slurm.paused("slurmctld"):
        tally["injected"] += 1
        place.drive("sync", "--patience", "4")
        (job,) = place.drive("list")["outcome"]
    assert job["status"] == "RUNNING"
    assert job["stale"]
    check_once(place, place.settle(), tally, made=1)


def test_accounting_that_hangs_does_not_hold_up_the_truth(scene: Scenes, tally: Counter[str]) -> None:
    place = scene()
    number = place.create()
    place.slurm.wait_for_job(number, ("COMPLETED",))
    with place.slurm.paused("slurmdbd"):
        tally["injected"] += 1
        place.drive("sync", "--patience", "4")
        (job,) = place.drive("list")["outcome"]
    assert job["status"] == "COMPLETED"
    check_once(place, place.settle("final"), tally, made=1)


def test_second_server_on_one_database_refuses(scene: Scenes, tally: Counter[str]) -> None:
    place = scene()
    environment = {"PATH": os.environ["PATH"], "HOME": str(place.root), "NAMDRUNNER_HOME": str(place.home)}
    command = [sys.executable, "-m", "namdrunner", "serve", "--no-browser"]
    first = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: bool(list(place.home.rglob("server.json"))), "the first server", 60)
        tally["injected"] += 1
        second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    finally:
        first.terminate()
        first.wait(30)
    assert second.returncode == 1
    assert "already" in second.stderr or "runs" in second.stderr, second.stderr
