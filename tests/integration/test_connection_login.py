"""Logging in by password, several rounds of questions, passphrase, agent and certificate."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest
from tests.faults.sshd import OpenSshServer, Person, client, running
from tests.faults.standin import Rules, hostile, stand_in

from namdrunner.errors import AuthenticationError, ConnectionFailedError
from namdrunner.remote.values import ConnectionState, PromptKind

SECRET = "Tr0ub4dor&3-never-in-a-log"
DUO = [
    ("", "", [("Password: ", False)], [SECRET]),
    (
        "Duo two-factor login",
        "\x1b[31mEnter a passcode or select one of the following options:\x1b[0m\n\n 1. Duo Push to XXX-XXX-1234\x07",
        [("Passcode or option (1-1): ", True)],
        ["1"],
    ),
    ("", "Success. Logging you in...", [], []),
]


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSshServer]:
    with running(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    caplog.set_level(logging.DEBUG)
    asyncssh.set_debug_level(2)
    yield caplog
    asyncssh.set_debug_level(1)


async def test_a_password_is_asked_for_once_and_reaches_no_log(
    tmp_path: Path, everything_logged: pytest.LogCaptureFixture
) -> None:
    async with stand_in(tmp_path, Rules(password=SECRET)) as server, client(Person([SECRET])) as c:
        status = await c.manager.connect(server.spec())
        assert status.state is ConnectionState.CONNECTED
        (asked,) = c.person.asked(PromptKind.PASSWORD)
        assert not asked.fields[0].echo
        assert (await c.manager.session("testing").run("hostname")).text == "hostname\n"
    assert SECRET not in everything_logged.text
    assert SECRET not in repr((c.changes, c.commands, c.person.prompts))


async def test_a_wrong_password_is_tried_once_and_never_again(
    tmp_path: Path, everything_logged: pytest.LogCaptureFixture
) -> None:
    rules = Rules(password="right", banner="Authorized use \x1b]0;evil\x07only")
    async with stand_in(tmp_path, rules) as server, client(Person([SECRET], [SECRET], [SECRET])) as c:
        with pytest.raises(AuthenticationError) as caught:
            await c.manager.connect(server.spec())
    assert rules.attempts == ["password"]
    assert len(c.person.asked(PromptKind.PASSWORD)) == 1
    error = caught.value
    assert (error.code, error.exit_status, error.retryable) == ("authentication-failed", 3, False)
    assert error.remedy
    assert SECRET not in everything_logged.text
    assert SECRET not in repr(error.document())
    assert c.person.prompts[-1].instructions == "Authorized use only"
    assert c.changes[-1].state is ConnectionState.DISCONNECTED


async def test_every_round_of_questions_is_shown_in_the_servers_words(tmp_path: Path) -> None:
    rules = Rules(rounds=DUO)
    async with stand_in(tmp_path, rules) as server, client(Person([SECRET], ["1"])) as c:
        await c.manager.connect(server.spec())
        first, second = c.person.asked(PromptKind.KEYBOARD_INTERACTIVE)
    assert [(f.text, f.echo) for f in first.fields] == [("Password:", False)]
    assert second.title == "Duo two-factor login"
    assert second.instructions.startswith("Enter a passcode or select one")
    assert second.instructions.endswith("Duo Push to XXX-XXX-1234")
    assert [(f.text, f.echo) for f in second.fields] == [("Passcode or option (1-1):", True)]


async def test_a_refused_second_factor_is_not_followed_by_a_password_prompt(tmp_path: Path) -> None:
    rules = Rules(password=SECRET, rounds=DUO)
    async with stand_in(tmp_path, rules) as server, client(Person([SECRET], ["wrong"], [SECRET])) as c:
        with pytest.raises(AuthenticationError) as caught:
            await c.manager.connect(server.spec())
    assert caught.value.code == "authentication-failed"
    assert rules.attempts == ["keyboard-interactive"]


async def test_a_declined_question_ends_the_login(tmp_path: Path) -> None:
    rules = Rules(password=SECRET, rounds=DUO)
    async with stand_in(tmp_path, rules) as server, client(Person(None, [SECRET])) as c:
        with pytest.raises(AuthenticationError) as caught:
            await c.manager.connect(server.spec())
    assert caught.value.code == "login-declined"
    assert rules.attempts == ["keyboard-interactive"]


async def test_an_expired_password_is_called_that(tmp_path: Path) -> None:
    rules = Rules(password=SECRET, password_expired=True)
    async with stand_in(tmp_path, rules) as server, client(Person([SECRET])) as c:
        with pytest.raises(AuthenticationError) as caught:
            await c.manager.connect(server.spec())
    assert caught.value.code == "password-expired"


async def test_a_login_that_spent_a_second_factor_is_not_repeated_by_itself(tmp_path: Path) -> None:
    rules = Rules(rounds=DUO)
    async with client(Person([SECRET], ["1"])) as c, stand_in(tmp_path, rules) as server:
        await c.manager.connect(server.spec())
        c.manager._links["testing"]._chain[-1].abort()
        c.manager._links["testing"]._lost("cut")
        assert c.changes[-1].state is ConnectionState.EXPIRED
        assert rules.attempts == ["keyboard-interactive"]


async def test_a_logout_by_the_server_is_told_in_its_words_and_waits_for_the_person(tmp_path: Path) -> None:
    rules = Rules(rounds=DUO)
    async with stand_in(tmp_path, rules) as server, client(Person([SECRET], ["1"])) as c:
        await c.manager.connect(server.spec())
        rules.connections[-1].disconnect(2, "Logged out\x1b[2J: idle for too long")
        async with asyncio.timeout(30):
            while c.changes[-1].state is ConnectionState.CONNECTED:  # noqa: ASYNC110 - as the server lets go
                await asyncio.sleep(0.01)
        assert c.changes[-1].state is ConnectionState.EXPIRED
        assert "idle for too long" in c.changes[-1].reason
        assert "\x1b" not in c.changes[-1].reason
        assert rules.attempts == ["keyboard-interactive"]


def locked_key(folder: Path, server: OpenSshServer, passphrase: str) -> Path:
    path = folder / "locked"
    asyncssh.read_private_key(str(server.key_file)).write_private_key(str(path), passphrase=passphrase)
    path.chmod(0o600)
    return path


async def test_a_passphrase_is_asked_for_only_when_the_server_takes_the_key(
    sshd: OpenSshServer, tmp_path: Path, everything_logged: pytest.LogCaptureFixture
) -> None:
    key = locked_key(tmp_path, sshd, SECRET)
    async with client(Person([SECRET])) as c:
        await c.manager.connect(sshd.spec(identity_file=key))
        (asked,) = c.person.asked(PromptKind.PASSPHRASE)
        assert asked.details["key"] == str(key)
    assert SECRET not in everything_logged.text
    stranger = OpenSshServer(tmp_path / "stranger", port=sshd.port)
    other = locked_key(tmp_path / "stranger", stranger, SECRET)
    async with client(Person([SECRET])) as c:
        with pytest.raises(AuthenticationError) as caught:
            await c.manager.connect(sshd.spec(identity_file=other))
        assert c.person.asked(PromptKind.PASSPHRASE) == []
    assert caught.value.code == "no-login-method"


async def test_a_wrong_passphrase_is_called_that(sshd: OpenSshServer, tmp_path: Path) -> None:
    key = locked_key(tmp_path, sshd, "right")
    async with client(Person(["wrong"], ["wrong again"])) as c:
        with pytest.raises(AuthenticationError) as caught:
            await c.manager.connect(sshd.spec(identity_file=key))
        assert len(c.person.asked(PromptKind.PASSPHRASE)) == 1
    assert caught.value.code == "passphrase-wrong"


@contextlib.contextmanager
def agent(folder: Path) -> Iterator[Path]:
    binary = shutil.which("ssh-agent")
    if binary is None:
        pytest.skip("ssh-agent is not installed")
    socket = folder / "agent"
    process = subprocess.Popen([binary, "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            assert process.poll() is None
        yield socket
    finally:
        process.terminate()
        process.wait()


async def test_the_agent_signs_for_keys_whose_files_are_elsewhere(sshd: OpenSshServer, tmp_path: Path) -> None:
    with agent(tmp_path) as socket:
        async with asyncssh.SSHAgentClient(str(socket)) as holder:
            await holder.add_keys([str(sshd.key_file)])
        config = tmp_path / "config"
        config.write_text(
            f"Host login\n HostName 127.0.0.1\n Port {sshd.port}\n User {sshd.user}\n IdentityAgent {socket}\n"
            "UserKnownHostsFile /dev/null\nGlobalKnownHostsFile /dev/null\nIdentityFile /nonexistent\n"
        )
        spec = sshd.spec(host="login", port=None, user=None, identity_file=None, ssh_config=config, use_agent=True)
        async with client() as c:
            status = await c.manager.connect(spec)
            assert (status.host, status.port, status.user) == ("127.0.0.1", sshd.port, sshd.user)


async def test_a_certificate_beside_the_key_is_offered(tmp_path: Path) -> None:
    authority = asyncssh.generate_private_key("ssh-ed25519")
    (tmp_path / "sshd").mkdir()
    authority.write_public_key(str(tmp_path / "sshd" / "ca.pub"))
    with running(tmp_path / "sshd", TrustedUserCAKeys=str(tmp_path / "sshd" / "ca.pub")) as server:
        key = asyncssh.generate_private_key("ssh-ed25519")
        path = tmp_path / "id"
        key.write_private_key(str(path))
        authority.generate_user_certificate(key, "test", principals=[server.user]).write_certificate(
            str(tmp_path / "id-cert.pub")
        )
        async with client() as c:
            await c.manager.connect(server.spec(identity_file=path))
            assert c.person.asked(PromptKind.PASSPHRASE) == []
        key.write_private_key(str(path), passphrase=SECRET)
        async with client(Person([SECRET])) as c:
            await c.manager.connect(server.spec(identity_file=path))
            assert len(c.person.asked(PromptKind.PASSPHRASE)) == 1


async def test_two_hops_are_logged_in_to_one_after_the_other(sshd: OpenSshServer, tmp_path: Path) -> None:
    with running(tmp_path / "jump") as jump:
        config = tmp_path / "config"
        config.write_text(
            f"Host inner\n HostName 127.0.0.1\n Port {sshd.port}\n User {sshd.user}\n ProxyJump gate\n"
            f" IdentityFile {sshd.key_file}\n"
            f"Host gate\n HostName 127.0.0.1\n Port {jump.port}\n User {jump.user}\n IdentityFile {jump.key_file}\n"
            "Host *\n UserKnownHostsFile /dev/null\n GlobalKnownHostsFile /dev/null\n IdentitiesOnly yes\n"
        )
        spec = sshd.spec(
            host="inner", port=None, user=None, identity_file=None, ssh_config=config, known_hosts=tmp_path / "known"
        )
        async with client() as c:
            await c.manager.connect(spec)
            hosts = [p.details["host"] for p in c.person.asked(PromptKind.HOST_KEY)]
            assert hosts == [f"127.0.0.1:{jump.port}", f"127.0.0.1:{sshd.port}"]
            assert (await c.manager.session("testing").run("echo $SSH_CONNECTION")).text.split()[3] == str(sshd.port)
        jump.stop()
        async with client() as c:
            with pytest.raises(ConnectionFailedError) as caught:
                await c.manager.connect(spec)
            assert str(jump.port) in caught.value.message


async def test_a_jump_host_with_a_second_factor_asks_its_own_questions(sshd: OpenSshServer, tmp_path: Path) -> None:
    rules = Rules(rounds=DUO)
    with running(tmp_path / "inner") as inner:
        async with stand_in(tmp_path, rules) as gate:
            config = tmp_path / "config"
            config.write_text(
                f"Host inner\n HostName 127.0.0.1\n Port {inner.port}\n ProxyJump ada@127.0.0.1:{gate.port}\n"
                "Host *\n UserKnownHostsFile /dev/null\n GlobalKnownHostsFile /dev/null\n IdentityFile /nonexistent\n"
            )
            async with client(Person([SECRET], ["1"])) as c:
                with pytest.raises(ConnectionFailedError) as caught:
                    await c.manager.connect(inner.spec(host="inner", port=None, ssh_config=config))
                asked = c.person.asked(PromptKind.KEYBOARD_INTERACTIVE)
    assert len(asked) == 2  # the gate let us in; this stand-in then forwards nothing
    assert caught.value.code == "jump-refused"


@pytest.mark.parametrize(
    ("say", "endless"),
    [
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], False),
        ([os.urandom(1 << 16)], True),
        ([b"x" * 1000 + b"\r\n"], True),
        ([b"SSH-2.0-evil\r\n", b"\xff" * 4096], True),
        ([b"SSH-2.0-evil\r\n", b"\x00\x00\x00\x0c\x0a" + b"\x14" * 11], False),
    ],
)
async def test_a_hostile_server_gets_a_clear_error_in_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, say: list[bytes], endless: bool
) -> None:
    import tracemalloc

    monkeypatch.setattr("namdrunner.remote.login.HANDSHAKE_TIMEOUT_S", 2.0)
    async with hostile(tmp_path, say, endless=endless) as server, client() as c:
        tracemalloc.start()
        with pytest.raises(ConnectionFailedError) as caught:
            await c.manager.connect(server.spec())
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert caught.value.code in {"not-ssh", "connection-closed", "connection-timeout", "protocol-broken"}
    assert caught.value.remedy
    assert peak < 20_000_000
    assert c.person.prompts == []
