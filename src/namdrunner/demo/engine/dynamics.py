"""The running system: one OpenMM context, spoken to in NAMD's units and frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import openmm
from numpy.typing import NDArray

from namdrunner.demo.engine.cell import Cell, follow
from namdrunner.demo.engine.energies import Potential, potential, used_groups
from namdrunner.demo.engine.fatal import FatalError, UnstableError
from namdrunner.demo.engine.groups import INTEGRATED, Group
from namdrunner.demo.engine.model import Model, RigidBonds
from namdrunner.demo.engine.restraints import SCALING
from namdrunner.demo.engine.system import build_system
from namdrunner.demo.engine.units import BOLTZMANN, KJ, NM

Points = NDArray[np.float64]

BAROSTAT_INTERVAL = 25
"""Steps between attempts of the Monte Carlo barostat."""
CONSTRAINT_TOLERANCE = 1e-6
TOO_FAST = "Atoms moving too fast; simulation has become unstable."
MINIMIZER_TOLERANCE = 0.1
"""kJ/mol/nm, small enough that the number of steps decides."""


@dataclass(frozen=True)
class Barostat:
    """Pressure control: bar, K; `shape` is isotropic, xy (x and y alike, z free), z (only z) or free."""

    pressure: float
    temperature: float
    shape: str = "isotropic"


@dataclass(frozen=True)
class Ensemble:
    """How to integrate: timestep in fs, thermostat temperature in K (None without one), damping in 1/ps."""

    timestep: float
    temperature: float | None
    damping: float
    barostat: Barostat | None
    zero_momentum: bool = False


@dataclass(frozen=True, eq=False)
class Frame:
    """Positions (A), velocities (A/ps) and cell at one step, in NAMD's frame; molecules follow continuous paths."""

    positions: Points
    velocities: Points
    cell: Cell | None


class Dynamics:
    """Owns the context; rebuilt when integrator or barostat change."""

    def __init__(self, model: Model, *, threads: int, seed: int, platform: str = "CPU") -> None:
        self.model = model
        self.seed = seed
        built = build_system(model)
        self.system = built.system
        self.constraints = built.constraints
        self.groups = used_groups(self.system)
        self.platform = openmm.Platform.getPlatform(platform)
        self.properties = {"Threads": str(threads)} if platform == "CPU" else {}
        self.ensemble: Ensemble | None = None
        self.context: Any = None
        self.barostat: Any = None
        self.extra_forces: list[int] = []
        self.cell = model.cell
        self.before = model.positions.copy()

    # -- set-up ------------------------------------------------------------------------------------------

    def configure(self, ensemble: Ensemble) -> None:
        """Take on an ensemble; positions and velocities carry over."""
        if ensemble == self.ensemble:
            return
        frame = self.frame() if self.context is not None else None
        for index in sorted(self.extra_forces, reverse=True):
            self.system.removeForce(index)
        self.extra_forces = []
        self.barostat = self._make_barostat(ensemble.barostat) if self.model.cell is not None else None
        if self.barostat is not None:
            self.extra_forces.append(self.system.addForce(self.barostat))
        if ensemble.zero_momentum:
            self.extra_forces.append(self.system.addForce(openmm.CMMotionRemover(1)))
        integrator = self._make_integrator(ensemble)
        try:
            self.context = openmm.Context(self.system, integrator, self.platform, self.properties)
        except openmm.OpenMMException as error:
            raise FatalError(f"OpenMM cannot set up this system: {error}") from None
        self.ensemble = ensemble
        if frame is None:
            self._place(self.model.positions, self.model.cell)
        else:
            self._place(frame.positions, frame.cell)
            self.set_velocities(frame.velocities)

    def _make_integrator(self, ensemble: Ensemble) -> Any:
        picoseconds = max(ensemble.timestep, 1e-6) / 1000
        if ensemble.temperature is None:
            integrator = openmm.VerletIntegrator(picoseconds)
        else:
            integrator = openmm.LangevinMiddleIntegrator(ensemble.temperature, ensemble.damping, picoseconds)
            integrator.setRandomNumberSeed(self.seed)
        integrator.setConstraintTolerance(CONSTRAINT_TOLERANCE)
        integrator.setIntegrationForceGroups(INTEGRATED)
        return integrator

    def _make_barostat(self, barostat: Barostat | None) -> Any:
        """Without pressure control one that never acts, because it also measures the pressure."""
        force = openmm.MonteCarloBarostat(1.0, 300.0, 0) if barostat is None else _barostat_force(barostat)
        force.setRandomNumberSeed(self.seed)
        return force

    def _place(self, positions: Points, cell: Cell | None) -> None:
        self.before = positions.copy()
        self.cell = cell
        if cell is not None:
            self.context.setPeriodicBoxVectors(*(openmm.Vec3(*(row * NM).tolist()) for row in cell.reduced))
            positions = cell.to_engine(positions)
        self.context.setPositions(positions * NM)

    def apply_rigid_bonds(self) -> None:
        """Put constrained distances right, as NAMD does at start-up."""
        if self.model.rigid_bonds is not RigidBonds.NONE:
            self.context.applyConstraints(CONSTRAINT_TOLERANCE)

    def set_velocities(self, velocities: Points) -> None:
        """Velocities in A/ps."""
        if self.cell is not None:
            velocities = self.cell.to_engine(velocities)
        self.context.setVelocities(velocities * NM)

    def draw_velocities(self, temperature: float, seed: int) -> None:
        """Maxwell-Boltzmann velocities at a temperature (K)."""
        if temperature > 0:
            self.context.setVelocitiesToTemperature(temperature, seed)
        else:
            self.set_velocities(np.zeros((self.model.natom, 3)))

    def remove_drift(self) -> Points:
        """Take away the velocity of the centre of mass (A/ps), and return it."""
        velocities = self.frame().velocities
        masses = self.model.masses.copy()
        masses[self.model.fixed] = 0.0
        drift = (velocities * masses[:, None]).sum(axis=0) / max(masses.sum(), 1e-12)
        velocities[masses > 0] -= drift
        self.set_velocities(velocities)
        return np.asarray(drift)

    def scale_restraints(self, scaling: float) -> None:
        """constraintScaling."""
        if self.model.restraints is not None and len(self.model.restraints.atoms):
            self.context.setParameter(SCALING, scaling)

    # -- state -------------------------------------------------------------------------------------------

    def frame(self) -> Frame:
        """The present state; raises UnstableError when it is no longer finite."""
        state = self.context.getState(getPositions=True, getVelocities=True)
        positions = np.array(state.getPositions(asNumpy=True)._value) / NM
        velocities = np.array(state.getVelocities(asNumpy=True)._value) / NM
        if self.cell is not None:
            box = np.array(state.getPeriodicBoxVectors(asNumpy=True)._value) / NM
            self.cell = self.cell.with_reduced(box)
            positions = self.cell.to_namd(positions)
            velocities = self.cell.to_namd(velocities)
            if np.isfinite(positions).all():
                model = self.model
                positions = follow(positions, self.before, self.cell.vectors, model.molecule, model.molecules)
        self.before = positions.copy()
        return Frame(positions, velocities, self.cell)

    def potential(self) -> Potential:
        """All potential energy terms, kcal/mol."""
        return potential(self.context, self.groups)

    def kinetic(self) -> float:
        """Kinetic energy, kcal/mol."""
        state = self.context.getState(getEnergy=True, groups=1 << Group.BOND)
        return float(state.getKineticEnergy()._value) / KJ

    def pressure(self) -> float:
        """Instantaneous molecular pressure, bar; 0 without a cell."""
        if self.barostat is None:
            return 0.0
        value = self.barostat.computeCurrentPressure(self.context)
        value = getattr(value, "_value", value)
        return float(np.mean(value)) if np.ndim(value) else float(value)

    def volume(self) -> float:
        """A^3; 0 without a cell."""
        if self.cell is None:
            return 0.0
        box = self.context.getState().getPeriodicBoxVectors(asNumpy=True)._value
        return float(abs(np.linalg.det(np.array(box)))) / NM**3

    def degrees_of_freedom(self) -> int:
        """3 per free atom, minus constraints, minus 3 where the total momentum is conserved."""
        free = self.model.natom - len(self.model.fixed)
        degrees = 3 * free - len(self.constraints)
        restrained = len(self.model.fixed) or self.model.restraints is not None
        thermostat = self.ensemble is not None and self.ensemble.temperature is not None
        return degrees if restrained or thermostat else degrees - 3

    def temperature_of(self, kinetic: float) -> float:
        """Temperature (K) of a kinetic energy (kcal/mol)."""
        return 2 * kinetic / (BOLTZMANN * max(self.degrees_of_freedom(), 1))

    # -- motion ------------------------------------------------------------------------------------------

    def step(self, steps: int) -> None:
        """Integrate; raises UnstableError when it blows up. A timestep of 0 moves nothing."""
        if self.ensemble is None or not self.ensemble.timestep:
            return
        try:
            self.context.getIntegrator().step(steps)
        except openmm.OpenMMException as error:
            raise UnstableError([_in_one_line(error), TOO_FAST]) from None

    def minimize(self, steps: int) -> None:
        """At most this many iterations of L-BFGS; velocities become zero."""
        try:
            openmm.LocalEnergyMinimizer.minimize(self.context, MINIMIZER_TOLERANCE, max(steps, 1))
        except openmm.OpenMMException as error:
            raise UnstableError([_in_one_line(error), TOO_FAST]) from None

    def check_speed(self, frame: Frame) -> None:
        """Raise UnstableError when an atom would cross the cutoff within one step, as NAMD does."""
        assert self.ensemble is not None
        limit = self.model.nonbonded.cutoff * 1000 / max(self.ensemble.timestep, 1e-9)
        speeds = np.linalg.norm(frame.velocities, axis=1)
        wrong = np.flatnonzero(~(speeds <= limit) | ~np.isfinite(frame.positions).all(axis=1))
        if not wrong.size:
            return
        errors = []
        for atom in wrong[:10].tolist():
            x, y, z = frame.velocities[atom]
            where = f"(limit is {limit:g}, atom {atom} of {self.model.natom} on patch 0 pe 0)"
            errors.append(f"Atom {atom + 1} velocity is {x:g} {y:g} {z:g} {where}")
        errors.append(f"Atoms moving too fast; simulation has become unstable ({wrong.size} atoms on patch 0 pe 0).")
        raise UnstableError(errors)


def _in_one_line(error: Exception) -> str:
    return str(error).partition("  For more information")[0].replace("\n", " ")


def _barostat_force(barostat: Barostat) -> Any:
    pressure, temperature = barostat.pressure, barostat.temperature
    if barostat.shape == "isotropic":
        return openmm.MonteCarloBarostat(pressure, temperature, BAROSTAT_INTERVAL)
    if barostat.shape == "xy":
        membrane = openmm.MonteCarloMembraneBarostat
        return membrane(pressure, 0.0, temperature, membrane.XYIsotropic, membrane.ZFree, BAROSTAT_INTERVAL)
    along = (False, False, True) if barostat.shape == "z" else (True, True, True)
    vector = openmm.Vec3(pressure, pressure, pressure)
    return openmm.MonteCarloAnisotropicBarostat(vector, temperature, *along, BAROSTAT_INTERVAL)
