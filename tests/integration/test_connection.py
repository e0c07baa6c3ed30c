"""Connecting to a real OpenSSH server: keys, host keys, states, commands."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from tests.faults.sshd import QUICK, OpenSshServer, Person, client, free_port, running

from namdrunner.errors import (
    AuthenticationError,
    ClusterError,
    CommandError,
    CommandTimeoutError,
    ConnectionFailedError,
    HostKeyError,
    NotConnectedError,
)
from namdrunner.remote.values import ConnectionState, PromptKind


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSshServer]:
    with running(tmp_path_factory.mktemp("sshd")) as server:
        yield server


async def test_the_first_contact_shows_the_fingerprint_and_the_second_asks_nothing(
    sshd: OpenSshServer, tmp_path: Path
) -> None:
    spec = sshd.spec(known_hosts=tmp_path / "known_hosts")
    async with client() as first:
        status = await first.manager.connect(spec)
        assert (status.state, status.user, status.port) == (ConnectionState.CONNECTED, sshd.user, sshd.port)
        (question,) = first.person.prompts
        assert question.kind is PromptKind.HOST_KEY
        assert question.details["fingerprint"] == sshd.fingerprint
        assert question.details["algorithm"] == "ssh-ed25519"
    assert [c.state.value for c in first.changes] == ["connecting", "connected", "disconnected"]
    async with client() as second:
        await second.manager.connect(spec)
        assert second.person.prompts == []


async def test_a_host_key_that_is_not_accepted_is_not_kept(sshd: OpenSshServer, tmp_path: Path) -> None:
    async with client(Person(trusts=False)) as c:
        with pytest.raises(HostKeyError) as caught:
            await c.manager.connect(sshd.spec(known_hosts=tmp_path / "known_hosts"))
    assert caught.value.code == "host-key-refused"
    assert not (tmp_path / "known_hosts").exists()
    assert c.changes[-1].state is ConnectionState.DISCONNECTED


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
async def test_a_changed_host_key_blocks_and_says_how_to_resolve_it(tmp_path: Path, kind: str) -> None:
    with running(tmp_path / "sshd") as server:
        async with client() as c:
            await c.manager.connect(server.spec())
        server.stop()
        server.rotate_host_key(kind)
        server.start()
        async with client() as c:
            with pytest.raises(HostKeyError) as caught:
                await c.manager.connect(server.spec())
            assert c.person.prompts == []
    error = caught.value
    assert error.code == "host-key-changed"
    assert server.fingerprint in error.message
    assert "ssh-keygen -R" in error.remedy
    assert str(tmp_path / "sshd" / "known_hosts") in error.remedy
    assert not error.retryable


async def test_the_users_own_known_hosts_is_read_and_never_written(sshd: OpenSshServer, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    key = (sshd.folder / "host.pub").read_text().split()
    theirs.write_text(f"not a valid line\n[127.0.0.1]:{sshd.port} {key[0]} {key[1]}\n")
    before = theirs.read_bytes()
    config = tmp_path / "config"
    config.write_text(f"UserKnownHostsFile {theirs}\nGlobalKnownHostsFile /dev/null\n")
    async with client() as c:
        await c.manager.connect(sshd.spec(ssh_config=config, known_hosts=tmp_path / "ours"))
        assert c.person.prompts == []
    assert theirs.read_bytes() == before
    assert not (tmp_path / "ours").exists()


async def test_a_key_that_is_not_authorized_ends_in_one_error(sshd: OpenSshServer, tmp_path: Path) -> None:
    other = OpenSshServer(tmp_path / "other", port=sshd.port)
    async with client() as c:
        with pytest.raises(AuthenticationError) as caught:
            await c.manager.connect(sshd.spec(identity_file=other.key_file))
    assert caught.value.code == "no-login-method"
    assert "publickey" in caught.value.remedy
    assert caught.value.exit_status == 3


async def test_every_way_a_host_can_be_out_of_reach_has_its_own_code(sshd: OpenSshServer) -> None:
    async with client() as c:
        with pytest.raises(ConnectionFailedError) as refused:
            await c.manager.connect(sshd.spec(port=free_port()))
        with pytest.raises(ConnectionFailedError) as unknown:
            await c.manager.connect(sshd.spec(host="no-such-host.invalid"))
        with pytest.raises(NotConnectedError) as absent:
            c.manager.session("testing")
    assert refused.value.code == "connection-refused"
    assert unknown.value.code == "unknown-host"
    assert absent.value.code == "not-connected"
    assert all(e.value.remedy for e in (refused, unknown, absent))


async def test_a_server_that_never_answers_is_given_up_in_time(
    sshd: OpenSshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("namdrunner.remote.login.HANDSHAKE_TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with client() as c:
            with pytest.raises(ConnectionFailedError) as caught:
                await c.manager.connect(sshd.spec(port=silent.getsockname()[1]))
    assert caught.value.code == "connection-timeout"


async def test_commands_bring_output_status_and_errors(sshd: OpenSshServer) -> None:
    async with client(limits=QUICK) as c:
        await c.manager.connect(sshd.spec())
        session = c.manager.session("testing")
        result = await session.run("cat; echo done >&2; exit 3", stdin=b"hello\0\xff")
        assert (result.stdout, result.stderr, result.exit_status) == (b"hello\0\xff", b"done\n", 3)
        with pytest.raises(CommandError) as caught:
            await session.run("echo 'no such partition' >&2; exit 1", check=True, label="sbatch job.sbatch")
        assert "no such partition" in caught.value.message
        assert caught.value.context["exit_status"] == 1
        assert [e.what for e in c.commands][-1] == "sbatch job.sbatch"
        assert c.commands[-1].exit_status == 1


async def test_a_command_that_hangs_is_killed_and_the_connection_stays(sshd: OpenSshServer) -> None:
    async with client(limits=QUICK) as c:
        await c.manager.connect(sshd.spec())
        session = c.manager.session("testing")
        started = time.monotonic()
        with pytest.raises(CommandTimeoutError):
            await session.run("exec sleep 987", timeout_s=0.3)
        assert time.monotonic() - started < 3
        assert (await session.run("echo on")).text == "on\n"
        await asyncio.sleep(0.2)
        if os.getuid() != 0:  # OpenSSH passes signals on only where it separates privileges: not for root's logins
            assert not [p for p in sshd.sessions() if "987" in p.cmdline()]
        assert c.commands[0].error == "command-timeout"


async def test_output_is_bounded(sshd: OpenSshServer) -> None:
    async with client(limits=QUICK) as c:
        await c.manager.connect(sshd.spec())
        session = c.manager.session("testing")
        with pytest.raises(ClusterError) as caught:
            await session.run("exec cat /dev/zero", max_output_bytes=1_000_000, timeout_s=20)
        assert caught.value.code == "output-too-long"
        assert (await session.run("echo on")).text == "on\n"


async def test_a_listing_has_sizes_times_and_odd_names(sshd: OpenSshServer, tmp_path: Path) -> None:
    root = tmp_path / "job 'x'\n"
    (root / "sub").mkdir(parents=True)
    (root / "-dash").write_bytes(b"12345")
    (root / "new\nline \"q\" 'q' $(x) ü").write_bytes(b"1")
    (root / "sub" / "link").symlink_to("/etc/passwd")
    async with client(limits=QUICK) as c:
        await c.manager.connect(sshd.spec())
        session = c.manager.session("testing")
        entries = {e.path: e for e in await session.list_tree(PurePosixPath(root))}
        assert set(entries) == {"sub", "-dash", "new\nline \"q\" 'q' $(x) ü", "sub/link"}
        assert (entries["-dash"].kind, entries["-dash"].bytes) == ("file", 5)
        assert entries["sub"].kind == "folder"
        assert entries["sub/link"].kind == "link"
        assert abs(entries["-dash"].modified_at - (root / "-dash").stat().st_mtime) < 1e-3
        assert await session.list_tree(PurePosixPath(tmp_path / "absent")) == []
        with pytest.raises(ClusterError) as caught:
            await session.list_tree(PurePosixPath(root), max_entries=3)
        assert caught.value.code == "too-many-files"
        assert len(c.commands) == 3  # one round trip each


async def test_a_lost_connection_comes_back_by_itself_when_nobody_has_to_be_asked(sshd: OpenSshServer) -> None:
    async with client(limits=QUICK) as c:
        await c.manager.connect(sshd.spec())
        session = c.manager.session("testing")
        assert sshd.kill_sessions() > 0
        for _ in range(100):
            if c.changes[-1].state is not ConnectionState.CONNECTED:
                break
            await asyncio.sleep(0.02)
        assert c.changes[-1].state is ConnectionState.CONNECTING
        assert "lost" in c.changes[-1].reason
        assert (await session.run("echo back", idempotent=True)).text == "back\n"
        assert c.changes[-1].state is ConnectionState.CONNECTED


async def test_a_connection_lost_in_the_moment_of_its_login_is_not_taken_for_open(
    sshd: OpenSshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from namdrunner.remote import link

    opened = link.open_hop

    async def lost_at_once(*arguments: Any, **more: Any) -> Any:
        connection = await opened(*arguments, **more)
        connection.abort()
        await connection.wait_closed()
        return connection

    async with client(limits=QUICK) as c:
        monkeypatch.setattr(link, "open_hop", lost_at_once)
        with pytest.raises(ConnectionFailedError) as caught:
            await c.manager.connect(sshd.spec())
        assert caught.value.code == "connection-lost"
        assert c.changes[-1].state is ConnectionState.DISCONNECTED
        monkeypatch.setattr(link, "open_hop", opened)
        await c.manager.connect(sshd.spec())
        assert (await c.manager.session("testing").run("echo on")).text == "on\n"


async def test_a_dead_server_makes_the_connection_expire_with_a_reason(tmp_path: Path) -> None:
    with running(tmp_path / "sshd") as server:
        async with client(limits=QUICK) as c:
            await c.manager.connect(server.spec())
            c.manager._links["testing"].reconnect_delays_s = (0.05, 0.05)
            server.stop()
            for _ in range(200):
                if c.changes[-1].state is ConnectionState.EXPIRED:
                    break
                await asyncio.sleep(0.02)
            assert c.changes[-1].state is ConnectionState.EXPIRED
            assert c.changes[-1].reason
            with pytest.raises(NotConnectedError) as caught:
                c.manager.session("testing")
            assert caught.value.code == "connection-expired"


async def test_callers_at_the_same_time_share_one_login(sshd: OpenSshServer) -> None:
    async with client() as c:
        spec = sshd.spec()
        await asyncio.gather(*(c.manager.connect(spec) for _ in range(5)))
        assert [s.state.value for s in c.changes] == ["connecting", "connected"]


async def test_a_cluster_can_be_disconnected_and_connected_again(sshd: OpenSshServer) -> None:
    async with client() as c:
        await c.manager.connect(sshd.spec())
        await c.manager.disconnect("testing")
        assert [s.state for s in c.manager.statuses()] == [ConnectionState.DISCONNECTED]
        with pytest.raises(NotConnectedError):
            c.manager.session("testing")
        await c.manager.connect(sshd.spec())
        assert c.manager.session("testing").cluster == "testing"
