"""What the log says before the parameters of the run, and about the structure."""

from __future__ import annotations

import getpass
import platform
import socket
from pathlib import Path

import numpy as np

from namdrunner.demo.engine.console import Console
from namdrunner.demo.engine.dynamics import Dynamics
from namdrunner.demo.engine.loader import Loaded
from namdrunner.demo.engine.rigid import HYDROGEN_MASS
from namdrunner.demo.engine.units import DENSITY_FACTOR

VERSION = "3.0-demo"
NOTICE = "OpenMM demo engine, not NAMD"


def user_name() -> str:
    """Who runs this, or a dash where the system does not tell."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "-"


def print_banner(console: Console, threads: int) -> None:
    """The first lines: what this is, and on how many threads it runs."""
    from openmm import version

    kind = f"OpenMM-{version.short_version}-{platform.system()}-{platform.machine()}"
    console.info(NOTICE)
    console.info("It reads NAMD's files and imitates NAMD's log so that NAMDRunner can be tried without NAMD.")
    console.info("Do not publish its results as NAMD's.")
    console.info(f"NAMD {VERSION} for {kind}")
    console.info()
    console.info("Please cite Eastman et al., J. Phys. Chem. B 128:109 (2024) for OpenMM.")
    console.info(f"1 NAMD  {VERSION}  {kind}  {threads}    {socket.gethostname()}  {user_name()}")
    console.info(f"Running on {threads} processors, 1 nodes, 1 physical nodes.")


def print_config(console: Console, name: str, folder: Path) -> None:
    """Which config is read."""
    console.info(f"Configuration file is {name}")
    console.info(f"Working in the current directory {folder}")
    console.line("TCL: Suspending until startup complete.")


def print_structure(console: Console, loaded: Loaded, dynamics: Dynamics) -> None:
    """The summary of the structure."""
    model, psf = loaded.model, loaded.psf
    hydrogens = model.masses < HYDROGEN_MASS
    groups = _group_sizes(loaded)
    console.info()
    console.info("****************************")
    console.info("STRUCTURE SUMMARY:")
    counts = {
        "ATOMS": psf.natom,
        "BONDS": len(psf.bonds),
        "ANGLES": len(psf.angles),
        "DIHEDRALS": len(psf.dihedrals),
        "IMPROPERS": len(psf.impropers),
        "CROSSTERMS": len(psf.crossterms),
        "EXCLUSIONS": 0,
    }
    if model.restraints is not None:
        counts["CONSTRAINTS"] = len(model.restraints.atoms)
    if len(model.fixed):
        counts["FIXED ATOMS"] = len(model.fixed)
    if dynamics.constraints:
        counts["RIGID BONDS"] = len(dynamics.constraints)
    counts["DEGREES OF FREEDOM"] = dynamics.degrees_of_freedom()
    counts["HYDROGEN GROUPS"] = int((~hydrogens).sum())
    counts["ATOMS IN LARGEST HYDROGEN GROUP"] = int(groups.max(initial=1))
    for word, count in counts.items():
        console.info(f"{count} {word}")
    console.info(f"TOTAL MASS = {model.masses.sum():g} amu")
    console.info(f"TOTAL CHARGE = {round(model.charges.sum(), 9) + 0.0:g} e")
    if model.cell is not None:
        console.info(f"MASS DENSITY = {model.masses.sum() / model.cell.volume * DENSITY_FACTOR:g} g/cm^3")
        console.info(f"ATOM DENSITY = {psf.natom / model.cell.volume:g} atoms/A^3")
    console.info("*****************************")
    console.info()
    console.info(f"ADDED {len(model.exclusions.excluded) + len(model.exclusions.modified)} IMPLICIT EXCLUSIONS")


def _group_sizes(loaded: Loaded) -> np.ndarray:
    """Atoms in the group of each heavy atom and its hydrogens."""
    light = loaded.model.masses < HYDROGEN_MASS
    sizes = np.ones(loaded.model.natom, dtype=np.int64)
    bonds = loaded.psf.bonds
    for first, second in ((0, 1), (1, 0)):
        to_hydrogen = light[bonds[:, second]] & ~light[bonds[:, first]]
        np.add.at(sizes, bonds[to_hydrogen, first], 1)
    return sizes
