"""Whatever breaks, and whenever: each job is submitted once, nothing is lost, and no state is made up."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults.accidents import Scene, check_once
from tests.integration.slurm_cluster.processes import wait_until

pytestmark = pytest.mark.slurm

SAMPLES = 5
"""Await points struck at in one operation, unless every one is asked for."""

Scenes = Callable[..., Scene]


def points(total: int, request: pytest.FixtureRequest) -> list[int]:
    """Where to strike: spread evenly, or everywhere."""
    if request.config.getoption("--every-fault"):
        return list(range(1, total + 1))
    return sorted({max(1, round((n + 0.5) * total / SAMPLES)) for n in range(SAMPLES)})


@pytest.mark.parametrize("fault", ["--kill-at", "--cut-at"])
def test_create_and_submit_survive_a_fault_anywhere(
    scene: Scenes, tally: Counter[str], request: pytest.FixtureRequest, fault: str
) -> None:
    whole = scene()
    counted = whole.drive("create", whole.name, str(whole.config))
    assert counted["outcome"]["state"] == "done", counted
    place = scene()
    for made, point in enumerate(points(counted["steps"], request), 1):
        place.drive("create", place.name, str(place.config), fault, str(point))
        tally["injected"] += 1
        check_once(place, place.settle(), tally, made=made)
    done = place.settle("final")
    assert {job["status"] for job in done} == {"COMPLETED"}
    for job in done:
        folder = place.project / "namdrunner_jobs" / job["id"]
        assert (folder / "outputs" / "step5" / "results" / "equil.dcd").stat().st_size == 300_000
    assert place.scratch_folders() == []


@pytest.mark.parametrize("fault", ["--kill-at", "--cut-at"])
def test_jobs_made_together_survive_a_fault_anywhere(
    scene: Scenes, tally: Counter[str], request: pytest.FixtureRequest, fault: str
) -> None:
    whole = scene()
    counted = whole.drive("create-many", whole.name, str(whole.config), "10")
    assert counted["outcome"]["state"] == "done", counted
    check_once(whole, whole.settle(), tally, made=10)
    place = scene()
    for made, point in enumerate(points(counted["steps"], request)[1::2], 1):
        place.drive("create-many", place.name, str(place.config), "10", fault, str(point))
        tally["injected"] += 1
        check_once(place, place.settle(), tally, made=10 * made)
    assert {job["status"] for job in place.settle("final")} <= {"COMPLETED"}


@pytest.mark.parametrize("fault", ["--kill-at", "--cut-at"])
def test_sync_survives_a_fault_anywhere(
    scene: Scenes, tally: Counter[str], request: pytest.FixtureRequest, fault: str
) -> None:
    place = scene()
    for _ in range(2):
        place.drive("create", place.name, str(place.config))
    counted = place.drive("sync")["steps"]
    for point in points(counted, request)[::2]:
        place.drive("sync", fault, str(point), check=False)
        tally["injected"] += 1
    check_once(place, place.settle("final"), tally, made=2)


@pytest.mark.parametrize("fault", ["--kill-at", "--cut-at"])
def test_delete_is_finished_after_a_fault_anywhere(
    scene: Scenes, tally: Counter[str], request: pytest.FixtureRequest, fault: str
) -> None:
    whole = scene(seconds=60)
    job = whole.drive("create", whole.name, str(whole.config))["outcome"]["result"]["job"]
    counted = whole.drive("delete", job["id"])["steps"]
    assert whole.folders() == []
    for point in points(counted, request)[1::2]:
        place = scene(seconds=60)
        job = place.drive("create", place.name, str(place.config))["outcome"]["result"]["job"]
        place.drive("delete", job["id"], fault, str(point), check=False)
        tally["injected"] += 1
        left = place.settle()
        running = place.slurm.user_command(f"squeue -h --name={place.name} -o %A").stdout.split()
        if left:  # it had not come to saying what it meant to do: the job is as it was
            assert not any(job["deleting"] for job in left)
            check_once(place, left, tally, made=1)
        else:
            assert (running, place.folders(), place.scratch_folders()) == ([], [], [])


def test_controller_that_accepts_after_sbatch_gave_up(scene: Scenes, tally: Counter[str]) -> None:
    place = scene(seconds=5)
    with place.slurm.paused("slurmctld"):
        said = place.drive("create", place.name, str(place.config))
    tally["injected"] += 1
    assert said["outcome"]["state"] == "failed"
    assert said["outcome"]["error"]["code"] in ("controller-timeout", "submission-unclear")
    (job,) = place.settle("final")
    check_once(place, [job], tally, made=1)
    assert job["status"] == "COMPLETED"


def test_job_cancelled_from_a_shell_is_cancelled_not_finished(scene: Scenes, tally: Counter[str]) -> None:
    place = scene(seconds=60)
    place.drive("create", place.name, str(place.config))
    (number,) = place.slurm_jobs()
    place.slurm.wait_for_job(number, ("RUNNING",))
    time.sleep(1)
    place.slurm.user_command(f"scancel {number}")
    tally["injected"] += 1
    (job,) = place.settle("final")
    assert job["status"] == "CANCELLED", job["evidence"]


def test_accounting_down_leaves_nothing_made_up(scene: Scenes, tally: Counter[str]) -> None:
    place = scene()
    place.drive("create", place.name, str(place.config))
    with place.slurm.stopped("slurmdbd"):
        tally["injected"] += 1
        (job,) = place.settle("final")
    assert job["status"] == "COMPLETED"
    check_once(place, [job], tally, made=1)


def test_controller_down_keeps_the_last_known_state_and_says_so(scene: Scenes, tally: Counter[str]) -> None:
    place = scene(seconds=60)
    place.drive("create", place.name, str(place.config))
    place.settle()
    with place.slurm.stopped("slurmctld"):
        tally["injected"] += 1
        place.drive("sync")
        place.drive("sync")
        stale = [job for job in _listed(place) if job["stale"]]
    assert len(stale) == 1
    assert stale[0]["status"] in ("PENDING", "RUNNING")
    check_once(place, place.settle(), tally, made=1)


def test_lost_database_is_rebuilt_from_the_cluster(scene: Scenes, tally: Counter[str]) -> None:
    place = scene()
    place.drive("create", place.name, str(place.config))
    (before,) = place.settle("final")
    database = place.home / "data" / "namdrunner.sqlite"
    for suffix in ("-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
    database.write_bytes(b"damaged" * 1000)
    tally["injected"] += 1
    (after,) = place.settle("final")
    same = ("id", "name", "status", "slurm_ids", "values", "resources", "inputs", "project_dir", "parent", "created_at")
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    assert {(o["name"], o["bytes"]) for o in after["outputs"]} == {(o["name"], o["bytes"]) for o in before["outputs"]}


def test_two_homes_submit_one_job_once(scene: Scenes, tally: Counter[str]) -> None:
    """Two laptops know the same job folder; only one submission happens."""
    place = scene()
    whole = place.drive("create", place.name, str(place.config))
    assert whole["outcome"]["state"] == "done"
    (receipt,) = (place.project / "namdrunner_jobs").glob("*/receipt")
    other = Scene(place.root / "other", place.slurm, place.name)
    other.root.mkdir()
    database = place.home / "data" / "namdrunner.sqlite"
    target = other.home / "data"
    target.mkdir(parents=True)
    _copy_database(database, target / "namdrunner.sqlite")
    _forget_submission(target / "namdrunner.sqlite")
    (target / "known_hosts").write_bytes((place.home / "data" / "known_hosts").read_bytes())
    tally["injected"] += 1
    jobs = other.settle("final")
    assert receipt.exists()
    check_once(place, jobs, tally, made=1)


@pytest.mark.parametrize("hours", [-7.0, 7.0])
def test_clock_that_is_wrong_by_hours_changes_nothing(scene: Scenes, tally: Counter[str], hours: float) -> None:
    place = scene()
    off = ("--clock-off-h", str(hours))
    place.drive("create", place.name, str(place.config), *off)
    tally["injected"] += 1
    (job,) = place.drive("settle", "final", *off)["outcome"]
    assert job["status"] == "COMPLETED"
    check_once(place, [job], tally, made=1)


def test_clock_set_forward_does_not_make_an_unheard_submission_absent(scene: Scenes, tally: Counter[str]) -> None:
    """sbatch times out; the clock then jumps by hours. The job is found, not submitted again."""
    place = scene(seconds=5)
    with place.slurm.paused("slurmctld"):
        place.drive("create", place.name, str(place.config))
    tally["injected"] += 1
    (job,) = place.drive("settle", "final", "--clock-off-h", "5", "--absent-after", "60")["outcome"]
    check_once(place, [job], tally, made=1)


def test_full_project_folder_keeps_the_results_until_there_is_room(scene: Scenes, tally: Counter[str]) -> None:
    place = scene(seconds=15)
    with small_disk(place.project, "1m") as grow:
        shutil.chown(place.project, place.slurm.user)
        place.drive("create", place.name, str(place.config))
        filler = place.project / "filler"
        (number,) = place.slurm_jobs()
        place.slurm.wait_for_job(number, ("RUNNING",))
        (job,) = _listed(place)
        log = place.project / "namdrunner_jobs" / job["id"] / "logs" / "namd.log"
        wait_until(lambda: log.exists() and log.stat().st_size > 0, "NAMD to start", timeout_s=30)
        left = shutil.disk_usage(place.project).free
        filler.write_bytes(b"x" * max(0, left - 100_000))
        tally["injected"] += 1
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            place.drive("sync")
            (job,) = _listed(place)
            if job["status"] not in ("PENDING", "RUNNING"):
                break
            time.sleep(1)
        assert job["status"] == "COLLECTING", (job["status"], job["reason"])
        grow("20m")
        (job,) = place.settle("final")
        assert job["status"] == "COMPLETED", job
        results = place.project / "namdrunner_jobs" / job["id"] / "outputs" / "step5" / "results"
        assert (results / "equil.dcd").stat().st_size == 300_000
    assert place.scratch_folders() == []


def test_scratch_removed_under_a_running_job_is_a_failure_in_words(scene: Scenes, tally: Counter[str]) -> None:
    place = scene(seconds=6)
    place.drive("create", place.name, str(place.config))
    (number,) = place.slurm_jobs()
    place.slurm.wait_for_job(number, ("RUNNING",))
    time.sleep(1.5)
    shutil.rmtree(place.root_on_cluster / "scratch" / "namdrunner_jobs")
    tally["injected"] += 1
    (job,) = place.settle("final")
    assert job["status"] != "COMPLETED" or job["outputs"], job
    assert job["reason"], job


def test_job_folder_removed_by_hand_never_becomes_success(scene: Scenes, tally: Counter[str]) -> None:
    place = scene()
    place.drive("create", place.name, str(place.config))
    (number,) = place.slurm_jobs()
    place.slurm.wait_for_job(number, ("COMPLETED", "FAILED"))
    shutil.rmtree(place.project / "namdrunner_jobs")
    tally["injected"] += 1
    place.drive("sync")
    (job,) = _listed(place)
    assert job["status"] not in ("COMPLETED", "FAILED"), job


def test_node_that_dies_sends_the_job_back_to_the_queue(scene: Scenes, tally: Counter[str]) -> None:
    place = scene(seconds=90)
    place.drive("create", place.name, str(place.config))
    (number,) = place.slurm_jobs()
    place.slurm.wait_for_job(number, ("RUNNING",))
    node = place.slurm.user_command(f"squeue -h -j {number} -o %N").stdout.strip()
    place.slurm.node_down(node)
    try:
        tally["injected"] += 1
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            place.drive("sync")
            (job,) = _listed(place)
            if job["status"] == "PENDING" and job["queue_reason"]:
                break
            time.sleep(1)
        assert job["status"] == "PENDING", job
        assert job["queue_reason"]
        check_once(place, place.settle(), tally, made=1)
    finally:
        place.slurm.node_up(node)


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Callable[[str], None]]:
    """A file system of its own at ``folder``, which can be made larger; needs root, as Slurm does here."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", str(folder)], check=True)
    try:
        yield lambda new: subprocess.run(["mount", "-o", f"remount,size={new}", str(folder)], check=True) and None
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _listed(place: Scene) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = place.drive("list")["outcome"]
    return jobs


def _copy_database(source: Path, target: Path) -> None:
    from namdrunner.store.database import copy_database

    copy_database(source, target)


def _forget_submission(path: Path) -> None:
    """The database as it was before the job was submitted."""
    from namdrunner.jobs.state import JobState
    from namdrunner.store.database import Database
    from namdrunner.store.jobs import JobQuery, JobRepository, with_record, with_status

    database = Database(path)
    jobs = JobRepository(database)
    for job in jobs.page(JobQuery())[0]:
        jobs.save(with_record(with_status(job, state=JobState.READY, submitted_at=None), submissions=()))
    database.close()
