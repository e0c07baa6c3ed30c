"""The job scripts of the shipped profiles, shown to a real Slurm: every option is one that sbatch takes."""

from __future__ import annotations

import re

import pytest
from tests.integration.slurm_cluster import SlurmCluster
from tests.unit.slurm.sites import cases

from namdrunner.slurm.geometry import uses_gpus
from namdrunner.slurm.profile import ClusterProfile
from namdrunner.slurm.profiles import list_profiles, load_profile
from namdrunner.slurm.resources import GpuRequest, Resources
from namdrunner.slurm.script import JobScriptSpec, build_job_script

_OF_THE_SITE = re.compile(r"^#SBATCH --(?:uenv|view|constraint)=.*\n", re.MULTILINE)
"""Options of a site's own plugins and node features, which no other Slurm knows."""


def here(name: str, kind: str, testbed: ClusterProfile) -> str:
    """The script of a site's job with the partition, GPUs and number of cores that the test cluster has."""
    recipe, asked = cases(load_profile(name))[kind]
    partition = next(p for p in testbed.partitions if p.name == ("gpu" if uses_gpus(recipe) else "cpu"))
    nodes = asked.nodes or 1
    resources = Resources(
        cores=8 * nodes,
        nodes=nodes,
        walltime_s=asked.walltime_s,
        memory_bytes=4 * 1024**3,
        partition=partition.name,
        qos="normal",
        gpus=GpuRequest(type="a100", count=min(asked.gpus.count, 3)) if asked.gpus else None,
    )
    fewer = recipe.model_copy(update={"tasks_per_node": "1"} if recipe.tasks_per_node != "cores" else {})
    profile = testbed.model_copy(update={"recipes": (fewer,), "partitions": (partition,)})
    folder = "/tmp/namdrunner_jobs/x_1795384899123"
    spec = JobScriptSpec("x_1795384899123", "x", resources, profile, fewer, folder, folder)
    return _OF_THE_SITE.sub("", build_job_script(spec))


@pytest.mark.slurm
def test_slurm_takes_the_script_of_every_site(slurm_cluster: SlurmCluster) -> None:
    testbed = load_profile(slurm_cluster.profile)
    folder = slurm_cluster.test_user.home / "sites"
    folder.mkdir(exist_ok=True)
    names = [(name, kind) for name in list_profiles() for kind in cases(load_profile(name))]
    for name, kind in names:
        (folder / f"{name}--{kind}").write_text(here(name, kind, testbed), encoding="utf-8")
    folder.chmod(0o755)
    ask = f'cd {folder} && for f in *; do said=$(sbatch --test-only "$f" 2>&1); echo "$? $f $said"; done'
    told = slurm_cluster.user_command(ask, timeout_s=240).stdout.splitlines()
    assert [line for line in told if not line.startswith("0 ") or "to start at" not in line] == []
    assert len(told) == len(names) >= 30
