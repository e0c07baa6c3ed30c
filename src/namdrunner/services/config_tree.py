"""A person's own NAMD config as a tree of files that can move: what it needs, with its relative paths kept."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from namdrunner.errors import InputError
from namdrunner.namd.config import NamdConfig
from namdrunner.namd.references import FileReference, output_paths, referenced_files

ELSEWHERE = "files_from_elsewhere"
"""Folder of the tree for files that the config names by an absolute path."""


@dataclass(frozen=True)
class TreeFile:
    """A file to upload: ``name`` is its path in the tree; ``text`` replaces its content where paths were rewritten."""

    source: Path
    name: str
    role: str
    text: str | None = None


@dataclass(frozen=True)
class ConfigTree:
    """``config`` is the config's path in the tree and ``text`` its text there (absolute paths made relative).

    ``on_cluster``: absolute paths that do not exist here and have to exist there.
    """

    config: str
    text: str
    files: tuple[TreeFile, ...]
    output_dirs: tuple[str, ...]
    on_cluster: tuple[str, ...] = ()
    rewritten: dict[str, str] = field(default_factory=dict)


def build_tree(config: NamdConfig, text: str) -> ConfigTree:
    """Raises InputError: ``file-not-found``, ``path-computed``, ``output-outside-job``."""
    references = [r for r in referenced_files(config) if r.path != config.path]
    _check_existence(references)
    outputs = output_paths(config)
    _check_outputs(config, [o.written for o in outputs])
    near = [r for r in references if not _is_absolute(r.written) and r.exists]
    folders = [config.folder, *(r.path.parent for r in near), *(o.path.parent for o in outputs), *config.made_folders]
    top = Path(os.path.commonpath([str(f) for f in folders]))
    start = _relative(config.folder, top)

    files: dict[Path, TreeFile] = {}
    rewritten: dict[str, str] = {}
    for reference in references:
        if not reference.exists:
            continue
        name = _tree_name(reference, top, {f.name for f in files.values()} if reference.path not in files else set())
        known = files.setdefault(reference.path, TreeFile(reference.path, name, reference.role or reference.keyword))
        if _is_absolute(reference.written):
            rewritten[reference.written] = os.path.relpath(known.name, start)
    texts = {config.path: text} | {
        r.path: r.path.read_text(encoding="utf-8", errors="surrogateescape")
        for r in references
        if r.role in ("script", "colvars configuration", "colvarsconfig") and r.exists and rewritten
    }
    texts = _rewrite(texts, rewritten)
    placed = tuple(
        TreeFile(f.source, f.name, f.role, texts[f.source] if rewritten and f.source in texts else None)
        for f in files.values()
    )
    dirs = {_relative(o.path.parent, top) for o in outputs} | {_relative(f, top) for f in config.made_folders}
    return ConfigTree(
        config=str(PurePosixPath(start) / config.path.name),
        text=texts[config.path],
        files=placed,
        output_dirs=tuple(sorted(dirs - {"."})),
        on_cluster=tuple(r.written for r in references if not r.exists and _is_absolute(r.written)),
        rewritten=rewritten,
    )


def _check_existence(references: list[FileReference]) -> None:
    missing = [r for r in references if not r.exists and r.required and not _is_absolute(r.written)]
    if missing:
        first = missing[0]
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(
            f"The config needs {first.written}{more}, which does not exist.",
            code="file-not-found",
            remedy="Put the file where the config expects it, or correct the path in the config.",
            context={
                "missing": [
                    {"keyword": r.keyword, "path": r.written, "looked_for": str(r.path), "line": r.line}
                    for r in missing
                ]
            },
        )


def _check_outputs(config: NamdConfig, written: list[str]) -> None:
    absolute = [name for name in written if _is_absolute(name)]
    if absolute:
        raise InputError(
            f"The config writes to {absolute[0]}, an absolute path.",
            code="output-outside-job",
            remedy="Write outputs by a relative name, such as outputs/run1; they are brought to the job's folder.",
            context={"paths": absolute, "file": str(config.path)},
        )


def _tree_name(reference: FileReference, top: Path, taken: set[str]) -> str:
    if reference.path.is_relative_to(top):
        return _relative(reference.path, top)
    stem, suffix = reference.path.stem, reference.path.suffix
    name, number = f"{ELSEWHERE}/{reference.path.name}", 2
    while name in taken:
        name, number = f"{ELSEWHERE}/{stem}-{number}{suffix}", number + 1
    return name


def _rewrite(texts: dict[Path, str], rewritten: dict[str, str]) -> dict[Path, str]:
    for written in sorted(rewritten, key=len, reverse=True):
        pattern = re.compile(re.escape(written) + r"(?![\w./-])")
        if not any(pattern.search(text) for text in texts.values()):
            raise InputError(
                f"The config computes the absolute path {written}; it cannot be made to fit the cluster.",
                code="path-computed",
                remedy="Write the path relative to the config, or write it out in full.",
                context={"path": written},
            )
        texts = {path: pattern.sub(lambda _: rewritten[written], text) for path, text in texts.items()}  # noqa: B023
    return texts


def _is_absolute(written: str) -> bool:
    text = written.strip().strip('"')
    return text.startswith("/") or re.match(r"^[A-Za-z]:[\\/]", text) is not None


def _relative(path: Path, top: Path) -> str:
    return PurePosixPath(os.path.relpath(path, top).replace(os.sep, "/")).as_posix()
