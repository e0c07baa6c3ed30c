"""Rigid bonds (SHAKE/SETTLE): which distances are constrained, and the degrees of freedom left."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from namdrunner.demo.engine.model import Model, RigidBonds

HYDROGEN_MASS = 3.5
"""Atoms lighter than this are hydrogens to NAMD, amu."""
OXYGEN_MASSES = (14.0, 18.0)


@dataclass(frozen=True)
class Constraint:
    """Two atoms and their distance in A."""

    first: int
    second: int
    distance: float


def find_waters(model: Model) -> dict[int, tuple[int, int]]:
    """Oxygen atoms with exactly two hydrogens and nothing else, and the two."""
    light = model.masses < HYDROGEN_MASS
    table: dict[int, list[int]] = {}
    for a, b in model.terms.bonds.atoms.tolist():
        table.setdefault(a, []).append(b)
        table.setdefault(b, []).append(a)
    low, high = OXYGEN_MASSES
    waters = {}
    for atom in np.flatnonzero((model.masses > low) & (model.masses < high)).tolist():
        partners = table.get(atom, [])
        if len(partners) == 2 and light[partners].all():
            waters[atom] = (partners[0], partners[1])
    return waters


def find_constraints(model: Model) -> list[Constraint]:
    """All rigid distances under the model's rigidBonds; none between two fixed atoms or to one."""
    if model.rigid_bonds is RigidBonds.NONE:
        return []
    waters = find_waters(model)
    light = model.masses < HYDROGEN_MASS
    in_water = np.zeros(model.natom, dtype=bool)
    for oxygen, hydrogens in waters.items():
        in_water[[oxygen, *hydrogens]] = True
    lengths: dict[tuple[int, int], float] = {}
    for (a, b), r0 in zip(model.terms.bonds.atoms.tolist(), model.terms.bonds.r0.tolist(), strict=True):
        to_hydrogen = model.rigid_bonds is RigidBonds.ALL and light[a] != light[b]
        if to_hydrogen or (in_water[a] and in_water[b]):
            lengths[min(a, b), max(a, b)] = r0
    lengths |= _water_bases(model, waters, lengths)
    fixed = set(model.fixed.tolist())
    return [Constraint(a, b, r) for (a, b), r in sorted(lengths.items()) if a not in fixed and b not in fixed]


def _water_bases(
    model: Model, waters: dict[int, tuple[int, int]], lengths: dict[tuple[int, int], float]
) -> dict[tuple[int, int], float]:
    """The distance between a water's hydrogens, from its angle unless the PSF has a bond there."""
    angles = {
        int(row[1]): theta
        for row, theta in zip(model.terms.angles.atoms, model.terms.angles.theta0, strict=True)
        if int(row[1]) in waters
    }
    bases = {}
    for oxygen, (a, b) in waters.items():
        key = (min(a, b), max(a, b))
        if key in lengths or oxygen not in angles:
            continue
        first, second = (lengths[min(oxygen, h), max(oxygen, h)] for h in (a, b))
        cosine = math.cos(math.radians(angles[oxygen]))
        bases[key] = math.sqrt(first**2 + second**2 - 2 * first * second * cosine)
    return bases
