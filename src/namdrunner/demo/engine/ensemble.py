"""Thermostat and barostat from the settings as they are now; they may change between runs."""

from __future__ import annotations

from namdrunner.demo.engine.dynamics import Barostat, Ensemble
from namdrunner.demo.engine.settings import Settings


def current_ensemble(settings: Settings) -> Ensemble:
    """What the next run integrates."""
    thermostat = settings.switch("langevin")
    return Ensemble(
        timestep=settings.number("timestep", 1.0),
        temperature=settings.number("langevinTemp") if thermostat else None,
        damping=settings.number("langevinDamping", 0.0) if thermostat else 0.0,
        barostat=_barostat(settings),
        zero_momentum=settings.switch("zeroMomentum"),
    )


def _barostat(settings: Settings) -> Barostat | None:
    if not settings.switch("LangevinPiston"):
        return None
    shape = "isotropic"
    if settings.switch("useFlexibleCell"):
        shape = "free"
        if settings.switch("useConstantRatio"):
            shape = "xy"
        if settings.switch("useConstantArea"):
            shape = "z"
    return Barostat(settings.number("LangevinPistonTarget"), settings.number("LangevinPistonTemp"), shape)
