"""Templates: the built-in library and the person's own, rendered with their files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from namdrunner.errors import ConflictError, NotFoundError, TemplateError
from namdrunner.paths import Folders
from namdrunner.templates.builtin import list_templates, load_template
from namdrunner.templates.cell import CellValue
from namdrunner.templates.model import Template, VariableType
from namdrunner.templates.parser import parse_template, validate_document
from namdrunner.templates.render import render

PLACEHOLDER_A = 1.5
"""A CRYST1 record with edges up to this means "no cell": programs write 1 x 1 x 1."""


@dataclass(frozen=True)
class RenderedJob:
    """``files``: (local path, name below ``input_files/``, the template's variable) of every file."""

    template_id: str
    template_version: str
    text: str
    values: dict[str, Any]
    files: tuple[tuple[Path, str, str], ...]


class TemplateService:
    def __init__(self, folders: Folders) -> None:
        self._folder = folders.templates

    def list(self) -> list[dict[str, Any]]:
        own = [self._read(path) for path in sorted(self._folder.glob("*.namd"))] if self._folder.is_dir() else []
        names = {t.id for t in own}
        return [t.summary() for t in own] + [t.summary() for t in list_templates() if t.id not in names]

    def get(self, template_id: str) -> dict[str, Any]:
        return self._template(template_id).document()

    def render(self, template_id: str, values: Mapping[str, Any], files: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """The config's text with what was computed on the way; files need not exist."""
        template = self._template(template_id)
        return render(template, with_cell(template, values, files), files).document()

    def validate(self, text: str) -> dict[str, Any]:
        """What is wrong with the text of a template, and the variables of one that can be used."""
        document = validate_document(text)
        variables = parse_template(text).variables if document["ok"] else ()
        return document | {"variables": [variable.document() for variable in variables]}

    def render_text(self, text: str, values: Mapping[str, Any], files: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """As ``render``, for the text of a template that is not kept yet."""
        template = parse_template(text)
        return render(template, with_cell(template, values, files), files).document()

    def save(self, text: str, *, replace: bool = False) -> dict[str, Any]:
        """Keep a template of the person's own, under the id in its first line.

        Raises TemplateError, and ConflictError (``template-exists``) when there is one of that id and not ``replace``.
        """
        template = parse_template(text)
        target = self._folder / f"{template.id}.namd"
        if not replace and any(known["id"] == template.id for known in self.list()):
            raise ConflictError(
                f"There is a template '{template.id}' already.",
                code="template-exists",
                remedy="Change the id in the line '#@ template', or replace the other one.",
                context={"template": template.id},
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        part.write_text(text, encoding="utf-8")
        part.replace(target)
        return self.get(template.id)

    def delete(self, template_id: str) -> None:
        """Delete a template of the person's own; a built-in one of the same id is there again.

        Raises NotFoundError, ConflictError (``template-built-in``).
        """
        path = self._folder / f"{template_id}.namd"
        if path.parent != self._folder or not path.is_file():
            load_template(template_id)
            raise ConflictError(
                f"The template '{template_id}' comes with NAMDRunner and cannot be deleted.",
                code="template-built-in",
                remedy="Only templates of your own can.",
            )
        path.unlink()

    def render_job(
        self, template_id: str, values: Mapping[str, Any], files: Mapping[str, Sequence[str]]
    ) -> RenderedJob:
        """Raises NotFoundError (``template-not-found``, ``file-not-found``), TemplateError."""
        template = self._template(template_id)
        paths = {name: [str(_existing(path)) for path in given] for name, given in files.items()}
        rendered = render(template, with_cell(template, values, paths), paths)
        placed: dict[str, tuple[Path, str, str]] = {}
        for variable, found in rendered.files.items():
            for file in found:
                placed.setdefault(file.name, (Path(file.source), file.name, variable))
        return RenderedJob(template.id, template.version, rendered.text, rendered.values, tuple(placed.values()))

    def _template(self, template_id: str) -> Template:
        own = self._folder / f"{template_id}.namd"
        if own.parent == self._folder and own.is_file():
            return self._read(own)
        return load_template(template_id)

    def _read(self, path: Path) -> Template:
        return parse_template(path.read_text(encoding="utf-8"), str(path))


def _existing(given: str) -> Path:
    path = Path(given).expanduser().absolute()
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist"
        raise NotFoundError(
            f"{path} {kind}.", code="file-not-found", remedy="Give the path of a file.", context={"file": str(path)}
        )
    if not os.access(path, os.R_OK):
        raise NotFoundError(f"{path} may not be read.", code="file-unreadable", remedy="Check its permissions.")
    return path


def with_cell(template: Template, values: Mapping[str, Any], files: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Cells that were not given in numbers, read from a file: the one named, else the coordinates' CRYST1 record.

    A value that is a path to an ``.xsc`` or ``.pdb`` file is read. Raises TemplateError (``cell-unknown``).
    """
    filled = dict(values)
    for variable in template.variables:
        given = filled.get(variable.name)
        if variable.type is not VariableType.CELL or isinstance(given, CellValue):
            continue
        if isinstance(given, str) and given.lower().endswith((".xsc", ".pdb")):
            filled[variable.name] = _cell_from(_existing(given))
        elif given in (None, "") and not (variable.unless and files.get(variable.unless)):
            paths = [Path(p) for found in files.values() for p in found if p.lower().endswith(".pdb")]
            cells = [_cell_from(path) for path in paths if path.is_file() and _has_cell(path)]
            if cells:
                filled[variable.name] = cells[0]
    return filled


# The readers are imported where they are used: they bring numpy, which a server with nothing to do does without.


def _has_cell(path: Path) -> bool:
    from namdrunner.namd.pdb import read_pdb

    cell = read_pdb(path).cryst1
    return cell is not None and min(cell.a, cell.b, cell.c) > PLACEHOLDER_A


def _cell_from(path: Path) -> CellValue:
    from namdrunner.namd.pdb import read_pdb
    from namdrunner.namd.xsc import read_xsc

    if path.suffix.lower() == ".xsc":
        system = read_xsc(path)
        a, b, c = system.vectors
        if a is None or b is None or c is None:
            raise _no_cell(path)
        return CellValue(a, b, c, system.origin)
    pdb = read_pdb(path)
    if pdb.cryst1 is None or min(pdb.cryst1.a, pdb.cryst1.b, pdb.cryst1.c) <= PLACEHOLDER_A:
        raise _no_cell(path)
    a, b, c = pdb.cryst1.vectors
    low, high = pdb.coordinates.min(axis=0), pdb.coordinates.max(axis=0)
    x, y, z = (round(float(value), 4) for value in (low + high) / 2)
    return CellValue(a, b, c, (x, y, z))


def _no_cell(path: Path) -> TemplateError:
    return TemplateError(
        f"{path.name} does not say what the periodic cell is.",
        code="cell-unknown",
        remedy="Give the cell's edge lengths in angstrom, such as '60 60 60', or an .xsc file.",
        context={"file": str(path)},
    )
