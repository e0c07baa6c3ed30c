"""From a NAMD build that was found to a launch recipe for it, and which recipes a cluster no longer has modules for."""

from __future__ import annotations

import re
from collections.abc import Iterable

from namdrunner.slurm.discovery import ClusterFacts, NamdBuild
from namdrunner.slurm.profile import LaunchRecipe

_BY_KIND: dict[str, dict[str, object]] = {
    "multicore": {"pe_flag": "+p", "pe": "c", "options": ("+setcpuaffinity",)},
    "multicore-cuda": {"pe_flag": "+p", "pe": "c", "devices": "list", "options": ("+setcpuaffinity",)},
    "hip": {"pe_flag": "+p", "pe": "c", "devices": "list", "options": ("+setcpuaffinity",)},
    "mpi": {"launcher": "srun", "pe_flag": "", "tasks_per_node": "cores"},
    "mpi-smp": {"launcher": "srun", "pe_flag": "+ppn", "pe": "c-1"},
    "mpi-smp-cuda": {"launcher": "srun", "pe_flag": "+ppn", "pe": "c-1", "devices": "list"},
    "ucx": {"launcher": "srun", "pe_flag": "", "tasks_per_node": "cores"},
    "ucx-smp": {"launcher": "srun", "pe_flag": "+ppn", "pe": "c-1"},
}
_SRUN_CORES = {"SRUN_CPUS_PER_TASK": "$SLURM_CPUS_PER_TASK"}


def recipe_name(build: NamdBuild) -> str:
    """A name for its recipe, from its module: ``namd/3.0.1_cpu`` is ``namd-3.0.1_cpu``."""
    text = build.modules[-1] if build.modules else build.binary
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", text).strip("-")[:60] or "namd"


def recipe_for(build: NamdBuild, facts: ClusterFacts) -> LaunchRecipe | None:
    """A recipe that should start it; ``None`` where its kind is not known, for a wrong launcher is worse than none."""
    settings = _BY_KIND.get(build.kind)
    if settings is None or not build.path:
        return None
    values: dict[str, object] = {**settings}
    if settings.get("launcher") == "srun":
        mpi = launcher_plugin(facts.mpi_plugins, build)
        values |= {"launcher_options": (f"--mpi={mpi}",) if mpi else (), "environment": _SRUN_CORES}
    return LaunchRecipe.model_validate(
        {
            **values,
            "name": recipe_name(build),
            "description": f"NAMD {build.version} for {build.platform or build.kind}, found on the cluster.",
            "build": build.kind,
            "namd_version": short_version(build.version) or "3.0",
            "binary": build.binary if build.modules else build.path,
            "modules": build.modules,
        }
    )


def launcher_plugin(plugins: Iterable[str], build: NamdBuild) -> str:
    """The ``--mpi`` of srun for it; nothing, which is the site's default, where the kind of MPI is not known."""
    there, names = list(plugins), " ".join(build.modules).lower()
    if re.search(r"openmpi|hpcx", names):
        wanted = "pmix"
    elif build.kind.startswith("ucx") or re.search(r"mpich|mvapich|impi|intel-?mpi|intel-oneapi-mpi", names):
        wanted = "cray_shasta" if "cray" in names else "pmi2"
    else:
        return ""
    return wanted if wanted in there else ""


def short_version(version: str) -> str:
    """``3.0.1`` is ``3.0``: which NAMD's rules apply."""
    match = re.match(r"\d+\.\d+", version)
    return match.group() if match else ""


def missing_modules(recipe: LaunchRecipe, facts: ClusterFacts) -> tuple[str, ...]:
    """Modules of a recipe that the cluster does not list; a name without a version stands for any version."""
    if "modules" not in facts.answered or recipe.module_use:
        return ()  # folders of modules that only the recipe adds were not looked into
    names = {module.name for module in facts.modules}
    families = {name.rsplit("/", 1)[0] for name in names if "/" in name}
    return tuple(m for m in recipe.modules if "$" not in m and m not in names and m not in families)


def replacement(recipe: LaunchRecipe, builds: Iterable[NamdBuild]) -> NamdBuild | None:
    """The newest build of the same kind and program, to take the place of modules that are gone."""
    fitting = [b for b in builds if b.modules and (b.kind, b.binary) == (recipe.build, recipe.binary)]
    return max(fitting, key=lambda b: [int(n) for n in re.findall(r"\d+", b.version)], default=None)


def covers(recipe: LaunchRecipe, build: NamdBuild) -> bool:
    """Whether the recipe starts this build already: its modules, or its path."""
    if build.modules:
        return build.modules[-1] in recipe.modules
    return recipe.binary == build.path or (not recipe.modules and recipe.binary == build.binary)
