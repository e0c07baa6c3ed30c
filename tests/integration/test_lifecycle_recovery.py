"""What happens to jobs when the person's side breaks: a lost database, a killed server, a closed connection."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.desk import Desk, connected_desk
from tests.integration.environments import Cluster
from tests.integration.sample import ENDLESS, write_config


@pytest.fixture(autouse=True)
def _no_jobs_left(cluster: Cluster) -> Iterator[None]:
    yield
    cluster.clear()


def test_jobs_are_found_again_after_the_database_is_lost(cluster: Cluster, tmp_path: Path) -> None:
    with connected_desk(tmp_path / "first", cluster) as desk:
        done = desk.create("Done before", write_config(tmp_path / "a", steps=20, minimize=10), "--submit")
        before = desk.watch(done)
        running = desk.create("Runs meanwhile", write_config(tmp_path / "b", steps=ENDLESS), "--submit")
        desk.wait_status(running, "RUNNING")
    with connected_desk(tmp_path / "second", cluster) as fresh:
        fresh.sync()
        found = {j["id"]: j for j in fresh.ask("job", "list")["jobs"]}
        assert {done, running} <= set(found)
        after = fresh.show(done)
        for key in (
            "name",
            "status",
            "slurm_ids",
            "exit_code",
            "resources",
            "created_at",
            "project_dir",
            "scratch_dir",
        ):
            assert after[key] == before[key], key
        assert [i["sha256"] for i in after["inputs"]] == [i["sha256"] for i in before["inputs"]]
        assert {o["name"] for o in after["outputs"]} == {o["name"] for o in before["outputs"]}
        fresh.wait(running, lambda d: d["status"] == "RUNNING" and (d["progress"]["step"] or 0) > 0)
        fresh.ask("job", "cancel", running)
        fresh.wait_status(running, "CANCELLED")
        for job in (done, running):
            fresh.ask("job", "delete", job)


def test_a_job_runs_on_while_the_server_is_dead_and_is_caught_up_with(cluster: Cluster, tmp_path: Path) -> None:
    with connected_desk(tmp_path, cluster) as desk:
        job = desk.create("Alone", write_config(tmp_path / "s", steps=100), "--submit")
        slurm_ids = desk.show(job)["slurm_ids"]
        desk.kill_server()
        end = time.monotonic() + 120
        while cluster.queue():
            assert time.monotonic() < end
            time.sleep(0.5)
        stale = desk.show(job)
        assert stale["status"] in ("PENDING", "RUNNING")
        assert desk.refused("job", "sync", job, status=3)["code"] == "not-connected"
        desk.connect()
        ended = desk.wait_status(job, "COMPLETED")
        assert ended["slurm_ids"] == slurm_ids
        desk.ask("job", "delete", job)


def test_a_create_that_is_killed_half_way_is_resumed_or_cleaned(cluster: Cluster, tmp_path: Path) -> None:
    with connected_desk(tmp_path, cluster) as desk:
        config = write_config(tmp_path / "s", steps=20, minimize=10)
        # Enough to upload that the server can be hit in the middle.
        large = config.parent / "restraints.pdb"
        large.write_bytes(b"REMARK" + b" padding" * 6_000_000)
        text = config.read_text().replace("minimize ", f"constraints on\nconsref {large.name}\nminimize ", 1)
        config.write_text(text)
        words = ["job", "create", "Half way", "--cluster", desk.name, "--config", str(config), "--cores", "2"]
        creating = subprocess.Popen(
            [sys.executable, "-m", "namdrunner", *words, "--walltime", "00:10:00", "--force", "--submit"],
            env=desk.environment,
            cwd=desk.home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until_something_arrives(cluster)
        desk.kill_server()
        assert creating.wait(60) != 0

        desk.connect()
        desk.sync()
        for job in desk.ask("job", "list", "--search", "Half way")["jobs"]:
            shown = desk.show(job["id"])
            assert shown["status"] in ("CREATED", "UPLOADING", "READY", "FAILED")
            assert shown["slurm_ids"] == []
            desk.ask("job", "delete", job["id"])
        assert cluster.queue() == []
        left = cluster.lines(f"find {cluster.project_root}/namdrunner_jobs -mindepth 1 -maxdepth 1 -name 'half_way*'")
        assert left == []


def wait_until_something_arrives(cluster: Cluster) -> None:
    end = time.monotonic() + 60
    pattern = f"{cluster.project_root}/namdrunner_jobs/half*"
    while cluster.shell(f"ls -d {pattern}/* 2>/dev/null | grep -q .").returncode != 0:
        assert time.monotonic() < end, "nothing was uploaded"
        time.sleep(0.02)


def test_a_stopped_server_leaves_jobs_alone_and_starts_again_by_itself(cluster: Cluster, tmp_path: Path) -> None:
    with connected_desk(tmp_path, cluster) as desk:
        job = desk.create("Stays", write_config(tmp_path / "s", steps=ENDLESS), "--submit")
        (slurm_id,) = desk.show(job)["slurm_ids"]
        assert desk.run("stop").status == 0
        assert desk.run("status", "--json").status in (0, 1)
        assert cluster.queue() == [slurm_id]
        assert desk.show(job)["name"] == "Stays"
        assert desk.ask("cluster", "show", desk.name)["state"] == "disconnected"
        desk.connect()
        desk.ask("job", "delete", job)
        assert cluster.queue() == []


def test_a_closed_connection_is_said_and_opened_again(cluster: Cluster, tmp_path: Path) -> None:
    with connected_desk(tmp_path, cluster) as desk:
        job = desk.create("Not connected", write_config(tmp_path / "s"))
        desk.ask("cluster", "disconnect", desk.name)
        refused = desk.refused("job", "submit", job, status=3)
        assert refused["code"] == "not-connected"
        assert "connect" in refused["remedy"]
        assert Desk(tmp_path, cluster).show(job)["status"] == "READY"
        desk.connect()
        desk.ask("job", "delete", job)
