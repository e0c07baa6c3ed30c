"""The OpenMM System of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import openmm

from namdrunner.demo.engine.bonded import bonded_forces
from namdrunner.demo.engine.model import Model
from namdrunner.demo.engine.nonbonded import nonbonded_forces
from namdrunner.demo.engine.restraints import restraint_forces
from namdrunner.demo.engine.rigid import Constraint, find_constraints
from namdrunner.demo.engine.units import NM


@dataclass(frozen=True)
class BuiltSystem:
    """The system without barostat, and its constraints."""

    system: Any
    constraints: tuple[Constraint, ...]


def build_system(model: Model) -> BuiltSystem:
    """Particles, box, constraints and all forces."""
    system = openmm.System()
    fixed = set(model.fixed.tolist())
    for atom, mass in enumerate(model.masses.tolist()):
        system.addParticle(0.0 if atom in fixed else mass)
    if model.cell is not None:
        system.setDefaultPeriodicBoxVectors(*(openmm.Vec3(*(row * NM).tolist()) for row in model.cell.reduced))
    constraints = find_constraints(model)
    for constraint in constraints:
        system.addConstraint(constraint.first, constraint.second, constraint.distance * NM)
    for force in (*bonded_forces(model), *nonbonded_forces(model), *restraint_forces(model)):
        system.addForce(force)
    return BuiltSystem(system, tuple(constraints))
