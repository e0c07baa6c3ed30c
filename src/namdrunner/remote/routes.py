"""The way to a cluster: what ``~/.ssh/config`` says of the host, and the jump hosts before it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from namdrunner.errors import ConnectionFailedError
from namdrunner.remote.values import ConnectionSpec

MAX_HOPS = 8
DEFAULT_IDENTITIES = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")


@dataclass(frozen=True)
class Hop:
    """One host on the way, as resolved. ``name`` is what the person or the config wrote."""

    name: str
    host: str
    port: int
    user: str
    identity_files: tuple[Path, ...]
    """Named by the person or the config, in order; those of ``default_identities`` come after the agent's."""
    default_identities: tuple[Path, ...]
    certificate_files: tuple[Path, ...]
    identities_only: bool
    agent_path: str | None
    """``None``: no agent is asked. Empty: the platform's own (OpenSSH agent or Pageant on Windows)."""
    host_key_alias: str
    known_hosts_files: tuple[Path, ...]
    config_files: tuple[Path, ...]
    keepalive_configured: bool
    host_key_algorithms_configured: bool
    ciphers_configured: bool

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def key_name(self) -> str:
        """The name the host's key is filed under."""
        return self.host_key_alias or self.host


def resolve_route(spec: ConnectionSpec) -> tuple[Hop, ...]:
    """All hosts to log in to, first the outermost jump host, last the cluster. Reads files.

    Raises:
        ConnectionFailedError: ``ssh-config-invalid`` or ``jump-loop``.
    """
    hops: list[Hop] = []
    _extend(hops, spec, spec.host, spec.port, spec.user, is_target=True)
    return tuple(hops)


def _extend(
    hops: list[Hop], spec: ConnectionSpec, name: str, port: int | None, user: str | None, *, is_target: bool
) -> None:
    """Put ``name`` at the front of ``hops``, with the jump hosts its own config asks for before it."""
    if len(hops) >= MAX_HOPS:
        raise ConnectionFailedError(
            f"The ProxyJump settings for {spec.host} lead in a circle or over more than {MAX_HOPS} hosts.",
            code="jump-loop",
            remedy="Check the ProxyJump lines in ~/.ssh/config.",
            retryable=False,
        )
    hop, jumps = _resolve(spec, name, port, user, is_target=is_target)
    hops.insert(0, hop)
    if not jumps:
        return
    for number, jump in enumerate(reversed(jumps)):
        jump_user, jump_host, jump_port = parse_jump(jump)
        if number == len(jumps) - 1:
            _extend(hops, spec, jump_host, jump_port, jump_user, is_target=False)
        else:
            hops.insert(0, _resolve(spec, jump_host, jump_port, jump_user, is_target=False)[0])


def parse_jump(text: str) -> tuple[str | None, str, int | None]:
    """``[user@]host[:port]`` or ``ssh://...`` as user, host, port."""
    text = text.strip().removeprefix("ssh://").rstrip("/")
    user, _, rest = text.rpartition("@")
    if rest.startswith("["):
        host, _, port = rest[1:].partition("]")
        port = port.lstrip(":")
    elif rest.count(":") == 1:
        host, _, port = rest.partition(":")
    else:
        host, port = rest, ""
    if not host or (port and not port.isdecimal()):
        raise ConnectionFailedError(
            f"The jump host '{text}' is not of the form user@host:port.",
            code="ssh-config-invalid",
            remedy="Correct the ProxyJump line in ~/.ssh/config.",
            retryable=False,
        )
    return user or None, host, int(port) if port else None


def _config_files(spec: ConnectionSpec) -> tuple[Path, ...]:
    if spec.ssh_config is not None:
        return (spec.ssh_config,)
    default = Path.home() / ".ssh" / "config"
    return (default,) if os.access(default, os.R_OK) else ()


def _resolve(
    spec: ConnectionSpec, name: str, port: int | None, user: str | None, *, is_target: bool
) -> tuple[Hop, list[str]]:
    files = _config_files(spec)
    given: dict[str, Any] = {}
    if port is not None:
        given["port"] = port
    if user is not None:
        given["username"] = user
    try:
        options = asyncssh.SSHClientConnectionOptions(
            host=name, config=[str(f) for f in files] or None, client_keys=None, known_hosts=None, **given
        )
    except (asyncssh.ConfigParseError, ValueError, OSError) as exc:
        raise ConnectionFailedError(
            f"The SSH configuration for {name} cannot be used: {exc}.",
            code="ssh-config-invalid",
            remedy="Correct ~/.ssh/config; `ssh -G HOST` shows how OpenSSH reads it.",
            retryable=False,
        ) from exc
    config = options.config
    identities = [Path(p).expanduser() for p in _words(config, "IdentityFile")]
    if is_target and spec.identity_file is not None:
        identities.insert(0, spec.identity_file.expanduser())
    ssh_folder = Path.home() / ".ssh"
    agent = str(config.get("IdentityAgent", "") or os.environ.get("SSH_AUTH_SOCK", ""))
    hop = Hop(
        name=name,
        host=options.host,
        port=options.port,
        user=options.username,
        identity_files=tuple(identities),
        default_identities=() if identities else tuple(ssh_folder / n for n in DEFAULT_IDENTITIES),
        certificate_files=tuple(Path(p).expanduser() for p in _words(config, "CertificateFile")),
        identities_only=bool(config.get("IdentitiesOnly", False)),
        agent_path=None if not spec.use_agent or agent == "none" else str(Path(agent).expanduser()) if agent else "",
        host_key_alias=options.host_key_alias or "",
        known_hosts_files=_known_hosts_files(config),
        config_files=files,
        keepalive_configured=bool(config.get("ServerAliveInterval")),
        host_key_algorithms_configured=bool(config.get("HostKeyAlgorithms")),
        ciphers_configured=bool(config.get("Ciphers")),
    )
    jump = options.tunnel if isinstance(options.tunnel, str) else ""
    return hop, [] if jump.lower() in ("", "none") else jump.split(",")


def _words(config: Any, option: str) -> list[str]:
    return [str(word) for word in config.get(option, ()) or ()]


def _known_hosts_files(config: Any) -> tuple[Path, ...]:
    user = config.get("UserKnownHostsFile") or ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"]
    system = config.get("GlobalKnownHostsFile") or ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"]
    return tuple(Path(p).expanduser() for p in (*user, *system))
