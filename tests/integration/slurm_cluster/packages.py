"""What of the machine the cluster needs, and in which words its absence is told."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "slurmdbd", "sbatch", "mariadbd", "mariadb-install-db", "munged", "sshd", "useradd")
ENVIRONMENT_MODULES = Path("/usr/local/lib/environment-modules/usr/lib/modulecmd.tcl")
"""The other module system, unpacked beside Lmod by ``scripts/system_packages.py``."""
LMOD_PROFILE = Path("/etc/profile.d/lmod.sh")


def program(name: str) -> str | None:
    """Path of a program; daemons live in sbin, which is not on everybody's PATH."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


def missing_reason() -> str:
    """Why no cluster can be started here, as the rest of a sentence; empty when one can."""
    if os.name != "posix" or not Path("/proc/self/stat").exists():
        return "it runs on Linux only"
    if os.geteuid() != 0:
        return "its daemons can be started by root only"
    absent = [name for name in PROGRAMS if program(name) is None]
    if not LMOD_PROFILE.exists():
        absent.append("lmod")
    return f"not installed: {', '.join(absent)}" if absent else ""
