"""Force groups: which part of the energy is which column of the log."""

from __future__ import annotations

from enum import IntEnum


class Group(IntEnum):
    """OpenMM force groups of the engine's systems."""

    BOND = 0
    ANGLE = 1
    DIHEDRAL = 2
    IMPROPER = 3
    CROSSTERM = 4
    ELECTROSTATIC = 5
    """Electrostatics; with PME and without force switching also the Lennard-Jones part (one fast kernel)."""
    VDW = 6
    """Lennard-Jones terms that are not in the fast kernel: NBFIX, tail correction, custom switching."""
    FAST_VDW = 7
    """Reported only: the Lennard-Jones part of the fast kernel, to tell it from electrostatics."""
    SWITCH_CORRECTION = 8
    """Reported only: NAMD's switching function instead of OpenMM's."""
    BOUNDARY = 9
    MISC = 10
    MEAN_CORRECTION = 11
    """Integrated only: the mean of what SWITCH_CORRECTION adds, so that the barostat feels it."""


REPORTED_ONLY = (Group.FAST_VDW, Group.SWITCH_CORRECTION)


def mask(*groups: Group) -> int:
    """Bits for OpenMM's `groups` arguments."""
    return sum(1 << group for group in groups)


INTEGRATED = mask(*(group for group in Group if group not in REPORTED_ONLY))
