"""The syntax of a Colvars config: keywords with a value or a block in braces, comments behind #."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(r"[{}]|\"[^\"\n]*\"|\([^()\n]*\)|[^\s{}]+|\n")


_DEEPEST = 100
"""Levels of braces; a sound config has four."""


class BraceError(ValueError):
    """Braces that do not close; ``line`` is where."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Entry:
    """One keyword: its values on the line or in braces, and the entries of its block when it is read as one."""

    keyword: str
    line: int
    values: tuple[str, ...] = ()
    block: tuple[Entry, ...] = field(default=())
    in_braces: bool = False

    def first(self, name: str) -> Entry | None:
        return next((entry for entry in self.block if entry.keyword.lower() == name), None)


def parse(text: str, is_block: frozenset[str]) -> tuple[Entry, ...]:
    """Read a config; keywords in ``is_block`` (small letters) hold keywords, other braces hold values."""
    tokens = list(_tokens(text))
    _check_braces(tokens)
    entries, _ = _entries(tokens, 0, is_block)
    return entries


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    for number, line in enumerate(text.splitlines(), start=1):
        for match in _TOKEN.finditer(line.split("#", 1)[0]):
            yield match.group(0), number
        yield "\n", number


def _check_braces(tokens: list[tuple[str, int]]) -> None:
    opened: list[int] = []
    for token, line in tokens:
        if token == "{":
            opened.append(line)
            if len(opened) > _DEEPEST:
                raise BraceError(f"braces are nested more than {_DEEPEST} deep", line)
        elif token == "}":
            if not opened:
                raise BraceError("a closing brace has no opening one", line)
            opened.pop()
    if opened:
        raise BraceError("a brace is not closed", opened[0])


def _entries(tokens: list[tuple[str, int]], at: int, is_block: frozenset[str]) -> tuple[tuple[Entry, ...], int]:
    """The entries up to the closing brace of this level, and the position behind it."""
    found: list[Entry] = []
    while at < len(tokens):
        token, line = tokens[at]
        at += 1
        if token == "}":
            break
        if token in ("\n", "{", ";"):
            continue
        entry, at = _entry(token, line, tokens, at, is_block)
        found.append(entry)
    return tuple(found), at


def _entry(
    keyword: str, line: int, tokens: list[tuple[str, int]], at: int, is_block: frozenset[str]
) -> tuple[Entry, int]:
    brace = at
    while brace < len(tokens) and tokens[brace][0] == "\n":
        brace += 1
    on_line = at < len(tokens) and tokens[at][0] == "{"
    if keyword.lower() in is_block and brace < len(tokens) and tokens[brace][0] == "{":
        block, at = _entries(tokens, brace + 1, is_block)
        return Entry(keyword, line, (), block, True), at
    if on_line:
        braced, at = _braced_values(tokens, at + 1)
        return Entry(keyword, line, braced, (), True), at
    values: list[str] = []
    while at < len(tokens) and tokens[at][0] not in ("\n", "}", "{"):
        values.append(tokens[at][0])
        at += 1
    return Entry(keyword, line, tuple(values)), at


def _braced_values(tokens: list[tuple[str, int]], at: int) -> tuple[tuple[str, ...], int]:
    depth, values = 1, []
    while at < len(tokens):
        token = tokens[at][0]
        at += 1
        if token == "{":
            depth += 1
        elif token == "}":
            depth -= 1
            if depth == 0:
                break
        elif token != "\n":
            values.append(token)
    return tuple(values), at
