"""serve, stop, status."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from namdrunner.cli.options import Json
from namdrunner.cli.output import duration, facts, moment, say, size, table, write_json, write_text
from namdrunner.errors import ConflictError
from namdrunner.paths import Folders

if TYPE_CHECKING:
    from namdrunner.client.documents import JsonObject, TaskDocument


def serve(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on 127.0.0.1; 0: any free one.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the browser.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print no address.")] = False,
    end_with_stdin: Annotated[bool, typer.Option("--end-with-stdin", hidden=True)] = False,
    as_json: Json = False,
) -> None:
    """Run the server in the foreground until Ctrl-C; prints an address that opens the UI once."""
    from namdrunner.cli.opening import open_browser
    from namdrunner.client.presence import ServerFile
    from namdrunner.server.process import ServeOptions
    from namdrunner.server.process import serve as run

    folders = Folders.default()

    def ready(server: ServerFile, url: str) -> None:
        if as_json:
            write_json({"url": url, "port": server.port, "pid": server.pid, "server_file": str(folders.server_file)})
        elif not quiet:
            say("NAMDRunner is ready. This address opens it once, within ten minutes; Ctrl-C ends it.")
            write_text(url + "\n")
        if not no_browser:
            open_browser(url)

    run(ServeOptions(folders, port, end_with_stdin, ready))


def stop(
    force: Annotated[bool, typer.Option("--force", help="End the process when it does not end by itself.")] = False,
    as_json: Json = False,
) -> None:
    """End the server; connections are closed, jobs on the clusters go on."""
    from namdrunner.client.launch import stop_server
    from namdrunner.client.presence import find_server, read_server_file
    from namdrunner.errors import ConnectionFailedError

    folders = Folders.default()
    try:
        server = find_server(folders)
    except ConnectionFailedError:
        if not force:
            raise
        server = read_server_file(folders.server_file)
    if server is not None and not stop_server(server, force=force):
        raise ConflictError(
            f"The server (process {server.pid}) was asked to end but still runs.",
            code="server-not-stopping",
            remedy="Wait a moment, or use `namdrunner stop --force`.",
        )
    if as_json:
        write_json({"stopped": server is not None, "pid": server.pid if server else None})
    else:
        say("The server has ended." if server else "No server was running.")


def status(as_json: Json = False) -> None:
    """What runs, since when, which connections. Never starts a server."""
    from namdrunner.client import Client
    from namdrunner.client.presence import find_server

    folders = Folders.default()
    server = find_server(folders)
    if server is None:
        if as_json:
            write_json({"running": False, "server_file": str(folders.server_file)})
        else:
            say("No server runs. Commands that need one start it; `namdrunner` opens the UI.")
        return
    with Client(server) as client:
        document = client.status()
        running = [task for task in client.tasks.list() if task["state"] == "running"]
        limits = client.limits()
    if as_json:
        write_json({"running": True, "url": server.url, "tasks": running, "limits": limits, **document})
        return
    facts(
        [
            ("server", f"version {document['version']}, process {document['pid']}, {server.url}"),
            ("since", f"{moment(document['started_at'])} ({duration(document['uptime_s'])})"),
            ("active jobs", document["active_jobs"]),
            ("database", document["database"].get("path")),
            ("damaged one", document["database"].get("set_aside")),
            ("log", folders.log_file),
            ("at work", ", ".join(_task_words(t) for t in running)),
        ]
    )
    if document["connections"]:
        sys.stdout.write("\n")
        rows = [[c["cluster"], c["state"], moment(c["since"]), c["reason"]] for c in document["connections"]]
        table(("cluster", "state", "since", "reason"), rows)
    if limits:
        sys.stdout.write("\n")
        table(("cluster", "requests free", "waiting", "a second", "sessions", "moved"), [_limit_row(o) for o in limits])


def _task_words(task: TaskDocument) -> str:
    words = f"{task['kind']} {task['job'] or task['cluster'] or ''}".strip()
    return f"{words} (paused)" if task["paused"] else words


def _limit_row(one: JsonObject) -> list[str]:
    """How busy the connection to one cluster is: what is free or in use, and of how much."""
    return [
        one["cluster"],
        f"{one['available']} of {one['burst']}",
        f"{one['waiting']} of {one['queue_depth']}",
        f"{one['requests_per_s']:g}",
        f"{one['sessions']} of {one['sessions_allowed']}",
        size(one["transferred_bytes"]),
    ]
