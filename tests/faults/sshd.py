"""A real OpenSSH server on loopback, run as whoever runs the tests, and people who answer its questions."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import psutil
import pytest

from namdrunner.remote.connections import ConnectionManager
from namdrunner.remote.limits import Limits
from namdrunner.remote.values import (
    CommandEvent,
    ConnectionSpec,
    ConnectionStatus,
    Prompt,
    PromptKind,
)

SFTP_SERVERS = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/libexec/sftp-server")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find_sshd() -> str:
    found = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("OpenSSH's sshd is not installed")
    return found


@dataclass
class OpenSshServer:
    """One sshd with its own host key, authorized key and log; ``options`` are lines for sshd_config."""

    folder: Path
    port: int = field(default_factory=free_port)
    options: Mapping[str, str] = field(default_factory=dict)
    program: str = ""
    """Another path to sshd: PAM goes by its name."""
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key_file = self.folder / "id_ed25519"
        if not self.key_file.exists():
            key = asyncssh.generate_private_key("ssh-ed25519")
            key.write_private_key(str(self.key_file))
            self.key_file.chmod(0o600)
            (self.folder / "authorized_keys").write_bytes(key.export_public_key())
        self.rotate_host_key()

    @property
    def user(self) -> str:
        return getpass.getuser()

    @property
    def fingerprint(self) -> str:
        return asyncssh.read_public_key(str(self.folder / "host.pub")).get_fingerprint()

    def rotate_host_key(self, kind: str = "ssh-ed25519") -> None:
        key = asyncssh.generate_private_key(kind)
        key.write_private_key(str(self.folder / "host"))
        key.write_public_key(str(self.folder / "host.pub"))
        (self.folder / "host").chmod(0o600)

    def start(self) -> OpenSshServer:
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        settings = {
            "Port": str(self.port),
            "ListenAddress": "127.0.0.1",
            "HostKey": str(self.folder / "host"),
            "PidFile": "none",
            "AuthorizedKeysFile": str(self.folder / "authorized_keys"),
            "StrictModes": "no",
            "UsePAM": "no",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "PermitRootLogin": "yes",
            "MaxStartups": "100",
            # The start-up files of whoever runs the tests stay out of it: they can cost half a second a command.
            "SetEnv": f"HOME={self.folder}",
            "Subsystem": f"sftp {next((p for p in SFTP_SERVERS if Path(p).exists()), 'internal-sftp')}",
            **self.options,
        }
        config = self.folder / "sshd_config"
        config.write_text("".join(f"{k} {v}\n" for k, v in settings.items()))
        with (self.folder / "sshd.log").open("ab") as log:
            self.process = subprocess.Popen([self.program or find_sshd(), "-D", "-e", "-f", str(config)], stderr=log)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return self
            time.sleep(0.02)
        raise AssertionError(f"sshd did not start: {(self.folder / 'sshd.log').read_text()[-2000:]}")

    def sessions(self) -> list[psutil.Process]:
        """Every process that serves a connection now."""
        if self.process is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def kill_sessions(self, name: str = "") -> int:
        """Kill what serves connections (only processes called ``name`` if given), not the listener."""
        killed = 0
        for process in self.sessions():
            with contextlib.suppress(psutil.NoSuchProcess):
                if not name or name in process.name():
                    process.send_signal(signal.SIGKILL)
                    killed += 1
        return killed

    def stop(self) -> None:
        if self.process is not None:
            self.kill_sessions()
            self.process.kill()
            self.process.wait()
            self.process = None

    def spec(self, **changes: object) -> ConnectionSpec:
        values: dict[str, object] = {
            "cluster": "testing",
            "host": "127.0.0.1",
            "port": self.port,
            "user": self.user,
            "identity_file": self.key_file,
            "known_hosts": self.folder / "known_hosts",
            "ssh_config": self.empty_config(),
            "use_agent": False,
        }
        return ConnectionSpec(**(values | changes))  # type: ignore[arg-type]

    def empty_config(self) -> Path:
        """A configuration that keeps the tests away from the files of whoever runs them."""
        path = self.folder / "ssh_config"
        if not path.exists():
            path.write_text("UserKnownHostsFile /dev/null\nGlobalKnownHostsFile /dev/null\nIdentitiesOnly yes\n")
        return path


@contextlib.contextmanager
def running(folder: Path, **options: str) -> Iterator[OpenSshServer]:
    server = OpenSshServer(folder, options=options)
    try:
        yield server.start()
    finally:
        server.stop()


class Person:
    """Answers prompts: ``yes`` to host keys, then from the list of answers; remembers every question."""

    def __init__(self, *answers: Sequence[str] | None, trusts: bool = True) -> None:
        self.answers = list(answers)
        self.trusts = trusts
        self.prompts: list[Prompt] = []

    async def ask(self, prompt: Prompt) -> Sequence[str] | None:
        self.prompts.append(prompt)
        if prompt.kind is PromptKind.HOST_KEY:
            return ["yes" if self.trusts else "no"]
        return self.answers.pop(0) if self.answers else None

    def asked(self, kind: PromptKind) -> list[Prompt]:
        return [p for p in self.prompts if p.kind is kind]


@dataclass
class Client:
    """A connection manager with everything it told."""

    manager: ConnectionManager
    person: Person
    changes: list[ConnectionStatus]
    commands: list[CommandEvent]


@contextlib.asynccontextmanager
async def client(person: Person | None = None, limits: Limits | None = None) -> Iterator[Client]:  # type: ignore[misc]
    person = person or Person()
    changes: list[ConnectionStatus] = []
    commands: list[CommandEvent] = []
    manager = ConnectionManager(person, changes.append, commands.append, limits=limits)
    try:
        yield Client(manager, person, changes, commands)
    finally:
        await manager.close()


QUICK = Limits(requests_per_s=200.0, burst=200, queue_depth=200)
"""For tests that are not about the limits."""
