"""SSH servers for what a loopback sshd cannot be had for: passwords, second factors, hostility."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from namdrunner.remote.values import ConnectionSpec


@dataclass
class Rules:
    """What a stand-in accepts. ``rounds``: keyboard-interactive rounds of (name, instructions, prompts, answers)."""

    password: str | None = None
    rounds: Sequence[tuple[str, str, Sequence[tuple[str, bool]], Sequence[str]]] = ()
    banner: str = ""
    password_expired: bool = False
    attempts: list[str] = field(default_factory=list)
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)


class StandIn(asyncssh.SSHServer):
    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._round = 0
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._rules.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        if self._rules.banner and self._connection is not None:
            self._connection.send_auth_banner(self._rules.banner)
        return True

    def password_auth_supported(self) -> bool:
        return self._rules.password is not None

    def validate_password(self, username: str, password: str) -> bool:
        self._rules.attempts.append("password")
        if self._rules.password_expired:
            raise asyncssh.PasswordChangeRequired("Your password has expired")
        return password == self._rules.password

    def kbdint_auth_supported(self) -> bool:
        return bool(self._rules.rounds)

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> object:
        self._rules.attempts.append("keyboard-interactive")
        self._round = 0
        return self._challenge()

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> object:
        if list(responses) != list(self._rules.rounds[self._round][3]):
            return False
        self._round += 1
        return True if self._round == len(self._rules.rounds) else self._challenge()

    def _challenge(self) -> tuple[str, str, str, list[tuple[str, bool]]]:
        name, instructions, prompts, _ = self._rules.rounds[self._round]
        return name, instructions, "en", list(prompts)


@dataclass
class Running:
    port: int
    key: asyncssh.SSHKey
    folder: Path

    def spec(self, **changes: object) -> ConnectionSpec:
        config = self.folder / "ssh_config"
        config.write_text("UserKnownHostsFile /dev/null\nGlobalKnownHostsFile /dev/null\nIdentityFile /nonexistent\n")
        values: dict[str, object] = {
            "cluster": "testing",
            "host": "127.0.0.1",
            "port": self.port,
            "user": "ada",
            "known_hosts": self.folder / "known_hosts",
            "ssh_config": config,
            "use_agent": False,
        }
        return ConnectionSpec(**(values | changes))  # type: ignore[arg-type]


async def _answer(process: asyncssh.SSHServerProcess[str]) -> None:
    process.stdout.write(f"{process.command}\n")
    process.exit(0)


@contextlib.asynccontextmanager
async def stand_in(folder: Path, rules: Rules) -> AsyncIterator[Running]:
    """A server that accepts what ``rules`` say and answers commands with their own text."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    acceptor = await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[key], server_factory=lambda: StandIn(rules), process_factory=_answer
    )
    try:
        yield Running(acceptor.get_port(), key, folder)
    finally:
        acceptor.close()
        await acceptor.wait_closed()


Answer = Callable[[asyncssh.SSHServerProcess[bytes]], Awaitable[None]]


async def run_here(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """What an honest server does with a command."""
    with contextlib.suppress(OSError, asyncssh.Error):  # who asked may not want the answer any more
        words = await process.stdin.read()
        run = functools.partial(subprocess.run, process.command or "", shell=True, input=words, capture_output=True)
        ran = await asyncio.to_thread(run)  # a thread is waited for at the end of the loop, a process is not
        process.stdout.write(ran.stdout)
        process.stderr.write(ran.stderr)
        process.exit(ran.returncode)


@contextlib.asynccontextmanager
async def dishonest(
    folder: Path, answer: Answer = run_here, sftp: Callable[..., asyncssh.SFTPServer] = asyncssh.SFTPServer
) -> AsyncIterator[Running]:
    """A server that logs everybody in by password ``x`` and then does what it likes."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    acceptor = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[key],
        server_factory=lambda: StandIn(Rules(password="x")),
        process_factory=answer,
        sftp_factory=sftp,
        encoding=None,
    )
    try:
        yield Running(acceptor.get_port(), key, folder)
    finally:
        acceptor.close()
        await acceptor.wait_closed()


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


@contextlib.asynccontextmanager
async def hostile(folder: Path, say: Sequence[bytes], *, endless: bool = False) -> AsyncIterator[Running]:
    """A TCP server that says what it likes, once or for ever."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    tasks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
        with contextlib.suppress(ConnectionError):
            for words in say:
                writer.write(words)
                await writer.drain()
            while endless:
                writer.write(say[-1])
                await writer.drain()
            await reader.read()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield Running(server.sockets[0].getsockname()[1], key, folder)
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
