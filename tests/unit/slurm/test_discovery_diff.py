"""A profile against what a cluster says: which lines, in which words, and what taking them over leaves."""

from __future__ import annotations

import dataclasses

import pytest

from namdrunner.errors import InputError
from namdrunner.slurm.discovery import (
    Account,
    ClusterFacts,
    FoundPartition,
    FoundQos,
    Gres,
    Module,
    NamdBuild,
    NodeShape,
)
from namdrunner.slurm.discovery_diff import apply_differences, differences
from namdrunner.slurm.profile import ClusterProfile, GpuType, LaunchRecipe, Partition, Preset, Qos
from namdrunner.slurm.profile_toml import profile_text
from namdrunner.slurm.profiles import parse_profile
from namdrunner.slurm.resources import Resources

SHAPE = NodeShape(nodes=4, cores=64, memory_bytes=256 * 1024**3)
GPU_SHAPE = dataclasses.replace(SHAPE, nodes=2, gres=(Gres("gpu", "h200", 4), Gres("gpu", "h200_1g.18gb", 7, mig=True)))
WEIGHTS = (("cpu", 1.0), ("gres/gpu", 100.0))
CPU = "Linux-x86_64"
FACTS = ClusterFacts(
    partitions=(
        FoundPartition("cpu", default=True, max_walltime_s=86400, qos=("normal",), shapes=(SHAPE,)),
        FoundPartition("gpu", max_walltime_s=86400, qos=("normal",), shapes=(GPU_SHAPE,), billing_weights=WEIGHTS),
        FoundPartition("private", accounts=("others",), shapes=(SHAPE,)),
        FoundPartition("broken", state="DOWN", shapes=(SHAPE,)),
    ),
    qos=(FoundQos(Qos(name="normal", max_walltime_s=86400), allowed=True), FoundQos(Qos(name="secret"), allowed=False)),
    accounts=(Account("lab", default=True),),
    modules=(Module("gcc/14"), Module("namd/3.0.1"), Module("namd/3.0.2-cuda")),
    namd=(
        NamdBuild(("gcc/14", "namd/3.0.1"), "namd3", "/opt/a/namd3", "3.0.1", "Linux-x86_64-mpi", "mpi", "run"),
        NamdBuild(("namd/3.0.2-cuda",), "namd3", "/opt/b/namd3", "3.0.2", f"{CPU}-multicore-CUDA", "multicore-cuda"),
    ),
    answered=frozenset({"partitions", "qos", "accounts", "modules"}),
)  # fmt: skip
OLD = ClusterProfile(
    name="old",
    default_account="gone",
    partitions=(
        Partition(name="cpu", cores_per_node=48, nodes=4, max_walltime_s=3600, qos=("normal",), recipe="mpi"),
        Partition(name="renamed", cores_per_node=64, default=True, recipe="mpi"),
    ),
    qos=(Qos(name="normal", max_walltime_s=86400), Qos(name="vanished")),
    recipes=(LaunchRecipe(name="mpi", build="mpi", modules=("namd/2.14",), tasks_per_node="cores", pe_flag=""),),
    presets=(Preset(name="usual", resources=Resources(cores=4, partition="renamed")),),
)


def test_every_line_says_what_and_where() -> None:
    found = {line.key: line for line in differences(FACTS, OLD)}
    assert {key: line.kind for key, line in found.items()} == {
        "partitions.cpu.cores_per_node": "changed",
        "partitions.cpu.memory_per_node_bytes": "added",
        "partitions.cpu.max_walltime_s": "changed",
        "partitions.gpu": "added",
        "partitions.renamed": "removed",
        "default_partition": "changed",
        "qos.vanished": "removed",
        "default_account": "changed",
        "recipes.mpi.modules": "changed",
        "recipes.namd-3.0.2-cuda": "added",
    }
    assert found["partitions.cpu.max_walltime_s"].message == (
        "'cpu', longest walltime: 1-00:00:00; the profile says 01:00:00."
    )
    assert "'namd/2.14'" in found["recipes.mpi.modules"].message
    assert found["recipes.mpi.modules"].cluster == ["gcc/14", "namd/3.0.1"]
    assert "usual" in found["partitions.renamed"].message


def test_all_taken_over_leaves_nothing_to_say_and_a_profile_that_reads_back() -> None:
    lines = sorted(differences(FACTS, OLD), key=lambda line: not line.key.startswith("recipes."))
    profile = OLD
    for line in lines:
        profile = apply_differences(profile, [line], "2026-11-23")
    assert differences(FACTS, profile) == ()
    assert parse_profile(profile_text(profile)) == profile
    assert (profile.checked, profile.default_account, profile.presets) == ("2026-11-23", "lab", ())
    gpu = next(p for p in profile.partitions if p.name == "gpu")
    assert (gpu.recipe, gpu.source, gpu.checked) == ("namd-3.0.2-cuda", "the cluster itself", "2026-11-23")
    assert [(g.type, g.per_node, g.mig) for g in gpu.gpus] == [("h200", 4, False), ("h200_1g.18gb", 7, True)]
    assert gpu.billing is not None
    assert gpu.billing.gpu == 100.0


def test_one_line_changes_one_fact() -> None:
    (line,) = [d for d in differences(FACTS, OLD) if d.key == "partitions.cpu.max_walltime_s"]
    profile = apply_differences(OLD, [line], "2026-11-23")
    changed = OLD.partitions[0].model_copy(
        update={"max_walltime_s": 86400, "source": "the cluster itself", "checked": "2026-11-23"}
    )
    assert profile.partitions == (changed, OLD.partitions[1])
    assert profile.recipes == OLD.recipes


def test_what_the_cluster_was_not_heard_about_is_no_difference() -> None:
    assert differences(dataclasses.replace(FACTS, answered=frozenset()), OLD) == ()
    only = dataclasses.replace(FACTS, answered=frozenset({"qos"}))
    assert [line.key for line in differences(only, OLD)] == ["qos.vanished"]


def test_what_only_the_profile_knows_of_a_gpu_is_kept() -> None:
    known = GpuType(type="h200", per_node=2, max_cores_per_gpu=32, memory_bytes=141 * 10**9)
    profile = OLD.model_copy(
        update={"partitions": (Partition(name="gpu", cores_per_node=64, recipe="mpi", gpus=(known,)),)}
    )
    (line,) = [d for d in differences(FACTS, profile) if d.key == "partitions.gpu.gpus"]
    after = apply_differences(profile, [line], "2026-11-23").partitions[0].gpus[0]
    assert (after.per_node, after.max_cores_per_gpu, after.memory_bytes) == (4, 32, 141 * 10**9)


def test_where_nodes_differ_the_profile_may_have_any_of_them() -> None:
    mixed = dataclasses.replace(FACTS.partitions[0], shapes=(SHAPE, NodeShape(9, 128, memory_bytes=512 * 1024**3)))
    facts = dataclasses.replace(FACTS, partitions=(mixed,), answered=frozenset({"partitions"}))
    for cores, memory in ((64, 256), (128, 512)):
        known = Partition(
            name="cpu", cores_per_node=cores, memory_per_node_bytes=memory * 1024**3, nodes=13, max_walltime_s=86400,
            qos=("normal",), default=True,
        )  # fmt: skip
        assert differences(facts, OLD.model_copy(update={"partitions": (known,)})) == ()


def test_what_can_only_be_reported_is_not_taken_over() -> None:
    halted = dataclasses.replace(FACTS.partitions[0], state="DOWN")
    facts = dataclasses.replace(FACTS, partitions=(halted,))
    (line,) = [d for d in differences(facts, OLD) if d.key == "partitions.cpu.state"]
    assert "no job starts there" in line.message
    with pytest.raises(InputError) as caught:
        apply_differences(OLD, [line], "2026-11-23")
    assert caught.value.code == "difference-not-applicable"
