"""The part of the file system that an evaluated config sees: one folder, for reading only.

What the script writes goes to private copies that it can read again, so that a config which prepares a file and
sources it evaluates as it would in NAMD.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

MAX_FILE_BYTES = 256_000_000
MAX_SOURCE_BYTES = 16_000_000
SYSTEM_FOLDERS = frozenset(("etc", "proc", "sys", "dev", "boot", "run", "bin", "sbin", "usr", "lib", "var", "Library"))
OUTSIDE = "outside the folder that this config may read"


class Refused(Exception):
    """A Tcl error raised on purpose; the text is what the script sees."""


def is_plain_data(real: Path) -> bool:
    """Whether a link may lead here: not into the system's own folders, a hidden one, or right below the root or home.

    Large systems are often kept elsewhere and linked to; keys and settings are what must not be read that way.
    """
    hidden = any(part.startswith(".") for part in real.parts)
    return len(real.parts) > 3 and real.parts[1] not in SYSTEM_FOLDERS and not hidden and real.parent != Path.home()


class FileView:
    """Answers about files below the ``roots``; ``note`` is told (code, sentence) of what was refused or left undone."""

    def __init__(self, folder: Path, roots: list[Path], scratch: Path, note: Callable[[str, str], None]) -> None:
        self.cwd = folder
        self.roots = roots
        self.scratch = scratch
        self.note = note
        self.overlay: dict[Path, Path] = {}
        self.made_folders: list[Path] = []
        self.sources: dict[Path, dict[str, str]] = {}

    def absolute(self, name: str) -> Path:
        if name.startswith("~"):
            raise Refused(f'"{name}": the home folder is not available to a config')
        return Path(os.path.normpath(self.cwd / name))

    def inside(self, path: Path) -> bool:
        """Whether the path lies below the root, links followed; or is reached from there by a link to plain data."""
        real = path.resolve()
        if any(real.is_relative_to(root) for root in self.roots):
            return True
        return is_plain_data(real) and any(path.is_relative_to(root) for root in self.roots)

    def readable(self, name: str, verb: str, limit: int) -> Path:
        """The real file behind a name that the script may read; Refused in Tcl's own words where it may not."""
        path = self.absolute(name)
        if path in self.overlay:
            return self.overlay[path]
        failed = f'couldn\'t {verb} "{name}": '
        if not self.inside(path):
            self.note("path-outside", f'"{name}" lies outside {self.roots[0]}, which is what a config may read')
            raise Refused(failed + OUTSIDE)
        if not path.exists():
            self._remember(path, name, verb, missing="yes")
            raise Refused(failed + "no such file or directory")
        if path.is_dir():
            raise Refused(failed + "illegal operation on a directory")
        if not path.is_file():
            raise Refused(failed + "not a regular file")
        if path.stat().st_size > limit:
            raise Refused(failed + f"the file is larger than {limit // 1_000_000} MB")
        if not os.access(path, os.R_OK):
            raise Refused(failed + "permission denied")
        self._remember(path, name, verb, missing="")
        return path

    def _remember(self, path: Path, name: str, verb: str, *, missing: str) -> None:
        self.sources.setdefault(path, {"path": str(path), "written": name, "how": verb, "missing": missing})

    def text(self, name: str) -> str:
        return self.readable(name, "open", MAX_SOURCE_BYTES).read_text(encoding="utf-8", errors="replace")

    def private_copy(self, name: str) -> Path:
        """Where a file that the script opens for writing is kept instead."""
        return self.overlay.setdefault(self.absolute(name), self.scratch / f"overlay{len(self.overlay)}")

    def make_folder(self, name: str) -> None:
        self.made_folders.append(self.absolute(name))

    def forget(self, name: str) -> None:
        self.overlay.pop(self.absolute(name), None)

    def exists(self, name: str) -> bool:
        path = self.absolute(name)
        return path in self.made_folders or path in self.overlay or (self.inside(path) and path.exists())

    def copy(self, name: str, target: str, participle: str) -> None:
        """Let the target stand for the file of this name."""
        path = self.absolute(name)
        if path not in self.overlay and not (self.inside(path) and path.exists()):
            raise Refused(f'error {participle} "{name}": no such file or directory')
        self.overlay[self.absolute(target)] = self.overlay.get(path, path)

    def question(self, verb: str, name: str) -> Path | None:
        """The file that `file VERB` may be asked about; None = the answer is 0."""
        path = self.absolute(name)
        if path in self.overlay:
            return self.overlay[path]
        if self.inside(path):
            return path
        if verb in ("size", "mtime", "atime", "type"):
            raise Refused(f'could not read "{name}": no such file or directory')
        return None

    def change_folder(self, name: str) -> None:
        path = self.absolute(name)
        if not self.inside(path) or not path.is_dir():
            raise Refused(f'couldn\'t change working directory to "{name}": no such file or directory')
        self.cwd = path
