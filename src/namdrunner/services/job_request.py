"""What a person asks for when creating a job, and the plan that is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from namdrunner.errors import UsageError
from namdrunner.jobs.record import JobRecord
from namdrunner.slurm.policies import with_qos
from namdrunner.slurm.profile import ClusterProfile
from namdrunner.slurm.resources import Resources, parse_gpus, parse_memory, parse_walltime

if TYPE_CHECKING:
    from namdrunner.namd.continuation import Start


class ResourceRequest(BaseModel):
    """Resources as people write them (``memory`` 16GB, ``walltime`` 04:00:00, ``gpus`` a100:1)."""

    model_config = ConfigDict(extra="forbid")

    partition: str | None = None
    qos: str | None = None
    account: str | None = None
    cores: int | None = Field(default=None, ge=1)
    nodes: int | None = Field(default=None, ge=1)
    gpus: str | None = None
    memory: str | None = None
    walltime: str | None = None
    recipe: str | None = None


class JobRequest(BaseModel):
    """Exactly one of ``template`` and ``config`` (a path on this machine) is given.

    ``files`` maps a template's file variables to paths on this machine. ``force`` creates the job although checks
    found errors: the person can always override. ``clean_stop``: NAMD can be stopped before the walltime without
    losing work; None: for templates. ``max_segments``: the job goes on by itself on the cluster until it is done, in at
    most so many jobs, which together may cost at most ``max_su`` service units.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    cluster: str
    template: str | None = None
    values: dict[str, Any] = Field(default_factory=dict)
    files: dict[str, list[str]] = Field(default_factory=dict)
    config: str | None = None
    resources: ResourceRequest = ResourceRequest()
    preset: str | None = None
    submit: bool = False
    force: bool = False
    parent: str | None = None
    clean_stop: bool | None = None
    max_segments: int | None = Field(default=None, ge=1, le=999)
    max_su: float | None = Field(default=None, gt=0)


@dataclass(frozen=True)
class PlannedFile:
    """An input to upload: ``name`` below ``input_files/``; ``text`` is sent in place of the source where it is set."""

    source: Path
    name: str
    role: str
    bytes: int
    sha256: str
    text: str | None = None


@dataclass(frozen=True)
class JobPlan:
    """All there is to know of a job before anything is sent."""

    record: JobRecord
    config: str
    script: str
    files: tuple[PlannedFile, ...]
    findings: tuple[dict[str, Any], ...] = ()
    summary: dict[str, Any] = field(default_factory=dict)
    on_cluster: tuple[str, ...] = ()
    """Absolute paths the config reads that have to exist on the cluster."""
    forecast: dict[str, Any] = field(default_factory=dict)
    start: Start | None = None
    """What the marked config starts from, where it can be stopped."""
    chain: dict[str, bytes] = field(default_factory=dict)
    """Files of the chain's folder, by path below the job's."""

    @property
    def errors(self) -> list[dict[str, Any]]:
        return [f for f in self.findings if f.get("severity") == "error"]


def resolve_resources(request: JobRequest, profile: ClusterProfile) -> Resources:
    """The preset's resources with the request's own on top, and a QoS where the site wants one.

    Raises UsageError (``preset-unknown``), InputError.
    """
    base = Resources()
    if request.preset is not None:
        preset = next((p for p in profile.presets if p.name == request.preset), None)
        if preset is None:
            names = ", ".join(p.name for p in profile.presets) or "none"
            raise UsageError(
                f"The cluster has no preset '{request.preset}'.",
                code="preset-unknown",
                remedy=f"Its presets: {names}.",
            )
        base = preset.resources
    given = request.resources
    changes: dict[str, Any] = {
        "partition": given.partition,
        "qos": given.qos,
        "account": given.account or (profile.default_account or None if base.account is None else None),
        "cores": given.cores,
        "nodes": given.nodes,
        "gpus": parse_gpus(given.gpus) if given.gpus else None,
        "memory_bytes": parse_memory(given.memory) if given.memory else None,
        "walltime_s": parse_walltime(given.walltime) if given.walltime else None,
    }
    given_ones = {key: value for key, value in changes.items() if value is not None}
    return with_qos(base.model_copy(update=given_ones), profile)
