"""Discovery without a cluster: what bad answers become, lines kept and taken over, drift noticed once a day."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from namdrunner.errors import InputError, NotFoundError
from namdrunner.paths import Folders
from namdrunner.remote.values import CommandResult
from namdrunner.services.application import Application
from namdrunner.services.clusters import ClusterInput
from namdrunner.services.discovery_read import candidates, read_facts, read_probes
from namdrunner.services.discovery_script import build_facts_script, build_probe_script, compute_launcher
from namdrunner.slurm.profile import ClusterProfile, Partition
from namdrunner.slurm.profiles import load_profile

NONCE = "ab" * 16


def run(script: str, tools: Path, **programs: str) -> bytes:
    """The script with these commands, and no others of Slurm, on the PATH."""
    tools.mkdir(exist_ok=True)
    for name, text in programs.items():
        (tools / name).write_text(f"#!/bin/bash\n{text}\n")
        (tools / name).chmod(0o755)
    home = tools.parent / "home"
    home.mkdir(exist_ok=True)
    environment = {"PATH": f"{tools}:/usr/bin:/bin", "HOME": str(home), "USER": "ada"}
    return subprocess.run(["bash", "-s"], input=script.encode(), capture_output=True, env=environment).stdout


def facts_script(profile: ClusterProfile | None = None) -> str:
    return build_facts_script(profile or ClusterProfile(), NONCE, project_root="/", scratch_root="/")


def test_a_machine_without_slurm_is_described_in_words(tmp_path: Path) -> None:
    gone = dict.fromkeys(("sinfo", "scontrol", "sacctmgr", "sshare", "srun", "squeue"), "exit 127")
    facts = read_facts(run(facts_script(), tmp_path / "bin", **gone), NONCE)
    assert (facts.partitions, facts.qos, facts.accounts, facts.answered & {"partitions", "qos"}) == ((), (), (), set())
    assert any("partition" in note for note in facts.notes)
    assert facts.file_systems


def test_garbage_and_floods_are_survived(tmp_path: Path) -> None:
    tools = {
        "sinfo": "head -c 6000000 /dev/zero | tr '\\0' 'x'",
        "scontrol": "head -c 300000 /dev/urandom",
        "sacctmgr": "echo 'Name|Priority'; yes 'a|1' | head -n 900000",
        "sshare": "echo 'sshare: error: Permission denied' >&2; exit 1",
        "srun": "exit 1",
        "squeue": "exit 1",
    }
    reply = run(facts_script(), tmp_path / "bin", **tools)
    assert len(reply) < 16 * 1024 * 1024
    facts = read_facts(reply, NONCE)
    assert facts.partitions == ()
    assert any("cut off" in note for note in facts.notes)
    assert any("Permission denied" in note for note in facts.notes)


def test_nothing_that_is_read_is_run(tmp_path: Path) -> None:
    """Names with shell text in them, from Slurm and from the module system."""
    trap = tmp_path / "ran"
    evil = f"$(touch {trap})`touch {trap}`;touch {trap}"
    tools = {
        "scontrol": f"echo 'PartitionName={evil} State=UP'; echo 'PartitionName=ok State=UP Default=YES'",
        "sinfo": f"echo '{evil}|up|1:00|1:00|1|8|1:8:1|1000|(null)|idle'",
        "sacctmgr": f"echo 'Name|Account|QOS'; echo '{evil}|{evil}|{evil}'",
        "squeue": "true",
    }
    (tmp_path / "home").mkdir()
    profile = (
        f"module() {{ echo 'namd/{evil}'; echo 'namd/3.0'; }}; export LMOD_CMD=x; unset BASH_ENV; export -f module\n"
    )
    (tmp_path / "home" / ".profile").write_text(profile)
    facts = read_facts(run(facts_script(), tmp_path / "bin", **tools), NONCE)
    asked = candidates(facts, [])
    read_probes(run(build_probe_script(asked, NONCE), tmp_path / "bin", **tools), NONCE, asked)
    assert [p.name for p in facts.partitions] == ["ok"]
    assert [m.name for m in facts.modules] == ["namd/3.0"]
    assert not trap.exists()


def test_a_partial_reply_says_so() -> None:
    facts = read_facts(f"=={NONCE} version\nslurm 23.11.1\n".encode(), NONCE)
    assert facts.slurm_version == "23.11.1"
    assert any("cut off" in note for note in facts.notes)


def test_where_login_nodes_run_nothing_a_compute_node_is_asked_for() -> None:
    partitions = (Partition(name="cpu", cores_per_node=8, default=True, qos=("normal",)),)
    words = compute_launcher(ClusterProfile(partitions=partitions, default_account="lab"))
    assert words.startswith("srun --immediate=60")
    assert "--partition=cpu --qos=normal --account=lab" in words


class Answering:
    """A session whose cluster answers every command with one reply."""

    def __init__(self, body: str) -> None:
        self.body, self.commands = body, 0

    async def run(self, command: str, *, stdin: bytes = b"", **_: object) -> CommandResult:
        self.commands += 1
        nonce = stdin.decode().partition("\nN=")[2][:32]
        return CommandResult(command, 0, self.body.replace("NONCE", nonce).encode(), b"", 0.1)


@pytest.fixture
async def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Application]:
    application = await Application.open(Folders.below(tmp_path / "home").ensure())
    application.clusters.add(ClusterInput("hpc", "login.example", user="ada", profile="alpine"))
    yield application
    await application.close()


PARTITION = (
    "\n==NONCE partitions\nPartitionName=acpu State=UP Default=YES MaxTime=1:00:00 AllowQos=cpu-normal,cpu-long\n"
    "\n==NONCE status partitions 0\n\n==NONCE nodes\n5|acpu|64|64|2|32|1|251658|0|(null)|IDLE|(null)\n==NONCE end\n"
)


async def test_drift_is_looked_for_once_a_day_and_shown(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Answering(PARTITION)
    monkeypatch.setattr(application.clusters, "session", lambda name: session)
    discovery = application.discovery
    now = datetime(2026, 11, 23, tzinfo=UTC)
    monkeypatch.setattr(discovery, "_now", lambda: now)
    assert discovery.drift_due("hpc") is False, "the first connection only starts the clock"
    now += timedelta(hours=23)
    assert discovery.drift_due("hpc") is False
    now += timedelta(hours=2)
    assert discovery.drift_due("hpc") is True
    await discovery.notice_drift("hpc")
    assert session.commands == 1
    drift = {line["key"] for line in application.clusters.get("hpc")["drift"]}
    assert {"partitions.acpu.max_walltime_s", "partitions.aa100"} <= drift
    assert discovery.drift_due("hpc") is False


async def test_lines_are_kept_and_taken_over_without_a_connection(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Answering(PARTITION)

    async def roots(name: str) -> tuple[str, str]:
        return "/p", "/s"

    monkeypatch.setattr(application.clusters, "session", lambda name: session)
    monkeypatch.setattr(application.clusters, "find_roots", roots)
    discovery = application.discovery
    with pytest.raises(NotFoundError) as missing:
        discovery.last("hpc")
    assert missing.value.code == "not-discovered"
    await discovery.discover("hpc")
    assert session.commands == 2
    with pytest.raises(InputError) as unknown:
        discovery.apply("hpc", ["partitions.nosuch"])
    assert unknown.value.code == "difference-unknown"
    left = discovery.apply("hpc", ["partitions.acpu.max_walltime_s"])
    assert "partitions.acpu.max_walltime_s" not in {d["key"] for d in left["differences"]}
    assert application.clusters.profile("hpc").partitions[0].max_walltime_s == 3600
    assert load_profile("alpine").partitions[0].max_walltime_s == 604800
    assert discovery.last("hpc")["applied"] == ["partitions.acpu.max_walltime_s"]
