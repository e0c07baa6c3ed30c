"""Make or refresh .venv with the locked versions and the project itself: ``python scripts/environment.py demo|test``.

Needs Python 3.11 or newer and nothing else; runs on Linux, macOS and Windows. A second run finds that nothing has
changed and does nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import build_ui
import system_packages

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
OLDEST = (3, 11)
GROUPS = ("demo", "test")


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in GROUPS:
        print(f"usage: python scripts/environment.py {'|'.join(GROUPS)}", file=sys.stderr)
        return 2
    if sys.version_info < OLDEST:
        return _run_with_newer_python(arguments)
    group = arguments[0]
    if not _venv_works():
        make_venv()
    stamp = VENV / f".installed-{group}"
    wanted = fingerprint(group)
    if not stamp.exists() or stamp.read_text() != wanted:
        install(group)
        stamp.write_text(wanted)
    _need_tcl()
    return 0


def _run_with_newer_python(arguments: list[str]) -> int:
    for minor in range(20, OLDEST[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            return subprocess.run([newer, __file__, *arguments]).returncode
    version = ".".join(map(str, sys.version_info[:3]))
    _say(f"Python {version} is too old and no newer one was found: install Python 3.11 or newer.")
    return 1


def _venv_works() -> bool:
    """A .venv of an older interpreter, or one that was moved or half made, is made anew."""
    check = f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"
    return PYTHON.exists() and subprocess.run([PYTHON, "-c", check], capture_output=True).returncode == 0


def make_venv() -> None:
    if VENV.exists():
        shutil.rmtree(VENV)
    try:
        import ensurepip  # noqa: F401 - not in Debian's python3 package, and without it venv fails half-way
    except ImportError:
        package = f"python3.{sys.version_info[1]}-venv"
        if not system_packages.install([package]):
            sys.exit(f"Python's venv module is incomplete here. Install it, for example: sudo apt install {package}")
    _say(f"making {VENV.name} with Python {sys.version.split()[0]}")
    # By another process: this one may have started before ensurepip was there.
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)


def fingerprint(group: str) -> str:
    """Changes when an installation would give something else."""
    digest = hashlib.sha256(sys.version.encode())
    for name in (f"requirements/{group}.txt", "pyproject.toml", "hatch_build.py", "scripts/build_ui.py"):
        digest.update((ROOT / name).read_bytes())
    digest.update(build_ui.digest(ROOT).encode())
    return digest.hexdigest()


def install(group: str) -> None:
    _say(f"installing the locked packages of requirements/{group}.txt")
    _pip("--require-hashes", "-r", str(ROOT / "requirements" / f"{group}.txt"))
    if build_ui.needs_node_package(ROOT):
        _pip("--require-hashes", "-r", str(ROOT / "requirements" / "node.txt"))
    # Its dependencies and build tools are there now, in the locked versions: nothing else may be fetched for it.
    _pip("--no-deps", "--no-build-isolation", "--editable", str(ROOT))


def _pip(*arguments: str) -> None:
    command = [str(PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, cwd=ROOT)
    if done.returncode != 0:
        sys.exit(f"pip could not install: {' '.join(arguments)}")


def _need_tcl() -> None:
    """NAMD configs are Tcl; Debian keeps Python's Tcl in a package of its own."""
    check = [PYTHON, "-c", "import tkinter; tkinter.Tcl()"]
    if subprocess.run(check, capture_output=True).returncode == 0:
        return
    if system_packages.install(["python3-tk"]) and subprocess.run(check, capture_output=True).returncode == 0:
        return
    _say(
        "Python's Tcl (the module tkinter) is missing here, so NAMD configs cannot be read. Install it: "
        "Debian and Ubuntu: python3-tk; Fedora: python3-tkinter; Homebrew: python-tk."
    )


def _say(text: str) -> None:
    print(f"environment: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
