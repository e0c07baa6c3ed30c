"""The checks of a config, for a cluster's NAMD."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from namdrunner.slurm.profile import ClusterProfile


def findings_of(config: Path, profile: ClusterProfile) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Findings and summary of the config at ``config``, as in the JSON contract of ``check``."""
    try:
        from namdrunner.namd.check import check_config  # loads the readers, which only planning needs
    except ImportError:
        return [], {}

    recipe = profile.recipes[0]
    report = check_config(config, namd_version=recipe.namd_version, gpu=False)
    document = report.document()
    return list(document["findings"]), dict(document["summary"])
