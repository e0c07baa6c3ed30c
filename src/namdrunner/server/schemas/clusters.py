"""Documents about clusters."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from namdrunner.server.schemas.base import Answer, Body, JsonObject
from namdrunner.slurm.profile import Partition, Preset, Qos


class ClusterDocument(Answer):
    name: str
    host: str
    port: int | None = None
    user: str | None = None
    identity_file: str | None = None
    profile: str = ""
    project_root: str | None = None
    scratch_root: str | None = None
    state: Literal["disconnected", "connecting", "connected", "expired"] = "disconnected"
    since: str | None = None
    reason: str = ""
    profile_checked: str = ""
    partitions: list[Partition] = Field(default_factory=list)
    qos: list[Qos] = Field(default_factory=list)
    presets: list[Preset] = Field(default_factory=list)
    purge_days: int | None = None
    drift: list[JsonObject] = Field(default_factory=list)
    """Facts of the profile that the cluster contradicted when it was last looked at."""


class ClusterList(Answer):
    clusters: list[ClusterDocument]


class ClusterAdd(Body):
    """What is left out comes from ``~/.ssh/config`` or from the profile."""

    name: str
    host: str
    port: int | None = Field(default=None, ge=1, le=65535)
    user: str | None = None
    identity_file: str | None = None
    profile: str | None = None
    project_root: str | None = None
    scratch_root: str | None = None


class ClusterChanges(Body):
    """Only the fields that are given are changed; ``null`` goes back to the default."""

    host: str | None = None
    port: int | None = Field(default=None, ge=1, le=65535)
    user: str | None = None
    identity_file: str | None = None
    profile: str | None = None
    project_root: str | None = None
    scratch_root: str | None = None


class ClusterRemoved(Answer):
    """``jobs_forgotten``: how many local records of its jobs went with it."""

    removed: str
    jobs_forgotten: int = 0


class HostKeyForgotten(Answer):
    """``removed``: lines taken out of NAMDRunner's own list; none where a file of the person's names the key."""

    cluster: str
    removed: int


class ClusterNamd(Answer):
    """``looked``: the cluster was connected, and its modules and the binary were looked for."""

    recipe: str
    namd_version: str
    gpu: bool
    looked: bool
    findings: list[JsonObject]


class ProfileSummary(Answer):
    """A cluster profile; ``own``: the person's, not one that comes with NAMDRunner."""

    name: str
    description: str = ""
    checked: str = ""
    sources: list[str] = Field(default_factory=list)
    own: bool = False
    problem: str = ""


class ProfileList(Answer):
    profiles: list[ProfileSummary]
