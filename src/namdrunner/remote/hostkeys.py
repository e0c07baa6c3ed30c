"""Which host keys are trusted: the person's own known_hosts files are read, NAMDRunner's own is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from namdrunner.errors import HostKeyError

DEFAULT_PORT = 22


@dataclass(frozen=True)
class HostKeys:
    """What is known of one host: trusted keys, trusted certificate authorities, revoked keys."""

    keys: tuple[asyncssh.SSHKey, ...]
    authorities: tuple[asyncssh.SSHKey, ...]
    revoked: tuple[asyncssh.SSHKey, ...]


def host_pattern(host: str, port: int) -> str:
    """How known_hosts writes a host: plain on port 22, ``[host]:port`` elsewhere."""
    return host if port == DEFAULT_PORT else f"[{host}]:{port}"


def describe(key: asyncssh.SSHKey) -> str:
    return f"{key.get_algorithm()} {key.get_fingerprint()}"


class HostKeyBook:
    """Trusted host keys from several files, and one file of ours to add to."""

    def __init__(self, own: Path | None, read_only: Sequence[Path] = ()) -> None:
        self.own = own
        self.files = (*((own,) if own else ()), *read_only)

    def lookup(self, host: str, port: int) -> HostKeys:
        """What the files say of ``host``; unreadable files and lines are passed over."""
        book = asyncssh.SSHKnownHosts()
        for path in self.files:
            for line in _lines(path):
                try:
                    book.load(line)
                except ValueError:
                    continue
        keys, authorities, revoked, *_ = book.match(host, "", None if port == DEFAULT_PORT else port)
        return HostKeys(tuple(keys), tuple(authorities), tuple(revoked))

    def exact(self, host: str, port: int) -> tuple[asyncssh.SSHKey, ...]:
        """Keys recorded for this very port: a different one there is a changed key, not a new host."""
        found = self.lookup(host, port).keys
        if port == DEFAULT_PORT:
            return found
        portless = set(self.lookup(host, DEFAULT_PORT).keys)
        return tuple(key for key in found if key not in portless)

    def add(self, host: str, port: int, key: asyncssh.SSHKey) -> None:
        """Trust ``key`` for ``host`` from now on."""
        if self.own is None:
            return
        self.own.parent.mkdir(parents=True, exist_ok=True)
        line = f"{host_pattern(host, port)} {key.export_public_key('openssh').decode().strip()}\n"
        descriptor = os.open(self.own, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(line)

    def forget(self, host: str, port: int) -> int:
        """Remove what our own file says of ``host``; the number of lines removed."""
        if self.own is None or not self.own.is_file():
            return 0
        pattern = host_pattern(host, port)
        lines = self.own.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if pattern not in line.split(" ", 1)[0].split(",")]
        temporary = self.own.with_name(self.own.name + ".new")
        temporary.write_text("".join(kept), encoding="utf-8")
        temporary.chmod(0o600)
        temporary.replace(self.own)
        return len(lines) - len(kept)

    def where(self, host: str, port: int) -> tuple[str, ...]:
        """``file:line`` of every entry for ``host`` at this port, for the person who has to correct one."""
        places = []
        for path in self.files:
            for number, line in enumerate(_lines(path), start=1):
                if _names(line, host, port) and (port == DEFAULT_PORT or not _names(line, host, DEFAULT_PORT)):
                    places.append(f"{path}:{number}")
        return tuple(places)


def _names(line: str, host: str, port: int) -> bool:
    book = asyncssh.SSHKnownHosts()
    try:
        book.load(line)
    except ValueError:
        return False
    return bool(book.match(host, "", None if port == DEFAULT_PORT else port)[0])


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def changed_key(
    book: HostKeyBook, host: str, port: int, key: asyncssh.SSHKey, known: Sequence[asyncssh.SSHKey]
) -> HostKeyError:
    """The error for a host that shows another key than the one that is trusted."""
    pattern = host_pattern(host, port)
    places = book.where(host, port)
    commands = " ".join(sorted({f"`ssh-keygen -R '{pattern}' -f '{p.rsplit(':', 1)[0]}'`" for p in places}))
    return HostKeyError(
        f"{pattern} shows another host key than before ({describe(key)}). Either the cluster was set up anew, or "
        "somebody stands between this computer and the cluster. Nothing was sent.",
        code="host-key-changed",
        remedy="Compare the fingerprint with what the cluster's administrators publish. Only if it agrees, remove the "
        f"old key ({commands or 'from known_hosts'}) and connect again.",
        context={
            "host": host,
            "port": port,
            "algorithm": key.get_algorithm(),
            "fingerprint": key.get_fingerprint(),
            "known": [describe(k) for k in known],
            "places": list(places),
        },
    )


def revoked_key(host: str, port: int, key: asyncssh.SSHKey) -> HostKeyError:
    return HostKeyError(
        f"The host key of {host_pattern(host, port)} ({describe(key)}) is marked as revoked.",
        code="host-key-revoked",
        remedy="Do not connect; ask the cluster's administrators.",
        context={"host": host, "port": port, "fingerprint": key.get_fingerprint()},
    )


def refused_key(host: str, port: int, key: asyncssh.SSHKey) -> HostKeyError:
    return HostKeyError(
        f"The host key of {host_pattern(host, port)} was not accepted.",
        code="host-key-refused",
        remedy="Connect again and compare the fingerprint with what the cluster's administrators publish.",
        context={"host": host, "port": port, "fingerprint": key.get_fingerprint()},
    )
