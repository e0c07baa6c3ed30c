"""Reads the recorded outputs of a real Slurm: the first line is the command, the rest what it printed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    name: str
    command: str
    exit_status: int
    stdout: str
    stderr: str


def read_sample(path: Path) -> Sample:
    first, _, stdout = path.read_text(encoding="utf-8").partition("\n")
    errors = path.with_name(path.name.removesuffix(".txt") + ".stderr.txt")
    stderr = errors.read_text(encoding="utf-8").partition("\n")[2] if errors.is_file() else ""
    status = re.search(r"rc=(\d+)", first)
    return Sample(
        path.name.removesuffix(".txt"),
        first.partition("cmd: ")[2],
        int(status.group(1)) if status else 0,
        stdout,
        stderr,
    )


def samples(folder: Path, pattern: str) -> list[Sample]:
    found = sorted(p for p in (folder / "slurm_samples").glob(pattern) if not p.name.endswith(".stderr.txt"))
    assert found, f"no samples match {pattern}"
    return [read_sample(path) for path in found]
