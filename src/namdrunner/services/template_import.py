"""Files become templates: our own, the original's JSON, plain NAMD configs, and whole folders of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from namdrunner.errors import InputError, NamdrunnerError, TemplateError
from namdrunner.templates.config_importer import ImportedTemplate, import_config
from namdrunner.templates.importer import import_json
from namdrunner.templates.parser import parse_template

MAX_FILES = 200
MAX_TOTAL_BYTES = 8 * 1024 * 1024
MAX_WALKED = 20_000
_CONFIGS = {".namd", ".inp", ".conf", ".config", ".json"}
_SOURCED = {".str", ".inp"}
_LOOKS = re.compile(r"(?im)^[ \t]*(structure|coordinates|parameters|run|minimize|numsteps|outputname)[ \t=]+\S")
_OURS = re.compile(r"(?m)^[ \t]*#@[ \t]+template\b")


@dataclass(frozen=True)
class Found:
    """What was made of the files. ``ours``: the text is a template of ours already, and keeps its id."""

    name: str
    imported: ImportedTemplate
    ours: bool = False


@dataclass(frozen=True)
class Skipped:
    name: str
    reason: str


def import_one(name: str, text: str, sources: Mapping[str, str] | None = None) -> Found:
    """The template in a file, whichever of the three formats it has. Raises TemplateError."""
    if _OURS.search(text):
        return Found(name, ImportedTemplate(parse_template(text, name)), ours=True)
    if text.lstrip().startswith("{"):
        return Found(name, ImportedTemplate(import_json(text, name)))
    stem = PurePosixPath(name.replace("\\", "/")).stem
    return Found(name, import_config(text, stem or "imported", sources=sources, origin=PurePosixPath(name).name))


def import_many(files: Mapping[str, str]) -> tuple[list[Found], list[Skipped]]:
    """Every config and template among the files; the others are what configs may ``source``."""
    sources = {
        PurePosixPath(name).name: text for name, text in files.items() if PurePosixPath(name).suffix.lower() in _SOURCED
    }
    found: list[Found] = []
    skipped: list[Skipped] = []
    for name, text in sorted(files.items()):
        if len(files) > 1 and not _is_candidate(name, text):
            continue
        try:
            found.append(import_one(name, text, sources))
        except NamdrunnerError as error:
            skipped.append(Skipped(name, error.message))
    if not found:
        reason = skipped[0].reason if skipped else "There is no NAMD config and no template among the files."
        raise TemplateError(
            reason,
            code="import-invalid",
            remedy="Choose a NAMD config, a template, or a folder that holds some.",
            context={"skipped": [s.name for s in skipped[:20]]},
        )
    return found, skipped


def _is_candidate(name: str, text: str) -> bool:
    path = PurePosixPath(name)
    if path.suffix.lower() not in _CONFIGS or "toppar" in path.parts[:-1]:
        return False
    if path.suffix.lower() == ".json":
        return '"namd_config_template"' in text
    return bool(_OURS.search(text)) or len({m.lower() for m in _LOOKS.findall(text)}) >= 3


def read_folder(folder: Path) -> dict[str, str]:
    """Texts of the small files below a folder that can matter. Raises InputError for a folder that is too large."""
    texts: dict[str, str] = {}
    total = 0
    for path in _walk(folder):
        if path.suffix.lower() not in _CONFIGS | _SOURCED or path.stat().st_size > 512 * 1024:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            continue
        total += len(text)
        if len(texts) >= MAX_FILES or total > MAX_TOTAL_BYTES:
            raise InputError(
                f"{folder} holds too many configs to import at once.",
                code="folder-too-large",
                remedy="Choose the folder of one system.",
            )
        texts[path.relative_to(folder).as_posix()] = text
    return texts


def _walk(folder: Path) -> Iterator[Path]:
    """Files below, links not followed, up to five folders deep."""
    seen = 0
    for root, folders, names in os.walk(folder, followlinks=False):
        depth = len(Path(root).relative_to(folder).parts)
        folders[:] = sorted(f for f in folders if not f.startswith(".")) if depth < 5 else []
        for name in sorted(names):
            seen += 1
            if seen > MAX_WALKED:
                return
            path = Path(root) / name
            if path.is_file() and not path.is_symlink():
                yield path


def existing_files(imported: ImportedTemplate, folder: Path, name: str) -> dict[str, list[str]]:
    """The files the config named, where they are below ``folder``; names that lead elsewhere are left out."""
    root = folder.resolve()
    base = (folder / name).parent
    found: dict[str, list[str]] = {}
    for variable, names in imported.files.items():
        for written in names:
            path = Path(os.path.normpath(base / written))
            if path.is_file() and path.resolve().is_relative_to(root):
                found.setdefault(variable, []).append(str(path))
    return found
