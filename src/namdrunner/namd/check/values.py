"""Reading of values as NAMD's option parser reads them: C's scanf, with units behind a number."""

from __future__ import annotations

import math
import re

from namdrunner.namd.keywords import FALSE_WORDS, TRUE_WORDS, KeywordInfo

_FLOAT = re.compile(r"\s*([+-]?(?:inf(?:inity)?|nan|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?))", re.IGNORECASE)
_COMMAS = re.compile(r",\s*,|^\s*,|,\s*$")
_INTEGER = re.compile(r"\s*([+-]?\d+)\s*")

# NAMD user guide, "Units": the words it knows, each with its dimension and its size in NAMD's own unit.
_UNITS: dict[str, tuple[str, float]] = {
    "fs": ("time", 1.0),
    "ns": ("time", 1e3),
    "sec": ("time", 1e15),
    "min": ("time", 60e15),
    "hr": ("time", 3600e15),
    "a": ("length", 1.0),
    "angstrom": ("length", 1.0),
    "nm": ("length", 10.0),
    "m": ("length", 1e10),
    "kcal": ("energy", 1.0),
    "kcal/mol": ("energy", 1.0),
    "kj": ("energy", 1 / 4.1855),
    "kj/mol": ("energy", 1 / 4.1855),
    "ev": ("energy", 1 / 23.052),
    "k": ("temperature", 1.0),
}
_NAMES = {"time": "fs, ns, sec", "length": "A, nm", "energy": "kcal, kJ, eV", "temperature": "K"}


class ValueProblem(ValueError):
    """A value that NAMD refuses; the text completes "the value of X ..."."""


def read_float(text: str, unit: str | None = None) -> float:
    """A number with an optional unit, in NAMD's unit; ``unit`` is that of the keyword, None = it takes none."""
    match = _FLOAT.match(text)
    if match is None:
        raise ValueProblem(f"is {text!r}, which is no number")
    value = float(match.group(1))
    words = text[match.end() :].split()
    if len(words) > 1:
        raise ValueProblem(f"is {text!r}: one number is wanted, with at most a unit behind it")
    if not words:
        return value
    return value * _scale(words[0], unit, text)


def _scale(word: str, unit: str | None, text: str) -> float:
    known = _UNITS.get(word.lower())
    if known is None:
        raise ValueProblem(f"is {text!r}, and NAMD does not know the unit {word!r}")
    wanted = _UNITS.get((unit or "").lower())
    if wanted is None:
        raise ValueProblem(f"is {text!r}; this keyword takes no unit")
    if wanted[0] != known[0]:
        raise ValueProblem(f"is {text!r}; this keyword takes a {wanted[0]} ({_NAMES[wanted[0]]})")
    # NAMD's nanosecond is 1000 fs; its own slip is kept so that the value here is the value there.
    return known[1] / wanted[1]


def read_integer(text: str) -> int:
    """A whole number as C reads it into 32 bits: larger ones wrap."""
    match = _INTEGER.fullmatch(text)
    if match is None:
        raise ValueProblem(f"is {text!r}, where a whole number is wanted")
    value = max(-(2**63), min(int(match.group(1)), 2**63 - 1))
    return (value + 2**31) % 2**32 - 2**31


def read_switch(text: str) -> bool:
    word = text.strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueProblem(f"is {text!r}; use on or off (yes, no, true, false, 1, 0)")


def read_vector(text: str) -> tuple[float, float, float]:
    """Three numbers apart by white space, or by two commas."""
    words = text.replace(",", " ").split() if text.count(",") == 2 and not _COMMAS.search(text) else text.split()
    numbers = [_FLOAT.fullmatch(word) for word in words]
    if len(words) != 3 or not all(numbers):
        raise ValueProblem(f"is {text!r}, where three numbers are wanted")
    x, y, z = (float(word) for word in words)
    return x, y, z


def check_value(info: KeywordInfo, text: str) -> None:
    """Raise ValueProblem when NAMD's parser would refuse the text for this keyword."""
    if info.type == "switch":
        read_switch(text)
    elif info.type == "vector":
        if not all(math.isfinite(x) for x in read_vector(text)):
            raise ValueProblem(f"is {text!r}, which is not finite")
    elif info.type == "integer":
        _check_bounds(info, read_integer(text), text)
    elif info.type == "number":
        _check_bounds(info, read_float(text, info.unit), text)
    elif info.choices and text.strip().lower() not in {choice.lower() for choice in info.choices}:
        raise ValueProblem(f"is {text!r}; it can be {', '.join(info.choices)}")


def _check_bounds(info: KeywordInfo, value: float, text: str) -> None:
    if math.isnan(value) or math.isinf(value):
        raise ValueProblem(f"is {text!r}, which is not finite")
    wrapped = f" (read as {value:d} in 32 bits)" if isinstance(value, int) and str(value) not in text else ""
    if info.above is not None and not value > info.above:
        raise ValueProblem(f"is {text!r}{wrapped} but must be above {info.above:g}")
    if info.at_least is not None and not value >= info.at_least:
        raise ValueProblem(f"is {text!r}{wrapped} but must not be below {info.at_least:g}")
