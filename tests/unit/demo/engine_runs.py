"""Small systems and a way to run the engine on them inside the test process."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from namdrunner.demo.engine.main import main
from namdrunner.demo.sample.files import pdb_text, psf_text
from namdrunner.demo.sample.forcefield import load_forcefield, parameter_file
from namdrunner.demo.sample.molecule import Molecule
from namdrunner.demo.sample.peptide import build_peptide
from namdrunner.demo.sample.solvent import WaterBox, build_ions

VACUUM = {
    "structure": "small.psf",
    "coordinates": "small.pdb",
    "paraTypeCharmm": "on",
    "parameters": "small.prm",
    "temperature": "300",
    "seed": "11",
    "exclude": "scaled1-4",
    "cutoff": "12",
    "switching": "on",
    "switchdist": "10",
    "pairlistdist": "14",
    "timestep": "1",
    "stepspercycle": "10",
    "outputName": "out",
    "outputEnergies": "10",
}
PERIODIC = VACUUM | {
    "cutoff": "7",
    "switchdist": "6",
    "pairlistdist": "9",
    "PME": "on",
    "PMEGridSpacing": "1.0",
    "cellBasisVector1": "18 0 0",
    "cellBasisVector2": "0 18 0",
    "cellBasisVector3": "0 0 18",
}
THERMOSTAT = {"langevin": "on", "langevinTemp": "300", "langevinDamping": "10"}


@dataclass(frozen=True)
class EngineRun:
    """What a run left behind."""

    status: int
    log: str
    folder: Path

    def rows(self) -> list[dict[str, float]]:
        """The ENERGY lines by column."""
        names = next(line for line in self.log.splitlines() if line.startswith("ETITLE:")).split()[1:]
        lines = (line for line in self.log.splitlines() if line.startswith("ENERGY:"))
        return [dict(zip(names, map(float, line.split()[1:]), strict=True)) for line in lines]

    def lines(self, *beginnings: str) -> list[str]:
        """Lines that begin with any of these."""
        return [line for line in self.log.splitlines() if line.startswith(beginnings)]


def write_system(folder: Path, molecule: Molecule, edge: float = 18.0) -> None:
    """PSF, PDB and parameters under the names that VACUUM and PERIODIC use."""
    folder.joinpath("small.psf").write_text(psf_text(molecule), encoding="ascii")
    folder.joinpath("small.pdb").write_text(pdb_text(molecule, edge), encoding="ascii")
    folder.joinpath("small.prm").write_text(parameter_file(load_forcefield()), encoding="ascii")


def write_peptide(folder: Path) -> Molecule:
    """A capped alanine without solvent, 22 atoms."""
    molecule = build_peptide(load_forcefield(), residues=1)
    write_system(folder, molecule)
    return molecule


def write_salt_water(folder: Path, edge: float = 18.0) -> Molecule:
    """A sodium and a chloride ion, 4 A apart, among 62 waters."""
    forcefield = load_forcefield()
    step = edge / 4
    axis = (np.arange(4) + 0.5) * step - edge / 2
    sites = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    system = build_ions(forcefield, sites[[21, 22]])
    generator = np.random.default_rng(3)
    box = WaterBox(forcefield, edge, system.coordinates())
    system.extend(box.fill(np.delete(sites, [21, 22], axis=0), generator))
    write_system(folder, system, edge)
    return system


def write_config(folder: Path, settings: Mapping[str, str], *commands: str, name: str = "run.namd") -> Path:
    """A config of these keywords, then these commands."""
    path = folder / name
    lines = [f"{keyword} {value}" for keyword, value in settings.items()]
    path.write_text("\n".join([*lines, *commands, ""]), encoding="utf-8")
    return path


def run_engine(config: Path, capsys: pytest.CaptureFixture[str], *arguments: str, threads: int = 1) -> EngineRun:
    """Run the engine; the working folder and the handling of Ctrl-C are as before afterwards."""
    before, handler = Path.cwd(), signal.getsignal(signal.SIGINT)
    capsys.readouterr()
    try:
        status = main([str(config), f"+p{threads}", *arguments])
    finally:
        os.chdir(before)
        signal.signal(signal.SIGINT, handler)
    return EngineRun(status, capsys.readouterr().out, config.parent)
