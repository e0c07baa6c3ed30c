"""The site's own rules: mandatory fields, forbidden combinations, limits per job, slices of GPUs."""

from __future__ import annotations

import pytest

from namdrunner.slurm.policies import with_qos
from namdrunner.slurm.profile import ClusterProfile, GpuType, LaunchRecipe, Partition, Policies, Qos
from namdrunner.slurm.profiles import load_profile
from namdrunner.slurm.resources import GpuRequest, Resources
from namdrunner.slurm.validation import validate_resources


def codes(resources: Resources, profile: ClusterProfile, recipe: str | None = None) -> set[str]:
    return {f.code for f in validate_resources(resources, profile, recipe=recipe) if f.severity == "error"}


def gpu_job(**changes: object) -> Resources:
    values: dict[str, object] = {"cores": 8, "partition": "aa100", "qos": "gpu-normal", "walltime_s": 3600}
    return Resources.model_validate({**values, "gpus": GpuRequest(type="a100-40gb", count=1), **changes})


def test_alpine_as_of_august_2026() -> None:
    alpine = load_profile("alpine")
    assert codes(gpu_job(), alpine) == set()
    assert "qos-missing" in codes(gpu_job(qos=None), alpine)
    assert "walltime-missing" in codes(gpu_job(walltime_s=None), alpine)
    assert codes(gpu_job(gpus=GpuRequest(count=1)), alpine) >= {"gpu-type-missing"}
    assert "site-rule" in codes(gpu_job(gpus=GpuRequest(type="a100_3g.20gb", count=1)), alpine)
    assert codes(gpu_job(gpus=GpuRequest(type="a100_3g.20gb", count=1), qos="gpu-testing"), alpine) == set()
    memory = Resources(cores=4, partition="amem", qos="mem-normal", walltime_s=3600, memory_bytes=64 * 1024**3)
    assert "site-rule" in codes(memory, alpine)
    assert codes(memory.model_copy(update={"memory_bytes": 300 * 1024**3}), alpine) == set()
    names = {p.name for p in alpine.partitions}
    assert {"acpu", "amem", "aa100", "ah200", "artxpro6000", "al40", "ami100", "atesting", "acompile", "gh200"} == names
    assert "amilan" not in names


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ({}, "cpu-normal"),
        ({"walltime_s": 86400}, "cpu-normal"),
        ({"walltime_s": 86401}, "cpu-long"),
        ({"walltime_s": 10**7}, "cpu-long"),  # too long for any: validation says so
        ({"partition": "amem", "walltime_s": 90000}, "mem-long"),
        ({"qos": "testing"}, "testing"),
        ({"partition": "nowhere"}, None),
    ],
)
def test_a_qos_is_chosen_where_the_site_wants_one(asked: dict[str, object], chosen: str | None) -> None:
    assert with_qos(Resources.model_validate({"cores": 4} | asked), load_profile("alpine")).qos == chosen
    assert with_qos(Resources(cores=4), load_profile("generic")).qos is None


def test_a_program_uses_one_slice_only() -> None:
    slices = GpuType(type="a100_1g.5gb", per_node=7, mig=True)
    profile = ClusterProfile(
        partitions=(Partition(name="g", cores_per_node=8, gpus=(slices,), recipe="gpu"),),
        recipes=(LaunchRecipe(name="gpu", build="multicore-cuda"),),
    )
    asked = Resources(cores=4, partition="g", gpus=GpuRequest(type="a100_1g.5gb", count=2))
    assert codes(asked, profile) == {"gpu-slices"}


@pytest.mark.parametrize(
    ("qos", "code"),
    [
        (Qos(name="q", max_cores_per_job=8), "cores-over-qos"),
        (Qos(name="q", max_nodes_per_job=1), "nodes-over-qos"),
    ],
)
def test_limits_of_one_job(qos: Qos, code: str) -> None:
    recipe = LaunchRecipe(name="cpu", build="mpi", launcher="srun", pe_flag="", tasks_per_node="cores")
    profile = ClusterProfile(
        partitions=(Partition(name="p", cores_per_node=8, qos=("q",), max_nodes_per_job=4),),
        qos=(qos,),
        recipes=(recipe,),
    )
    assert code in codes(Resources(cores=16, partition="p", qos="q"), profile)
    assert "nodes-over-partition" in codes(Resources(cores=64, partition="p", qos="q"), profile)


def test_accounts_that_a_partition_does_not_admit() -> None:
    profile = ClusterProfile(
        partitions=(Partition(name="p", cores_per_node=8, accounts=("physics",)),),
        policies=Policies(mandatory=("account", "memory")),
    )
    assert codes(Resources(cores=1, partition="p", account="chemistry"), profile) == {
        "account-not-allowed",
        "memory-missing",
    }
