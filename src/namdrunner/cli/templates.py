"""template list, show, render, validate: in this process, without a server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from namdrunner.cli.options import (
    Files,
    Json,
    Settings,
    TemplateId,
    existing_file,
    template_files,
    template_values,
)
from namdrunner.cli.output import say, table, write_json, write_text
from namdrunner.errors import InputError
from namdrunner.paths import Folders

if TYPE_CHECKING:
    from namdrunner.services.templates import TemplateService

MAX_TEMPLATE_BYTES = 1024 * 1024


def _service() -> TemplateService:
    from namdrunner.services.templates import TemplateService

    return TemplateService(Folders.default())


def list_(as_json: Json = False) -> None:
    """List the templates: those that come with NAMDRunner, and your own."""
    templates = _service().list()
    if as_json:
        write_json({"templates": templates})
    else:
        table(
            ("id", "version", "for", "title", "description"),
            [
                [t["id"], t["version"], t["kind"], t["title"], t["problem"] if t.get("problem") else t["description"]]
                for t in templates
            ],
        )


def show(template: TemplateId, as_json: Json = False) -> None:
    """Show a template: its variables with units and ranges, and its text."""
    document = _service().get(template)
    if as_json:
        write_json(document)
        return
    write_text(f"{document.get('title', template)} ({document.get('id')} {document.get('version', '')})\n")
    write_text(f"{document.get('description', '')}\n\n")
    table(
        ("variable", "type", "default", "unit", "label"),
        [_variable(v) for v in document.get("variables", ())],
    )
    write_text("\n" + str(document.get("text", "")).rstrip() + "\n")


def _variable(variable: dict[str, Any]) -> list[object]:
    optional = "?" if variable.get("optional") else ""
    return [
        variable.get("name"),
        f"{variable.get('type')}{optional}",
        variable.get("default"),
        variable.get("unit"),
        variable.get("label"),
    ]


def render(template: TemplateId, settings: Settings = None, files: Files = None, as_json: Json = False) -> None:
    """Print the NAMD config that a template gives for some values."""
    rendered = _service().render(template, template_values(settings), template_files(files))
    if as_json:
        write_json(rendered)
    else:
        write_text(rendered["text"])


def validate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A template file.")], as_json: Json = False
) -> int:
    """Say, line by line, what is wrong with a template file; exit status 1 when something is."""
    text = read_template(existing_file(file))
    result = _service().validate(text)
    if as_json:
        write_json(result)
    elif result["ok"]:
        say(f"{file} is a valid template.")
    else:
        for problem in result["problems"]:
            line = f":{problem['line']}" if problem.get("line") else ""
            write_text(f"{file}{line}: {problem.get('message', '')} {problem.get('remedy', '')}".rstrip() + "\n")
    return 0 if result["ok"] else 1


def read_template(path: Path) -> str:
    """Raises InputError for what cannot be a template: too large, or not text."""
    if path.stat().st_size > MAX_TEMPLATE_BYTES:
        raise InputError(
            f"{path} is too large for a template.",
            code="template-too-large",
            remedy="A template is a NAMD config of a few kilobytes.",
        )
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text (byte {error.start}).",
            code="not-utf8",
            remedy="Save it as UTF-8.",
        ) from error
