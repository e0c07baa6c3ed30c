"""What a planned job will take: disk, memory, time and service units, against what there is and what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from namdrunner.errors import InputError
from namdrunner.namd.forecast import (
    BillingRates,
    Hardware,
    Measurement,
    SpeedForecast,
    forecast_memory,
    forecast_speed,
    service_units,
    steps_within,
    walltime_s,
)
from namdrunner.services.job_request import JobPlan
from namdrunner.slurm.geometry import Geometry, choose_partition, choose_recipe, geometry
from namdrunner.slurm.profile import ClusterProfile
from namdrunner.slurm.resources import Resources, format_walltime
from namdrunner.store.job_views import MeasuredRun

LONG_BETWEEN_RESTARTS_S = 3600.0
FEWEST_RESTARTS = 4
"""A run cut off by its walltime loses up to one part in so many without an advice."""


@dataclass(frozen=True)
class Space:
    """A root on the cluster: the filesystem it is on (its device or export) and the bytes free there."""

    root: str
    filesystem: str
    free_bytes: int


def measurement(run: MeasuredRun, profile: ClusterProfile) -> Measurement:
    """A past run as a measurement; its memory is that of all its processes."""
    hardware = hardware_of(run.cluster, run.resources, run.recipe, profile)
    layout = _layout(run.resources, run.recipe, profile)
    memory = run.memory_bytes * (layout.tasks if layout else 1) if run.memory_bytes else None
    return Measurement(hardware, run.atoms, run.timestep_fs, run.ns_per_day, memory, run.id)


def hardware_of(cluster: str, resources: Resources, recipe: str, profile: ClusterProfile) -> Hardware:
    """What a request comes to; as it was written where the profile no longer has its partition or recipe."""
    gpus = resources.gpus
    layout = _layout(resources, recipe, profile)
    if layout is None:
        kind = (gpus.type or "any") if gpus else None
        return Hardware(cluster, resources.partition or "", resources.cores, kind, gpus.count if gpus else 0)
    partition = choose_partition(resources, profile)
    name = partition.name if partition else resources.partition or ""
    kind = (layout.gpu_type or "any") if gpus else None
    return Hardware(cluster, name, layout.cores, kind, layout.nodes * layout.gpus_per_node)


def _layout(resources: Resources, recipe: str, profile: ClusterProfile) -> Geometry | None:
    try:
        partition = choose_partition(resources, profile)
        return geometry(resources, partition, choose_recipe(profile, partition, recipe or None))
    except InputError:
        return None


def forecast(
    plan: JobPlan, profile: ClusterProfile, runs: Sequence[MeasuredRun], spaces: Sequence[Space] = ()
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The forecast of a plan and what it makes worth saying. Speed, time and memory are None without a comparable run.

    ``spaces``: of the project and then the scratch root, or nothing where the cluster was not asked.
    """
    record, summary = plan.record, plan.summary
    hardware = hardware_of(record.cluster, record.resources, record.recipe, profile)
    known = [measurement(run, profile) for run in runs]
    speed = forecast_speed(hardware, summary.get("atoms") or 0, record.run.timestep_fs, known)
    simulated_ns = summary.get("simulated_ns") or 0.0
    document: dict[str, Any] = {
        "output_bytes": summary.get("output_bytes"),
        "free": [{"root": s.root, "bytes": s.free_bytes} for s in spaces],
        "ns_per_day": speed.ns_per_day if speed else None,
        "ns_per_day_low": speed.low if speed else None,
        "ns_per_day_high": speed.high if speed else None,
        "extrapolated": speed.extrapolated if speed else False,
        "basis": speed.explanation if speed else "",
        "basis_jobs": [m.job_id for m in speed.basis] if speed else [],
        "run_time_s": walltime_s(simulated_ns, speed.ns_per_day, margin=1.0) if speed and simulated_ns else None,
        "walltime_s": walltime_s(simulated_ns, speed.ns_per_day) if speed and simulated_ns else None,
    }
    memory, memory_basis = _memory(plan, profile, hardware, known)
    document |= {"memory_bytes": memory, "memory_basis": memory_basis}
    layout = _layout(record.resources, record.recipe, profile)
    document |= costs(hardware, record.resources, layout.nodes if layout else 1, profile, document["run_time_s"])
    staged = choose_recipe(profile, None, record.recipe or None).staging == "scratch"
    findings = _space_findings(summary.get("output_bytes"), spaces if staged else spaces[:1])
    findings += _memory_findings(memory, record.resources.memory_bytes, memory_basis)
    if speed is not None and simulated_ns:
        findings += _time_findings(plan, document, speed)
    return document, findings


def _memory(
    plan: JobPlan, profile: ClusterProfile, hardware: Hardware, known: Sequence[Measurement]
) -> tuple[int | None, str]:
    """Bytes per node to expect, and what that rests on."""
    total = forecast_memory(hardware, plan.summary.get("atoms") or 0, known)
    if total is None:
        return None, ""
    layout = _layout(plan.record.resources, plan.record.recipe, profile)
    jobs = sum(m.memory_bytes is not None for m in known)
    basis = f"From the nearest of {jobs} earlier runs" if jobs > 1 else "From one earlier run"
    return -(-total // (layout.nodes if layout else 1)), f"{basis} on {hardware.cluster}, as NAMD counted it."


def _memory_findings(expected: int | None, asked: int | None, basis: str) -> list[dict[str, Any]]:
    if expected is None or asked is None or asked >= expected:
        return []
    return [
        _finding(
            "memory-short",
            "warning",
            f"{_gb(asked)} of memory per node are asked for, and the run is expected to need {_gb(expected)}. {basis}",
            f"Ask for {_gb(expected * 1.25)}.",
            "memory_bytes",
        )
    ]


def costs(
    hardware: Hardware, resources: Resources, nodes: int, profile: ClusterProfile, run_time_s: float | None
) -> dict[str, Any]:
    """Service units: as the run is expected to take, at most (the whole walltime), and the rates they come from.

    None where the rates or the time are not known.
    """
    partition = next((p for p in profile.partitions if p.name == hardware.partition), None)
    stated = (partition.billing if partition else None) or profile.billing
    if stated is None:
        return {"service_units": None, "service_units_most": None, "service_units_basis": ""}
    kind = hardware.gpu_type or ""
    rates = BillingRates(stated.core, stated.gpu_types.get(kind, stated.gpu), stated.memory_gb, stated.largest_only)
    memory_gb = (resources.memory_bytes or 0) / 2**30 * nodes

    def cost(seconds: float | None) -> float | None:
        return None if seconds is None else service_units(hardware, memory_gb, seconds / 3600, rates)

    return {
        "service_units": cost(run_time_s),
        "service_units_most": cost(resources.walltime_s),
        "service_units_basis": _rates_in_words(hardware, memory_gb, rates),
    }


def _rates_in_words(hardware: Hardware, memory_gb: float, rates: BillingRates) -> str:
    parts = [
        f"{count:g} {what} at {rate:g}"
        for count, what, rate in (
            (hardware.cores, "cores", rates.core),
            (hardware.gpus, "GPUs", rates.gpu),
            (memory_gb, "GB", rates.memory_gb),
        )
        if count and rate
    ]
    how = ", the dearest counts" if rates.largest_only and len(parts) > 1 else ""
    where = f" on {hardware.partition}" if hardware.partition else ""
    return f"{', '.join(parts)} per hour{where}{how}." if parts else f"Nothing is charged{where}."


def _space_findings(output_bytes: int | None, spaces: Sequence[Space]) -> list[dict[str, Any]]:
    """Outputs are written on scratch and copied to the project folder before they are removed there."""
    found = []
    for filesystem in dict.fromkeys(space.filesystem for space in spaces):
        here = [space for space in spaces if space.filesystem == filesystem]
        needed = (output_bytes or 0) * len({space.root for space in here})
        free = here[0].free_bytes
        if needed > free:
            roots = " and ".join(dict.fromkeys(space.root for space in here))
            found.append(
                _finding(
                    "space-short",
                    "warning",
                    f"The run will write about {_gb(needed)} below {roots}, where {_gb(free)} are free.",
                    "Free some space, write trajectories less often (DCDfreq), or choose other roots for the cluster.",
                )
            )
    return found


def _time_findings(plan: JobPlan, document: dict[str, Any], speed: SpeedForecast) -> list[dict[str, Any]]:
    run, asked = plan.record.run, plan.record.resources.walltime_s
    found = []
    needed, comfortable = document["run_time_s"], document["walltime_s"]
    about = f"about {format_walltime(round(needed))} at {speed.ns_per_day:.3g} ns/day"
    if asked is not None and asked < needed:
        steps = steps_within(asked, speed.ns_per_day, run.timestep_fs)
        found.append(
            _finding(
                "walltime-too-short",
                "warning",
                f"The walltime {format_walltime(asked)} is shorter than the run takes, {about}: it would end near step "
                f"{run.first_step + steps}. {speed.explanation}",
                f"Ask for {format_walltime(_rounded(comfortable))}, or make the run shorter and continue it.",
                "walltime_s",
            )
        )
    elif asked is not None and asked < comfortable:
        found.append(
            _finding(
                "walltime-tight",
                "advice",
                f"The walltime {format_walltime(asked)} leaves little room: the run takes {about}. {speed.explanation}",
                f"Ask for {format_walltime(_rounded(comfortable))} to be safe.",
                "walltime_s",
            )
        )
    return found + _restart_findings(plan, speed, needed if asked is None else min(asked, needed))


def _restart_findings(plan: JobPlan, speed: SpeedForecast, time_s: float) -> list[dict[str, Any]]:
    """Restart files so far apart that a run that is cut off loses much."""
    steps, run = plan.summary.get("restart_steps"), plan.record.run
    if not steps:
        return []
    per_step_s = run.timestep_fs / 1e6 / speed.ns_per_day * 86400.0
    between_s = steps * per_step_s
    longest_s = min(LONG_BETWEEN_RESTARTS_S, max(time_s / FEWEST_RESTARTS, 600.0))
    if between_s <= longest_s:
        return []
    better = max(int(longest_s / 2 / per_step_s) // 100 * 100, 100)
    return [
        _finding(
            "restarts-far-apart",
            "advice",
            f"Restart files come every {format_walltime(round(between_s))} at {speed.ns_per_day:.3g} ns/day; a run "
            "that is cut off loses up to that much.",
            f"Set restartFreq to about {better} steps.",
            "restartfreq",
        )
    ]


def _rounded(seconds: float) -> int:
    """Up to whole quarters of an hour, as people ask for time."""
    return -(-int(seconds) // 900) * 900


def _gb(value: float) -> str:
    return f"{value / 1e9:.3g} GB"


def _finding(code: str, severity: str, message: str, remedy: str, keyword: str | None = None) -> dict[str, Any]:
    return {
        "code": code,
        "severity": severity,
        "message": message,
        "remedy": remedy,
        "keyword": keyword,
        "file": None,
        "line": None,
        "about": "forecast",
    }
