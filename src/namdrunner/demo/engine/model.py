"""What is simulated: the structure with its parameters, and how its forces are computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from namdrunner.demo.engine.cell import Cell
from namdrunner.demo.engine.exclusions import Exclusions
from namdrunner.demo.engine.terms import Terms
from namdrunner.namd.extrabonds import ExtraBonds


class RigidBonds(StrEnum):
    """Values of the keyword `rigidBonds`."""

    NONE = "none"
    WATER = "water"
    ALL = "all"


@dataclass(frozen=True)
class Pme:
    """Ewald coefficient (1/A) and grid points along each cell vector."""

    coefficient: float
    grid: tuple[int, int, int]


@dataclass(frozen=True)
class Nonbonded:
    """Cutoffs in A."""

    cutoff: float
    switching: bool
    switchdist: float
    force_switching: bool = False
    dielectric: float = 1.0
    one_four_scaling: float = 1.0
    pme: Pme | None = None
    tail_correction: bool = False


@dataclass(frozen=True, eq=False)
class Restraints:
    """Harmonic constraints: atom indices, k (kcal/mol/A^exponent) and reference positions (A)."""

    atoms: NDArray[np.int64]
    k: NDArray[np.float64]
    reference: NDArray[np.float64]
    exponent: int
    scaling: float
    axes: tuple[bool, bool, bool] = (True, True, True)


@dataclass(eq=False)
class Model:
    """Coordinates in A and NAMD's frame; masses in amu, charges in e; molecules are numbered from 0."""

    charges: NDArray[np.float64]
    masses: NDArray[np.float64]
    positions: NDArray[np.float64]
    cell: Cell | None
    terms: Terms
    exclusions: Exclusions
    molecule: NDArray[np.int64]
    molecules: int
    nonbonded: Nonbonded
    rigid_bonds: RigidBonds = RigidBonds.NONE
    settle: bool = True
    fixed: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    restraints: Restraints | None = None
    extra: tuple[ExtraBonds, ...] = ()
    cosine_extra_angles: bool = True
    field_vector: tuple[float, float, float] | None = None

    @property
    def natom(self) -> int:
        return len(self.charges)
