"""Recorded outputs of real Slurm, and a site like the one they were recorded on."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from namdrunner.demo.slurm.model import Node, Partition, Qos, Site

DAY = 86400
RECORDED_SITE = Site(
    cluster="alpine",
    user="alice",
    uid=1001,
    accounts=("ucb-general",),
    nodes=tuple(Node(f"c{n}", 8, 65536) for n in range(1, 5))
    + tuple(Node(f"g{n}", 8, 65536) for n in (1, 2))
    + (Node("m1", 8, 262144),),
    partitions=(
        Partition(
            "amilan",
            ("c1", "c2", "c3", "c4"),
            7 * DAY,
            DAY,
            default=True,
            qos=("normal", "long", "low", "lowcancel", "tiny"),
            memory_per_core_mb=3840,
        ),
        Partition("atesting", ("c1", "c2"), 3600, 1800, qos=("normal", "testing"), memory_per_core_mb=3840),
        Partition("aa100", ("g1", "g2"), 7 * DAY, DAY, qos=("normal", "long"), memory_per_core_mb=3840),
        Partition("amem", ("m1",), 7 * DAY, 4 * 3600, qos=("mem",), memory_per_core_mb=16384),
        Partition("ainactive", ("c1",), 7 * DAY, DAY, state="inactive"),
    ),
    qos=(
        Qos("normal", 100, DAY),
        Qos("long", 50, 7 * DAY, 2),
        Qos("mem", 100, 7 * DAY),
        Qos("testing", 500, 3600, 1),
        Qos("low", 0, DAY),
        Qos("tiny", 100, 600, 1),
    ),
)


@dataclass(frozen=True)
class Recording:
    """One command as it was typed, with what it said."""

    name: str
    command: str
    status: int
    stdout: str
    stderr: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.command)


def read_recording(folder: Path, name: str) -> Recording:
    first, _, stdout = (folder / f"{name}.txt").read_text("utf-8").partition("\n")
    match = re.match(r"# rc=(\d+) user=\S+ wall=\S+ cmd: (.*)$", first)
    if match is None:
        raise ValueError(f"{name} has no command line")
    errors = folder / f"{name}.stderr.txt"
    stderr = errors.read_text("utf-8").partition("\n")[2] if errors.exists() else ""
    return Recording(name, match.group(2), int(match.group(1)), stdout, stderr)
