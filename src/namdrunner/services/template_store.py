"""The person's own templates as files: one per template, and every text it ever had beside it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from namdrunner.errors import NotFoundError, TemplateError

MAX_BYTES = 1024 * 1024
MAX_VERSIONS = 100
"""Older ones are dropped."""


@dataclass(frozen=True)
class TemplateVersion:
    """One text a template had. ``number`` counts from 1; ``current``: it is what the template is now."""

    number: int
    saved_at: datetime
    bytes: int
    current: bool


def usable_id(ident: str) -> bool:
    """Whether it can be a template's id, and so a file's name."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", ident) is not None


class TemplateStore:
    """``ID.namd`` below the folder is what counts; ``.history/ID/0001.namd`` ... are its texts in order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, ident: str) -> Path | None:
        """The file of a template that is there; ``None`` without one, and for what cannot be an id."""
        if not usable_id(ident):
            return None
        path = self._folder / f"{ident}.namd"
        return path if path.is_file() else None

    def ids(self) -> list[str]:
        found = sorted(self._folder.glob("*.namd")) if self._folder.is_dir() else []
        return [path.stem for path in found if path.is_file()]

    def read(self, ident: str) -> str | None:
        """The text; ``None`` where there is no such template. Raises TemplateError for a file that is no text."""
        path = self.path(ident)
        return read_text(path) if path else None

    def write(self, ident: str, text: str) -> None:
        """Replace the text, or make it; what it was before is among its versions."""
        before = self.path(ident)
        if before is not None:
            self._keep(ident, before.read_bytes())
        self._folder.mkdir(parents=True, exist_ok=True)
        _replace(self._folder / f"{ident}.namd", text.encode())
        self._keep(ident, text.encode())

    def delete(self, ident: str) -> None:
        """Its versions stay, so that it can be restored."""
        path = self.path(ident)
        if path is not None:
            self._keep(ident, path.read_bytes())
            path.unlink()

    def versions(self, ident: str) -> list[TemplateVersion]:
        """Newest first. An edit made outside of NAMDRunner becomes a version when it is seen."""
        path = self.path(ident)
        now = path.read_bytes() if path else None
        if now is not None:
            self._keep(ident, now)
        numbered = list(self._numbered(ident))
        last = len(numbered) - 1
        return [
            TemplateVersion(
                number,
                datetime.fromtimestamp(file.stat().st_mtime, UTC),
                file.stat().st_size,
                current=now is not None and index == last,
            )
            for index, (number, file) in enumerate(numbered)
        ][::-1]

    def version(self, ident: str, number: int) -> str:
        """Raises NotFoundError (``template-version-unknown``)."""
        file = dict(self._numbered(ident)).get(number)
        if file is None:
            raise NotFoundError(
                f"The template '{ident}' has no version {number}.",
                code="template-version-unknown",
                remedy=f"List them: namdrunner template history {ident}",
            )
        return read_text(file)

    def _numbered(self, ident: str) -> Iterator[tuple[int, Path]]:
        folder = self._folder / ".history" / ident
        if usable_id(ident) and folder.is_dir():
            for file in sorted(folder.glob("[0-9]*.namd")):
                if file.stem.isdigit():
                    yield int(file.stem), file

    def _keep(self, ident: str, content: bytes) -> None:
        known = list(self._numbered(ident))
        if known and known[-1][1].read_bytes() == content:
            return
        folder = self._folder / ".history" / ident
        folder.mkdir(parents=True, exist_ok=True)
        number = known[-1][0] + 1 if known else 1
        _replace(folder / f"{number:06d}.namd", content)
        for _, file in known[: max(0, len(known) + 1 - MAX_VERSIONS)]:
            file.unlink(missing_ok=True)


def read_text(path: Path) -> str:
    """Raises TemplateError (``template-too-long``, ``template-binary``) for what cannot be a template."""
    if path.stat().st_size > MAX_BYTES:
        raise TemplateError(
            f"{path.name} is too large for a template.",
            code="template-too-long",
            remedy="A template is a NAMD config of a few kilobytes.",
            context={"file": str(path)},
        )
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        raise TemplateError(
            f"{path.name} cannot be read as UTF-8 text.",
            code="template-binary",
            remedy="Save it as UTF-8, or remove it.",
            context={"file": str(path)},
        ) from error


def unified_diff(before: str, after: str, names: tuple[str, str]) -> str:
    """As ``diff -u`` prints it; empty when nothing differs."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def _replace(target: Path, content: bytes) -> None:
    part = target.with_suffix(".part")
    part.write_bytes(content)
    part.replace(target)
