"""The job scripts of every shipped profile, for each kind of job its site can run.

Kept in ``golden_sites/`` without the part that all have in common (NAMDRUNNER_UPDATE_GOLDEN=1 writes them anew).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from tests.unit.slurm.sites import Case, cases
from tests.unit.slurm.test_script import ID

from namdrunner.slurm.profiles import list_profiles, load_profile
from namdrunner.slurm.script import JobScriptSpec, build_job_script
from namdrunner.slurm.validation import validate_resources

GOLDEN = Path(__file__).parent / "golden_sites"
BODY = "# [the facts of the job, and the functions that all job scripts have]\n"


def script(profile_name: str, case: Case) -> tuple[str, str]:
    """The whole script, and the script with the common functions left out."""
    recipe, resources = case
    spec = JobScriptSpec(
        job_id=ID,
        name="Alanine dipeptide",
        resources=resources,
        profile=load_profile(profile_name),
        recipe=recipe,
        project_dir=f"/projects/ada/namdrunner_jobs/{ID}",
        scratch_dir=f"/scratch/ada/namdrunner_jobs/{ID}",
    )
    whole = build_job_script(spec)
    head, common, rest = whole.partition("nr_job_id=")
    _, line, tail = rest.rpartition("# ------")
    assert common
    assert line
    return whole, f"{head}{BODY}{line}{tail}"


@cache
def scripts(profile_name: str) -> dict[str, tuple[str, str]]:
    return {kind: script(profile_name, case) for kind, case in cases(load_profile(profile_name)).items()}


@pytest.mark.parametrize("name", list_profiles())
def test_scripts_of_a_site_are_as_reviewed(name: str) -> None:
    found = scripts(name)
    assert found
    text = "".join(f"=== {kind}\n{short}\n" for kind, (_, short) in found.items())
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("NAMDRUNNER_UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list_profiles())
def test_the_site_would_take_them(name: str) -> None:
    profile = load_profile(name)
    for kind, (recipe, resources) in cases(profile).items():
        findings = validate_resources(resources, profile, recipe=recipe.name)
        assert [f.message for f in findings if f.severity != "advice"] == [], kind


def test_every_snapshot_has_its_profile() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(list_profiles())


def test_each_kind_of_job_is_there_for_several_sites() -> None:
    counts = {kind: sum(kind in scripts(name) for name in list_profiles()) for kind in
              ("cpu-one-node", "cpu-nodes", "gpu", "gpu-resident", "gpus")}  # fmt: skip
    assert counts["cpu-one-node"] >= 12
    assert min(counts.values()) >= 3, counts


def test_bash_and_shellcheck_find_nothing(tmp_path: Path) -> None:
    files = []
    for name in list_profiles():
        for kind, (whole, short) in scripts(name).items():
            (tmp_path / f"{name}--{kind}.whole").write_text(whole, encoding="utf-8")
            files.append(tmp_path / f"{name}--{kind}.sbatch")
            files[-1].write_text(short, encoding="utf-8")
    read = 'for f in *.whole; do bash -n "$f" || exit 1; done'
    done = subprocess.run(["bash", "-c", read], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    # The common functions are checked with the other snapshots; what they use looks unused here.
    words = ["shellcheck", "--shell=bash", "--exclude=SC2034,SC2154", *map(str, files)]
    checked = subprocess.run(words, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", list_profiles())
def test_srun_is_told_how_many_cores_a_task_has(name: str) -> None:
    """From Slurm 22.05 on srun does not take the cores per task over by itself: NAMD's threads would share one core."""
    for kind, (recipe, _) in cases(load_profile(name)).items():
        told = "SRUN_CPUS_PER_TASK" in (*recipe.environment, *recipe.unset_environment)
        told = told or any(o.startswith("--cpus-per-task") for o in recipe.launcher_options)
        assert recipe.launcher != "srun" or recipe.tasks_per_node == "cores" or told, kind
