"""Which keywords the engine honours, which change nothing here, and which it must refuse (keywords.json)."""

from __future__ import annotations

import json
from enum import Enum
from functools import cache
from importlib import resources


class Support(Enum):
    """What the engine does with a keyword."""

    HONOURED = "honoured"
    HARMLESS = "harmless"
    UNSUPPORTED = "unsupported"


@cache
def _table() -> dict[str, Support]:
    text = resources.files("namdrunner.demo.engine").joinpath("keywords.json").read_text(encoding="utf-8")
    document = json.loads(text)
    table = {name.lower(): Support.HONOURED for name in document["honoured"]}
    for entry in document["harmless"]:
        table |= {name.lower(): Support.HARMLESS for name in entry["keywords"]}
    return table


def support(name: str) -> Support:
    """Look a keyword up, in any case; what is not listed is unsupported."""
    return _table().get(name.lower(), Support.UNSUPPORTED)


def listed_keywords() -> tuple[str, ...]:
    """All keywords of the table, lower case."""
    return tuple(_table())
