"""The force-field values of the sample (forcefield.json) and their CHARMM parameter file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class ForceField:
    """Published values as tabulated: kcal/mol, A, degrees; `document` is forcefield.json."""

    document: dict[str, Any]

    def mass(self, atom_type: str) -> float:
        """Mass of an atom type in atomic mass units."""
        return float(next(row[1] for row in self.document["atom_types"] if row[0] == atom_type))

    def bond_length(self, first: str, second: str) -> float:
        """Equilibrium length of a bond between two atom types, A."""
        return float(next(row[3] for row in self.document["bonds"] if {*row[:2]} == {first, second}))

    def angle(self, first: str, middle: str, last: str) -> float:
        """Equilibrium angle between three atom types, degrees."""
        wanted = ([first, middle, last], [last, middle, first])
        return float(next(row[4] for row in self.document["angles"] if row[:3] in wanted))


@cache
def load_forcefield() -> ForceField:
    """Read the packaged values."""
    text = resources.files("namdrunner.demo.sample").joinpath("forcefield.json").read_text("utf-8")
    return ForceField(json.loads(text))


def _row(types: list[str], values: list[float]) -> str:
    return " ".join(f"{name:<5}" for name in types) + " " + " ".join(f"{value:>10g}" for value in values)


def _nonbonded_row(row: list[Any]) -> str:
    name, _, epsilon, radius, *one_four = row
    text = f"{name:<5} 0.0 {epsilon:>10g} {radius:>10g}"
    if one_four:
        text += f" 0.0 {one_four[0]:>10g} {one_four[1]:>10g}"
    return text


def parameter_file(forcefield: ForceField) -> str:
    """The text of a CHARMM parameter file that NAMD reads with `paraTypeCharmm on`."""
    doc = forcefield.document
    lines = ["* Parameters of the NAMDRunner sample system, published values of the CHARMM force field"]
    lines += [f"* {topic}: {source}" for topic, source in doc["source"].items()]
    lines += ["*", "", "ATOMS"]
    lines += [f"MASS -1 {row[0]:<5} {row[1]:>10g}" for row in doc["atom_types"]]
    for title, key, width in (("BONDS", "bonds", 2), ("ANGLES", "angles", 3)):
        lines += ["", title, *(_row(row[:width], row[width:]) for row in doc[key])]
    for title, key in (("DIHEDRALS", "dihedrals"), ("IMPROPER", "impropers")):
        lines += ["", title, *(_row(row[:4], row[4:]) for row in doc[key])]
    lines += ["", "CMAP", " ".join(doc["cmap"]["types"]) + f" {len(doc['cmap']['rows'])}"]
    for values in doc["cmap"]["rows"]:
        lines += [
            " ".join(f"{value:>8.2f}" for value in values[start : start + 8]) for start in range(0, len(values), 8)
        ]
    lines += [
        "",
        "NONBONDED nbxmod 5 atom cdiel fshift vatom vdistance vfswitch -",
        "cutnb 14.0 ctofnb 12.0 ctonnb 10.0 eps 1.0 e14fac 1.0 wmin 1.5",
        *(_nonbonded_row(row) for row in doc["atom_types"]),
        "",
        "NBFIX",
        *(_row(row[:2], row[2:]) for row in doc["nbfix"]),
        "",
        "END",
        "",
    ]
    return "\n".join(lines)
