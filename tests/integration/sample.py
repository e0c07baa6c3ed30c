"""Configs of one's own on the sample system: a short run, an endless one, and ones with mistakes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from namdrunner.demo.sample.build import make_sample

MDRUN = """
# A config that NAMDRunner did not write: it lies beside its inputs in a tree of folders.
set   steps     {steps}
set   name      equil
structure       ../toppar/{structure}
coordinates     ../toppar/sample.pdb
outputName      results/$name
paraTypeCharmm  on
parameters      ../toppar/sample.prm
temperature     300
exclude         scaled1-4
1-4scaling      1.0
cutoff          {cutoff}
switching       on
switchdist      7.0
pairlistdist    10.0
timestep        {timestep}
rigidBonds      {rigid}
nonbondedFreq   1
fullElectFrequency 2
stepsPerCycle   10
cellBasisVector1 {cell} 0 0
cellBasisVector2 0 {cell} 0
cellBasisVector3 0 0 {cell}
wrapAll         on
PME             on
PMEGridSpacing  1.2
langevin        on
langevinDamping 1
langevinTemp    300
outputEnergies  10
outputTiming    10
restartfreq     10
dcdfreq         10
xstFreq         10
seed            4242
minimize        {minimize}
reinitvels      300
run             $steps
"""


def write_config(
    folder: Path,
    *,
    steps: int = 40,
    minimize: int = 20,
    cutoff: float = 8.0,
    structure: str = "sample.psf",
    timestep: float = 2.0,
    rigid: str = "all",
    extra: str = "",
) -> Path:
    """``folder/toppar`` with the sample, ``folder/step5/equil.namd`` that refers to it by relative paths."""
    files = make_sample(folder / "toppar")
    (folder / "step5" / "results").mkdir(parents=True, exist_ok=True)
    config = folder / "step5" / "equil.namd"
    text = MDRUN.format(
        steps=steps,
        minimize=minimize,
        cutoff=cutoff,
        structure=structure,
        timestep=timestep,
        rigid=rigid,
        cell=f"{files.cell:.4f}",
    )
    config.write_text(text.replace("minimize    ", f"{extra}\nminimize    ", 1), "utf-8")
    return config


ENDLESS = 50_000_000
"""Steps that no test waits for."""


REAL_RUN = """outputName       real
paraTypeCharmm   on
temperature      300
exclude          scaled1-4
1-4scaling       1.0
cutoff           10.0
switching        on
switchdist       9.0
pairlistdist     12.0
timestep         2.0
rigidBonds       all
nonbondedFreq    1
fullElectFrequency 2
stepsPerCycle    10
wrapAll          on
PME              yes
PMEGridSpacing   1.0
langevin         on
langevinDamping  1
langevinTemp     300
useGroupPressure yes
langevinPiston   on
langevinPistonTarget 1.01325
langevinPistonPeriod 100.0
langevinPistonDecay  50.0
langevinPistonTemp   300
restartfreq      20
dcdfreq          10
xstFreq          10
outputEnergies   10
minimize         10
reinitvels       300"""


@dataclass(frozen=True)
class RealSystem:
    """Files of a system in the shared data, and its cell (A)."""

    structure: str
    coordinates: str
    parameters: tuple[str, ...]
    cell: tuple[float, float, float]
    steps: int


REAL_SYSTEMS = {
    "colvars_alad": RealSystem(
        "alad-wb29.psf", "alad-wb_mineq29.pdb", ("par_all27_prot_lipid.prm",), (28.0, 28.0, 28.0), steps=200
    ),
    "openmm_dhfr": RealSystem(
        "5dhfr_cube.psf", "5dhfr_cube.pdb", ("par_all22_prot.inp",), (62.23, 62.23, 62.23), steps=20
    ),
}


def write_real_config(name: str, shared_data: Path, folder: Path) -> Path:
    """A config beside copies of the system's files, with an NPT run of a few steps."""
    system = REAL_SYSTEMS[name]
    inputs = folder / "inputs"
    inputs.mkdir()
    for file in (system.structure, system.coordinates, *system.parameters):
        shutil.copy(shared_data / "systems" / name / file, inputs / file)
    x, y, z = system.cell
    lines = [
        f"structure inputs/{system.structure}",
        f"coordinates inputs/{system.coordinates}",
        *(f"parameters inputs/{file}" for file in system.parameters),
        f"cellBasisVector1 {x} 0 0",
        f"cellBasisVector2 0 {y} 0",
        f"cellBasisVector3 0 0 {z}",
        f"run {system.steps}",
    ]
    config = folder / f"{name}.namd"
    config.write_text("\n".join([*lines[:-1], REAL_RUN, lines[-1], ""]), "utf-8")
    return config
