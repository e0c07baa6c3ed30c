"""The values of a Colvars config: numbers, bounds, groups of an index file, and what a bias pulls at the start."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from namdrunner.namd.check.colvars_text import Entry
from namdrunner.namd.check.context import Context
from namdrunner.namd.references import read_small, resolve

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_STRAINED = 500.0
"""kcal/mol held by one bias at the start."""

# Keyword -> whether the number has to be above 0 (True), not below (False), or may be any (None).
_NUMBERS: Mapping[str, bool | None] = {
    "forceconstant": False,
    "targetforceconstant": False,
    "width": True,
    "hillweight": True,
    "hillwidth": True,
    "lowerboundary": None,
    "upperboundary": None,
    "lowerwallconstant": False,
    "upperwallconstant": False,
    "biastemperature": None,
    "colvarstrajfrequency": False,
    "colvarsrestartfrequency": False,
    "newhillfrequency": False,
    "targetnumsteps": False,
    "targetnumstages": False,
    "fullsamples": False,
    "minsamples": False,
    "historyfreq": False,
    "outputfreq": False,
    "componentcoeff": None,
    "componentexp": None,
    "extendedfluctuation": True,
    "extendedtimeconstant": True,
    "cutoff": True,
    "timestepfactor": False,
}
_LISTS = ("centers", "targetcenters", "lowerwalls", "upperwalls")
Problem = tuple[str, str, str, int]
"""Code, sentence, remedy, line."""


def value_problems(entries: Iterable[Entry]) -> Iterator[Problem]:
    """Numbers that Colvars cannot read or refuses, anywhere in a config."""
    for entry in entries:
        yield from _one(entry)
        yield from value_problems(entry.block)
        if entry.keyword.lower() == "colvar":
            yield from _boundaries(entry)


def _one(entry: Entry) -> Iterator[Problem]:
    key = entry.keyword.lower()
    if key in _LISTS:
        values = [value for value in entry.values if not value.startswith("(")]
        bad = next((value for value in values if _NUMBER.match(value) is None), None)
        if bad is not None:
            yield "colvars-number", f"{entry.keyword}: {bad!r} is no number.", "Give numbers.", entry.line
        return
    if key not in _NUMBERS or entry.block:
        return
    text = entry.values[0].strip('"') if entry.values else ""
    match = _NUMBER.match(text)
    if match is None:
        shown = f"{text!r} is no number" if text else "a number is missing"
        yield "colvars-number", f"{entry.keyword}: {shown}.", "Give a number.", entry.line
        return
    above = _NUMBERS[key]
    value = float(match.group())
    if above is not None and (value <= 0 if above else value < 0):
        bound = "above 0" if above else "0 or above"
        yield "colvars-number", f"{entry.keyword} is {text}; it has to be {bound}.", "Correct it.", entry.line


def _boundaries(entry: Entry) -> Iterator[Problem]:
    lower, upper = (number(entry, name) for name in ("lowerboundary", "upperboundary"))
    if lower is not None and upper is not None and lower >= upper:
        yield (
            "colvars-boundaries",
            f"lowerBoundary {lower:g} is not below upperBoundary {upper:g}.",
            "Exchange them.",
            entry.line,
        )


def number(entry: Entry, name: str) -> float | None:
    """The number a block gives for a keyword."""
    found = entry.first(name)
    match = _NUMBER.match(found.values[0].strip('"')) if found and found.values else None
    return float(match.group()) if match else None


def bias_problems(key: str, entry: Entry) -> Iterator[Problem]:
    """What a moving restraint or a wall needs besides its variables."""
    if key in ("harmonic", "harmonicwalls", "linear"):
        moving = entry.first("targetcenters") or entry.first("targetforceconstant")
        if moving is not None and not number(entry, "targetnumsteps"):
            yield (
                "colvars-target",
                f"{moving.keyword} needs targetNumSteps, the steps it takes to get there.",
                "Add targetNumSteps.",
                moving.line,
            )
    if key == "harmonicwalls" and entry.first("lowerwalls") is None and entry.first("upperwalls") is None:
        yield "colvars-walls", "harmonicWalls has neither lowerWalls nor upperWalls.", "Add one.", entry.line


def index_groups(ctx: Context, entries: Iterable[Entry]) -> set[str] | None:
    """Names of the groups that the index files define; None where a file cannot be read."""
    found: set[str] = set()
    for entry in entries:
        if entry.keyword.lower() == "indexfile" and entry.values:
            path = resolve(ctx.config, entry.values[0].strip('"'))
            if not path.is_file():
                return None
            found |= set(re.findall(r"^\s*\[\s*(\S+)\s*\]", read_small(path), re.MULTILINE))
    return found


def range_problem(entry: Entry) -> Problem | None:
    """``atomNumbersRange`` wants FIRST-LAST."""
    text = "".join(entry.values)
    if re.fullmatch(r"\d+-\d+", text):
        return None
    return (
        "colvars-atoms",
        f"{entry.keyword} {text!r} is no range of atom numbers.",
        "Write FIRST-LAST, for example 1-20.",
        entry.line,
    )


def strain_problem(ctx: Context, entry: Entry, variables: Mapping[str, Entry], path: Path) -> Problem | None:
    """The energy that a harmonic restraint on plain distances holds at the start."""
    used, centers = entry.first("colvars"), entry.first("centers")
    constant = number(entry, "forceconstant")
    constant = 1.0 if constant is None else constant
    if used is None or centers is None or len(used.values) != len(centers.values):
        return None
    for name, center in zip(used.values, centers.values, strict=True):
        variable = variables.get(name.strip('"'))
        value = _distance(ctx, variable) if variable is not None else None
        if value is None or variable is None or _NUMBER.fullmatch(center) is None:
            continue
        width = number(variable, "width") or 1.0
        energy = 0.5 * constant * ((value - float(center)) / width) ** 2
        if energy > _STRAINED:
            return (
                "restraint-strained",
                f"{path.name}: the variable {name} is {value:.1f} A at the start and its centre {float(center):g} A, "
                f"which puts {energy:.3g} kcal/mol into the restraint.",
                "Begin at the present value and move with targetCenters, or use a weaker forceConstant.",
                centers.line,
            )
    return None


def _distance(ctx: Context, variable: Entry) -> float | None:
    """The value of a variable that is one plain distance between groups given by atomNumbers, in Angstrom."""
    component = variable.first("distance")
    positions, psf = ctx.inputs.positions, ctx.inputs.psf
    if component is None or positions is None or psf is None or len(positions) != psf.natom:
        return None
    ends = []
    for name in ("group1", "group2"):
        group = component.first(name)
        atoms = group.first("atomnumbers") if group is not None and len(group.block) == 1 else None
        if atoms is None or not all(value.isdigit() and 0 < int(value) <= psf.natom for value in atoms.values):
            return None
        rows = np.array([int(value) - 1 for value in atoms.values])
        weights = psf.masses[rows]
        if not rows.size or weights.sum() <= 0:
            return None
        ends.append((positions[rows] * weights[:, None]).sum(axis=0) / weights.sum())
    apart = (ends[1] - ends[0])[None, :]
    box = ctx.inputs.box
    apart = box.nearest_images(apart) if box is not None and box.periodic else apart
    return float(np.linalg.norm(apart))
