"""Bonded forces: each of NAMD's terms as an OpenMM force in the group of its log column."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import openmm

from namdrunner.demo.engine.groups import Group
from namdrunner.demo.engine.model import Model
from namdrunner.demo.engine.terms import TorsionTerms
from namdrunner.demo.engine.units import KJ, NM, PER_AREA
from namdrunner.namd.charmm import CmapType

HARMONIC_TORSION = "k*min(d, 6.283185307179586-d)^2; d=abs(theta-theta0)"


def bonded_forces(model: Model) -> list[Any]:
    """All bonded forces of the structure; k without a half becomes OpenMM's k with one."""
    terms = model.terms
    forces = [
        _bonds(terms.bonds.atoms, terms.bonds.k, terms.bonds.r0, Group.BOND),
        _angles(terms.angles.atoms, terms.angles.k, terms.angles.theta0, Group.ANGLE),
        _urey_bradley(model),
        *torsion_forces(terms.dihedrals, Group.DIHEDRAL),
        *torsion_forces(terms.impropers, Group.IMPROPER),
        _cmap_force(model),
    ]
    return finish([force for force in forces if force is not None], model)


def finish(forces: list[Any], model: Model) -> list[Any]:
    """Let bonded terms take the nearest image, as NAMD does, where the system is periodic."""
    for force in forces:
        force.setUsesPeriodicBoundaryConditions(model.cell is not None)
    return forces


def _bonds(atoms: np.ndarray, k: np.ndarray, r0: np.ndarray, group: Group) -> Any:
    force = openmm.HarmonicBondForce()
    for (a, b), constant, length in zip(atoms.tolist(), k.tolist(), r0.tolist(), strict=True):
        if constant:
            force.addBond(a, b, length * NM, 2 * constant * PER_AREA)
    force.setForceGroup(group)
    return force


def _angles(atoms: np.ndarray, k: np.ndarray, theta0: np.ndarray, group: Group) -> Any:
    force = openmm.HarmonicAngleForce()
    rows = zip(atoms.tolist(), k.tolist(), np.radians(theta0).tolist(), strict=True)
    for (a, b, c), constant, angle in rows:
        if constant:
            force.addAngle(a, b, c, angle, 2 * constant * KJ)
    force.setForceGroup(group)
    return force


def _urey_bradley(model: Model) -> Any:
    angles = model.terms.angles
    used = angles.k_ub != 0
    return _bonds(angles.atoms[used][:, (0, 2)], angles.k_ub[used], angles.r_ub[used], Group.ANGLE)


def torsion_forces(terms: TorsionTerms, group: Group) -> list[Any]:
    """Periodic terms, and harmonic ones where the multiplicity is 0."""
    periodic = openmm.PeriodicTorsionForce()
    harmonic = openmm.CustomTorsionForce(HARMONIC_TORSION)
    harmonic.addPerTorsionParameter("k")
    harmonic.addPerTorsionParameter("theta0")
    rows = zip(terms.atoms.tolist(), terms.k.tolist(), terms.n.tolist(), np.radians(terms.phase).tolist(), strict=True)
    for atoms, k, n, phase in rows:
        if not k:
            continue
        if n > 0:
            periodic.addTorsion(*atoms, n, phase, k * KJ)
        else:
            harmonic.addTorsion(*atoms, [k * KJ, math.remainder(phase, 2 * math.pi)])
    forces = [force for force in (periodic, harmonic) if force.getNumTorsions()]
    for force in forces:
        force.setForceGroup(group)
    return forces


def _cmap_force(model: Model) -> Any:
    cmaps = model.terms.cmaps
    if not len(cmaps.atoms):
        return None
    force = openmm.CMAPTorsionForce()
    for table in cmaps.maps:
        force.addMap(table.dimension, cmap_energies(table))
    for number, atoms in zip(cmaps.index.tolist(), cmaps.atoms.tolist(), strict=True):
        force.addTorsion(number, *atoms)
    force.setForceGroup(Group.CROSSTERM)
    return force


def cmap_energies(table: CmapType) -> list[float]:
    """OpenMM's order, kJ/mol: first angle fastest, both from 0 instead of -180 degrees."""
    half = table.dimension // 2
    rolled = np.roll(np.roll(table.values, -half, axis=0), -half, axis=1)
    return [float(value) for value in (rolled.T * KJ).ravel()]
