"""Output layouts of squeue, sinfo and sacct: ``%.18i``, ``JobID:20``, ``--parsable2`` and columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from namdrunner.demo.slurm.options import Refusal

Row = TypeVar("Row")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """What a field is called in the header, and how its text is found."""

    header: str
    text: Callable[[Row], str]


@dataclass(frozen=True)
class Piece(Generic[Row]):
    """A column with its width (0: as wide as the text), or literal text where ``column`` is None."""

    column: Column[Row] | None
    literal: str = ""
    width: int = 0
    right: bool = False

    def _fit(self, text: str) -> str:
        if not self.width:
            return text
        text = text[: self.width]
        return text.rjust(self.width) if self.right else text.ljust(self.width)

    def head(self) -> str:
        return self.literal if self.column is None else self._fit(self.column.header)

    def body(self, row: Row) -> str:
        return self.literal if self.column is None else self._fit(self.column.text(row))


_PERCENT = re.compile(r"%(\.?)(\d*)([A-Za-z])")


def parse_percent(layout: str, columns: Mapping[str, Column[Row]]) -> list[Piece[Row]]:
    """Pieces of ``%.18i %9P|%j``; a code that is not known prints as it stands, as in Slurm."""
    pieces: list[Piece[Row]] = []
    position = 0
    for match in _PERCENT.finditer(layout):
        pieces.append(Piece(None, layout[position : match.start()]))
        position = match.end()
        dot, width, code = match.groups()
        column = columns.get(code)
        if column is None:
            pieces.append(Piece(None, match.group(0)))
        else:
            pieces.append(Piece(column, width=int(width or 0), right=bool(dot)))
    pieces.append(Piece(None, layout[position:]))
    return pieces


def parse_named(command: str, layout: str, columns: Mapping[str, Column[Row]]) -> list[Piece[Row]]:
    """Pieces of ``JobID:20,Name:.12``; names in any case. Raises Refusal for a name that is not known."""
    pieces: list[Piece[Row]] = []
    for word in layout.split(","):
        name, colon, size = word.strip().partition(":")
        column = columns.get(name.lower())
        if column is None:
            raise Refusal(f"{command}: error: Invalid job format specification: {name}")
        digits = re.sub(r"\D", "", size)
        pieces.append(Piece(column, width=int(digits) if colon and digits else 20, right=size.startswith(".")))
    return pieces


def render(pieces: Sequence[Piece[Row]], rows: Sequence[Row], *, header: bool) -> str:
    lines = ["".join(p.head() for p in pieces)] if header else []
    lines += ["".join(p.body(row) for p in pieces) for row in rows]
    return "".join(f"{line}\n" for line in lines)


def render_table(
    fields: Sequence[tuple[str, int]], rows: Sequence[Sequence[str]], *, header: bool, delimiter: str, trailing: bool
) -> str:
    """sacct's and sacctmgr's tables: delimited where there is a delimiter, else columns of the given widths.

    A column cut short ends in ``+``; a negative width is left-aligned.
    """
    lines: list[str] = []
    if delimiter:
        end = delimiter if trailing else ""
        if header:
            lines.append(delimiter.join(name for name, _ in fields) + end)
        lines += [delimiter.join(row) + end for row in rows]
    else:
        widths = [width for _, width in fields]
        if header:
            lines.append("".join(_cell(name, width) + " " for name, width in fields))
            lines.append("".join("-" * abs(width) + " " for width in widths))
        lines += ["".join(_cell(text, w) + " " for text, w in zip(row, widths, strict=True)) for row in rows]
    return "".join(f"{line}\n" for line in lines)


def _cell(text: str, width: int) -> str:
    size = abs(width)
    if len(text) > size:
        text = text[: size - 1] + "+"
    return text.ljust(size) if width < 0 else text.rjust(size)
