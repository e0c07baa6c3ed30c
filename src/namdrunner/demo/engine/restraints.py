"""Forces beyond the force field: extra bonds, harmonic constraints, a uniform electric field."""

from __future__ import annotations

from typing import Any

import numpy as np
import openmm

from namdrunner.demo.engine.bonded import HARMONIC_TORSION, finish
from namdrunner.demo.engine.groups import Group
from namdrunner.demo.engine.model import Model
from namdrunner.demo.engine.units import KJ, NM, PER_AREA
from namdrunner.namd.extrabonds import ExtraBonds, ExtraTerms

SCALING = "constraintScaling"
"""Global parameter of the context that scales harmonic constraints."""


def restraint_forces(model: Model) -> list[Any]:
    """All forces that the config adds to the force field."""
    forces = [force for extra in model.extra for force in _extra_forces(model, extra)]
    finish(forces, model)
    if model.restraints is not None and len(model.restraints.atoms):
        forces.append(_harmonic_constraints(model))
    if model.field_vector is not None:
        forces.append(_field_force(model))
    return forces


def _extra_forces(model: Model, extra: ExtraBonds) -> list[Any]:
    terms = extra.terms
    angle = _cosine_angles if model.cosine_extra_angles else _harmonic_angles
    forces = [_bonds(terms["bond"]), _walls(terms["wall"]), angle(terms["angle"]), _urey_bradley(terms["angle"])]
    for kind, group in (("dihedral", Group.DIHEDRAL), ("improper", Group.IMPROPER)):
        forces += _torsions(terms[kind], group)
    return [force for force in forces if force is not None]


def _bonds(terms: ExtraTerms) -> Any:
    force = openmm.HarmonicBondForce()
    for (a, b), k, r0 in zip(terms.atoms.tolist(), terms.numbers[:, 0], terms.numbers[:, 1], strict=True):
        force.addBond(a, b, float(r0) * NM, 2 * float(k) * PER_AREA)
    force.setForceGroup(Group.BOND)
    return force if len(terms) else None


def _walls(terms: ExtraTerms) -> Any:
    force = openmm.CustomBondForce("k*(min(0,r-lower)^2+max(0,r-upper)^2)")
    for name in ("k", "lower", "upper"):
        force.addPerBondParameter(name)
    for (a, b), (k, lower, upper) in zip(terms.atoms.tolist(), terms.numbers[:, :3].tolist(), strict=True):
        force.addBond(a, b, [k * PER_AREA, lower * NM, upper * NM])
    force.setForceGroup(Group.BOND)
    return force if len(terms) else None


def _harmonic_angles(terms: ExtraTerms) -> Any:
    force = openmm.HarmonicAngleForce()
    for atoms, (k, theta0) in zip(terms.atoms.tolist(), terms.numbers[:, :2].tolist(), strict=True):
        force.addAngle(*atoms, float(np.radians(theta0)), 2 * k * KJ)
    force.setForceGroup(Group.ANGLE)
    return force if len(terms) else None


def _cosine_angles(terms: ExtraTerms) -> Any:
    """NAMD's form with extraBondsCosAngles (the default): harmonic in the cosine."""
    force = openmm.CustomAngleForce("k*(cos(theta)-c0)^2")
    force.addPerAngleParameter("k")
    force.addPerAngleParameter("c0")
    for atoms, (k, theta0) in zip(terms.atoms.tolist(), terms.numbers[:, :2].tolist(), strict=True):
        force.addAngle(*atoms, [k * KJ, float(np.cos(np.radians(theta0)))])
    force.setForceGroup(Group.ANGLE)
    return force if len(terms) else None


def _urey_bradley(terms: ExtraTerms) -> Any:
    force = openmm.HarmonicBondForce()
    for (a, _, c), (k, length) in zip(terms.atoms.tolist(), terms.numbers[:, 2:4].tolist(), strict=True):
        if np.isfinite(k):
            force.addBond(a, c, length * NM, 2 * k * PER_AREA)
    force.setForceGroup(Group.ANGLE)
    return force if force.getNumBonds() else None


def _torsions(terms: ExtraTerms, group: Group) -> list[Any]:
    periodic = openmm.PeriodicTorsionForce()
    harmonic = openmm.CustomTorsionForce(HARMONIC_TORSION)
    harmonic.addPerTorsionParameter("k")
    harmonic.addPerTorsionParameter("theta0")
    rows = zip(
        terms.atoms.tolist(),
        terms.force_constants.tolist(),
        terms.multiplicities.tolist(),
        np.radians(terms.references).tolist(),
        strict=True,
    )
    for atoms, k, n, phase in rows:
        if n > 0:
            periodic.addTorsion(*atoms, n, phase, k * KJ)
        else:
            harmonic.addTorsion(*atoms, [k * KJ, phase])
    forces = [force for force in (periodic, harmonic) if force.getNumTorsions()]
    for force in forces:
        force.setForceGroup(group)
    return forces


def _harmonic_constraints(model: Model) -> Any:
    """k |x - x0|^exponent without a half, along the selected axes, to the nearest image of the reference."""
    restraints = model.restraints
    assert restraints is not None
    chosen = [axis for axis, on in zip("xyz", restraints.axes, strict=True) if on]
    if model.cell is None:
        square = "+".join(f"({axis}-{axis}0)^2" for axis in chosen) or "0"
    else:
        here = ",".join(axis if axis in chosen else f"{axis}0" for axis in "xyz")
        square = f"periodicdistance({here},x0,y0,z0)^2"
    force = openmm.CustomExternalForce(f"{SCALING}*k*({square})^{restraints.exponent / 2:g}")
    force.addGlobalParameter(SCALING, restraints.scaling)
    for name in ("k", "x0", "y0", "z0"):
        force.addPerParticleParameter(name)
    reference = restraints.reference
    if model.cell is not None:
        reference = model.cell.to_engine(reference)
    unit = KJ / NM**restraints.exponent
    for atom, k, point in zip(restraints.atoms.tolist(), restraints.k.tolist(), reference.tolist(), strict=True):
        force.addParticle(atom, [k * unit, *(x * NM for x in point)])
    force.setForceGroup(Group.BOUNDARY)
    return force


def _field_force(model: Model) -> Any:
    """Energy -q E.x; the field in kcal/mol/A/e, in NAMD's frame."""
    field = np.array([model.field_vector], dtype=float)
    if model.cell is not None:
        field = model.cell.to_engine(field)
    x, y, z = (float(value) * KJ / NM for value in field[0])
    force = openmm.CustomExternalForce(f"-q*({x}*x+{y}*y+{z}*z)")
    force.addPerParticleParameter("q")
    for atom in np.flatnonzero(model.charges).tolist():
        force.addParticle(atom, [float(model.charges[atom])])
    force.setForceGroup(Group.MISC)
    return force
