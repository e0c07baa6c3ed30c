"""Numbers and times as people write them, and as NAMD reads them."""

from __future__ import annotations

import math
import re
from fractions import Fraction

FEMTOSECONDS = {"fs": Fraction(1), "ps": Fraction(1000), "ns": Fraction(10**6), "us": Fraction(10**9)}
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?"
_TIME = re.compile(rf"\s*({_NUMBER})\s*(fs|ps|ns|us|µs|μs|steps?)\s*", re.ASCII)
MAX_STEPS = 2**31 - 1
"""NAMD counts steps in 32-bit integers."""


def parse_number(text: str) -> float | None:
    """A finite number, or ``None``."""
    if not re.fullmatch(_NUMBER, text.strip(), re.ASCII) or len(text) > 40:
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def parse_time_fs(text: str) -> Fraction | None:
    """Femtoseconds of ``5 ns``, ``250ps``, ``2 fs``, ``1 us``; ``None`` when the unit is missing or unknown."""
    match = _TIME.fullmatch(text) if len(text) <= 60 else None
    if not match or match.group(2).startswith("step"):
        return None
    unit = "us" if match.group(2) in {"µs", "μs"} else match.group(2)
    return Fraction(match.group(1)) * FEMTOSECONDS[unit]


def parse_steps(text: str) -> Fraction | None:
    """The number of ``4800 steps``; ``None`` for anything else."""
    match = _TIME.fullmatch(text) if len(text) <= 60 else None
    return Fraction(match.group(1)) if match and match.group(2).startswith("step") else None


def whole_cycles(steps: Fraction, steps_per_cycle: int) -> int:
    """``steps`` rounded up to a multiple of ``steps_per_cycle``."""
    return math.ceil(steps / steps_per_cycle) * steps_per_cycle


def format_number(value: float) -> str:
    """Without ``.0`` for whole numbers, never losing digits that matter."""
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return str(int(value))
    return repr(value)


def format_time(femtoseconds: Fraction) -> str:
    """In the largest unit that keeps the number at 1 or above: ``4.8 ns``."""
    for unit in ("us", "ns", "ps"):
        if femtoseconds >= FEMTOSECONDS[unit]:
            return f"{format_number(round(float(femtoseconds / FEMTOSECONDS[unit]), 9))} {unit}"
    return f"{format_number(round(float(femtoseconds), 9))} fs"
