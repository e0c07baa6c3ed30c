"""NAMD's own count of processors against what the job gives it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from namdrunner.jobs.record import JobRecord
from namdrunner.services.allocation import expected_processors, processors_remark
from namdrunner.slurm.profile import ClusterProfile, LaunchRecipe
from namdrunner.slurm.resources import Resources

RECIPES = (
    LaunchRecipe(name="multicore"),
    LaunchRecipe(name="mpi", build="mpi", launcher="srun", pe_flag="", tasks_per_node="cores"),
    LaunchRecipe(name="smp", build="mpi-smp", launcher="srun", pe_flag="+ppn", pe="c-1", tasks_per_node="4"),
    LaunchRecipe(name="site", launcher="wrapper", wrapper="run_namd", pe_flag=""),
)


def record(recipe: str, cores: int = 16, nodes: int | None = None) -> JobRecord:
    return JobRecord(
        id="x_1795384899123",
        name="x",
        cluster="c",
        created_at=datetime.now(UTC),
        resources=Resources(cores=cores, nodes=nodes),
        recipe=recipe,
        project_dir="/p/namdrunner_jobs/x_1795384899123",
        scratch_dir="/s/namdrunner_jobs/x_1795384899123",
    )


@pytest.mark.parametrize(
    ("recipe", "nodes", "expected"), [("multicore", None, 16), ("mpi", 2, 16), ("smp", 2, 8), ("site", None, None)]
)
def test_what_each_kind_of_launch_gives_namd(recipe: str, nodes: int | None, expected: int | None) -> None:
    profile = ClusterProfile(recipes=RECIPES)
    assert expected_processors(record(recipe, nodes=nodes), profile) == expected
    assert processors_remark(record(recipe, nodes=nodes), profile, expected) is None


@pytest.mark.parametrize(("processors", "words"), [(1, "copy of the whole"), (8, "lie idle"), (32, "each other's way")])
def test_a_mismatch_is_said_with_a_remedy(processors: int, words: str) -> None:
    remark = processors_remark(record("multicore"), ClusterProfile(recipes=RECIPES), processors)
    assert remark is not None
    assert words in remark["message"]
    assert (remark["code"], bool(remark["remedy"])) == ("processors-mismatch", True)


def test_a_changed_profile_or_a_log_without_the_line_says_nothing() -> None:
    assert processors_remark(record("gone"), ClusterProfile(recipes=RECIPES), 1) is None
    assert processors_remark(record("multicore"), ClusterProfile(recipes=RECIPES), None) is None
