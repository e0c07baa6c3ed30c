"""The checks of a config, for the NAMD that a launch recipe starts."""

from __future__ import annotations

from typing import Any

from namdrunner.namd.config import NamdConfig
from namdrunner.slurm.geometry import choose_partition, choose_recipe, uses_gpus
from namdrunner.slurm.profile import ClusterProfile, LaunchRecipe
from namdrunner.slurm.resources import Resources


def namd_of(profile: ClusterProfile, partition: str | None, recipe: str | None) -> tuple[str, bool]:
    """Version of the NAMD that a partition's (or a named) recipe starts, and whether it is for GPUs.

    Raises InputError for a partition or recipe the profile does not have.
    """
    chosen = choose_recipe(profile, choose_partition(Resources(partition=partition), profile), recipe or None)
    return chosen.namd_version, uses_gpus(chosen)


def findings_of(config: NamdConfig, recipe: LaunchRecipe) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Findings and summary, as in the JSON contract of ``check``; the job script makes the folders of outputs."""
    from namdrunner.namd.check import check_evaluated  # loads the readers, which only planning needs

    report = check_evaluated(config, namd_version=recipe.namd_version, gpu=uses_gpus(recipe), makes_folders=True)
    document = report.document()
    return list(document["findings"]), document["summary"] | {"restart_steps": _restart_steps(config)}


def _restart_steps(config: NamdConfig) -> int | None:
    """Steps between restart files, where the config says it in a number."""
    text = (config.get("restartfreq") or "").strip()
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else None
