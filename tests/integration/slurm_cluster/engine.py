"""The demo engine as the cluster's ``namd3``: an interpreter and packages that the test user may read.

The interpreter that runs the tests often lies where only its owner may look (below /root, say). Then what the
engine needs is linked, or copied where links cannot be made, to a folder that everybody may enter.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from tests.integration.slurm_cluster.processes import ClusterError, clean_environment

MODULE = "namdrunner.demo.engine"
_LEFT_OUT = {"test", "tests", "idlelib", "lib2to3", "ensurepip", "site-packages", "dist-packages", "turtledemo"}
_NEVER_NEEDED = {"mypy", "mypyc", "ruff", "material", "mkdocs", "babel", "pip", "setuptools"}


def install_engine(target: Path, software: Path, user: str) -> Path:
    """Write ``software/namd/bin/namd3`` and return it; ``target`` receives the linked interpreter if one is needed."""
    package = _package_folder()
    python = Path(sys.executable)
    environment: dict[str, str] = {"PYTHONDONTWRITEBYTECODE": "1"}
    if not _works(python, environment, user):
        link_tree(package, target / "packages" / package.name)
        link_tree(Path(sysconfig.get_path("purelib")), target / "packages", leave_out=_NEVER_NEEDED)
        environment["PYTHONPATH"] = str(target / "packages")
        environment["PYTHONNOUSERSITE"] = "1"
        python = Path(sys.executable).resolve()
        if not _works(python, environment, user):
            python = _link_interpreter(python, target / "python")
            environment["PYTHONHOME"] = str(target / "python")
            environment["LD_LIBRARY_PATH"] = str(target / "python" / "lib")
            if not _works(python, environment, user):
                raise ClusterError("the test user cannot run the interpreter of the tests, not even a copy of it")
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    program = software / "namd" / "bin" / "namd3"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/bash\n{exports}exec {shlex.quote(str(python))} -m {MODULE} "$@"\n')
    program.chmod(0o755)
    return program


def _package_folder() -> Path:
    spec = find_spec("namdrunner")
    if spec is None or spec.origin is None:
        raise ClusterError("the package namdrunner is not installed")
    return Path(spec.origin).parent


def _works(python: Path, environment: dict[str, str], user: str) -> bool:
    try:
        done = subprocess.run(
            [python, "-c", "import numpy, pydantic, namdrunner"],
            user=user,
            group=user,
            extra_groups=[],
            cwd="/",
            env={**clean_environment(), **environment},
            capture_output=True,
        )
    except OSError:  # the file itself lies where the user may not look
        return False
    return done.returncode == 0


def _link_interpreter(python: Path, target: Path) -> Path:
    standard = Path(sysconfig.get_path("stdlib"))
    link_tree(standard, target / "lib" / standard.name, leave_out=_LEFT_OUT)
    library = sysconfig.get_config_var("LIBDIR")
    for shared in Path(library).glob("libpython*.so*") if library else ():
        _link(shared, target / "lib" / shared.name)
    copy = target / "bin" / python.name
    copy.parent.mkdir(parents=True)
    _link(python, copy)
    return copy


def link_tree(source: Path, target: Path, leave_out: set[str] | None = None) -> None:
    """Hard links of all files below ``source``; symbolic links are followed, ``leave_out`` names folders at the top."""
    for folder, folders, files in os.walk(source, followlinks=False):
        relative = Path(folder).relative_to(source)
        if relative == Path() and leave_out:
            folders[:] = [name for name in folders if name not in leave_out]
        (target / relative).mkdir(mode=0o755, parents=True, exist_ok=True)
        for name in files:
            _link(Path(folder) / name, target / relative / name)


def _link(source: Path, target: Path) -> None:
    source = source.resolve()
    if not source.is_file():
        return
    if source.stat().st_mode & 0o004:
        try:
            os.link(source, target)
            return
        except OSError:  # another file system, or one without hard links
            pass
    shutil.copy2(source, target)
    target.chmod(target.stat().st_mode | 0o444)
