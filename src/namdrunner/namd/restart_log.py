"""What a NAMD log says of the files it wrote: at which steps, and which of them were finished."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from namdrunner.namd.log_state import RunState

_WRITING = re.compile(r"^WRITING (EXTENDED SYSTEM|COORDINATES|VELOCITIES) TO (RESTART|OUTPUT) FILE.* AT STEP (\d+)")
_PART = {"EXTENDED SYSTEM": "xsc", "COORDINATES": "coor", "VELOCITIES": "vel"}


@dataclass(frozen=True)
class Series:
    """The steps at which the parts of one kind of set were begun, in order."""

    xsc: tuple[int, ...] = ()
    coor: tuple[int, ...] = ()
    vel: tuple[int, ...] = ()
    from_start: bool = False
    """Nothing was left out before the first of them."""

    def steps(self, part: str) -> tuple[int, ...]:
        return {"xsc": self.xsc, "coor": self.coor, "vel": self.vel}[part]

    def contradicts(self, step: int) -> bool:
        """The log covers this step and shows no cell being written at it."""
        if not self.xsc or step in self.xsc or step > self.xsc[-1]:
            return False
        return self.from_start or step > self.xsc[0]


@dataclass(frozen=True)
class WriteLog:
    """Restart and final files by the log; ``restart_stems``: names of restart files that do not end in .restart."""

    restart: Series | None = None
    final: Series | None = None
    restart_stems: frozenset[str] = field(default_factory=frozenset)

    def series(self, restart: bool) -> Series | None:
        return self.restart if restart else self.final


def read_write_lines(lines: Iterable[str], *, whole: bool = False) -> WriteLog:
    """From the WRITING lines of a log; ``whole``: the lines reach back to its beginning."""
    found: dict[str, dict[str, list[int]]] = {
        kind: {"xsc": [], "coor": [], "vel": []} for kind in ("RESTART", "OUTPUT")
    }
    for line in lines:
        match = _WRITING.match(line)
        if match:
            found[match[2]][_PART[match[1]]].append(int(match[3]))
    restart, final = (_series(found[kind], whole) for kind in ("RESTART", "OUTPUT"))
    return WriteLog(restart, final)


def write_log_of(run: RunState) -> WriteLog:
    """From a log that was read here."""
    steps: dict[str, list[int]] = {
        "xsc": [r.step for r in run.restarts if r.cell],
        "coor": [r.step for r in run.restarts if r.coordinates],
        "vel": [r.step for r in run.restarts if r.velocities],
    }
    final = {part: [run.outputs[words]] if words in run.outputs else [] for words, part in _PART.items()}
    return WriteLog(_series(steps, not run.restarts_dropped), _series(final, False))


def _series(steps: dict[str, Sequence[int]] | dict[str, list[int]], whole: bool) -> Series | None:
    if not any(steps.values()):
        return None
    return Series(tuple(steps["xsc"]), tuple(steps["coor"]), tuple(steps["vel"]), from_start=whole)
