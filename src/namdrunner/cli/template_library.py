"""template import, export, new, edit, duplicate, delete, history, restore, diff: the person's own library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from namdrunner.cli.options import Json, TemplateId, existing_file
from namdrunner.cli.output import moment, say, size, table, write_json, write_text
from namdrunner.cli.templates import read_template
from namdrunner.errors import ConflictError, InputError
from namdrunner.paths import Folders

if TYPE_CHECKING:
    from namdrunner.services.templates import TemplateService

Replace = Annotated[bool, typer.Option("--replace", help="Replace a template of the same id.")]


def _service() -> TemplateService:
    from namdrunner.services.templates import TemplateService

    return TemplateService(Folders.default().ensure())


def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A template, a NAMD config, a JSON template, or a folder of them.")
    ],
    replace: Replace = False,
    as_json: Json = False,
) -> None:
    """Keep a template: one of ours, the original's JSON, a plain NAMD config, or every config of a folder."""
    path = file.expanduser().absolute()
    if path.is_dir():
        result = _service().import_folder(str(path), replace=replace)
    else:
        text = read_template(existing_file(path))
        result = _service().import_files({path.name: text}, replace=replace, folder=path.parent)
    if as_json:
        write_json(result)
        return
    for one in result["imported"]:
        write_text(one["template"]["id"] + "\n")
        _tell(one)
    for skipped in result["skipped"]:
        say(f"{skipped['name']} was left out: {skipped['reason']}")


def _tell(one: dict[str, Any]) -> None:
    for note in one["notes"]:
        say(f"{one['name']}: {note}")
    given = [f"--file {variable}={path}" for variable, paths in one["files"].items() for path in paths]
    if given:
        say(f"Its files: {' '.join(given)}")


def export(
    template: TemplateId,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="File to write; printed if not given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print a template's text, or write it to a file: what a colleague imports."""
    text = _service().text(template)
    if to is not None:
        target = to.expanduser().absolute()
        if target.exists():
            raise ConflictError(f"{target} exists.", code="file-exists", remedy="Give another name.")
        target.write_text(text, encoding="utf-8")
    if as_json:
        write_json({"id": template, "text": text, "file": str(to.expanduser().absolute()) if to else None})
    elif to is None:
        write_text(text)
    else:
        say(f"Wrote {to}.")


def new(
    ident: Annotated[str, typer.Argument(metavar="ID", help="Letters, digits, _ and -.")],
    source: Annotated[str | None, typer.Option("--from", metavar="ID", help="Template to begin with.")] = None,
    as_json: Json = False,
) -> None:
    """Make a template to begin with; edit it with `template edit`."""
    _kept(_service().new(ident, source), as_json)


def duplicate(
    template: TemplateId,
    ident: Annotated[str | None, typer.Argument(metavar="[NEW_ID]", help="Id of the copy.")] = None,
    as_json: Json = False,
) -> None:
    """Copy a template under another id."""
    _kept(_service().duplicate(template, ident), as_json)


def _kept(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        write_json(document)
    else:
        write_text(document["id"] + "\n")
        say(f"Kept in {document['source']}.")


def edit(template: TemplateId, as_json: Json = False) -> int:
    """Edit a template in the editor of $VISUAL or $EDITOR; what cannot be used is not kept."""
    import click

    service = _service()
    before = service.text(template)
    after = click.edit(before, extension=".namd", require_save=True)
    if after is None or after == before:
        say("Nothing was changed.")
        return 0
    checked = service.validate(after)
    if not checked["ok"]:
        problem = next(p for p in checked["problems"] if p["severity"] == "error")
        rescued = Folders.default().ensure().cache / f"{template}.edited.namd"
        rescued.write_text(after, encoding="utf-8")
        raise InputError(
            f"Line {problem['line']}: {problem['message']}",
            code=problem["code"],
            remedy=f"{problem['remedy']} The edited text is in {rescued}; import it when it is right.",
        )
    # Over a built-in template the edit becomes one of the person's own with the same id.
    _kept(service.save(after, replace=checked["template"]["id"] == template), as_json)
    return 0


def delete(
    template: TemplateId,
    force: Annotated[bool, typer.Option("--force", help="Also when jobs were made with it.")] = False,
    as_json: Json = False,
) -> None:
    """Delete a template of your own, unless jobs were made with it; `template restore` brings it back."""
    from namdrunner.cli.session import open_client

    with open_client() as client:
        client.templates.delete(template, force=force)
    if as_json:
        write_json({"deleted": template})
    else:
        say(f"Deleted. Bring it back: namdrunner template restore {template}")


def history(template: TemplateId, as_json: Json = False) -> None:
    """List every text a template had, newest first."""
    found = _service().history(template)
    if as_json:
        write_json(found)
        return
    rows = [
        [v["number"], moment(v["saved_at"]), size(v["bytes"]), "now" if v["current"] else ""] for v in found["versions"]
    ]
    table(("version", "saved", "size", ""), rows, numbers=("version", "size"))


Number = Annotated[int | None, typer.Argument(min=0, help="A version of `template history`; 0: as built in.")]


def restore(template: TemplateId, version: Number = None, as_json: Json = False) -> None:
    """Make an earlier version the current one, or bring a deleted template back."""
    _kept(_service().restore(template, version), as_json)


def diff(template: TemplateId, old: Number = None, new: Number = None, as_json: Json = False) -> None:
    """Show what changed between two versions; the last change if none are given."""
    found = _service().diff(template, old, new)
    if as_json:
        write_json(found)
    elif found["diff"]:
        write_text(found["diff"])
    else:
        say("Nothing differs.")
