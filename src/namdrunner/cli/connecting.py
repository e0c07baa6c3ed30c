"""cluster connect, disconnect, test."""

from __future__ import annotations

from typing import Annotated

import typer

from namdrunner.cli.options import ClusterName, Json
from namdrunner.cli.output import say, table, write_json
from namdrunner.cli.prompting import Answers, read_secrets
from namdrunner.cli.session import follow, open_client
from namdrunner.client import Client
from namdrunner.client.documents import ClusterDocument, TaskDocument
from namdrunner.errors import AuthenticationError, HostKeyError


def connect(
    name: ClusterName,
    password_stdin: Annotated[
        bool,
        typer.Option(
            "--password-stdin",
            help="Read hidden answers (password, passphrase, code) from stdin, one a line.",
        ),
    ] = False,
    accept_host_key: Annotated[
        list[str] | None,
        typer.Option(
            "--accept-host-key",
            metavar="SHA256:...",
            help="Accept this host key, and no other, unasked. Once for each host on the way.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Connect to a cluster. Its questions (password, second factor, host key) are asked in the terminal.

    The connection belongs to the server and stays when this command has ended.
    """
    answers = Answers(host_keys=accept_host_key or ())
    if password_stdin:
        answers.secrets, answers.interactive = read_secrets(), False
    with open_client() as client:
        cluster = connect_cluster(client, name, answers)
    if as_json:
        write_json(cluster)
    else:
        say(f"Connected to '{name}' ({cluster['host']}).")


def connect_cluster(client: Client, name: str, answers: Answers) -> ClusterDocument:
    """Connect and answer what is asked; the attempt is called off when a question cannot be answered."""

    def answer(task: TaskDocument) -> None:
        try:
            answers.answer_all(client, name)
        except (AuthenticationError, HostKeyError):
            client.tasks.cancel(task["id"])
            raise

    task = client.clusters.connect(name)
    follow(client, task, each=answer, interrupted=f"See `namdrunner cluster show {name}`.")
    return client.clusters.get(name)


def disconnect(name: ClusterName, as_json: Json = False) -> None:
    """Close the connection to a cluster; jobs on it go on, but are no longer followed."""
    with open_client() as client:
        cluster = client.clusters.disconnect(name)
    if as_json:
        write_json(cluster)
    else:
        say(f"Disconnected from '{name}'.")


def check_cluster(name: ClusterName, as_json: Json = False) -> int:
    """Check on the connected cluster what NAMDRunner needs: commands, folders, quota, NAMD."""
    with open_client() as client:
        result = client.clusters.test(name)
    if as_json:
        write_json(result)
    else:
        columns = ("check", "result", "message", "remedy")
        rows = [[c["name"], "ok" if c["ok"] else "error", c["message"], c["remedy"]] for c in result["checks"]]
        table(columns, rows)
    return 0 if result["ok"] else 1
