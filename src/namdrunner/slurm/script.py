"""The job script: what Slurm is asked for, and what happens on the compute node.

It carries a job through without anybody's help: stage in, run NAMD, and in an exit trap stage out, verify, write
``logs/inventory.tsv`` and ``result.json``. Only bash, coreutils, find, awk, sed and grep are used on the cluster.

A job that Slurm requeues, or that is submitted once more, starts afresh: what the earlier run left in its run folder
and in ``outputs/`` is kept under ``outputs/earlier_run_N/``, its logs and report as ``logs/namd.N.log`` and
``logs/result.N.json``.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cache
from importlib import resources as package_files
from pathlib import PurePosixPath

from namdrunner.errors import InputError
from namdrunner.slurm.geometry import Geometry, choose_partition, geometry
from namdrunner.slurm.launch import launch_words, needed_commands, shell_word
from namdrunner.slurm.profile import ClusterProfile, LaunchRecipe
from namdrunner.slurm.resources import Resources, format_memory, format_walltime

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_VALUE = re.compile(r"[A-Za-z0-9._,@/+:=-]+")
_DIRECTIVE = re.compile(r"--?[A-Za-z][^\x00-\x1f\x7f]*")


@dataclass(frozen=True)
class ChainSpec:
    """How a job continues itself. ``home``: the chain's folder; ``base``: the id that its jobs' ids begin with.

    ``number`` counts the jobs of the chain, ``segment`` those of the plan; ``started``: the step this one began at;
    ``seconds``: how long all together may run, 0 without a limit. ``submit`` is the command that submits the successor.
    The numbers may be words for which the script puts numbers in.
    """

    home: str
    base: str
    number: int
    segment: int
    started: int
    until: int
    max_jobs: int
    seconds: int
    walltime_s: int
    cycle: int
    overlay: str
    colvars: bool
    submit: str


@dataclass(frozen=True)
class JobScriptSpec:
    """All that a job script depends on. Folders are absolute; the other paths are relative to the run folder.

    ``inputs`` are the uploaded files, bytes and path below ``input_files/``, checked before NAMD starts.
    """

    job_id: str
    name: str
    resources: Resources
    profile: ClusterProfile
    recipe: LaunchRecipe
    project_dir: str
    scratch_dir: str
    inputs_dir: str = "input_files"
    config: str = "config.namd"
    output_dirs: tuple[str, ...] = ("outputs",)
    inputs: tuple[tuple[int, str], ...] = ()
    clean_stop: bool = False
    """The config looks for a stop file between stretches of work, so that it can be stopped without losing any."""
    chain: ChainSpec | None = None

    @property
    def run_dir(self) -> str:
        """The folder in which NAMD works: on scratch, or in the project folder when the recipe stages nothing."""
        return f"{self.project_dir}/run" if self.recipe.staging == "none" else self.scratch_dir


def slurm_job_name(name: str) -> str:
    """A name that needs no quotes anywhere: letters, digits, ``.``, ``_``, ``-``; at most 64 of them."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("_-.")[:64] or "namd"


def build_job_script(spec: JobScriptSpec) -> str:
    """The whole script; it is submitted as ``sbatch job.sbatch TOKEN`` from the project folder.

    Raises InputError when the request cannot be laid out on the partition, or a path or value cannot be used.
    """
    _check(spec)
    layout = geometry(spec.resources, choose_partition(spec.resources, spec.profile), spec.recipe)
    parts = (
        "#!/bin/bash -l",
        *(f"#SBATCH {directive}" for directive in _directives(spec, layout)),
        "",
        f"# NAMDRunner: job {spec.job_id}. Submitted as: sbatch job.sbatch TOKEN, in the project folder.",
        "# shellcheck disable=SC1091,SC2054,SC2317",
        "",
        _facts(spec),
        _body(),
        *(() if spec.chain is None else (_chain_facts(spec.chain), _chain_body())),
        "# ---------------------------------------------------------------------------------------------------",
        f"# This job, with the launch recipe '{slurm_job_name(spec.recipe.name)}'.",
        "",
        "nr_begin",
        "",
        *_environment(spec.recipe),
        *(f"nr_need_command {word} {shlex.quote(what)}" for word, what in needed_commands(spec.recipe)),
        f"nr_launch=({' '.join(launch_words(spec.recipe, layout, PurePosixPath(spec.config).name))})",
        "",
        "nr_stage_in",
        "nr_run_namd",
        "",
    )
    return "\n".join(parts)


def job_functions(spec: JobScriptSpec) -> str:
    """The job's facts and the shell functions of its script, for other scripts that work on its folders."""
    _check(spec)
    return f"{_facts(spec)}\n{_body()}"


def signal_before_end(walltime_s: int | None, wanted_s: int) -> int:
    """Seconds before the time limit at which the script is told; at most a fifth of a short job's walltime."""
    if walltime_s is None:
        return wanted_s
    return max(1, min(wanted_s, walltime_s // 5))


def notice(spec: JobScriptSpec) -> int:
    """Seconds before the time limit at which the script of this job is told.

    Where NAMD can be stopped between two stretches of work, up to a quarter of an hour and a fiftieth of the walltime:
    each stretch is a run of its own, and long ones cost less.
    """
    walltime, wanted = spec.resources.walltime_s, spec.profile.signal_before_end_s
    if spec.clean_stop and walltime is not None:
        wanted = max(wanted, min(900, walltime // 50))
    return signal_before_end(walltime, wanted)


def _check(spec: JobScriptSpec) -> None:
    if not _NAME.fullmatch(spec.job_id):
        raise _unusable("job id", spec.job_id)
    for what, folder in (("project folder", spec.project_dir), ("scratch folder", spec.scratch_dir)):
        if not folder.startswith("/") or re.search(r"[\x00-\x1f\x7f]", folder) or ".." in folder.split("/"):
            raise _unusable(what, folder)
    for path in (spec.inputs_dir, spec.config, *spec.output_dirs, *(name for _, name in spec.inputs)):
        if path.startswith("/") or ".." in path.split("/") or not path or "\x00" in path:
            raise _unusable("path", path)
    asked = spec.resources
    for what, value in (("partition", asked.partition), ("QoS", asked.qos), ("account", _account(spec))):
        if value and not _VALUE.fullmatch(value):
            raise _unusable(
                what, value, "Give the name as the cluster lists it: letters, digits and signs such as - and _."
            )
    for directive in spec.recipe.directives:
        if not _DIRECTIVE.fullmatch(directive):
            raise _unusable("directive", directive)


_PATHS = "Use absolute folders and paths inside the job's folder, without '..' and control characters."


def _unusable(what: str, value: str, remedy: str = _PATHS) -> InputError:
    return InputError(
        f"The {what} {value!r} cannot be used in a job script.",
        code="script-value-invalid",
        remedy=remedy,
    )


def _account(spec: JobScriptSpec) -> str:
    return spec.resources.account or spec.profile.default_account


def _directives(spec: JobScriptSpec, layout: Geometry) -> list[str]:
    asked, walltime = spec.resources, spec.resources.walltime_s
    partition = asked.partition or getattr(choose_partition(asked, spec.profile), "name", None)
    found = [
        f"--job-name={slurm_job_name(spec.name)}",
        "--output=logs/slurm-%j.out",
        "--error=logs/slurm-%j.err",
        "--open-mode=append",
    ]
    if partition:
        found.append(f"--partition={partition}")
    if asked.qos:
        found.append(f"--qos={asked.qos}")
    if _account(spec):
        found.append(f"--account={_account(spec)}")
    found += [
        f"--nodes={layout.nodes}",
        f"--ntasks-per-node={layout.tasks_per_node}",
        f"--cpus-per-task={layout.cpus_per_task}",
    ]
    if asked.memory_bytes:
        found.append(f"--mem={format_memory(asked.memory_bytes)}")
    elif spec.recipe.memory == "all":
        found.append("--mem=0")
    if spec.recipe.exclusive:
        found.append("--exclusive")
    found += _gpus(spec.recipe, layout)
    if walltime:
        found.append(f"--time={format_walltime(walltime)}")
    found.append(f"--signal=B:USR1@{notice(spec)}")
    if spec.chain is not None:
        found.append("--requeue")
    return [*found, *spec.recipe.directives]


def _gpus(recipe: LaunchRecipe, layout: Geometry) -> list[str]:
    kind = f"{layout.gpu_type}:" if layout.gpu_type else ""
    if not layout.gpus_per_node or recipe.gpu_request == "none":
        return []
    if recipe.gpu_request == "gpus-per-node":
        return [f"--gpus-per-node={kind}{layout.gpus_per_node}"]
    if recipe.gpu_request == "gpus-per-task":
        return [f"--gpus-per-task={kind}{-(-layout.gpus_per_node // layout.tasks_per_node)}"]
    if recipe.gpu_request == "gpus":
        return [f"--gpus={kind}{layout.gpus_per_node * layout.nodes}"]
    return [f"--gres=gpu:{kind}{layout.gpus_per_node}"]


def _facts(spec: JobScriptSpec) -> str:
    config = PurePosixPath(spec.config)
    folders = " ".join(shlex.quote(folder) for folder in spec.output_dirs)
    lines = [
        f"nr_job_id={shlex.quote(spec.job_id)}",
        "nr_token=${1:-}",
        f"nr_project={shlex.quote(spec.project_dir)}",
        f"nr_run={shlex.quote(spec.run_dir)}",
        f"nr_inputs_dir={shlex.quote(str(PurePosixPath(spec.inputs_dir)))}",
        f"nr_config={shlex.quote(str(config))}",
        f"nr_config_dir={shlex.quote(str(config.parent))}",
        f"nr_output_dirs=({folders})",
        f"nr_notice={notice(spec) if spec.clean_stop else 0}",
        "",
        "nr_check_inputs() {  # bytes and name of every file that was uploaded",
        *(f"  nr_expect {size} {shlex.quote(name)}" for size, name in spec.inputs),
        "  :",
        "}",
        "",
    ]
    return "\n".join(lines)


def _chain_facts(chain: ChainSpec) -> str:
    values = {
        "home": shlex.quote(chain.home),
        "base": shlex.quote(chain.base),
        "number": chain.number,
        "segment": chain.segment,
        "started": chain.started,
        "until": chain.until,
        "max": chain.max_jobs,
        "seconds": chain.seconds,
        "walltime": chain.walltime_s,
        "cycle": chain.cycle,
        "overlay": shlex.quote(chain.overlay),
        "colvars": "yes" if chain.colvars else "''",
        "sbatch": shlex.quote(chain.submit),
    }
    return "".join(f"nr_chain_{name}={value}\n" for name, value in values.items())


@cache
def _chain_body() -> str:
    return package_files.files("namdrunner.slurm").joinpath("data/chain.sh").read_text(encoding="utf-8")


def _environment(recipe: LaunchRecipe) -> list[str]:
    lines = list(recipe.setup)
    if recipe.modules or recipe.module_use or recipe.module_purge:
        lines.append("nr_need_module")
    if recipe.module_purge:
        lines.append("module purge")
    lines += [f"nr_module use {shell_word(folder)}" for folder in recipe.module_use]
    lines += [f"nr_module load {shell_word(module)}" for module in recipe.modules]
    for name in (*recipe.unset_environment, *recipe.environment):
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise _unusable("environment variable", name)
    lines += [f"unset {name}" for name in recipe.unset_environment]
    lines += [f"export {name}={shell_word(value)}" for name, value in recipe.environment.items()]
    return [*lines, ""] if lines else []


@cache
def _body() -> str:
    return package_files.files("namdrunner.slurm").joinpath("data/job_body.sh").read_text(encoding="utf-8")
