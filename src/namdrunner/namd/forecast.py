"""Speed, walltime, memory and cost of a run, from measurements of runs before it.

Nothing is guessed: without a comparable measurement the answer is None. Work per step is taken as proportional to
the number of atoms, which holds for NAMD with PME within about 15 per cent over a factor of ten in size; scaling
over cores or GPUs is taken with an exponent of 0.8, and said to be an extrapolation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_SCALING_EXPONENT = 0.8
_MOST_USED = 5
_WIDEST_ATOMS = 10.0
_WIDEST_RESOURCES = 4.0
_SAME_ATOMS = 1.05
_SECONDS_PER_DAY = 86400.0
_UNCERTAINTY_ATOMS = 0.15
_UNCERTAINTY_RESOURCES = 0.3


@dataclass(frozen=True)
class Hardware:
    """What a run has: ``gpu_type`` is None for a run on processors only."""

    cluster: str
    partition: str
    cores: int
    gpu_type: str | None = None
    gpus: int = 0

    @property
    def engines(self) -> int:
        """What does the work: GPUs if there are any, else cores."""
        return self.gpus if self.gpu_type else self.cores


@dataclass(frozen=True)
class Measurement:
    """How fast a run was, and if known how much memory it took."""

    hardware: Hardware
    atoms: int
    timestep_fs: float
    ns_per_day: float
    memory_bytes: int | None = None
    job_id: str = ""


@dataclass(frozen=True)
class SpeedForecast:
    """Expected speed with a plausible range, and what it rests on in words and measurements."""

    ns_per_day: float
    low: float
    high: float
    basis: tuple[Measurement, ...]
    extrapolated: bool
    explanation: str


def forecast_speed(
    hardware: Hardware, atoms: int, timestep_fs: float, measurements: Sequence[Measurement]
) -> SpeedForecast | None:
    """Expected speed on ``hardware``; None when nothing comparable was measured there."""
    if atoms <= 0 or timestep_fs <= 0 or hardware.engines <= 0:
        return None
    near = sorted(
        (m for m in measurements if _comparable(m, hardware, atoms)), key=lambda m: _distance(m, hardware, atoms)
    )
    if not near:
        return None
    best = _distance(near[0], hardware, atoms)
    used = [m for m in near if _distance(m, hardware, atoms) <= best + 0.1][:_MOST_USED]
    scaled = [_scaled(m, hardware, atoms, timestep_fs) for m in used]
    other_size = any(_ratio(m.atoms, atoms) > _SAME_ATOMS for m in used)
    other_engines = any(m.hardware.engines != hardware.engines for m in used)
    spread = 0.05 + _UNCERTAINTY_ATOMS * other_size + _UNCERTAINTY_RESOURCES * other_engines
    return SpeedForecast(
        ns_per_day=median(scaled),
        low=min(scaled) * (1 - spread),
        high=max(scaled) * (1 + spread),
        basis=tuple(used),
        extrapolated=other_size or other_engines,
        explanation=_explanation(used, hardware, other_size=other_size, other_engines=other_engines),
    )


def forecast_memory(hardware: Hardware, atoms: int, measurements: Sequence[Measurement]) -> int | None:
    """Bytes of memory to expect, from the nearest measured run, never less than it took; None without one."""
    if atoms <= 0 or hardware.engines <= 0:
        return None
    known = [m for m in measurements if m.memory_bytes and _comparable(m, hardware, atoms)]
    if not known:
        return None
    nearest = min(known, key=lambda m: _distance(m, hardware, atoms))
    assert nearest.memory_bytes is not None
    return math.ceil(nearest.memory_bytes * max(atoms / nearest.atoms, 1.0))


def walltime_s(simulated_ns: float, ns_per_day: float, *, overhead_s: float = 120.0, margin: float = 1.15) -> float:
    """Time to ask for: the simulation at that speed with a margin, and start-up and staging."""
    if ns_per_day <= 0:
        raise ValueError("the speed must be positive")
    return simulated_ns / ns_per_day * _SECONDS_PER_DAY * margin + overhead_s


def steps_within(
    time_s: float, ns_per_day: float, timestep_fs: float, *, multiple: int = 1, overhead_s: float = 120.0
) -> int:
    """Steps that fit into a walltime, rounded down to a multiple (of stepsPerCycle)."""
    if ns_per_day <= 0 or timestep_fs <= 0 or multiple < 1:
        raise ValueError("speed, timestep and multiple must be positive")
    nanoseconds = max(time_s - overhead_s, 0.0) / _SECONDS_PER_DAY * ns_per_day
    return int(nanoseconds * 1e6 / timestep_fs) // multiple * multiple


@dataclass(frozen=True)
class BillingRates:
    """Service units per hour for one core, one GPU and one GB of memory; as Slurm's TRESBillingWeights.

    ``largest_only``: only the dearest of the three counts (Slurm's MAX_TRES), else their sum.
    """

    core: float = 0.0
    gpu: float = 0.0
    memory_gb: float = 0.0
    largest_only: bool = False


def service_units(hardware: Hardware, memory_gb: float, hours: float, rates: BillingRates | None) -> float | None:
    """Cost of a run; None when the cluster's rates are not known."""
    if rates is None or hours < 0:
        return None
    parts = (hardware.cores * rates.core, hardware.gpus * rates.gpu, memory_gb * rates.memory_gb)
    return (max(parts) if rates.largest_only else sum(parts)) * hours


def _comparable(m: Measurement, hardware: Hardware, atoms: int) -> bool:
    same_place = (m.hardware.cluster, m.hardware.partition) == (hardware.cluster, hardware.partition)
    same_kind = m.hardware.gpu_type == hardware.gpu_type
    usable = m.atoms > 0 and m.ns_per_day > 0 and m.timestep_fs > 0 and m.hardware.engines > 0
    if not (same_place and same_kind and usable):
        return False
    return _ratio(m.atoms, atoms) <= _WIDEST_ATOMS and _ratio(m.hardware.engines, hardware.engines) <= _WIDEST_RESOURCES


def _ratio(a: float, b: float) -> float:
    return max(a / b, b / a)


def _distance(m: Measurement, hardware: Hardware, atoms: int) -> float:
    """Zero for the same system on the same hardware; another number of cores counts twice as much as of atoms."""
    engines = 2 * math.log(_ratio(m.hardware.engines, hardware.engines))
    beside = 0.2 * math.log(_ratio(max(m.hardware.cores, 1), max(hardware.cores, 1)))
    return engines + beside + math.log(_ratio(m.atoms, atoms))


def _scaled(m: Measurement, hardware: Hardware, atoms: int, timestep_fs: float) -> float:
    engines = math.pow(hardware.engines / m.hardware.engines, _SCALING_EXPONENT)
    return m.ns_per_day * (m.atoms / atoms) * (timestep_fs / m.timestep_fs) * engines


def _explanation(used: Sequence[Measurement], hardware: Hardware, *, other_size: bool, other_engines: bool) -> str:
    count = f"{len(used)} earlier runs" if len(used) > 1 else "one earlier run"
    text = f"From {count} on {hardware.cluster}, partition {hardware.partition}"
    notes = []
    if other_size:
        notes.append("of another number of atoms")
    if other_engines:
        notes.append("on another number of " + ("GPUs" if hardware.gpu_type else "cores"))
    return f"{text}, {' and '.join(notes)}." if notes else f"{text}."
