"""Forecasts of a plan: from own past jobs, against walltime and free space; nothing where nothing is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from namdrunner.jobs.record import JobRecord, RunPlan
from namdrunner.services.forecast import Space, costs, forecast, hardware_of
from namdrunner.services.job_request import JobPlan
from namdrunner.slurm.profile import BillingRates, ClusterProfile, GpuType, LaunchRecipe, Partition
from namdrunner.slurm.resources import GpuRequest, Resources
from namdrunner.store.job_views import MeasuredRun

GB = 10**9
PROFILE = ClusterProfile(
    partitions=(
        Partition(name="cpu", cores_per_node=64, default=True),
        Partition(name="gpu", cores_per_node=32, gpus=(GpuType(type="a100", per_node=4),), recipe="cuda"),
    ),
    recipes=(LaunchRecipe(name="cpu"), LaunchRecipe(name="cuda", build="multicore-cuda")),
)
RUN = MeasuredRun("old", "alpine", 50_000, 2.0, 10.0, Resources(cores=16), "cpu")


def plan(walltime_s: int | None = None, *, ns: float | None = 10.0, recipe: str = "cpu", **summary: Any) -> JobPlan:
    record = JobRecord(
        id="new",
        name="new",
        cluster="alpine",
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
        resources=Resources(cores=16, walltime_s=walltime_s),
        recipe=recipe,
        run=RunPlan(timestep_fs=2.0, first_step=1000, target_step=5_001_000),
        project_dir="/p/new",
        scratch_dir="/s/new",
    )
    return JobPlan(record, "", "", (), summary={"atoms": 50_000, "simulated_ns": ns, **summary})


def codes(findings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(f["code"], f["severity"]) for f in findings]


def test_speed_and_time_come_from_own_jobs_and_say_so() -> None:
    document, findings = forecast(plan(90_000 * 2), PROFILE, [RUN])
    assert (document["ns_per_day"], document["extrapolated"], document["basis_jobs"]) == (10.0, False, ["old"])
    assert document["run_time_s"] == pytest.approx(86_400 + 120)
    assert document["walltime_s"] == pytest.approx(86_400 * 1.15 + 120)
    assert "one earlier run on alpine, partition cpu" in document["basis"]
    assert findings == []


@pytest.mark.parametrize(
    "runs", [[], [MeasuredRun("old", "alpine", 50_000, 2.0, 10.0, Resources(partition="gpu"), "cuda")]]
)
def test_without_a_comparable_job_nothing_is_said(runs: list[MeasuredRun]) -> None:
    document, findings = forecast(plan(60, restart_steps=10**9), PROFILE, runs)
    assert (document["ns_per_day"], document["run_time_s"], document["walltime_s"]) == (None, None, None)
    assert (document["basis"], findings) == ("", [])


def test_a_walltime_that_is_too_short_is_a_warning_with_where_it_would_end() -> None:
    _, findings = forecast(plan(3600 * 12), PROFILE, [RUN])
    assert codes(findings) == [("walltime-too-short", "warning")]
    assert "near step 2494055" in findings[0]["message"]
    assert "10 ns/day" in findings[0]["message"]
    assert "1-03:45:00" in findings[0]["remedy"]


def test_a_walltime_without_a_margin_is_an_advice() -> None:
    assert codes(forecast(plan(90_000), PROFILE, [RUN])[1]) == [("walltime-tight", "advice")]


def test_restart_files_far_apart_are_an_advice_with_a_better_number() -> None:
    # 2 fs at 10 ns/day: 57 870 steps an hour... 5 000 000 steps a day, 208 333 an hour.
    _, findings = forecast(plan(200_000, restart_steps=500_000), PROFILE, [RUN])
    assert codes(findings) == [("restarts-far-apart", "advice")]
    assert "02:24:00" in findings[0]["message"]
    assert "104100 steps" in findings[0]["remedy"]
    assert forecast(plan(200_000, restart_steps=100_000), PROFILE, [RUN])[1] == []


def test_a_minimisation_has_no_time() -> None:
    document, findings = forecast(plan(60, ns=0.0), PROFILE, [RUN])
    assert (document["ns_per_day"], document["run_time_s"], findings) == (10.0, None, [])


def test_space_counts_twice_where_scratch_and_project_share_a_filesystem() -> None:
    apart = (Space("/p", "a /p", 15 * GB), Space("/s", "b /s", 15 * GB))
    shared = (Space("/p", "a /", 15 * GB), Space("/s", "a /", 15 * GB))
    wanted = plan(output_bytes=10 * GB)
    assert forecast(wanted, PROFILE, [], apart)[1] == []
    document, findings = forecast(wanted, PROFILE, [], shared)
    assert codes(findings) == [("space-short", "warning")]
    assert "20 GB below /p and /s, where 15 GB are free" in findings[0]["message"]
    assert document["free"] == [{"root": "/p", "bytes": 15 * GB}, {"root": "/s", "bytes": 15 * GB}]
    unstaged = PROFILE.model_copy(update={"recipes": (LaunchRecipe(name="cpu", staging="none"),)})
    assert forecast(wanted, unstaged, [], shared)[1] == []
    assert forecast(plan(), PROFILE, [], shared)[1] == []


def test_hardware_is_what_the_job_script_asks_for() -> None:
    two = Resources(cores=8, partition="gpu", gpus=GpuRequest(count=2))
    hardware = hardware_of("alpine", two, "cuda", PROFILE)
    assert (hardware.partition, hardware.gpu_type, hardware.gpus, hardware.cores) == ("gpu", "a100", 2, 8)
    assert hardware_of("alpine", Resources(cores=8), "cpu", PROFILE).partition == "cpu"
    gone = hardware_of("alpine", Resources(cores=8, partition="old", gpus=GpuRequest(count=1)), "cuda", PROFILE)
    assert (gone.partition, gone.gpu_type, gone.gpus) == ("old", "any", 1)


def test_memory_comes_from_what_namd_counted_over_all_processes() -> None:
    mpi = LaunchRecipe(name="mpi", build="mpi", tasks_per_node="cores")
    profile = PROFILE.model_copy(update={"recipes": (*PROFILE.recipes, mpi)})
    run = replace(RUN, recipe="mpi", memory_bytes=GB)
    document, findings = forecast(with_memory(plan(recipe="mpi"), 8 * GB), profile, [run])
    assert document["memory_bytes"] == 16 * GB
    assert "as NAMD counted it" in document["memory_basis"]
    assert codes(findings) == [("memory-short", "warning")]


def test_without_a_measured_memory_none_is_expected() -> None:
    document, findings = forecast(with_memory(plan(), 1), PROFILE, [RUN])
    assert (document["memory_bytes"], document["memory_basis"], findings) == (None, "", [])


def with_memory(planned: JobPlan, memory: int) -> JobPlan:
    resources = planned.record.resources.model_copy(update={"memory_bytes": memory})
    return replace(planned, record=planned.record.model_copy(update={"resources": resources}))


def test_service_units_come_from_the_rates_of_the_partition() -> None:
    rated = PROFILE.partitions[0].model_copy(update={"billing": BillingRates(core=1.0, memory_gb=0.5)})
    profile = PROFILE.model_copy(update={"partitions": (rated, PROFILE.partitions[1])})
    document, _ = forecast(with_memory(plan(100 * 3600), 4 * 2**30), profile, [RUN])
    assert document["service_units"] == pytest.approx((16 + 2) * (86_520 / 3600))
    assert document["service_units_most"] == pytest.approx((16 + 2) * 100)
    assert document["service_units_basis"] == "16 cores at 1, 4 GB at 0.5 per hour on cpu."


@pytest.mark.parametrize(("kind", "most"), [("a100", 4 * 108.0), ("", 4 * 108.0)])
def test_gpus_are_charged_by_their_type(kind: str, most: float) -> None:
    rates = BillingRates(core=1.0, gpu=10.0, gpu_types={"a100": 108.0}, largest_only=True)
    profile = PROFILE.model_copy(update={"billing": rates})
    hardware = hardware_of("alpine", Resources(partition="gpu", gpus=GpuRequest(type=kind, count=4)), "cuda", profile)
    found = costs(hardware, Resources(walltime_s=3600), 1, profile, None)
    assert (found["service_units"], found["service_units_most"]) == (None, most)


def test_without_rates_there_is_no_cost() -> None:
    document, _ = forecast(plan(3600), PROFILE, [RUN])
    assert (document["service_units"], document["service_units_most"]) == (None, None)
