"""The demo cluster's part of the file system: homes, project and scratch space, commands, modules."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from namdrunner.demo.slurm.service import COMMANDS
from namdrunner.errors import ConflictError

USER = "demo"
NAMD_MODULE = "namd/3.0-demo"
_MARKER = ".namdrunner-demo-cluster"
_README = """This folder is a demonstration cluster of NAMDRunner.

It has the manners of a Slurm cluster - SSH, a queue, accounting, modules - and runs its jobs as processes of this
machine. The namd3 behind its module is OpenMM with NAMD's calling convention and log format, not NAMD: do not publish
its results as NAMD's. When the cluster has ended, the folder can be deleted.
"""


@dataclass(frozen=True)
class ClusterFolders:
    """Everything lies below ``root``, which is absolute and free of symbolic links."""

    root: Path

    @property
    def home(self) -> Path:
        return self.root / "home" / USER

    @property
    def projects(self) -> Path:
        return self.root / "projects" / USER

    @property
    def scratch(self) -> Path:
        return self.root / "scratch" / USER

    @property
    def commands(self) -> Path:
        return self.root / "bin"

    @property
    def settings(self) -> Path:
        """Host and client keys, password: for the owner only."""
        return self.root / "etc"

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    @property
    def address(self) -> Path:
        """Port and token of the scheduler, beside the stand-in that reads them."""
        return self.root / "lib" / "address"

    @property
    def accounts(self) -> Path:
        return self.settings / "accounts.json"


def prepare(root: Path) -> ClusterFolders:
    """Lay out the cluster below ``root``, which must be new, empty, or a demo cluster's from before.

    Raises ConflictError (``demo-root-in-use``) for a folder that holds something else.
    """
    root.mkdir(parents=True, exist_ok=True)
    folders = ClusterFolders(root.resolve())
    marker = folders.root / _MARKER
    if not marker.exists() and any(folders.root.iterdir()):
        raise ConflictError(
            f"The folder {folders.root} holds other files.",
            code="demo-root-in-use",
            remedy="Give the demo cluster a new or empty folder with --root.",
        )
    marker.touch()
    (folders.root / "README.txt").write_text(_README, "utf-8")
    folders.root.chmod(0o700)
    for folder in (
        folders.home,
        folders.projects,
        folders.scratch,
        folders.commands,
        folders.settings,
        folders.spool,
        folders.address.parent,
        folders.root / "tmp",
    ):
        folder.mkdir(parents=True, exist_ok=True)
    _write_commands(folders)
    _write_modules(folders)
    return folders


def remove(folders: ClusterFolders) -> None:
    """Delete the whole cluster; only a folder that ``prepare`` has marked."""
    if (folders.root / _MARKER).exists():
        shutil.rmtree(folders.root, ignore_errors=True)


def shell_environment(folders: ClusterFolders, marks: dict[str, str]) -> dict[str, str]:
    """What a command finds that comes in over SSH: no more of the person's own environment than it needs."""
    kept = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "SSL_CERT_FILE", "LD_LIBRARY_PATH")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    system = [p for p in os.defpath.split(os.pathsep) if p] + ["/usr/local/bin"]
    return {
        **environment,
        "HOME": str(folders.home),
        "USER": USER,
        "LOGNAME": USER,
        "SHELL": shutil.which("bash") or "/bin/bash",
        "PATH": os.pathsep.join([str(folders.commands), *system]),
        "TMPDIR": str(folders.root / "tmp"),
        **marks,
    }


def _write_commands(folders: ClusterFolders) -> None:
    shell = files("namdrunner.demo") / "shell"
    standin = folders.address.parent / "standin.py"
    standin.write_text((files("namdrunner.demo.slurm") / "standin.py").read_text("utf-8"), "utf-8")
    for name in COMMANDS:
        _executable(
            folders.commands / name,
            f'#!/bin/sh\nexec {_quoted(sys.executable)} -I -S {_quoted(standin)} {name} "$@"\n',
        )
    _executable(folders.commands / "srun", (shell / "srun.sh").read_text("utf-8"))


def _write_modules(folders: ClusterFolders) -> None:
    """The ``module`` command exists in login shells alone, as on real clusters, through ``~/.bash_profile``."""
    shell = files("namdrunner.demo") / "shell"
    functions = folders.root / "lib" / "module.sh"
    functions.write_text((shell / "module.sh").read_text("utf-8"), "utf-8")
    tree = folders.root / "modulefiles"
    namd = tree / NAMD_MODULE
    namd.parent.mkdir(parents=True, exist_ok=True)
    binaries = folders.root / "software" / NAMD_MODULE / "bin"
    binaries.mkdir(parents=True, exist_ok=True)
    namd.write_text(f"# NAMD's calling convention over the OpenMM demo engine; not NAMD.\nPATH {binaries}\n", "utf-8")
    search = os.environ.get("PYTHONPATH", "")
    setting = f"PYTHONPATH={_quoted(search)} " if search else ""
    # -P: a file of the job's that is named like a Python module must not be taken for it.
    engine = f'exec env {setting}{_quoted(sys.executable)} -P -m namdrunner.demo.engine "$@"'
    _executable(binaries / "namd3", f"#!/bin/sh\n{engine}\n")
    profile = (
        "# Read by login shells only.\n"
        f"PATH={_quoted(folders.commands)}:$PATH\n"
        f"export PATH MODULEPATH={_quoted(tree)}\n"
        f"export BASH_ENV={_quoted(functions)}\n"
        f". {_quoted(functions)}\n"
    )
    (folders.home / ".bash_profile").write_text(profile, "utf-8")


def _executable(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    path.chmod(0o755)


def _quoted(path: Path | str) -> str:
    return shlex.quote(str(path))
