"""When what is due: the next step at which a run has to stop for output or a change of velocities."""

from __future__ import annotations

from namdrunner.demo.engine.settings import Settings

LONGEST_STRETCH = 500
"""Steps after which the state is looked at even when nothing is due."""
FREQUENCIES = ("DCDfreq", "velDCDfreq", "XSTfreq", "restartfreq", "reassignFreq", "rescaleFreq", "outputPressure")


def energy_interval(settings: Settings) -> int:
    """Steps between ENERGY lines."""
    return max(settings.integer("outputEnergies", 1), 1)


def timing_interval(settings: Settings) -> int:
    """Steps between TIMING lines; 0 for never."""
    return settings.integer("outputTiming", 10 * energy_interval(settings))


def is_due(step: int, interval: int) -> bool:
    """Whether something with this interval happens at this step."""
    return interval > 0 and step % interval == 0


def next_stop(step: int, target: int, settings: Settings, *, shortest: int = 1) -> int:
    """The first step after `step` with something due, at most `target`; `shortest` thins dense output out."""
    intervals = [settings.integer(name, 0) for name in FREQUENCIES]
    intervals += [energy_interval(settings), timing_interval(settings)]
    stops = [step + LONGEST_STRETCH, target]
    for interval in intervals:
        if interval > 0:
            coarse = interval * max(1, -(-shortest // interval))
            stops.append(step - step % coarse + coarse)
    return min(stops)
