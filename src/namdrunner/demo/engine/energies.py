"""Energies by log column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from namdrunner.demo.engine.groups import Group, mask
from namdrunner.demo.engine.units import KJ


@dataclass(frozen=True)
class Potential:
    """Potential energy terms, kcal/mol; `dihedral` without cross-terms."""

    bond: float
    angle: float
    dihedral: float
    improper: float
    crossterm: float
    electrostatic: float
    vdw: float
    boundary: float
    misc: float

    @property
    def total(self) -> float:
        """Their sum."""
        bonded = self.bond + self.angle + self.dihedral + self.improper + self.crossterm
        return bonded + self.electrostatic + self.vdw + self.boundary + self.misc


def potential(context: Any, groups: frozenset[Group]) -> Potential:
    """Evaluate every group that has a force; two groups tell Lennard-Jones from electrostatics."""

    def energy(group: Group) -> float:
        if group not in groups:
            return 0.0
        state = context.getState(getEnergy=True, groups=mask(group))
        return float(state.getPotentialEnergy()._value) / KJ

    fast_vdw = energy(Group.FAST_VDW)
    return Potential(
        bond=energy(Group.BOND),
        angle=energy(Group.ANGLE),
        dihedral=energy(Group.DIHEDRAL),
        improper=energy(Group.IMPROPER),
        crossterm=energy(Group.CROSSTERM),
        electrostatic=energy(Group.ELECTROSTATIC) - fast_vdw,
        vdw=energy(Group.VDW) + fast_vdw + energy(Group.SWITCH_CORRECTION),
        boundary=energy(Group.BOUNDARY),
        misc=energy(Group.MISC),
    )


def used_groups(system: Any) -> frozenset[Group]:
    """The groups in which the system has forces."""
    return frozenset(Group(force.getForceGroup()) for force in system.getForces())
