"""The cluster's one user: made for it, with a password and a key, and removed with it."""

from __future__ import annotations

import contextlib
import pwd
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.integration.slurm_cluster.processes import (
    ClusterError,
    clean_environment,
    end,
    processes_of_user,
)

NAME = re.compile(r"^nrtest[0-9a-f]{6}$")


@dataclass(frozen=True)
class TestUser:
    __test__ = False  # pytest would take the class for a test by its name

    name: str
    password: str
    home: Path
    key: Path

    @property
    def uid(self) -> int:
        return pwd.getpwnam(self.name).pw_uid


def create_user(root: Path, profile: str) -> TestUser:
    """Useradd with a home, a project and a scratch folder below ``root``."""
    name = f"nrtest{secrets.token_hex(3)}"
    user = TestUser(name, secrets.token_urlsafe(9), root / "home" / name, root / "ssh" / "id_ed25519")
    _account_command("useradd", "-M", "-U", "-d", str(user.home), "-s", "/bin/bash", name)
    subprocess.run(["chpasswd"], input=f"{name}:{user.password}\n".encode(), check=True, capture_output=True)
    for parent in ("home", "projects", "scratch"):
        (root / parent).mkdir(mode=0o755)
        folder = root / parent / name
        folder.mkdir(mode=0o755)
        shutil.chown(folder, name, name)
    _private_file(user.home / ".profile", profile, name)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(user.key)], check=True)
    (user.home / ".ssh").mkdir(mode=0o700)
    shutil.chown(user.home / ".ssh", name, name)
    _private_file(user.home / ".ssh" / "authorized_keys", user.key.with_suffix(".pub").read_text(), name)
    return user


def _private_file(path: Path, text: str, owner: str) -> None:
    path.write_text(text)
    path.chmod(0o600)
    shutil.chown(path, owner, owner)


def remove_user(name: str) -> None:
    """End what still runs as the user, then remove the account. A name that is not one of ours is refused."""
    if not NAME.match(name):
        raise ClusterError(f"{name!r} is not a user of a test cluster")
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        return
    end(processes_of_user(uid), grace_s=2)
    with contextlib.suppress(ClusterError):
        _account_command("userdel", name)


def _account_command(*command: str) -> None:
    """The account files are locked while another cluster is made; such a refusal passes."""
    for attempt in range(20):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0:
            return
        if "lock" not in done.stderr:
            break
        time.sleep(0.1 * (attempt + 1))
    raise ClusterError(f"{' '.join(command)}: {done.stderr.strip()}")


def run_as(
    user: TestUser, command: Sequence[str], *, environment: dict[str, str], timeout_s: float = 60.0
) -> subprocess.CompletedProcess[str]:
    entry = pwd.getpwnam(user.name)
    return subprocess.run(
        command,
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        cwd=user.home,
        env={**clean_environment(), "HOME": str(user.home), "USER": user.name, "LOGNAME": user.name, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
