"""Water on a lattice around the solute, some of it exchanged for ions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from namdrunner.demo.sample.forcefield import ForceField
from namdrunner.demo.sample.geometry import Vector, random_rotation
from namdrunner.demo.sample.molecule import Atom, Molecule

SPACING = 3.104
"""Edge of one water's share of the lattice, A: 29.9 A^3, the density of liquid water at 300 K."""
SOLUTE_DISTANCE = 2.8
ION_DISTANCE = 6.0
CLOSEST = 1.6
"""No two atoms of different molecules are nearer than this when it can be had within ATTEMPTS turns, A."""
ATTEMPTS = 60
WATER_CHARGES = (-0.834, 0.417, 0.417)


def lattice(cells: int) -> tuple[NDArray[np.float64], float]:
    """Points of a cubic lattice centred at the origin, shape (cells^3, 3), and the box edge, A."""
    edge = cells * SPACING
    axis = (np.arange(cells) + 0.5) * SPACING - edge / 2
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3), edge


def distances(points: NDArray[np.float64], point: Vector, edge: float) -> NDArray[np.float64]:
    """Minimum-image distances from a point in a cubic box, A."""
    separation = points - point
    separation -= edge * np.round(separation / edge)
    return np.asarray(np.linalg.norm(separation, axis=-1))


def free_sites(sites: NDArray[np.float64], solute: Molecule, edge: float) -> NDArray[np.float64]:
    """The lattice sites whose water oxygen would not touch a heavy atom of the solute."""
    heavy = [p for atom, p in zip(solute.atoms, solute.positions, strict=True) if atom.mass > 2.0]
    return np.array([s for s in sites if distances(np.array(heavy), s, edge).min() > SOLUTE_DISTANCE])


def choose_ion_sites(
    sites: NDArray[np.float64],
    solute: Molecule,
    count: int,
    edge: float,
    generator: np.random.Generator,
) -> list[int]:
    """Indices of sites far from the solute and from each other, drawn at random."""
    taken = solute.coordinates()
    chosen: list[int] = []
    for index in generator.permutation(len(sites)):
        if len(chosen) == count:
            break
        if distances(taken, sites[index], edge).min() > ION_DISTANCE:
            chosen.append(int(index))
            taken = np.vstack([taken, sites[index]])
    return chosen


def _water_shape(forcefield: ForceField) -> NDArray[np.float64]:
    length = forcefield.bond_length("OT", "HT")
    half = math.radians(forcefield.angle("HT", "OT", "HT")) / 2
    x, y = length * math.sin(half), length * math.cos(half)
    return np.array([[0.0, 0.0, 0.0], [x, y, 0.0], [-x, y, 0.0]])


class WaterBox:
    """Fills sites with water, each turned at random until its hydrogens touch nothing."""

    def __init__(self, forcefield: ForceField, edge: float, occupied: NDArray[np.float64]) -> None:
        self.forcefield = forcefield
        self.edge = edge
        self.occupied = occupied
        self.shape = _water_shape(forcefield)
        self.masses = [forcefield.mass(t) for t in ("OT", "HT", "HT")]

    def fill(self, sites: NDArray[np.float64], generator: np.random.Generator) -> Molecule:
        """One water per site, segment WAT, residues numbered from 1."""
        molecule = Molecule()
        # Oxygens first: a water must also keep its hydrogens from neighbours that are placed later.
        everything = np.vstack([self.occupied, sites])
        own = len(self.occupied)
        for number, site in enumerate(sites):
            separation = everything - site
            separation -= self.edge * np.round(separation / self.edge)
            near = np.linalg.norm(separation, axis=1) < SPACING * 1.8
            near[own + number] = False
            atoms = self._turned(site, everything[near], generator)
            everything = np.vstack([everything, atoms[1:]])
            self._append(molecule, number + 1, atoms)
        return molecule

    def _turned(self, site: Vector, near: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
        best, best_distance = self.shape + site, -1.0
        for _ in range(ATTEMPTS):
            atoms = self.shape @ random_rotation(generator).T + site
            separation = near[:, None, :] - atoms[None, 1:, :]
            separation -= self.edge * np.round(separation / self.edge)
            closest = float(np.sqrt((separation**2).sum(axis=-1).min()))
            if closest > best_distance:
                best, best_distance = atoms, closest
            if closest > CLOSEST:
                break
        return best

    def _append(self, molecule: Molecule, residue: int, atoms: NDArray[np.float64]) -> None:
        names = (("OH2", "OT"), ("H1", "HT"), ("H2", "HT"))
        indices = [
            molecule.add(Atom(name, kind, charge, mass, "TIP3", residue, "WAT"), position)
            for (name, kind), charge, mass, position in zip(names, WATER_CHARGES, self.masses, atoms, strict=True)
        ]
        molecule.bonds += [(indices[0], indices[1]), (indices[0], indices[2])]


def build_ions(forcefield: ForceField, sites: NDArray[np.float64]) -> Molecule:
    """Sodium and chloride in turn on the given sites, segment ION."""
    molecule = Molecule()
    for number, site in enumerate(sites):
        name, charge = ("SOD", 1.0) if number % 2 == 0 else ("CLA", -1.0)
        atom = Atom(name, name, charge, forcefield.mass(name), name, number + 1, "ION")
        molecule.add(atom, site)
    return molecule
