"""The templates that come with NAMDRunner."""

from __future__ import annotations

from functools import cache
from importlib import resources

from namdrunner.errors import NotFoundError
from namdrunner.templates.model import Template
from namdrunner.templates.parser import parse_template


@cache
def list_templates() -> tuple[Template, ...]:
    """All built-in templates, by id."""
    folder = resources.files("namdrunner.templates").joinpath("library")
    entries = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".namd")), key=lambda entry: entry.name
    )
    return tuple(parse_template(entry.read_text(encoding="utf-8"), "built-in") for entry in entries)


def load_template(ident: str) -> Template:
    """Raises NotFoundError (``template-unknown``)."""
    for template in list_templates():
        if template.id == ident:
            return template
    raise NotFoundError(
        f"There is no template '{ident}'.",
        code="template-unknown",
        remedy=f"Use one of: {', '.join(template.id for template in list_templates())}.",
    )
