"""Between NAMD's units (kcal/mol, A) and OpenMM's (kJ/mol, nm)."""

from __future__ import annotations

KJ = 4.184
"""kJ in a kcal (thermochemical)."""
NM = 0.1
"""nm in an A."""
PER_AREA = KJ / NM**2
"""kJ/mol/nm^2 in a kcal/mol/A^2."""
COULOMB_NAMD = 332.0636
"""Coulomb's constant in NAMD, kcal/mol A/e^2 (NAMD common.h)."""
COULOMB_OPENMM = 138.93545764438198 / NM / KJ
"""OpenMM's constant ONE_4PI_EPS0 in the same unit."""
CHARGE_SCALE = (COULOMB_NAMD / COULOMB_OPENMM) ** 0.5
"""Charges times this make OpenMM's electrostatic energy NAMD's."""
BOLTZMANN = 0.001987191
"""kcal/mol/K (NAMD common.h)."""
TIME_FACTOR = 48.88821
"""fs in NAMD's unit of time."""
PRESSURE_FACTOR = 6.95e4
"""bar in a kcal/mol/A^3 (NAMD common.h)."""
DENSITY_FACTOR = 1.660539
"""g/cm^3 in an amu/A^3."""
