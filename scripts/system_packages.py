"""Install what the tests need from Debian's packages: ``python scripts/system_packages.py``.

Only as root on Debian or Ubuntu; elsewhere it names what is missing and goes on, and the tests that need it say
at their end that they did not run.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

TESTS = [
    "slurm-wlm",
    "slurmdbd",
    "slurm-client",
    "mariadb-server",
    "munge",
    "openssh-server",
    "openssh-client",
    "libpam-oath",
    "lmod",
    "chromium",
]
UNPACKED = {"environment-modules": Path("/usr/local/lib/environment-modules")}
"""Packages that cannot be installed beside the others (this one excludes lmod): only their files are put somewhere."""
POLICY = Path("/usr/sbin/policy-rc.d")


def main() -> int:
    wanted = list(TESTS)
    if _distribution() == "ubuntu":
        wanted.remove("chromium")  # there it is a stub that fetches a snap
    missing = [package for package in wanted if not installed(package)] if shutil.which("dpkg-query") else wanted
    if missing and not install(missing):
        print(f"Not installed, so some tests will not run: {', '.join(missing)}", file=sys.stderr)
    for package, folder in UNPACKED.items():
        if not folder.is_dir() and not unpack(package, folder):
            print(f"Not unpacked, so some tests will not run: {package}", file=sys.stderr)
    return 0


def unpack(package: str, folder: Path) -> bool:
    """Whether the files of a package are below ``folder`` now; a half unpacked one is not left."""
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return False
    with tempfile.TemporaryDirectory() as name:
        fetched = subprocess.run(
            ["apt-get", "-q", "download", package], cwd=name, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        files = list(Path(name).glob("*.deb"))
        if fetched.returncode != 0 or not files:
            print(f"apt-get download: {fetched.stderr.strip()[-2000:]}", file=sys.stderr)
            return False
        part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
        done = subprocess.run(["dpkg-deb", "-x", files[0], part], capture_output=True, text=True)
        if done.returncode != 0:
            shutil.rmtree(part, ignore_errors=True)
            return False
        part.rename(folder)
    return True


def install(packages: list[str]) -> bool:
    """Whether the packages are there now. False, without trying, for any but root on Debian or Ubuntu."""
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
    print(f"installing Debian packages: {' '.join(packages)}", file=sys.stderr, flush=True)
    with no_services_started():
        for command in (["update"], ["install", "--no-install-recommends", *packages]):
            done = subprocess.run(
                [*apt, *command], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
            )
            if done.returncode != 0:
                print(f"apt-get {command[0]}: {done.stderr.strip()[-2000:]}", file=sys.stderr)
    return all(installed(package) for package in packages)


def installed(package: str) -> bool:
    done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package], capture_output=True, text=True)
    return done.returncode == 0 and done.stdout == "installed"


@contextlib.contextmanager
def no_services_started() -> Iterator[None]:
    """Debian starts a daemon when its package is installed; the tests start their own, on their own ports."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def _distribution() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/etc/os-release").read_text().splitlines():
            if line.startswith("ID="):
                return line[3:].strip('"')
    return ""


if __name__ == "__main__":
    sys.exit(main())
