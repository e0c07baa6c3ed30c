"""A periodic cell as a template's value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from namdrunner.templates.quantities import parse_number

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class CellValue:
    """Three vectors and the origin in angstrom; written in a template as ``{{ cell.a }}`` ... ``{{ cell.origin }}``."""

    a: Vector
    b: Vector
    c: Vector
    origin: Vector = (0.0, 0.0, 0.0)

    @property
    def volume(self) -> float:
        """In cubic angstrom."""
        (ax, ay, az), (bx, by, bz), (cx, cy, cz) = self.a, self.b, self.c
        return abs(ax * (by * cz - bz * cy) - ay * (bx * cz - bz * cx) + az * (bx * cy - by * cx))

    def document(self) -> dict[str, list[float]]:
        return {"a": list(self.a), "b": list(self.b), "c": list(self.c), "origin": list(self.origin)}


def parse_cell(value: object) -> CellValue:
    """From a CellValue, ``{"a": [..], "b": .., "c": .., "origin": ..}``, three edge lengths, or text ``60 60 60``.

    Raises ValueError with a sentence.
    """
    cell = value if isinstance(value, CellValue) else _from_parts(value)
    numbers = [*cell.a, *cell.b, *cell.c, *cell.origin]
    if not all(math.isfinite(number) and abs(number) <= 1e5 for number in numbers):
        raise ValueError("a length of the cell is not a number below 100,000 A")
    if min(math.hypot(*vector) for vector in (cell.a, cell.b, cell.c)) < 1 or cell.volume < 1:
        raise ValueError("the cell is flat or shorter than 1 A")
    return cell


def _from_parts(value: object) -> CellValue:
    if isinstance(value, str):
        numbers = [parse_number(part) for part in value.replace(",", " ").split()]
        if any(number is None for number in numbers) or len(numbers) not in {3, 6, 9, 12}:
            raise ValueError("write three edge lengths, or three vectors (and the origin) as 9 or 12 numbers")
        return _from_numbers([number for number in numbers if number is not None])
    if isinstance(value, Mapping):
        missing = [key for key in "abc" if key not in value]
        if missing:
            raise ValueError(f"the vector {missing[0]} of the cell is missing")
        origin = _vector(value.get("origin") or (0.0, 0.0, 0.0))
        return CellValue(_vector(value["a"]), _vector(value["b"]), _vector(value["c"]), origin)
    if isinstance(value, Sequence):
        return _from_numbers([_number(item) for item in value])
    raise ValueError("a cell is three vectors, or three edge lengths")


def _from_numbers(numbers: list[float]) -> CellValue:
    match len(numbers):
        case 3 | 6:
            x, y, z = numbers[:3]
            origin = numbers[3:] or [0.0, 0.0, 0.0]
            return CellValue((x, 0.0, 0.0), (0.0, y, 0.0), (0.0, 0.0, z), _vector(origin))
        case 9 | 12:
            origin = numbers[9:] or [0.0, 0.0, 0.0]
            return CellValue(_vector(numbers[:3]), _vector(numbers[3:6]), _vector(numbers[6:9]), _vector(origin))
        case _:
            raise ValueError("a cell is three edge lengths, or three vectors (and the origin)")


def _vector(value: object) -> Vector:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 3:
        raise ValueError("a vector of the cell needs three numbers")
    return (_number(value[0]), _number(value[1]), _number(value[2]))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{str(value)[:40]!r} is not a number")
    return float(value)
