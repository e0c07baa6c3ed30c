"""Documents about continuing jobs."""

from __future__ import annotations

from pydantic import Field

from namdrunner.server.schemas.base import Answer, JsonObject
from namdrunner.server.schemas.jobs import Energies
from namdrunner.slurm.resources import Resources


class CheckpointFile(Answer):
    name: str
    bytes: int


class CheckpointProblem(Answer):
    code: str
    message: str


class Checkpoint(Answer):
    """A restart set. ``kind``: ``final``, ``restart``, ``previous``, ``saved`` or ``backup``."""

    step: int | None
    time_ns: float | None = None
    kind: str
    valid: bool
    chosen: bool
    values_checked: bool = False
    bytes: int
    modified_at: str | None = None
    volume_a3: float | None = None
    atoms: int | None = None
    files: list[CheckpointFile]
    problems: list[CheckpointProblem] = Field(default_factory=list)


class Cadence(Answer):
    interval_steps: int
    interval_s: float
    advice: str = ""


class Checkpoints(Answer):
    """``chosen``: the step to continue from, and why; ``offers``: what else can be done where there is none."""

    job: str
    chosen: int | None
    reason: str
    target_step: int | None = None
    checkpoints: list[Checkpoint]
    cadence: Cadence | None = None
    offers: list[str] = Field(default_factory=list)


class Suggestion(Answer):
    """``field`` of the resources, '' for advice in words."""

    field: str
    value: int | str | None = None
    why: str


class ContinuationPlan(Answer):
    """What continuing would make. ``checkpoint``: the step it starts from; ``diff``: of the config and its overlay."""

    id: str
    name: str
    parent: str
    kind: str
    segment: int
    checkpoint: int
    target_step: int | None = None
    steps: int | None = None
    simulated_ns: float | None = None
    reason: str
    diff: str
    config: str
    script: str
    resources: Resources
    findings: list[JsonObject]
    suggestions: list[Suggestion]
    bytes_linked: int


class LineageJob(Answer):
    id: str
    name: str
    status: str
    parent: str | None = None
    children: list[str] = Field(default_factory=list)
    kind: str | None = None
    segment: int = 1
    from_step: int | None = None
    reason: str = ""
    first_step: int
    last_step: int | None = None
    target_step: int | None = None
    wall_s: float | None = None
    queue_s: float | None = None
    core_hours: float | None = None


class LineageTotals(Answer):
    jobs: int
    steps: int
    simulated_ns: float
    wall_s: float
    queue_s: float
    core_hours: float
    service_units: float | None = None


class Lineage(Answer):
    """``line``: the ids from the first job through this one to its newest continuation; ``totals`` are of it."""

    job: str
    root: str
    missing_parent: str | None = None
    line: list[str]
    jobs: list[LineageJob]
    totals: LineageTotals


class ChainEvent(Answer):
    at: str
    job: str
    says: str


class Chain(Answer):
    """A job that continues itself: ``number`` of this job in it, ``until`` which step."""

    base: str
    number: int
    max_segments: int
    until: int
    stopped: bool
    events: list[ChainEvent]


class Segment(Answer):
    job: str
    first_step: int


class ChainEnergies(Energies):
    segments: list[Segment] = Field(default_factory=list)
