"""Templates: the built-in library and the person's own, rendered with their files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from namdrunner.errors import NotFoundError
from namdrunner.paths import Folders
from namdrunner.templates.library import list_templates, load_template
from namdrunner.templates.model import Template
from namdrunner.templates.parser import parse_template
from namdrunner.templates.render import RenderedConfig, render


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
        return [t.short_document() for t in own] + [t.short_document() for t in list_templates() if t.id not in names]

    def get(self, template_id: str) -> dict[str, Any]:
        return self._template(template_id).document()

    def render(self, template_id: str, values: Mapping[str, Any], files: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """The config's text with what was computed on the way; files need not exist."""
        template = self._template(template_id)
        return self._render(template, values, files).document()

    def validate(self, text: str) -> dict[str, Any]:
        from namdrunner.templates.validation import validate_document

        return validate_document(text)

    def render_job(
        self, template_id: str, values: Mapping[str, Any], files: Mapping[str, Sequence[str]]
    ) -> RenderedJob:
        """Raises NotFoundError (``template-not-found``, ``file-not-found``), TemplateError."""
        template = self._template(template_id)
        paths = {name: [_existing(path) for path in given] for name, given in files.items()}
        rendered = self._render(template, values, {name: [str(p) for p in found] for name, found in paths.items()})
        placed = tuple(
            (source, name, variable)
            for variable, names in rendered.files.items()
            for source, name in zip(paths.get(variable, []), names, strict=True)
        )
        return RenderedJob(template.id, template.version, rendered.text, dict(rendered.values), placed)

    def _render(
        self, template: Template, values: Mapping[str, Any], files: Mapping[str, Sequence[str]]
    ) -> RenderedConfig:
        return render(template, values, files)

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
