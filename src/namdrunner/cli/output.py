"""Answers go to stdout, progress and prose to stderr, and nothing from elsewhere can command the terminal."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def clean(text: object) -> str:
    """Without control characters: names and logs from elsewhere must not move the cursor or recolour the screen."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", str(text))


def write_json(document: Any) -> None:
    """One document, UTF-8 whatever the locale; indented for people."""
    indent = 2 if sys.stdout.isatty() else None
    text = json.dumps(document, ensure_ascii=False, indent=indent) + "\n"
    _write(text)


def write_text(text: str) -> None:
    """As it is to a file or pipe, cleaned for a terminal."""
    _write(clean(text) if sys.stdout.isatty() else text)


def _write(text: str) -> None:
    # backslashreplace turns a lone surrogate (from a file name that is not UTF-8) into the JSON escape it needs.
    data = text.encode("utf-8", errors="backslashreplace")
    stream = getattr(sys.stdout, "buffer", None)
    if stream is None:
        sys.stdout.write(data.decode())
    else:
        sys.stdout.flush()
        stream.write(data)
        stream.flush()


def say(text: str) -> None:
    """A sentence for the person, on stderr."""
    print(clean(text), file=sys.stderr, flush=True)  # noqa: T201


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[str] = ()) -> None:
    """A table for people; without a terminal aligned plain columns, nothing cut off."""
    cells = [["" if value is None else clean(value).replace("\n", " ") for value in row] for row in rows]
    if sys.stdout.isatty():
        _rich_table(columns, cells, numbers)
    else:
        _plain_table(columns, cells)


def _plain_table(columns: Sequence[str], rows: list[list[str]]) -> None:
    lines = [list(columns), *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        _write("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n")


_NARROWEST_CELL = 8
_BETWEEN_CELLS = 3


def _rich_table(columns: Sequence[str], rows: list[list[str]], numbers: Sequence[str]) -> None:
    """Where the terminal is narrow, empty columns go first, then cells are folded, but never the first: it is the name
    to copy. Where even that leaves no room, each row becomes a block of lines.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    lines = [list(columns), *rows]
    if _natural_width(lines) > console.width and rows:
        kept = [i for i in range(len(columns)) if any(row[i] for row in rows)]
        lines = [[line[i] for i in kept] for line in lines]
        if _natural_width(lines) > console.width and _least_width(lines) > console.width:
            for row in lines[1:]:
                facts([*zip(lines[0], row, strict=True)])
                _write("\n")
            return
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for number, name in enumerate(lines[0]):
        justify: Literal["left", "right"] = "right" if name in numbers else "left"
        shown.add_column(name, justify=justify, overflow="fold", no_wrap=number == 0)
    for row in lines[1:]:
        shown.add_row(*(Text(cell, style=_style(cell)) for cell in row))
    console.print(shown)


def _cell_widths(lines: list[list[str]]) -> list[int]:
    from rich.cells import cell_len

    return [max(cell_len(line[i]) for line in lines) for i in range(len(lines[0]))]


def _natural_width(lines: list[list[str]]) -> int:
    return sum(width + _BETWEEN_CELLS for width in _cell_widths(lines))


def _least_width(lines: list[list[str]]) -> int:
    first, *others = _cell_widths(lines)
    return first + sum(min(width, _NARROWEST_CELL) for width in others) + _BETWEEN_CELLS * len(lines[0])


_STYLES = {
    "green": {"COMPLETED", "connected", "ok"},
    "red": {"FAILED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "PREEMPTED", "UNKNOWN", "expired", "error"},
    "cyan": {"RUNNING", "COLLECTING"},
    "yellow": {"PENDING", "SUBMITTING", "SUBMIT_UNKNOWN", "UPLOADING", "connecting", "warning"},
}


def _style(cell: str) -> str:
    return next((style for style, words in _STYLES.items() if cell in words), "")


def facts(pairs: Iterable[tuple[str, object]]) -> None:
    """Names and values, one a line; empty ones are left out."""
    shown = [(name, clean(value)) for name, value in pairs if value not in (None, "", [], {})]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        _write(f"{name.ljust(width)}  {value}\n")


def size(value: float | None) -> str:
    """Bytes with a decimal unit."""
    if value is None:
        return ""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    whole = int(seconds)
    days, rest = divmod(whole, 86400)
    clock = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
    return f"{days}-{clock}" if days else clock


def moment(text: str | float | None) -> str:
    """An RFC 3339 time in the person's own time zone."""
    if not text:
        return ""
    try:
        then = datetime.fromisoformat(str(text))
    except ValueError:
        return str(text)
    return then.astimezone().strftime("%Y-%m-%d %H:%M:%S")
