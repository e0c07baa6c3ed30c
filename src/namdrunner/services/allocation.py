"""Whether NAMD runs on what the job was given: its "Running on N processors" against the request."""

from __future__ import annotations

from typing import Any

from namdrunner.errors import InputError
from namdrunner.jobs.record import JobRecord
from namdrunner.slurm.geometry import Geometry, choose_partition, choose_recipe, geometry
from namdrunner.slurm.profile import ClusterProfile, LaunchRecipe

CODE = "processors-mismatch"


def expected_processors(record: JobRecord, profile: ClusterProfile) -> int | None:
    """How many worker threads NAMD should count in all; ``None`` where a site's wrapper decides."""
    try:
        partition = choose_partition(record.resources, profile)
        recipe = choose_recipe(profile, partition, record.recipe or None)
        layout = geometry(record.resources, partition, recipe)
    except InputError:  # the profile was changed since
        return None
    return _processors(recipe, layout)


def _processors(recipe: LaunchRecipe, layout: Geometry) -> int | None:
    if recipe.pe_flag:
        return layout.tasks * layout.pe
    return None if recipe.launcher == "wrapper" else layout.tasks


def processors_remark(record: JobRecord, profile: ClusterProfile, processors: int | None) -> dict[str, Any] | None:
    """A diagnosis while the job runs, or nothing where NAMD runs on what it should."""
    expected = expected_processors(record, profile)
    if processors is None or expected is None or processors == expected:
        return None
    if processors == 1:
        message = (
            f"NAMD runs on 1 processor, and the job should give it {expected}: either it was started without the "
            "number of threads, or every task runs a copy of the whole simulation of its own."
        )
        remedy = (
            "Cancel the job. Correct the launch recipe: a multicore build wants +p and one task, an MPI build the "
            "launcher and the --mpi it was built for ('namdrunner cluster discover' says which build it is)."
        )
    elif processors < expected:
        message = f"NAMD runs on {processors} processors, and the job should give it {expected}: cores lie idle."
        remedy = "Correct the launch recipe in the cluster's profile; the job may go on, slower than it could."
    else:
        message = f"NAMD runs on {processors} processors, and the job has {expected}: they get in each other's way."
        remedy = "Cancel the job and correct the launch recipe in the cluster's profile."
    return {
        "code": CODE,
        "severity": "warning",
        "message": message,
        "remedy": remedy,
        "recovery": "fix",
        "file": "namd.log",
        "line": None,
        "excerpt": f"Running on {processors} processors",
        "layer": "start-up",
    }
