"""A job's whole life over a jump host with two factors: command line and API, and the person is asked once."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.desk import Desk
from tests.integration.environments import real_cluster
from tests.integration.sample import write_config
from tests.integration.second_factor import Gate, missing_reason, two_factor_gate
from tests.integration.slurm_cluster import SlurmCluster

from namdrunner.client import Client, result_of
from namdrunner.client.presence import ServerFile, read_server_file

pytestmark = pytest.mark.slurm


@pytest.fixture
def gate(slurm_cluster: SlurmCluster, tmp_path: Path) -> Iterator[Gate]:
    if reason := missing_reason():
        pytest.skip(reason)
    with two_factor_gate(tmp_path / "gate", slurm_cluster.user) as made:
        yield made


@pytest.fixture
def desk(gate: Gate, slurm_cluster: SlurmCluster, tmp_path: Path) -> Iterator[Desk]:
    """Whose ``~/.ssh/config`` knows the way; at the cluster itself a key lets in."""
    pytest.importorskip("openmm")
    cluster = dataclasses.replace(real_cluster(slurm_cluster), host="login.cluster")
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "config").write_text(
        f"Host login.cluster\n HostName 127.0.0.1\n ProxyJump gate\n"
        f"Host gate\n HostName 127.0.0.1\n Port {gate.server.port}\n User {cluster.user}\n"
    )
    made = Desk(home, cluster)
    try:
        made.add("--identity", str(cluster.key_file))
        yield made
    finally:
        made.close()
        real_cluster(slurm_cluster).clear()


def server_of(desk: Desk) -> ServerFile:
    server = read_server_file(desk.home / "namdrunner" / "state" / "server.json")
    assert server is not None
    return server


def answer_all(client: Client, cluster: str, *answers: str) -> list[str]:
    """Connect over the API; the questions that were asked, answered in order."""
    waiting, asked = list(answers), []
    task = client.clusters.connect(cluster)
    while task["state"] == "running":
        for prompt in client.prompts.list():
            asked += [field["text"] for field in prompt["fields"]]
            client.prompts.answer(prompt["id"], [waiting.pop(0) for _ in prompt["fields"]])
        task = client.tasks.get(task["id"], wait_s=0.2)
    result_of(task)
    return asked


def wait_for_state(desk: Desk, state: str) -> None:
    end = time.monotonic() + 60
    while (found := desk.ask("cluster", "show", desk.name)["state"]) != state:
        assert time.monotonic() < end, found
        time.sleep(0.2)


def finished(client: Client, task: Any) -> Any:
    while task["state"] == "running":
        task = client.tasks.get(task["id"], wait_s=5)
    return result_of(task)


def test_one_login_with_two_factors_over_a_jump_host_serves_everything(
    desk: Desk, gate: Gate, slurm_cluster: SlurmCluster, tmp_path: Path
) -> None:
    password, used = slurm_cluster.password, []

    def code() -> str:
        used.append(gate.code())
        return used[-1]

    keys = ("--accept-host-key", gate.server.fingerprint, "--accept-host-key", desk.cluster.host_key_fingerprint)
    words = ["cluster", "connect", desk.name, "--password-stdin", *keys]
    assert desk.ask(*words, stdin=f"{password}\n{code()}\n")["state"] == "connected"

    by_command = desk.create("By command", write_config(tmp_path / "a", steps=20), "--submit")
    with Client(server_of(desk)) as client:
        assert client.clusters.get(desk.name)["state"] == "connected"
        assert desk.watch(by_command)["status"] == "COMPLETED"
        home = tmp_path / "results"
        files = finished(client, client.jobs.download(by_command, to=home))["files"]
        for entry in files:
            assert hashlib.sha256(Path(entry["path"]).read_bytes()).hexdigest() == entry["sha256"]
        assert gate.logins() == (1, 0)

        # The way is cut. The second factor is the person's to give again: nothing is tried by itself.
        again = desk.create("Cut off", write_config(tmp_path / "b", steps=20), "--submit")
        assert gate.server.kill_sessions() > 0
        wait_for_state(desk, "expired")
        assert desk.refused("cluster", "test", desk.name, status=3)["code"] == "connection-expired"
        assert gate.logins() == (1, 0)
        assert len(answer_all(client, desk.name, password, code())) == 2
        assert gate.logins() == (2, 0)
        told = json.dumps([client.activity(), client.tasks.list(), client.status(), client.limits()])
    assert not [secret for secret in (password, *used) if f'"{secret}"' in told]
    assert desk.watch(again)["status"] == "COMPLETED"
    assert gate.logins() == (2, 0)

    for path in desk.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert password.encode() not in content, path
            assert not [c for c in used if f'"{c}"'.encode() in content], path
