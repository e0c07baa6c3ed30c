"""Options and arguments that several commands share, and how their values are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from namdrunner.errors import UsageError
from namdrunner.paths import Folders

if TYPE_CHECKING:
    from namdrunner.client import Client

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


def complete_clusters(incomplete: str) -> list[str]:
    """Names of clusters, from a server that runs already; completion must never start one."""
    return _from_server(lambda client: [cluster["name"] for cluster in client.clusters.list()], incomplete)


def complete_jobs(incomplete: str) -> list[str]:
    return _from_server(lambda client: [job["id"] for job in client.jobs.list()["jobs"]], incomplete)


def complete_templates(incomplete: str) -> list[str]:
    from namdrunner.services.templates import TemplateService

    return [t["id"] for t in TemplateService(Folders.default()).list() if t["id"].startswith(incomplete)]


def _from_server(ask: Callable[[Client], list[str]], incomplete: str) -> list[str]:
    from namdrunner.client import Client
    from namdrunner.errors import NamdrunnerError

    try:
        with Client.connect(start=False, timeout_s=1.0) as client:
            return [name for name in ask(client) if name.startswith(incomplete)]
    except NamdrunnerError:
        return []


JobId = Annotated[str, typer.Argument(metavar="ID", help="The job's id.", autocompletion=complete_jobs)]
ClusterName = Annotated[
    str, typer.Argument(metavar="NAME", help="The cluster's name.", autocompletion=complete_clusters)
]
TemplateId = Annotated[str, typer.Argument(metavar="ID", help="The template's id.", autocompletion=complete_templates)]
InCluster = Annotated[
    str, typer.Option("--cluster", metavar="NAME", help="The cluster.", autocompletion=complete_clusters)
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Value of a template variable; repeatable."),
]
Files = Annotated[
    list[str] | None,
    typer.Option("--file", metavar="KEY=PATH", help="File of a template variable; repeatable."),
]


_EXAMPLES = {"--set": "--set temperature=300", "--file": "--file structure_file=ala.psf"}


def pairs(items: Sequence[str] | None, option: str) -> list[tuple[str, str]]:
    """``KEY=VALUE`` each; raises UsageError."""
    found = []
    for item in items or ():
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise UsageError(
                f"{option} {item!r} is not of the form KEY=VALUE.",
                code="option-invalid",
                remedy=f"Write for example {_EXAMPLES[option]}.",
            )
        found.append((key.strip(), value))
    return found


def template_values(items: Sequence[str] | None) -> dict[str, str]:
    return dict(pairs(items, "--set"))


def template_files(items: Sequence[str] | None) -> dict[str, list[str]]:
    """Absolute paths by variable, in the order given; raises UsageError when one does not exist."""
    files: dict[str, list[str]] = {}
    for key, value in pairs(items, "--file"):
        files.setdefault(key, []).append(str(existing_file(value)))
    return files


def existing_file(text: str | Path) -> Path:
    """The absolute path; the server has another current folder than the person."""
    path = Path(text).expanduser().absolute()
    if not path.is_file():
        from namdrunner.errors import InputError

        kind = "is a folder, not a file" if path.is_dir() else "is a device or a pipe, not a file"
        raise InputError(
            f"{path} {kind}." if path.exists() else f"There is no file {path}.",
            code="file-not-found",
            remedy="Check the path.",
            context={"file": str(path)},
        )
    return path
