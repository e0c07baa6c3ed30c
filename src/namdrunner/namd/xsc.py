"""Extended system files: the periodic cell of one step (XSC) or of a run (XST)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from namdrunner.namd.files import Source, bad_input, read_bytes, source_name

_AXES = ("a", "b", "c")
_REMEDY = "Use the .xsc of an earlier restart set (.restart.xsc, .old), or give the cell in the config."
_BASE_LABELS = ("step", *(f"{axis}_{x}" for axis in _AXES for x in "xyz"), "o_x", "o_y", "o_z")
_PISTON_LABELS = ("s_x", "s_y", "s_z", "s_u", "s_v", "s_w")
MAX_BYTES = 2**30


@dataclass(frozen=True)
class ExtendedSystem:
    """The cell at one step: vectors and origin in Angstrom; ``vectors[i]`` is None where not periodic."""

    step: int
    vectors: tuple[tuple[float, float, float] | None, ...]
    origin: tuple[float, float, float]
    extra: Mapping[str, float] = field(default_factory=dict)
    """Other columns by label, such as the Langevin piston's strain rates."""

    @property
    def periodic(self) -> bool:
        """True when all three directions are periodic."""
        return all(vector is not None for vector in self.vectors)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Rows are the cell vectors; a direction that is not periodic is a row of zeros."""
        return np.array([vector or (0.0, 0.0, 0.0) for vector in self.vectors])

    @property
    def volume(self) -> float:
        """In cubic Angstrom; 0 when not periodic in three directions."""
        return abs(float(np.linalg.det(self.matrix))) if self.periodic else 0.0


def read_xsc(source: Source, *, name: str | None = None) -> ExtendedSystem:
    """Read a cell; of several lines the last counts. Raises InputError when no line is complete."""
    return read_xst(source, name=name)[-1]


def read_xst(source: Source, *, name: str | None = None) -> tuple[ExtendedSystem, ...]:
    """Read all complete lines of a trajectory of cells.

    A last line that a killed run left unfinished is dropped; any other bad line raises InputError.
    """
    label = source_name(source, name)
    data = read_bytes(source, limit=MAX_BYTES)
    labels: tuple[str, ...] | None = None
    systems: list[ExtendedSystem] = []
    lines = data.split(b"\n")
    for number, raw in enumerate(lines, start=1):
        line = raw.decode("latin-1").strip()
        if line.startswith("#"):
            if line.startswith("#$LABELS"):
                labels = _labels(line.split()[1:], label, number)
            continue
        if not line:
            continue
        if labels is None:
            raise bad_input("xsc-no-labels", f"{label} has no #$LABELS line.", _REMEDY, label, number)
        unfinished = number == len(lines) and bool(systems)
        try:
            systems.append(_system(labels, line.split()))
        except ValueError as error:
            if unfinished:
                break
            what = f"{label}: line {number} is no complete cell ({error})."
            raise bad_input("xsc-bad-line", what, _REMEDY, label, number) from None
    if not systems:
        raise bad_input("xsc-empty", f"{label} has no line with a cell.", _REMEDY, label)
    return tuple(systems)


def _labels(words: Sequence[str], label: str, number: int) -> tuple[str, ...]:
    if not words or words[0] != "step" or len(set(words)) != len(words) or len(words) > 64:
        what = f"{label}: the #$LABELS line does not name the columns of a cell."
        raise bad_input("xsc-no-labels", what, _REMEDY, label, number)
    return tuple(words)


def _system(labels: Sequence[str], words: Sequence[str]) -> ExtendedSystem:
    if len(words) != len(labels):
        raise ValueError(f"{len(words)} numbers for {len(labels)} columns")
    values = {key: float(word) for key, word in zip(labels, words, strict=True)}
    if not all(math.isfinite(value) for value in values.values()):
        raise ValueError("a value is not finite")
    step = values.pop("step")
    if step != int(step) or abs(step) > 2**53:
        raise ValueError("the step is no whole number")
    vectors = tuple(_take(values, axis) for axis in _AXES)
    if any(vector is not None and not any(vector) for vector in vectors):
        vectors = tuple(vector if vector is not None and any(vector) else None for vector in vectors)
    origin = _take(values, "o") or (0.0, 0.0, 0.0)
    return ExtendedSystem(int(step), vectors, origin, values)


def _take(values: dict[str, float], axis: str) -> tuple[float, float, float] | None:
    keys = [f"{axis}_{x}" for x in "xyz"]
    if not all(key in values for key in keys):
        return None
    x, y, z = (values.pop(key) for key in keys)
    return (x, y, z)


def write_xsc(path: Path, system: ExtendedSystem) -> None:
    """Write one cell as NAMD does (12 significant digits)."""
    path.write_text(
        "# NAMD extended system configuration output file\n" + labels_line(system) + data_line(system),
        encoding="ascii",
        newline="\n",
    )


def write_xst(path: Path, systems: Iterable[ExtendedSystem]) -> None:
    """Write a trajectory of cells as NAMD does; the first decides the columns."""
    series = list(systems)
    head = "# NAMD extended system trajectory file\n" + (labels_line(series[0]) if series else "")
    path.write_text(head + "".join(map(data_line, series)), encoding="ascii", newline="\n")


def labels_line(system: ExtendedSystem) -> str:
    """The #$LABELS line for this cell, with its line end."""
    return "#$LABELS " + " ".join(_columns(system)) + "\n"


def data_line(system: ExtendedSystem) -> str:
    """The line of numbers for this cell, with its line end."""
    values: dict[str, float] = {"step": system.step, **system.extra}
    for axis, vector in zip((*_AXES, "o"), (*system.vectors, system.origin), strict=True):
        for x, value in zip("xyz", vector or (), strict=False):
            values[f"{axis}_{x}"] = value
    words = (str(system.step) if key == "step" else f"{values[key]:.12g}" for key in _columns(system))
    return " ".join(words) + "\n"


def _columns(system: ExtendedSystem) -> list[str]:
    absent = {axis for axis, vector in zip(_AXES, system.vectors, strict=True) if vector is None}
    base = [key for key in _BASE_LABELS if key.split("_")[0] not in absent]
    return (
        base
        + [key for key in (*_PISTON_LABELS, *system.extra) if key in system.extra and key not in base][
            : len(system.extra)
        ]
    )
