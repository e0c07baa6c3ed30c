"""NAMD's configuration keywords: types, defaults, bounds, parents and versions, from ``data/keywords.json``."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

KeywordType = Literal["switch", "integer", "number", "text", "vector"]

TRUE_WORDS = frozenset(("on", "yes", "true", "1"))
FALSE_WORDS = frozenset(("off", "no", "false", "0"))

# Spellings that NAMD 3.0 still takes but has renamed; both together are an error.
RENAMED = {
    "1-4scaling": "oneFourScaling",
    "cudasoaintegrate": "GPUresident",
    "cudaforcetable": "GPUForceTable",
    "devicemigration": "GPUAtomMigration",
    "bondedcuda": "bondedGPU",
}


@dataclass(frozen=True)
class KeywordInfo:
    """One keyword; ``name`` is spelt as in the manual. ``since``/``until`` are versions of the table, None = all.

    ``required`` means: wanted when the parent is on (or always without a parent) and there is no default.
    ``changeable`` means: may be set again after the first run. ``input``/``output`` name the role of a file.
    ``special_build``: only of builds that hardly anyone has (memory-optimised, profiling); others refuse it.
    """

    name: str
    type: KeywordType
    default: str | None = None
    above: float | None = None
    at_least: float | None = None
    unit: str | None = None
    parent: str | None = None
    required: bool = False
    since: str | None = None
    until: str | None = None
    changeable: bool = False
    repeatable: bool = False
    input: str | None = None
    output: str | None = None
    choices: tuple[str, ...] = ()
    special_build: bool = False

    def exists_in(self, version: str) -> bool:
        """Whether this NAMD version knows the keyword."""
        order = versions()
        position = order.index(table_version(version))
        first = order.index(self.since) if self.since else 0
        last = order.index(self.until) if self.until else len(order) - 1
        return first <= position <= last


@cache
def _document() -> tuple[tuple[str, ...], dict[str, KeywordInfo]]:
    text = resources.files("namdrunner.namd").joinpath("data", "keywords.json").read_text(encoding="utf-8")
    document = json.loads(text)
    table: dict[str, KeywordInfo] = {}
    for row in document["keywords"]:
        if "default" in row:
            row["default"] = str(row["default"])
        row["choices"] = tuple(row.get("choices", ()))
        table[row["name"].lower()] = KeywordInfo(**row)
    return tuple(document["versions"]), table


def versions() -> tuple[str, ...]:
    """The NAMD versions that the table tells apart, oldest first."""
    return _document()[0]


def table_version(version: str) -> str:
    """The version of the table that speaks for this NAMD: the nearest at or above it (2.13 -> 2.14, 3.0.1 -> 3.0)."""
    wanted = _numbers(version)[:2]
    for known in versions():
        if wanted <= _numbers(known):
            return known
    return versions()[-1]


def _numbers(version: str) -> tuple[int, ...]:
    """``3.0b6`` -> (3, 0): what follows the digits of a part does not count."""
    return tuple(int(digits) for digits in re.findall(r"(?:^|\.)(\d+)", version))


def keyword(name: str) -> KeywordInfo | None:
    """The keyword of this name in any spelling of case, or None."""
    return _document()[1].get(name.lower())


def all_keywords() -> tuple[KeywordInfo, ...]:
    """Every keyword of every version."""
    return tuple(_document()[1].values())


def nearest(name: str, *, version: str | None = None) -> str | None:
    """The known keyword most like a misspelt one, in the manual's spelling, or None when nothing is close."""
    table = _document()[1]
    candidates = [key for key, info in table.items() if version is None or info.exists_in(version)]
    found = difflib.get_close_matches(name.lower(), candidates, n=1, cutoff=0.72)
    return table[found[0]].name if found else None


def is_on(value: str | None) -> bool:
    """Whether a value reads as true to NAMD; None and unreadable words are false."""
    return value is not None and value.strip().lower() in TRUE_WORDS
