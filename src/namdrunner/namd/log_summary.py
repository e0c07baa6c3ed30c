"""The result of reading a NAMD log: what it says about versions, progress, speed, restarts and its end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from namdrunner.namd.failures import Diagnosis
from namdrunner.namd.log_state import RunState, Speed


@dataclass(frozen=True)
class LogProgress:
    """How far a run is: None means not known, which is not zero."""

    step: int | None
    target_step: int | None
    ns_per_day: float | None
    eta_s: float | None

    @property
    def fraction(self) -> float | None:
        if self.step is None or not self.target_step:
            return None
        return min(self.step / self.target_step, 1.0)


@dataclass(frozen=True)
class LogSummary:
    """A log as a whole; a log of several runs one behind the other is described by its last run."""

    run: RunState
    runs: int
    first_step: int | None
    last_step: int | None
    energy_rows: int
    bad_rows: int
    columns: tuple[str, ...]
    last_energies: Mapping[str, float]
    diagnosis: tuple[Diagnosis, ...]

    @property
    def finished(self) -> bool:
        return self.run.finished

    @property
    def speed(self) -> Speed | None:
        """The newest measurement: TIMING, else PERFORMANCE, else Benchmark; dynamics before minimisation."""
        known = [s for s in (self.run.timing, self.run.performance, self.run.benchmark) if s is not None]
        return next((s for s in known if s.ns_per_day is not None), known[0] if known else None)

    def progress(self, target_step: int | None = None) -> LogProgress:
        """Progress towards ``target_step`` if the plan of the whole run is known, else the present stage's end."""
        target = target_step if target_step is not None else self.run.target_step
        steps = [step for step in (self.last_step, self.run.step) if step is not None]
        step = max(steps) if steps else None
        speed = self.speed
        eta = None
        if step is not None and target is not None and speed is not None and not self.finished:
            eta = max(target - step, 0) * speed.s_per_step
        return LogProgress(step, target, speed.ns_per_day if speed else None, eta)

    def document(self) -> dict[str, Any]:
        """The JSON document of ``log show``."""
        run, speed = self.run, self.speed
        return {
            "namd_version": run.namd_version,
            "platform": run.platform,
            "processors": run.processors,
            "host": run.host,
            "gpus": list(run.gpus),
            "gpu_resident": run.gpu_resident,
            "atoms": run.atoms,
            "timestep_fs": run.timestep_fs,
            "first_step": self.first_step,
            "last_step": self.last_step,
            "energy_rows": self.energy_rows,
            "bad_rows": self.bad_rows,
            "columns": list(self.columns),
            "target_step": run.target_step,
            "finished": self.finished,
            "ended": run.ended,
            "errors": run.errors,
            "runs": self.runs,
            "wall_clock_s": run.wall_clock_s,
            "ns_per_day": speed.ns_per_day if speed else None,
            "s_per_step": speed.s_per_step if speed else None,
            "eta_s": self.progress().eta_s,
            "memory_mb": run.memory_mb or run.timing_memory_mb,
            "stages": [{"kind": s.kind, "steps": s.steps, "start": s.start} for s in run.stages if s.kind != "set"],
            # JSON has no word for what is not finite.
            "last_energies": {k: v if math.isfinite(v) else None for k, v in self.last_energies.items()},
            "restarts": [{"step": r.step, "complete": r.complete} for r in run.restarts],
            "diagnosis": [entry.document() for entry in self.diagnosis],
        }
