"""One line per measurement: what was measured, what it may be at most, and their ratio (below 1 is good)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("namdrunner.exe" if os.name == "nt" else "namdrunner")


class Report:
    def __init__(self) -> None:
        self.missed = False

    def line(self, what: str, measured: float, limit: float, unit: str) -> None:
        ratio = measured / limit
        self.missed = self.missed or ratio > 1
        print(f"{what:<58} {measured:9.3f} {unit:<3} limit {limit:g} {unit:<3} ratio {ratio:.2f}", flush=True)

    def note(self, what: str, measured: float, unit: str) -> None:
        """A measurement without a limit of its own."""
        print(f"{what:<58} {measured:9.3f} {unit}", flush=True)

    @property
    def status(self) -> int:
        return 1 if self.missed else 0


def run(*arguments: str, environment: dict[str, str] | None = None, timeout_s: float = 300.0) -> str:
    """The program's standard output. Raises CalledProcessError, with stderr shown, when it fails."""
    done = subprocess.run(
        [PROGRAM, *arguments],
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    if done.returncode != 0:
        print(done.stderr or done.stdout, file=sys.stderr)
        done.check_returncode()
    return done.stdout
