"""make_sample: write the sample system into a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from namdrunner.demo.sample.files import pdb_text, psf_text, xsc_text
from namdrunner.demo.sample.forcefield import load_forcefield, parameter_file
from namdrunner.demo.sample.molecule import Molecule
from namdrunner.demo.sample.peptide import build_peptide
from namdrunner.demo.sample.solvent import WaterBox, build_ions, choose_ion_sites, free_sites, lattice

CELLS = 9
ION_PAIRS = 2
SEED = 20240501


@dataclass(frozen=True)
class SampleFiles:
    """Where the files are; `cell` is the cubic box edge in A, `atoms` their number."""

    structure: Path
    coordinates: Path
    parameters: Path
    extended_system: Path
    cell: float
    atoms: int


def build_sample(seed: int = SEED) -> tuple[Molecule, float]:
    """The solvated, neutral system and its box edge (A); the same atoms for the same seed."""
    generator = np.random.default_rng(seed)
    forcefield = load_forcefield()
    system = build_peptide(forcefield)
    sites, edge = lattice(CELLS)
    sites = free_sites(sites, system, edge)
    ion_sites = choose_ion_sites(sites, system, 2 * ION_PAIRS, edge, generator)
    ions = build_ions(forcefield, sites[ion_sites])
    occupied = np.vstack([system.coordinates(), ions.coordinates()])
    box = WaterBox(forcefield, edge, occupied)
    water = box.fill(np.delete(sites, ion_sites, axis=0), generator)
    system.extend(water)
    system.extend(ions)
    return system, edge


def make_sample(folder: Path, seed: int = SEED) -> SampleFiles:
    """Write PSF, PDB, parameters and XSC of the sample into `folder` (made when absent)."""
    folder.mkdir(parents=True, exist_ok=True)
    system, edge = build_sample(seed)
    files = SampleFiles(
        structure=folder / "sample.psf",
        coordinates=folder / "sample.pdb",
        parameters=folder / "sample.prm",
        extended_system=folder / "sample.xsc",
        cell=edge,
        atoms=len(system.atoms),
    )
    files.structure.write_text(psf_text(system), encoding="ascii")
    files.coordinates.write_text(pdb_text(system, edge), encoding="ascii")
    files.parameters.write_text(parameter_file(load_forcefield()), encoding="ascii")
    files.extended_system.write_text(xsc_text(edge), encoding="ascii")
    return files
