"""Suggested resources, their reasons, and when a job would start."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from namdrunner.errors import InputError
from namdrunner.services.expected_start import read_history, read_idle, read_try, with_moment
from namdrunner.services.suggestion import System, suggest
from namdrunner.slurm.geometry import Geometry
from namdrunner.slurm.profiles import list_profiles, load_profile
from namdrunner.slurm.resources import Resources
from namdrunner.store.job_views import MeasuredRun

ALPINE = load_profile("alpine")


@pytest.mark.parametrize("name", list_profiles())
@pytest.mark.parametrize("atoms", [500, 25_000, 2_000_000])
@pytest.mark.parametrize("gpus", [None, False])
def test_what_is_suggested_would_be_taken(name: str, atoms: int, gpus: bool | None) -> None:
    found = suggest("c", load_profile(name), System(atoms, 10.0, gpus=gpus), [])
    errors = [f for f in found["findings"] if f["severity"] == "error"]
    assert {f["code"] for f in errors} <= {"account-missing"}, errors  # which account, only the person knows
    assert all(reason["reason"] for reason in found["reasons"])
    fields = [reason["field"] for reason in found["reasons"]]
    assert len(fields) == len(set(fields))


def test_a_large_system_gets_a_gpu_and_a_small_one_does_not() -> None:
    large = suggest("alpine", ALPINE, System(92_000, 100.0), [])
    assert (large["resources"]["partition"], large["resources"]["gpus"]["count"]) == ("aa100", 1)
    small = suggest("alpine", ALPINE, System(2_000, 1.0), [])
    assert (small["resources"]["partition"], small["resources"]["gpus"]) == ("acpu", None)
    assert suggest("alpine", ALPINE, System(92_000, gpus=False), [])["resources"]["nodes"] == 2


def run(ns_per_day: float) -> MeasuredRun:
    resources = Resources(cores=2, partition="acpu", qos="cpu-normal")
    return MeasuredRun(
        id="a_1795384899123", cluster="alpine", resources=resources, recipe="cpu", atoms=2_000, timestep_fs=2.0,
        ns_per_day=ns_per_day,
    )  # fmt: skip


def test_walltime_and_qos_come_from_measured_speed() -> None:
    found = suggest("alpine", ALPINE, System(2_000, 10.0), [run(20.0)])
    assert found["ns_per_day"] == pytest.approx(20.0)
    assert found["resources"]["walltime_s"] == pytest.approx(0.5 * 86400 * 1.15, rel=0.02)
    assert found["resources"]["qos"] == "cpu-normal"
    longer = suggest("alpine", ALPINE, System(2_000, 40.0), [run(20.0)])
    assert longer["resources"]["qos"] == "cpu-long"
    far = suggest("alpine", ALPINE, System(2_000, 400.0), [run(20.0)])
    assert far["resources"]["walltime_s"] == 7 * 86400
    assert "4 jobs in all" in next(r["reason"] for r in far["reasons"] if r["field"] == "walltime")


def test_a_partition_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        suggest("alpine", ALPINE, System(1000, partition="amilan"), [])
    assert caught.value.code == "partition-unknown"


LAYOUT = Geometry(nodes=2, tasks_per_node=8, cpus_per_task=1, pe=8)


def test_idle_nodes_are_counted_by_their_free_cores() -> None:
    text = "c1|idle|0/8/0/8|65536|(null)\nc2|mixed|4/4/0/8|65536|(null)\nc3|idle*|0/8/0/8|1|(null)\nrubbish\n"
    few = read_idle(text, LAYOUT)
    assert (few["known"], few["wait_s"]) == (True, None)
    assert "1 node has 8 free cores" in few["message"]
    assert read_idle(text + "c4|idle|0/8/0/8|65536|(null)\n", LAYOUT)["wait_s"] == 0.0
    assert read_idle("", LAYOUT)["known"] is False


def test_what_slurm_plans_and_why_it_would_refuse() -> None:
    told = read_try("sbatch: Job 7 to start at 1795384899 using 4 processors on nodes c1 in partition cpu\n", "0")
    later = with_moment(told, datetime.fromtimestamp(1795384839, UTC))
    assert (later["known"], later["wait_s"]) == (True, 60.0)
    refused = read_try("allocation failure: More processors requested than permitted", "1")
    assert refused["known"] is False
    assert "refuse" in refused["message"]
    assert read_try("", "0")["known"] is False
    assert read_history([], "cpu", LAYOUT)["known"] is False
