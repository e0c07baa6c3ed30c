"""Templates: the built-in library and the person's own, rendered with their files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from namdrunner.errors import ConflictError, InputError, NotFoundError, TemplateError
from namdrunner.paths import Folders
from namdrunner.services.template_import import existing_files, import_many, read_folder
from namdrunner.services.template_store import TemplateStore, TemplateVersion, unified_diff, usable_id
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


Uses = Callable[[str], int]
"""How many jobs were made with the template of an id."""


class TemplateService:
    """``uses`` is known where there is a database; it guards what is deleted."""

    def __init__(self, folders: Folders, uses: Uses | None = None) -> None:
        self._store = TemplateStore(folders.templates)
        self._uses = uses

    def list(self) -> list[dict[str, Any]]:
        own = [self._summary(ident) for ident in self._store.ids()]
        names = {t["id"] for t in own}
        return [self._counted(t) for t in [*own, *(t.summary() for t in list_templates() if t.id not in names)]]

    def _summary(self, ident: str) -> dict[str, Any]:
        """A file that cannot be used is listed with the reason, so that the others can be."""
        try:
            return self._template(ident).summary() | {"id": ident}
        except TemplateError as error:
            blank = Template(ident, "", ident, "", (), "", "", source=str(self._store.path(ident)))
            return blank.summary() | {"problem": f"{error.message} {error.remedy}".strip()}

    def _counted(self, document: dict[str, Any]) -> dict[str, Any]:
        return document | {"uses": self._uses(document["id"]) if self._uses else None}

    def get(self, template_id: str) -> dict[str, Any]:
        return self._counted(self._template(template_id).document())

    def text(self, template_id: str) -> str:
        """As written, also of one that cannot be used. Raises NotFoundError."""
        return self._store.read(template_id) or load_template(template_id).text

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

    def save(self, text: str, *, replace: bool = False, base: int | None = None) -> dict[str, Any]:
        """Keep a template of the person's own, under the id in its first line.

        ``base``: the version the text was made from; another one saved since is a ConflictError (``template-changed``).
        Raises TemplateError, and ConflictError (``template-exists``) when there is one of that id and not ``replace``.
        """
        template = parse_template(text)
        clash = next((known for known in self._ids() if known.lower() == template.id.lower()), None)
        if clash is not None and (not replace or clash != template.id):
            raise ConflictError(
                f"There is a template '{clash}' already.",
                code="template-exists",
                remedy="Change the id in the line '#@ template', or replace the other one.",
                context={"template": template.id},
            )
        versions = self._store.versions(template.id)
        if base is not None and versions and versions[0].number != base:
            raise ConflictError(
                f"'{template.id}' was changed elsewhere while it was edited here.",
                code="template-changed",
                remedy="Compare the versions, then save again to replace the other change.",
                context={"template": template.id, "version": versions[0].number},
            )
        self._store.write(template.id, text)
        return self.get(template.id)

    def delete(self, template_id: str, *, force: bool = False) -> None:
        """Delete a template of the person's own; a built-in one of the same id is there again. It can be restored.

        Raises NotFoundError, ConflictError (``template-built-in``; ``template-in-use`` unless ``force``).
        """
        if self._store.path(template_id) is None:
            load_template(template_id)
            raise ConflictError(
                f"The template '{template_id}' comes with NAMDRunner and cannot be deleted.",
                code="template-built-in",
                remedy="Only templates of your own can.",
            )
        uses = self._uses(template_id) if self._uses else 0
        if uses and not force:
            raise ConflictError(
                f"{uses} job{'s were' if uses != 1 else ' was'} made with the template '{template_id}'.",
                code="template-in-use",
                remedy="They keep their own configs. Delete it all the same with --force, or keep it.",
                context={"template": template_id, "uses": uses},
            )
        self._store.delete(template_id)

    def new(self, ident: str, source: str | None = None) -> dict[str, Any]:
        """A template to begin with: a copy of another, or a small one. Raises ConflictError, TemplateError."""
        text = self.text(source) if source else STARTER
        return self.save(with_id(text, ident))

    def duplicate(self, template_id: str, ident: str | None = None) -> dict[str, Any]:
        """A copy under another id; ``ID_copy`` where none is said."""
        return self.new(ident or self._free(f"{template_id[:50]}_copy"), template_id)

    def history(self, template_id: str) -> dict[str, Any]:
        """Every text it had, newest first. Raises NotFoundError for an id that never was."""
        versions = self._store.versions(template_id)
        if not versions:
            load_template(template_id)
        return {"id": template_id, "versions": [_version_document(v) for v in versions]}

    def version(self, template_id: str, number: int) -> str:
        """The text of a version; 0 is what comes with NAMDRunner. Raises NotFoundError."""
        return load_template(template_id).text if number == 0 else self._store.version(template_id, number)

    def restore(self, template_id: str, number: int | None = None) -> dict[str, Any]:
        """Make an earlier text the current one again; without a number the last of a deleted template."""
        if number is None:
            versions = self._store.versions(template_id)
            earlier = [v.number for v in versions if not v.current]
            number = earlier[0] if earlier else -1
        text = self.version(template_id, number)
        self._store.write(template_id, text)
        return self.get(template_id)

    def diff(self, template_id: str, old: int | None = None, new: int | None = None) -> dict[str, Any]:
        """What changed from one version to another; by default from the one before the last to now."""
        numbers = [v.number for v in self._store.versions(template_id)]
        if not numbers:
            load_template(template_id)
            numbers = [0]
        new = numbers[0] if new is None else new
        if old is None:
            old = next((n for n in numbers if n < new), 0 if self._is_built_in(template_id) else new)
        names = (f"{template_id} version {old}", f"{template_id} version {new}")
        text = unified_diff(self.version(template_id, old), self.version(template_id, new), names)
        return {"id": template_id, "from": old, "to": new, "diff": text}

    def import_files(
        self, files: Mapping[str, str], *, replace: bool = False, folder: Path | None = None
    ) -> dict[str, Any]:
        """Keep a template of each config or template among the files (text by relative name).

        Templates of ours keep their id; what was made of something else gets a free one. ``folder``: where the files
        are, so that those a config names can be given with the answer. Raises TemplateError, ConflictError.
        """
        if not files:
            raise InputError(
                "There is no NAMD config and no template in this folder.",
                code="import-invalid",
                remedy="Choose a folder that holds .namd, .inp or .conf files.",
            )
        found, skipped = import_many(files)
        documents = []
        for one in found:
            template = one.imported.template
            ident = template.id if one.ours or replace else self._free(template.id)
            kept = self.save(with_id(template.text, ident), replace=replace)
            here = existing_files(one.imported, folder, one.name) if folder else {}
            named = {name: list(written) for name, written in one.imported.files.items()}
            documents.append(
                {
                    "name": one.name,
                    "template": {key: kept[key] for key in _HEAD},
                    "named": named,
                    "files": here,
                    "notes": [*one.imported.notes],
                }
            )
        return {"imported": documents, "skipped": [{"name": s.name, "reason": s.reason} for s in skipped]}

    def import_folder(self, folder: str, *, replace: bool = False) -> dict[str, Any]:
        """As ``import_files``, of every config below a folder. Raises InputError for what is no folder."""
        path = Path(folder).expanduser()
        if not path.is_absolute() or not path.is_dir():
            raise InputError(
                f"'{folder[:200]}' is not the absolute path of a folder.",
                code="not-a-folder",
                remedy="Give the whole path of a folder on the computer where NAMDRunner runs.",
            )
        return self.import_files(read_folder(path), replace=replace, folder=path)

    def _ids(self) -> set[str]:
        return {*self._store.ids(), *(template.id for template in list_templates())}

    def _is_built_in(self, ident: str) -> bool:
        return any(template.id == ident for template in list_templates())

    def _free(self, wanted: str) -> str:
        taken = {ident.lower() for ident in self._ids()}
        name, number = wanted, 1
        while name.lower() in taken:
            number += 1
            name = f"{wanted[:58]}_{number}"
        return name

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
        text = self._store.read(template_id)
        if text is None:
            return load_template(template_id)
        return parse_template(text, str(self._store.path(template_id)))


_HEAD = ("id", "version", "title", "description", "source", "kind", "clusters", "uses")
STARTER = (resources.files("namdrunner.templates") / "starter.namd").read_text(encoding="utf-8")


def with_id(text: str, ident: str) -> str:
    """The same template under another id. Raises TemplateError (``template-id``)."""
    if not usable_id(ident):
        raise TemplateError(
            f"'{ident[:80]}' cannot be a template's id.",
            code="template-id",
            remedy="Use up to 64 letters, digits, _ and -, beginning with a letter or digit.",
        )
    return re.sub(r"(?m)^([ \t]*#@[ \t]+template[ \t]+)\S+", lambda m: m.group(1) + ident, text, count=1)


def _version_document(version: TemplateVersion) -> dict[str, Any]:
    return {
        "number": version.number,
        "saved_at": version.saved_at.isoformat().replace("+00:00", "Z"),
        "bytes": version.bytes,
        "current": version.current,
    }


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
