"""Clusters as they are remembered, without a connection."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from namdrunner.errors import InputError
from namdrunner.paths import Folders
from namdrunner.remote.values import CommandResult
from namdrunner.services.application import Application
from namdrunner.services.clusters import ClusterInput
from namdrunner.services.job_request import JobRequest


@pytest.fixture
async def application(tmp_path: Path) -> AsyncIterator[Application]:
    application = await Application.open(Folders.below(tmp_path / "home").ensure())
    yield application
    await application.close()


@pytest.mark.parametrize("damage", ["gone", "broken"])
async def test_a_lost_profile_does_not_hide_the_other_clusters(
    application: Application, tmp_path: Path, damage: str
) -> None:
    """Listing the clusters failed as a whole, so that nothing could be mended."""
    profile = tmp_path / "mine.toml"
    profile.write_text('version = 1\nname = "mine"\n')
    clusters = application.clusters
    clusters.add(ClusterInput("alpine", "login.example", profile="alpine"))
    clusters.add(ClusterInput("mine", "login.example", profile=str(profile)))
    if damage == "gone":
        profile.unlink()
    else:
        profile.write_text("broken = [")
    listed = {c["name"]: c for c in clusters.list()}
    assert listed["alpine"]["partitions"]
    assert str(profile) in listed["mine"]["reason"]
    assert clusters.pace("mine").polling_floor_s > 0
    clusters.edit("mine", {"profile": "generic"})
    assert clusters.get("mine")["reason"] == ""


@pytest.mark.parametrize("root", ["/a/../b", "$HOME/..", "relative", "/a;b", "/a\nb"])
async def test_roots_that_cannot_be_folders_are_refused_at_once(application: Application, root: str) -> None:
    with pytest.raises(InputError) as caught:
        application.clusters.add(ClusterInput("c", "login.example", project_root=root))
    assert caught.value.code == "root-invalid"


class Shell:
    """A session that answers what the roots' variables are."""

    async def run(self, command: str, *, stdin: bytes, **_: object) -> CommandResult:
        words = stdin.decode().replace("id -un", "echo me")
        ran = await asyncio.to_thread(subprocess.run, ["bash"], input=words.encode(), capture_output=True, check=True)
        return CommandResult(command, 0, ran.stdout, ran.stderr, 0.0)


async def test_changed_folders_are_asked_for_before_a_job_is_made(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an edit on a connected cluster jobs were put into a folder called /project_root."""
    clusters = application.clusters
    clusters.add(ClusterInput("alpine", "login.example", profile="alpine", project_root="/p", scratch_root="/s"))
    monkeypatch.setattr(clusters, "session", lambda name: Shell())
    monkeypatch.setattr(clusters._connections, "session", lambda name: Shell())
    assert await clusters.find_roots("alpine") == ("/p", "/s")
    clusters.edit("alpine", {"project_root": "/elsewhere/$USER"})
    assert clusters.roots("alpine") is None
    assert await clusters.find_roots("alpine") == ("/elsewhere/me", "/s")
    seen: list[str] = []

    async def find_roots(name: str) -> tuple[str, str]:
        seen.append(name)
        raise InputError("stop here")

    monkeypatch.setattr(clusters, "find_roots", find_roots)
    with pytest.raises(InputError):
        await application.jobs.start_create(JobRequest(name="a", cluster="alpine", template="x"))
    assert seen == ["alpine"]


async def test_a_host_key_is_forgotten_in_the_own_list_only(application: Application, tmp_path: Path) -> None:
    clusters = application.clusters
    clusters.add(ClusterInput("alpine", "login.example", port=2222, profile="alpine"))
    own = Folders.below(tmp_path / "home").known_hosts
    own.parent.mkdir(parents=True, exist_ok=True)
    other = "other.example ssh-ed25519 AAAA\n"
    own.write_text("[login.example]:2222 ssh-ed25519 AAAA\n" + other)
    assert await clusters.forget_host_key("alpine") == {"cluster": "alpine", "removed": 1}
    assert own.read_text() == other
    assert (await clusters.forget_host_key("alpine"))["removed"] == 0
