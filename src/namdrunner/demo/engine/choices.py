"""From keyword values to the options of the model: NAMD's rules between keywords, in its words."""

from __future__ import annotations

import numpy as np

from namdrunner.demo.engine.cell import Cell
from namdrunner.demo.engine.ewald import SPACING_LIMIT, ewald_coefficient, grid_size
from namdrunner.demo.engine.exclusions import Policy
from namdrunner.demo.engine.fatal import FatalError, unsupported
from namdrunner.demo.engine.model import Nonbonded, Pme, RigidBonds
from namdrunner.demo.engine.settings import Settings


def exclusion_policy(settings: Settings) -> Policy:
    """The keyword `exclude`."""
    word = settings.required("exclude").lower()
    try:
        return Policy(word)
    except ValueError:
        given = settings.required("exclude")
        raise FatalError(f"Illegal value '{given}' for 'exclude' in configuration file") from None


def rigid_bonds(settings: Settings) -> RigidBonds:
    """The keyword `rigidBonds`; `on` and `off` are words NAMD takes too."""
    word = (settings.text("rigidBonds") or "none").lower()
    word = {"on": "all", "off": "none"}.get(word, word)
    try:
        return RigidBonds(word)
    except ValueError:
        raise FatalError(f"Illegal value '{word}' for 'rigidBonds' in configuration file") from None


def one_four_scaling(settings: Settings) -> float:
    """`1-4scaling` or its new name; both together are an error."""
    if "1-4scaling" in settings and "oneFourScaling" in settings:
        raise FatalError('Options "1-4scaling" and "oneFourScaling" cannot be used together.')
    return settings.number("oneFourScaling" if "oneFourScaling" in settings else "1-4scaling", 1.0)


def nonbonded(settings: Settings, cell: Cell | None) -> Nonbonded:
    """Cutoffs, switching and PME."""
    cutoff = settings.number("cutoff")
    switching = settings.switch("switching")
    switchdist = settings.number("switchdist", cutoff)
    if switching and not 0 <= switchdist <= cutoff:
        raise FatalError(f"switchDist muct be between 0 and cutoff, which is {cutoff:f}")
    if settings.number("pairlistdist", cutoff) < cutoff:
        raise FatalError("pairlistDist must be >= cutoff distance")
    if cell is not None and 2 * cutoff > cell.shortest_width:
        raise unsupported(
            f"A cutoff of {cutoff:g} A in a periodic cell only {cell.shortest_width:.4g} A wide (more than half)"
        )
    tail = settings.switch("LJcorrection")
    if tail and cell is None:
        raise FatalError("LJ tail corrections require periodic boundary conditions.")
    return Nonbonded(
        cutoff=cutoff,
        switching=switching,
        switchdist=switchdist,
        force_switching=switching and settings.switch("vdwForceSwitching"),
        dielectric=settings.number("dielectric", 1.0),
        one_four_scaling=one_four_scaling(settings) if exclusion_policy(settings) is Policy.SCALED_ONE_FOUR else 1.0,
        pme=pme(settings, cell, cutoff) if settings.switch("PME") else None,
        tail_correction=tail,
    )


def pme(settings: Settings, cell: Cell | None, cutoff: float) -> Pme:
    """NAMD's Ewald coefficient and grid."""
    if cell is None:
        raise FatalError("PME requires periodic boundary conditions.")
    order = settings.integer("PMEInterpOrder", 4)
    if order not in (4, 6, 8, 10):
        raise FatalError("unsupported PMEInterpOrder")
    spacing = settings.number("PMEGridSpacing", 0.0)
    sizes = []
    for axis, vector in zip("XYZ", cell.vectors, strict=True):
        name, length = f"PMEGridSize{axis}", float(np.linalg.norm(vector))
        size = settings.integer(name, 0)
        if not size:
            if spacing <= 0:
                raise FatalError(
                    "Either PMEGridSpacing or PMEGridSizeX, PMEGridSizeY, and PMEGridSizeZ must be defined."
                )
            size = grid_size(length, spacing)
        limit = spacing if spacing > 0 else SPACING_LIMIT
        if size * limit < length - 1e-6:
            raise FatalError(f"{name} {size} is too small for cell length {length:f} and PMEGridSpacing {limit:f}")
        if size < 6:
            raise FatalError(f"{name} (number of grid points) is very small.")
        sizes.append(size)
    coefficient = ewald_coefficient(settings.number("PMETolerance", 1e-6), cutoff)
    return Pme(coefficient, (sizes[0], sizes[1], sizes[2]))


def check_frequencies(settings: Settings) -> None:
    """The divisibility rules between steps, cycles and outputs."""
    cycle = settings.integer("stepspercycle", 20)
    nonbonded_every = settings.integer("nonbondedFreq", 1)
    full_every = settings.integer("fullElectFrequency", nonbonded_every)
    if cycle % nonbonded_every:
        raise FatalError("stepsPerCycle must be a multiple of nonbondedFreq")
    if cycle % full_every:
        raise FatalError("stepsPerCycle must be a multiple of fullElectFrequency")
    if full_every % nonbonded_every:
        raise FatalError("fullElectFrequency must be a multiple of nonbondedFreq")
    energies = settings.integer("outputEnergies", 1)
    computed = settings.integer("computeEnergies", energies)
    if "computeEnergies" in settings and energies % computed:
        raise FatalError("outputEnergies must be a multiple of computeEnergies.")
    uses_full = settings.switch("PME")
    if uses_full and computed % full_every and full_every % computed:
        raise FatalError("Either computeEnergies must be a multiple of fullElectFrequency or vice versa.")
    if settings.integer("firsttimestep", 0) % cycle:
        raise FatalError("First timestep must be a multiple of stepsPerCycle!!")


def check_thermodynamics(settings: Settings, cell: Cell | None) -> None:
    """Start of the velocities, thermostat and barostat."""
    has_velocities = "velocities" in settings or "binvelocities" in settings
    if "temperature" in settings and has_velocities:
        raise FatalError("Cannot specify both an initial temperature and a velocity file")
    if "temperature" not in settings and not has_velocities:
        raise FatalError("Must have either an initial temperature or a velocity file")
    for name in ("useConstantRatio", "useConstantArea"):
        if settings.switch(name) and not settings.switch("useFlexibleCell"):
            raise FatalError(f"{name} requires useFlexibleCell.")
    if settings.switch("langevin") and "langevinDamping" not in settings:
        if "langevinHydrogen" in settings:
            raise FatalError("langevinHydrogen requires langevinDamping to be set.")
        raise FatalError("langevinDamping (or langevinFile) must be given for Langevin dynamics.")
    if settings.switch("LangevinPiston"):
        check_barostat(settings, cell)


def check_barostat(settings: Settings, cell: Cell | None) -> None:
    """What the Monte Carlo barostat that stands in for the Langevin piston cannot do."""
    if settings.switch("useFlexibleCell") and cell is not None and not cell.orthorhombic:
        raise unsupported("useFlexibleCell with a cell that is not orthorhombic")
    if settings.switch("eFieldOn"):
        # The barostat moves molecules to other images, where their energy in the field differs.
        raise unsupported("An electric field together with pressure control")
