"""What has been learned from a NAMD log so far, as plain values that survive a restart of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

MAX_RESTARTS = 1000
MAX_NOTABLE = 300
_KEPT_PER_KIND = 3


@dataclass
class Stage:
    """One ``run`` or ``minimize``: it goes from ``start`` for ``steps`` steps."""

    kind: str
    steps: int
    start: int

    @property
    def target(self) -> int:
        return self.start + self.steps


@dataclass
class Speed:
    """A measured speed; ``ns_per_day`` is None where time has no meaning (minimisation)."""

    step: int | None
    s_per_step: float
    ns_per_day: float | None


@dataclass
class Restart:
    """One set of restart files: which of its parts NAMD said it had written."""

    step: int
    cell: bool = False
    coordinates: bool = False
    velocities: bool = False

    @property
    def complete(self) -> bool:
        return self.coordinates and self.velocities


@dataclass
class Notable:
    """A line that is not routine, with its number in the file."""

    line: int
    text: str


@dataclass
class RunState:
    """One start of NAMD; a log to which a second run was appended has two."""

    namd_version: str | None = None
    platform: str | None = None
    processors: int | None = None
    nodes: int | None = None
    physical_nodes: int | None = None
    host: str | None = None
    user: str | None = None
    gpus: list[str] = field(default_factory=list)
    gpu_resident: bool = False
    config_file: str | None = None
    working_directory: str | None = None
    startup_s: float | None = None
    timestep_fs: float | None = None
    first_timestep: int = 0
    numsteps: int | None = None
    steps_per_cycle: int | None = None
    atoms: int | None = None
    total_charge: float | None = None
    total_mass: float | None = None
    density: float | None = None
    extra_bonds: int | None = None
    structure: dict[str, int] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    """Effective parameters as NAMD lists them, by its own names."""
    cell: list[list[float]] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    stages_seen: int = 0
    step: int | None = None
    """The last step any line spoke of."""
    timing: Speed | None = None
    timing_memory_mb: float | None = None
    hours_remaining: float | None = None
    benchmark: Speed | None = None
    performance: Speed | None = None
    restarts: list[Restart] = field(default_factory=list)
    restarts_dropped: int = 0
    outputs: dict[str, int] = field(default_factory=dict)
    """Last step at which final COORDINATES, VELOCITIES or EXTENDED SYSTEM were written."""
    trajectories: list[str] = field(default_factory=list)
    bad_contacts: int | None = None
    fep_windows: int = 0
    reinitialised: int = 0
    wall_clock_s: float | None = None
    cpu_s: float | None = None
    memory_mb: float | None = None
    ended: bool = False
    errors: int = 0
    """Lines that begin with ERROR: or FATAL ERROR:, margin violations not counted."""
    fatal: str | None = None
    margin_violations: int = 0
    overflowed: bool = False
    """An energy was not finite or did not fit into its column."""
    warnings: int = 0

    @property
    def stage(self) -> Stage | None:
        return self.stages[-1] if self.stages else None

    @property
    def target_step(self) -> int | None:
        """Where the present stage ends, as far as the log tells."""
        if self.stage is not None:
            return self.stage.target
        return self.numsteps or None

    @property
    def finished(self) -> bool:
        """The last stage ran to its end, final velocities were written, NAMD ended without an error."""
        target = self.target_step
        written = self.outputs.get("VELOCITIES")
        reached = written is not None and (target is None or written >= target)
        return reached and self.ended and self.errors == 0

    def begin_stage(self, kind: str, steps: int) -> None:
        previous = self.stage
        start = previous.target if previous is not None else self.first_timestep
        self.stages.append(Stage(kind, steps, start))
        del self.stages[:-50]
        self.stages_seen += 1

    def set_first_timestep(self, step: int) -> None:
        """A script moved the clock: the next stage starts there."""
        self.first_timestep = step
        if self.stage is not None:
            self.stages.append(Stage("set", 0, step))

    def restart_at(self, step: int) -> Restart:
        if self.restarts and self.restarts[-1].step == step and not self.restarts[-1].complete:
            return self.restarts[-1]
        self.restarts.append(Restart(step))
        if len(self.restarts) > MAX_RESTARTS:
            del self.restarts[0]
            self.restarts_dropped += 1
        return self.restarts[-1]


class NotableLines:
    """Lines that are not routine: the first few of each kind and the last, at most some hundreds."""

    def __init__(self) -> None:
        self.first: list[Notable] = []
        self.last: dict[str, Notable] = {}
        self.counts: dict[str, int] = {}

    def add(self, line: int, text: str) -> None:
        kind = "".join("#" if c.isdigit() else c for c in text[:48])
        seen = self.counts.get(kind, 0)
        if seen == 0 and len(self.counts) >= MAX_NOTABLE:
            self.last["..."] = Notable(line, text[:500])
            return
        self.counts[kind] = seen + 1
        if seen < _KEPT_PER_KIND:
            self.first.append(Notable(line, text[:500]))
        else:
            self.last[kind] = Notable(line, text[:500])

    def lines(self) -> list[Notable]:
        """In the order of the file."""
        return sorted([*self.first, *self.last.values()], key=lambda entry: entry.line)

    def state(self) -> dict[str, Any]:
        return {
            "first": [[n.line, n.text] for n in self.first],
            "last": {kind: [n.line, n.text] for kind, n in self.last.items()},
            "counts": self.counts,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> NotableLines:
        lines = cls()
        lines.first = [Notable(int(number), str(text)) for number, text in state["first"]]
        lines.last = {k: Notable(int(number), str(text)) for k, (number, text) in state["last"].items()}
        lines.counts = {str(k): int(v) for k, v in state["counts"].items()}
        return lines


def run_document(run: RunState) -> dict[str, Any]:
    """The run as a JSON document."""
    return asdict(run)


def run_from_document(document: Mapping[str, Any]) -> RunState:
    """The run from its JSON document; raises TypeError when it is none."""
    values = dict(document)
    values["stages"] = [Stage(**stage) for stage in values.get("stages", [])]
    values["restarts"] = [Restart(**restart) for restart in values.get("restarts", [])]
    for name in ("timing", "benchmark", "performance"):
        if values.get(name) is not None:
            values[name] = Speed(**values[name])
    return RunState(**values)
