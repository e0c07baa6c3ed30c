"""Collective variables: keywords, components, atoms and biases of the files that colvarsConfig names."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from namdrunner.namd.check.colvars_text import BraceError, Entry, parse
from namdrunner.namd.check.colvars_values import (
    bias_problems,
    index_groups,
    range_problem,
    strain_problem,
    value_problems,
)
from namdrunner.namd.check.context import Context
from namdrunner.namd.references import read_small

_DISTANT = 0.72
_UNBOUNDED = ("distance", "distancez", "distancexy", "rmsd", "gyration", "coordnum", "selfcoordnum")
_COMPLETE = ("harmonic", "harmonicwalls", "linear", "abf", "histogram")
"""Biases whose keywords are all known here."""
_FITTED = ("rmsd", "orientation", "orientationangle", "orientationproj", "tilt", "spinangle", "eigenvector")


@dataclass(frozen=True)
class Words:
    """The keywords of the Colvars module by place (Colvars reference manual, NAMD version)."""

    known: dict[str, dict[str, str]]
    components: dict[str, tuple[str, ...]]
    biases: dict[str, dict[str, str]]
    groups: frozenset[str]
    spelling: dict[str, str]

    @property
    def blocks(self) -> frozenset[str]:
        return frozenset(("colvar", *self.components, *self.biases, *self.groups))


@cache
def words() -> Words:
    text = resources.files("namdrunner.namd").joinpath("data", "colvars.json").read_text(encoding="utf-8")
    document = json.loads(text)

    def table(names: Iterable[str]) -> dict[str, str]:
        return {name.lower(): name for name in names}

    common = document["bias"]
    return Words(
        known={place: table(document[place]) for place in ("global", "colvar", "component", "group")},
        components={name.lower(): tuple(groups) for name, groups in document["components"].items()},
        biases={name.lower(): table([*names, *common]) for name, names in document["biases"].items()},
        groups=frozenset(name.lower() for name in document["groups"]),
        spelling=table([*document["components"], *document["biases"], "colvar", *document["groups"]]),
    )


def check(ctx: Context) -> None:
    if not ctx.on("colvars"):
        return
    names: dict[str, Entry] = {}
    for reference in ctx.references:
        if reference.keyword == "colvarsConfig" and reference.exists:
            _File(ctx, reference.path, names).check()


class _File:
    """The checks of one file; ``names`` collects the variables over all files."""

    def __init__(self, ctx: Context, path: Path, names: dict[str, Entry]) -> None:
        self.ctx = ctx
        self.path = path
        self.names = names
        self.words = words()
        self.groups: set[str] | None = None

    def check(self) -> None:
        try:
            entries = parse(read_small(self.path), self.words.blocks)
        except BraceError as problem:
            self.error("colvars-braces", f"{self.path.name}: {problem}.", "Balance the braces.", problem.line)
            return
        if not entries and not self.names:
            self.warning("colvars-empty", f"{self.path.name} defines nothing.", "Add a colvar.", 1)
        self.groups = index_groups(self.ctx, entries)
        for found in value_problems(entries):
            self.error(*found)
        for entry in entries:
            if entry.keyword.lower() == "colvar" and entry.in_braces:
                self.variable(entry)
        for entry in entries:
            key = entry.keyword.lower()
            if key in self.words.biases:
                self.bias(key, entry)
            elif key != "colvar" and key not in self.words.known["global"]:
                candidates = {**self.words.known["global"], **self.words.spelling}
                self.unknown(entry, candidates, certain=True)

    def variable(self, entry: Entry) -> None:
        name = self.value(entry, "name")
        if name in self.names:
            self.error("colvars-name", f"Two variables have the name {name!r}.", "Rename one.", entry.line)
        self.names[name or f"colvar{len(self.names) + 1}"] = entry
        components = [e for e in entry.block if e.keyword.lower() in self.words.components]
        for child in entry.block:
            key = child.keyword.lower()
            if key in self.words.components:
                self.component(key, child)
            elif key not in self.words.known["colvar"]:
                spelt = {key: self.words.spelling[key] for key in self.words.components}
                self.unknown(child, {**self.words.known["colvar"], **spelt}, certain=True)
        scripted = entry.first("scriptedfunction") or entry.first("customfunction")
        if not components and not scripted and not any(child.in_braces for child in entry.block):
            self.error(
                "colvars-component",
                f"The variable {name!r} has no component (distance, angle, rmsd ...).",
                "Add one.",
                entry.line,
            )

    def component(self, key: str, entry: Entry) -> None:
        for child in entry.block:
            name = child.keyword.lower()
            if name in self.words.groups:
                self.group(child)
            elif name not in self.words.known["component"]:
                self.unknown(child, {**self.words.known["component"], **self.words.spelling}, certain=False)
        for group in self.words.components[key]:
            if entry.first(group.lower()) is None:
                self.error(
                    "colvars-group",
                    f"The component {entry.keyword} needs the atom group {group}.",
                    f"Add {group} {{ atomNumbers ... }}.",
                    entry.line,
                )
        placed = entry.first("refpositions") or entry.first("refpositionsfile")
        if key in _FITTED and placed is None:
            self.error(
                "colvars-reference",
                f"The component {entry.keyword} needs refPositionsFile or refPositions.",
                "Add it.",
                entry.line,
            )

    def group(self, entry: Entry) -> None:
        for child in entry.block:
            name = child.keyword.lower()
            if name == "fittinggroup":
                self.group(child)
            elif name not in self.words.known["group"]:
                self.unknown(child, self.words.known["group"], certain=True)
            elif name in ("atomnumbers", "atomnumbersrange"):
                ranged = range_problem(child) if name == "atomnumbersrange" else None
                if ranged is not None:
                    self.error(*ranged)
                else:
                    self.atoms(child)
            elif name == "indexgroup":
                self.index_group(child)
        if not entry.block and not entry.values:
            self.error("colvars-group", f"The group {entry.keyword} names no atoms.", "Add atomNumbers.", entry.line)

    def index_group(self, entry: Entry) -> None:
        name = entry.values[0].strip('"') if entry.values else ""
        if self.groups is None or name in self.groups:
            return
        defined = ", ".join(sorted(self.groups))
        self.error(
            "colvars-index-group",
            f"No index file defines the group {name!r}.",
            f"Defined are: {defined}." if defined else "Add indexFile with the file that defines it.",
            entry.line,
        )

    def atoms(self, entry: Entry) -> None:
        natom = self.ctx.inputs.natom
        numbers = [part for value in entry.values for part in value.split("-") if part]
        for number in numbers:
            if not number.isdigit():
                self.error(
                    "colvars-atoms",
                    f"{entry.keyword}: {number!r} is no atom number.",
                    "Give numbers from 1.",
                    entry.line,
                )
                return
            if int(number) < 1 or (natom is not None and int(number) > natom):
                self.error(
                    "colvars-atoms",
                    f"{entry.keyword} names atom {number}, and atoms run from 1 to {natom or 'the number of atoms'}.",
                    "Correct the number; Colvars counts from 1.",
                    entry.line,
                )
                return

    def bias(self, key: str, entry: Entry) -> None:
        for child in entry.block:
            if child.keyword.lower() not in self.words.biases[key]:
                self.unknown(child, self.words.biases[key], certain=key in _COMPLETE)
        used = entry.first("colvars")
        if used is None:
            self.error(
                "colvars-bias", f"{entry.keyword} names no variables.", "Add colvars with their names.", entry.line
            )
            return
        for name in used.values:
            if name.strip('"') not in self.names:
                close = difflib.get_close_matches(name, list(self.names), n=1)
                self.error(
                    "colvars-undefined",
                    f"{entry.keyword} acts on the variable {name!r}, which is not defined.",
                    f"Did you mean {close[0]!r}?" if close else f"Defined are: {', '.join(self.names) or 'none'}.",
                    used.line,
                )
        self.centres(key, entry, len(used.values))
        for problem in bias_problems(key, entry):
            self.error(*problem)
        strained = strain_problem(self.ctx, entry, self.names, self.path) if key == "harmonic" else None
        if strained is not None:
            self.warning(*strained)
        self.grid(key, entry, [name.strip('"') for name in used.values])
        weight = entry.first("hillweight")
        if key == "metadynamics" and (weight is None or not weight.values):
            self.error("colvars-hills", "metadynamics needs hillWeight.", "Add hillWeight, 0.01 to 1.", entry.line)

    def centres(self, key: str, entry: Entry, count: int) -> None:
        centers = entry.first("centers")
        if key in ("harmonic", "linear") and centers is None:
            self.error("colvars-centers", f"{entry.keyword} has no centers.", "Add centers.", entry.line)
        for name in ("centers", "targetcenters", "lowerwalls", "upperwalls"):
            given = entry.first(name)
            if given is None:
                continue
            numbers = len([v for v in given.values if not v.startswith("(")]) or len(given.values)
            vectors = any(v.startswith("(") for v in given.values)
            if vectors or numbers == count:
                continue
            said = f"{given.keyword} has {numbers} numbers for {count} variables"
            if numbers < count:
                self.error("colvars-centers", f"{said}.", "Give one for each.", given.line)
            else:
                self.warning("colvars-centers", f"{said}; the others are dropped.", "Give one for each.", given.line)

    def grid(self, key: str, entry: Entry, names: list[str]) -> None:
        """A bias on a grid needs to know between which values each variable runs."""
        free = entry.first("usegrids")
        if key not in ("abf", "metadynamics") or (free is not None and free.values[:1] in (("off",), ("no",), ("0",))):
            return
        for name in names:
            variable = self.names.get(name)
            if variable is None:
                continue
            unbounded = any(e.keyword.lower() in _UNBOUNDED for e in variable.block)
            missing = [b for b in ("lowerBoundary", "upperBoundary") if variable.first(b.lower()) is None]
            if unbounded and missing:
                self.error(
                    "colvars-boundaries",
                    f"{entry.keyword} needs {' and '.join(missing)} of the variable {name!r}.",
                    "Add them to the variable, with width.",
                    variable.line,
                )

    # -- helpers ---------------------------------------------------------------------------------------

    @staticmethod
    def value(entry: Entry, name: str) -> str:
        found = entry.first(name)
        return found.values[0].strip('"') if found and found.values else ""

    def unknown(self, entry: Entry, candidates: dict[str, str], *, certain: bool) -> None:
        close = difflib.get_close_matches(entry.keyword.lower(), list(candidates), n=1, cutoff=_DISTANT)
        remedy = f"Did you mean {candidates[close[0]]}?" if close else "Remove it, or look it up in the Colvars manual."
        message = f"{self.path.name}: Colvars does not know {entry.keyword!r} at this place."
        if certain or close:
            self.error("colvars-keyword", message, remedy, entry.line)
        else:
            self.warning("colvars-keyword", message, remedy, entry.line)

    def error(self, code: str, message: str, remedy: str, line: int) -> None:
        self.ctx.error(code, message, remedy, keyword="colvarsConfig", file=self.path, line=line)

    def warning(self, code: str, message: str, remedy: str, line: int) -> None:
        self.ctx.warning(code, message, remedy, keyword="colvarsConfig", file=self.path, line=line)
