"""settings show, set, unset, export, import: one file, read by the server whenever it has changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from namdrunner.cli.options import Json, existing_file
from namdrunner.cli.output import say, table, write_json, write_text
from namdrunner.errors import ConflictError, InputError, NamdrunnerError
from namdrunner.paths import Folders

if TYPE_CHECKING:
    from namdrunner.services.settings import SettingsService


def _service() -> SettingsService:
    from namdrunner.services.settings import SettingsService

    return SettingsService(Folders.default().ensure())


def _complete(incomplete: str) -> list[str]:
    from namdrunner.services.settings_schema import BY_KEY

    return [key for key in BY_KEY if key.startswith(incomplete)]


Key = Annotated[str, typer.Argument(metavar="KEY", help="Such as downloads.folder.", autocompletion=_complete)]


def show(as_json: Json = False) -> None:
    """Show every setting, its value, and where the file is."""
    found = _service().describe()
    if as_json:
        write_json(found)
        return
    rows = [[s["key"], _shown(s["value"], s["unit"]), "set" if s["set"] else "", s["help"]] for s in found["settings"]]
    table(("setting", "value", "", "meaning"), rows)
    say(f"They are in {found['path']}.")
    _tell(found)


def _shown(value: object, unit: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g} {unit}".strip() if isinstance(value, int | float) else str(value)


def set_(key: Key, value: Annotated[str, typer.Argument(metavar="VALUE")], as_json: Json = False) -> None:
    """Change a setting; a running server goes on with it at once."""
    _change({key: value}, as_json)


def unset(key: Key, as_json: Json = False) -> None:
    """Go back to a setting's default."""
    _change({key: None}, as_json)


def _change(changes: dict[str, object], as_json: bool) -> None:
    found = _service().change(changes)
    _notice()
    if as_json:
        write_json(found)
        return
    for setting in found["settings"]:
        if setting["key"] in changes:
            value = _shown(setting["value"], setting["unit"])
            write_text(f"{setting['key']} = {value or 'not set'}\n")
    _tell(found)


def _tell(found: dict[str, Any]) -> None:
    for problem in found["problems"]:
        say(problem)


def _notice() -> None:
    """A server that runs looks at the file when it is asked for its settings."""
    from namdrunner.client import Client

    try:
        with Client.connect(start=False, timeout_s=2.0) as client:
            client.settings.show()
    except NamdrunnerError:
        pass


def download_folder() -> Path:
    """Where results go unless somebody says otherwise: the current folder, or the one of the settings."""
    folder = _service().current().get("downloads.folder")
    return Path(folder).expanduser() if folder else Path()


def default_of(key: str) -> Any:
    """The value of a setting, or its default."""
    return _service().current().get(key)


def default_resources(cluster: str) -> dict[str, Any]:
    """What new jobs on this cluster ask for unless they say otherwise."""
    return _service().current().resources_for(cluster)


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write.")],
    as_json: Json = False,
) -> None:
    """Write settings, clusters, profiles and templates to one file; no secrets are in it."""
    from namdrunner.cli.session import open_client

    target = file.expanduser().absolute()
    if target.exists():
        raise ConflictError(f"{target} exists.", code="file-exists", remedy="Give another name.")
    with open_client() as client:
        document = client.settings.export()
    target.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if as_json:
        write_json(document)
    else:
        counts = ", ".join(f"{len(document[part])} {part}" for part in ("clusters", "profiles", "templates"))
        say(f"Wrote {target}: settings, {counts}.")


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of `settings export`.")],
    replace: Annotated[bool, typer.Option("--replace", help="Replace what is here already.")] = False,
    as_json: Json = False,
) -> int:
    """Take over an exported file; what is here already is kept. Exit status 1 when something could not be taken."""
    from namdrunner.cli.session import open_client

    path = existing_file(file)
    try:
        text = path.read_text(encoding="utf-8") if path.stat().st_size < 8_000_000 else ""
    except UnicodeDecodeError:
        text = ""
    if not text:
        raise InputError(
            f"{path} is no file of exported settings.",
            code="settings-import-invalid",
            remedy="Choose a file that `namdrunner settings export` has written.",
        )
    with open_client() as client:
        report = client.settings.import_(text, replace=replace)
    if as_json:
        write_json(report)
    else:
        for word in ("added", "replaced", "kept"):
            if report[word]:
                say(f"{word}: {', '.join(report[word])}")
        for problem in report["problems"]:
            write_text(problem + "\n")
    return 1 if report["problems"] else 0
