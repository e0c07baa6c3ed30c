"""The demo cluster's SSH server: password or key, commands in real shells, SFTP kept below the cluster's root."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import asyncssh

from namdrunner.demo.cluster_folders import USER, ClusterFolders
from namdrunner.demo.slurm.processes import signal_group

_BLOCK = 1 << 16


@dataclass
class Door:
    """What the server needs to let somebody in and give them a shell. ``running`` are the shells' process ids."""

    folders: ClusterFolders
    password: str
    client_key: asyncssh.SSHKey
    environment: dict[str, str]
    running: set[int] = field(default_factory=set)


class _Server(asyncssh.SSHServer):
    def __init__(self, door: Door) -> None:
        self._door = door
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        same = hmac.compare_digest(password.encode(), self._door.password.encode())
        return same and username == USER

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == USER and key.public_data == self._door.client_key.public_data

    def session_requested(self) -> asyncssh.SSHServerSession[bytes]:
        return _Session(self._door)

    def connection_requested(self, *_: Any) -> bool:
        return False


class _Session(asyncssh.SSHServerProcess[bytes]):
    """One command, login shell or SFTP channel."""

    def __init__(self, door: Door) -> None:
        super().__init__(
            self._serve,
            lambda channel: _Files(cast("asyncssh.SSHServerChannel[bytes]", channel), door.folders),
            3,
            False,
        )
        self._door = door
        self._leader: int | None = None

    def signal_received(self, signal_name: str) -> None:
        number = getattr(signal, f"SIG{signal_name}", None)
        if number is not None and self._leader is not None:
            signal_group(self._leader, number)

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        shell = self._door.environment["SHELL"]
        command = process.command
        # A word starting with "-" as its own name makes a login shell, as sshd starts one.
        words = ["bash", "-c", command] if command is not None else ["-bash"]
        environment = dict(self._door.environment)
        peer, here = process.get_extra_info("peername"), process.get_extra_info("sockname")
        if peer and here:
            environment["SSH_CONNECTION"] = f"{peer[0]} {peer[1]} {here[0]} {here[1]}"
        started = await asyncio.create_subprocess_exec(
            *words,
            executable=shell,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._door.folders.home,
            env=environment,
            start_new_session=True,
        )
        self._leader = started.pid
        self._door.running.add(started.pid)
        feeding = asyncio.create_task(_feed(process.stdin, started.stdin))
        try:
            await asyncio.gather(
                _forward(started, started.stdout, process.stdout), _forward(started, started.stderr, process.stderr)
            )
            status = await started.wait()
        finally:
            feeding.cancel()
            self._leader = None
            if started.returncode is not None:
                self._door.running.discard(started.pid)
        with contextlib.suppress(OSError):
            if status < 0:
                process.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
            else:
                process.exit(status)


async def _feed(source: asyncssh.SSHReader[bytes], sink: asyncio.StreamWriter | None) -> None:
    """What the client sends, to the command; an end of it that the command does not wait for is no fault."""
    assert sink is not None
    with contextlib.suppress(OSError, asyncssh.Error):
        while data := await source.read(_BLOCK):
            sink.write(data)
            await sink.drain()
    sink.close()


async def _forward(
    started: asyncio.subprocess.Process, source: asyncio.StreamReader | None, sink: asyncssh.SSHWriter[bytes]
) -> None:
    """What the command says, to the client; where that has gone, the command meets SIGPIPE as under sshd."""
    assert source is not None
    while data := await source.read(_BLOCK):
        try:
            sink.write(data)
            await sink.drain()
        except (OSError, asyncssh.Error):
            signal_group(started.pid, signal.SIGPIPE)
            return


class _Files(asyncssh.SFTPServer):
    """Real paths, since commands see the same file system, but none outside the cluster's root."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], folders: ClusterFolders) -> None:
        super().__init__(channel)
        self._folders = folders

    def map_path(self, path: bytes) -> bytes:
        """Absolute; relative paths begin at home. Raises SFTPPermissionDenied outside the root."""
        given = Path(self._folders.home, path.decode("utf-8", "surrogateescape"))
        # The last part may be a link that is to be read or removed itself: only its folder is resolved.
        real = given.parent.resolve() / given.name if given.name not in {"", ".."} else given.resolve()
        self._check(real)
        return str(real).encode("utf-8", "surrogateescape")

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        mapped = self.map_path(path)
        self._check(Path(mapped.decode("utf-8", "surrogateescape")).resolve())
        return super().open(path, pflags, attrs)

    def _check(self, real: Path) -> None:
        if not (real == self._folders.root or self._folders.root in real.parents):
            raise asyncssh.SFTPPermissionDenied(f"{real} lies outside the demo cluster")

    def reverse_map_path(self, path: bytes) -> bytes:
        return path


def make_keys(folders: ClusterFolders) -> tuple[asyncssh.SSHKey, asyncssh.SSHKey]:
    """The host's and the client's key; made at the first start, kept in ``etc`` for the next."""
    keys = []
    for name in ("ssh_host_ed25519_key", "client_ed25519_key"):
        path = folders.settings / name
        if not path.exists():
            key = asyncssh.generate_private_key("ssh-ed25519", comment="namdrunner-demo")
            path.touch(mode=0o600)
            path.write_bytes(key.export_private_key())
            path.with_suffix(".pub").write_bytes(key.export_public_key())
        keys.append(asyncssh.read_private_key(path))
    return keys[0], keys[1]


async def listen(door: Door, host_key: asyncssh.SSHKey, port: int) -> asyncssh.SSHAcceptor:
    """Serve on 127.0.0.1; port 0 takes a free one."""
    return await asyncssh.listen(
        "127.0.0.1",
        port,
        server_factory=lambda: _Server(door),
        server_host_keys=[host_key],
        encoding=None,
        agent_forwarding=False,
        x11_forwarding=False,
        allow_pty=False,
        line_editor=False,
        login_timeout=120,
    )
