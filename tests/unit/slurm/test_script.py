"""The text of job scripts: kept whole as snapshots in ``golden/`` (NAMDRUNNER_UPDATE_GOLDEN=1 writes them anew)."""

from __future__ import annotations

import dataclasses
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namdrunner.errors import InputError
from namdrunner.slurm.geometry import Geometry, choose_partition, choose_recipe
from namdrunner.slurm.launch import launch_words, shell_word
from namdrunner.slurm.profile import ClusterProfile, LaunchRecipe
from namdrunner.slurm.profiles import load_profile
from namdrunner.slurm.resources import GpuRequest, Resources
from namdrunner.slurm.script import JobScriptSpec, build_job_script, signal_before_end, slurm_job_name

GOLDEN = Path(__file__).parent / "golden"
ID = "ala_1795384899123"

CASES: dict[str, tuple[str, str | None, Resources]] = {
    "generic-cpu": ("generic", None, Resources(cores=8, walltime_s=14400, memory_bytes=16 * 1024**3)),
    "generic-mpi-nodes": ("generic", "mpi", Resources(cores=128, nodes=4, walltime_s=86400, partition="compute")),
    "generic-smp-nodes": ("generic", "smp", Resources(cores=96, nodes=2, walltime_s=86400, partition="compute")),
    "generic-gpu": ("generic", "gpu", Resources(cores=8, walltime_s=3600, gpus=GpuRequest(type="a100", count=2))),
    "demo-cpu": ("demo", None, Resources(cores=2, walltime_s=1800)),
    "alpine-cpu": ("alpine", None, Resources(cores=24, walltime_s=14400, qos="cpu-normal")),
    "alpine-cpu-nodes": ("alpine", "cpu-ib", Resources(cores=128, walltime_s=3 * 86400, qos="cpu-long")),
    "alpine-gpu": (
        "alpine",
        None,
        Resources(
            cores=8, walltime_s=86400, partition="ah200", qos="gpu-normal", gpus=GpuRequest(type="h200", count=1)
        ),
    ),
    "tacc-frontera-nodes": ("tacc-frontera", None, Resources(cores=168, walltime_s=86400, partition="normal")),
    "tacc-stampede3-nodes": ("tacc-stampede3", None, Resources(cores=224, walltime_s=86400, partition="spr")),
    "tacc-lonestar6-gpu": (
        "tacc-lonestar6", None, Resources(cores=128, walltime_s=86400, partition="gpu-a100", gpus=GpuRequest(count=3))
    ),
    "tacc-vista-cpu": ("tacc-vista", None, Resources(cores=144, walltime_s=86400)),
    "csc-mahti-nodes": ("csc-mahti", None, Resources(cores=256, walltime_s=86400, account="project_1")),
    "csc-puhti-gpu": (
        "csc-puhti", None, Resources(cores=10, walltime_s=86400, partition="gpu", gpus=GpuRequest(count=1))
    ),
    "lumi-g-node": ("lumi-g", None, Resources(cores=56, walltime_s=86400, gpus=GpuRequest(count=8))),
    "cscs-alps-gpu4": ("cscs-alps", None, Resources(cores=288, walltime_s=3600, gpus=GpuRequest(count=4))),
    "cscs-alps-gpu1": ("cscs-alps", "gpu1", Resources(cores=72, walltime_s=3600, gpus=GpuRequest(count=1))),
    "archer2-nodes": ("archer2", None, Resources(cores=512, walltime_s=1200, qos="standard", account="t01")),
    "archer2-smp": ("archer2", "smp", Resources(cores=512, walltime_s=1200, qos="standard", account="t01")),
    "alliance-canada-cpu": ("alliance-canada", None, Resources(cores=32, walltime_s=3600, account="def-ada")),
    "alliance-canada-ucx": ("alliance-canada", "ucx", Resources(cores=80, nodes=2, walltime_s=3600)),
    "nrel-kestrel-gpu": ("nrel-kestrel", None, Resources(cores=26, walltime_s=86400, gpus=GpuRequest(count=1))),
    "cineca-leonardo-gpu": ("cineca-leonardo", None, Resources(cores=32, walltime_s=86400, gpus=GpuRequest(count=4))),
    "hpc2n-kebnekaise-cpu": ("hpc2n-kebnekaise", None, Resources(cores=56, nodes=2, walltime_s=86400)),
    "nesi-gpu": ("nesi", None, Resources(cores=8, walltime_s=3600, gpus=GpuRequest(type="A100", count=1))),
    "jade2-gpu": ("jade2", None, Resources(cores=5, walltime_s=3600, gpus=GpuRequest(count=1))),
}  # fmt: skip


def spec(profile: ClusterProfile, recipe: str | None, resources: Resources, **changes: object) -> JobScriptSpec:
    chosen = choose_recipe(profile, choose_partition(resources, profile), recipe)
    values: dict[str, object] = {
        "job_id": ID,
        "name": "Alanine dipeptide",
        "resources": resources,
        "profile": profile,
        "recipe": chosen,
        "project_dir": f"/projects/ada/namdrunner_jobs/{ID}",
        "scratch_dir": f"/scratch/ada/namdrunner_jobs/{ID}",
        "inputs": ((101, "alanin.psf"), (202, "par all.prm")),
    }
    return JobScriptSpec(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", CASES)
def test_scripts_are_as_reviewed(name: str) -> None:
    profile, recipe, resources = CASES[name]
    text = build_job_script(spec(load_profile(profile), recipe, resources))
    golden = GOLDEN / f"{name}.sbatch"
    if os.environ.get("NAMDRUNNER_UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_every_snapshot_has_its_case() -> None:
    assert {path.stem for path in GOLDEN.glob("*.sbatch")} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_bash_reads_the_script(name: str) -> None:
    checked = subprocess.run(["bash", "-n", str(GOLDEN / f"{name}.sbatch")], capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, b"")


def test_shellcheck_finds_nothing() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    # One per kind of launch line: the rest of the script is the same in all.
    names = ("generic-gpu", "demo-cpu", "alpine-cpu-nodes", "lumi-g-node", "nesi-gpu", "jade2-gpu")
    files = [str(GOLDEN / f"{name}.sbatch") for name in names]
    checked = subprocess.run(["shellcheck", "--shell=bash", *files], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@given(st.text(max_size=400))
def test_any_name_becomes_a_plain_word(name: str) -> None:
    plain = slurm_job_name(name)
    assert 1 <= len(plain) <= 64
    assert shlex.quote(plain) == plain


@pytest.mark.parametrize(("walltime", "seconds"), [(None, 120), (60, 12), (600, 120), (86400, 120)])
def test_the_warning_leaves_time_to_work(walltime: int | None, seconds: int) -> None:
    assert signal_before_end(walltime, 120) == seconds


@pytest.mark.parametrize(
    "change",
    [
        {"job_id": "a b"},
        {"project_dir": "relative"},
        {"project_dir": "/p/../etc"},
        {"scratch_dir": "/s\n#SBATCH --wrap=x"},
        {"config": "../config.namd"},
        {"config": "/etc/passwd"},
        {"inputs": ((1, "../x"),)},
        {"resources": Resources(cores=2, partition="a b")},
        {"resources": Resources(cores=2, qos="x\n#SBATCH --uid=0")},
        {"recipe": LaunchRecipe(name="x", directives=("--x\nrm",))},
        {"recipe": LaunchRecipe(name="x", environment={"A B": "x"})},
        {"recipe": LaunchRecipe(name="x", binary="a\nb")},
        {"recipe": LaunchRecipe(name="x", launcher="wrapper")},
    ],
)
def test_values_that_would_change_the_script_are_refused(change: dict[str, object]) -> None:
    good = spec(ClusterProfile(), None, Resources(cores=2))
    with pytest.raises(InputError):
        build_job_script(dataclasses.replace(good, **change))  # type: ignore[arg-type]


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), max_size=30))
def test_words_expand_variables_and_nothing_else(text: str) -> None:
    script = f"A=value; printf '%s' {shell_word('$A' + text)}"
    assert "$(" not in script.replace("\\$(", "") or "'" in shell_word("$A" + text)
    if text.isascii() and "$" not in text and (not text or not (text[0].isalnum() or text[0] == "_")):
        ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
        assert ran.stdout == "value" + text


LAYOUT = Geometry(nodes=2, tasks_per_node=4, cpus_per_task=8, pe=7, gpus_per_node=2, gpu_type="a100")


@pytest.mark.parametrize(
    ("recipe", "line"),
    [
        ({"launcher": "srun", "launcher_options": ("--mpi=pmi2",), "pe_flag": "+ppn"}, "srun --mpi=pmi2 namd3 +ppn 7"),
        ({"launcher": "mpirun", "pe_flag": ""}, "mpirun -np 8 namd3"),
        ({"launcher": "mpiexec", "pe_flag": "++ppn", "binary": "namd2"}, "mpiexec -n 8 namd2 ++ppn 7"),
        ({"launcher": "ibrun", "pe_flag": "+ppn", "options": ("+pemap", "1-7")}, "ibrun namd3 +ppn 7 +pemap 1-7"),
        ({"launcher": "charmrun", "pe_flag": "++ppn"}, "charmrun +p56 namd3 ++ppn 7"),
        ({"launcher": "wrapper", "wrapper": "run_namd_gpu", "binary": "", "pe_flag": ""}, "run_namd_gpu"),
        (
            {"launcher": "wrapper", "wrapper": "apptainer exec --nv namd.sif", "pe_flag": "+ppn"},
            "apptainer exec --nv namd.sif namd3 +ppn 7",
        ),
        ({"devices": "list", "options": ("+setcpuaffinity",)}, "namd3 +p7 +setcpuaffinity +devices 0,1"),
        ({"devices": "cuda-visible-devices"}, 'namd3 +p7 +devices "$CUDA_VISIBLE_DEVICES"'),
        ({"binary": "$HOME/namd 3/namd3"}, '"$HOME/namd 3/namd3" +p7'),
    ],
)
def test_launch_lines(recipe: dict[str, object], line: str) -> None:
    words = launch_words(LaunchRecipe.model_validate({"name": "x", **recipe}), LAYOUT, "run.conf")
    assert " ".join(words) == f"{line} run.conf"
