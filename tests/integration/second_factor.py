"""A real sshd that asks for a password and then for a one-time code (RFC 4226), as many login nodes do, through PAM."""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.sshd import OpenSshServer, find_sshd

SERVICES = Path("/etc/pam.d")
MODULES = ("/lib/*/security/pam_oath.so", "/lib/security/pam_oath.so", "/lib64/security/pam_oath.so")


def missing_reason() -> str:
    """Why it cannot be had here; empty when it can."""
    if os.name != "posix" or os.geteuid() != 0 or not SERVICES.is_dir():
        return "PAM services can be made by root only"
    if not any(list(Path("/").glob(pattern.lstrip("/"))) for pattern in MODULES):
        return "libpam-oath is not installed"
    return ""


@dataclass
class Gate:
    """The server, and the person's device that shows codes."""

    server: OpenSshServer
    seed: bytes
    presses: int = 0

    def code(self) -> str:
        """The next code; each is good for one login."""
        digest = hmac.digest(self.seed, self.presses.to_bytes(8, "big"), "sha1")
        self.presses += 1
        at = digest[-1] & 15
        return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"

    def logins(self) -> tuple[int, int]:
        """How many logins were accepted and how many refused so far."""
        log = (self.server.folder / "sshd.log").read_text("utf-8", "replace")
        return log.count("Accepted keyboard-interactive/pam"), log.count("Failed keyboard-interactive/pam")


@contextlib.contextmanager
def two_factor_gate(folder: Path, user: str) -> Iterator[Gate]:
    """A jump host for ``user`` (whose system password is the first factor); nothing of it stays."""
    folder.mkdir(parents=True)
    seed = secrets.token_bytes(20)
    users = folder / "users.oath"
    users.write_text(f"HOTP\t{user}\t-\t{seed.hex()}\n")
    users.chmod(0o600)
    program = folder / f"nrgate{secrets.token_hex(4)}"
    program.symlink_to(find_sshd())
    service = SERVICES / program.name
    service.write_text(
        "auth required pam_unix.so\n"
        f"auth required pam_oath.so usersfile={users} window=5 digits=6\n"
        "account required pam_permit.so\nsession required pam_permit.so\n"
    )
    options = {
        "UsePAM": "yes",
        "KbdInteractiveAuthentication": "yes",
        "PubkeyAuthentication": "no",
        "AuthenticationMethods": "keyboard-interactive",
        "AllowUsers": user,
    }
    server = OpenSshServer(folder / "sshd", options=options, program=str(program))
    try:
        yield Gate(server.start(), seed)
    finally:
        server.stop()
        service.unlink()
