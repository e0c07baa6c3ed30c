"""Documents about discovery and the profiles of clusters."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from namdrunner.server.schemas.base import Answer, Body, JsonObject


class DiscoverRequest(Body):
    """``apply``: keys of lines to take over at once, ``["all"]`` for all; without it nothing is changed."""

    apply: list[str] | None = Field(default=None, max_length=5000)


class ApplyRequest(Body):
    keys: list[str] = Field(max_length=5000)


class DifferenceDocument(Answer):
    """One line in which cluster and profile differ; ``applicable``: it can be taken over."""

    key: str
    kind: Literal["added", "changed", "removed"]
    message: str
    profile: Any = None
    cluster: Any = None
    applicable: bool = True


class Discovery(Answer):
    """What a cluster says of itself; ``notes`` say in words what could not be found out."""

    cluster: str
    profile: str
    discovered_at: str
    slurm_version: str = ""
    module_system: str = ""
    partitions: list[JsonObject]
    gres: list[JsonObject]
    qos: list[JsonObject]
    accounts: list[JsonObject]
    reservations: list[JsonObject]
    file_systems: list[JsonObject]
    modules: list[JsonObject]
    namd: list[JsonObject]
    limits: JsonObject
    notes: list[str]
    differences: list[DifferenceDocument]
    applied: list[str] = Field(default_factory=list)


class ProfileText(Body):
    """``set`` changes single facts, by keys such as ``partitions.gpu.max_walltime_s``; else ``text`` is the whole."""

    text: str | None = Field(default=None, max_length=1024 * 1024)
    set: dict[str, str] | None = None


class ProfileImport(Body):
    text: str = Field(max_length=1024 * 1024)
    name: str | None = None
    replace: bool = False


class ProfileDocument(Answer):
    """A profile as values and as the TOML text to edit; ``own``: it belongs to this cluster or person."""

    name: str
    own: bool = False
    profile: JsonObject
    text: str
    checked: str = ""
    sources: list[str] = Field(default_factory=list)
    runs: list[str] = Field(default_factory=list)
    host: str = ""
    port: int | None = None


class ExportedProfile(Answer):
    name: str
    text: str


class NewName(Body):
    name: str


class SuggestRequest(Body):
    """A system and what is wanted of it."""

    atoms: int = Field(ge=1, le=1_000_000_000)
    simulated_ns: float | None = Field(default=None, gt=0, le=1e9)
    timestep_fs: float = Field(default=2.0, gt=0, le=100)
    partition: str | None = None
    gpus: bool | None = None


class Suggestion(Answer):
    """Resources with a reason for each, the cost, and the speed they rest on where one is known."""

    resources: JsonObject
    recipe: str
    reasons: list[JsonObject]
    findings: list[JsonObject]
    cost: JsonObject | None = None
    ns_per_day: float | None = None


class StartSignal(Answer):
    """One way to tell when a job would start; ``basis`` says what it rests on and how far to trust it."""

    name: Literal["idle", "test-only", "history"]
    known: bool
    message: str
    basis: str
    start_at: str | None = None
    wait_s: float | None = None


class ExpectedStart(Answer):
    cluster: str
    signals: list[StartSignal]
