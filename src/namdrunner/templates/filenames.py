"""Names of input files that mean the same to Tcl, the shell and every file system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

MAX_NAME = 100


@dataclass(frozen=True)
class RenderedFile:
    """A file the config refers to: where it is on the person's machine, and its name below ``input_files/``."""

    source: str
    name: str


def safe_name(path: str) -> str:
    """The last part of a path in letters, digits, ``.``, ``_``, ``-``, ``+``; never hidden, never empty."""
    base = re.split(r"[/\\]", path.rstrip("/\\"))[-1]
    plain = unicodedata.normalize("NFKD", base).encode("ascii", "ignore").decode("ascii")
    plain = re.sub(r"[^A-Za-z0-9._+-]+", "_", plain).lstrip(".-+_") or "file"
    if len(plain) > MAX_NAME:
        stem, dot, suffix = plain.rpartition(".")
        keep = f"{dot}{suffix}" if dot and len(suffix) <= 20 else ""
        plain = (stem if keep else plain)[: MAX_NAME - len(keep)] + keep
    return plain


class FileNames:
    """Gives every file of a job its own name, the same file the same one; letter case does not make a difference."""

    def __init__(self) -> None:
        self._by_source: dict[str, RenderedFile] = {}
        self._taken: set[str] = set()

    def name(self, source: str) -> RenderedFile:
        if source not in self._by_source:
            self._by_source[source] = RenderedFile(source, self._free(safe_name(source)))
        return self._by_source[source]

    def _free(self, wanted: str) -> str:
        stem, dot, suffix = wanted.rpartition(".")
        if not stem:
            stem, dot, suffix = wanted, "", ""
        name, number = wanted, 1
        while name.lower() in self._taken:
            number += 1
            name = f"{stem}_{number}{dot}{suffix}"
        self._taken.add(name.lower())
        return name


def has_extension(path: str, extensions: Iterable[str]) -> bool:
    """Whether the path ends in one of them, in any letter case; with none given any will do."""
    wanted = tuple(extension.lower() for extension in extensions)
    return not wanted or path.lower().endswith(wanted)
