"""cluster add, list, show, edit, remove."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from namdrunner.cli.options import ClusterName, Json, complete_clusters, pairs
from namdrunner.cli.output import duration, facts, moment, say, size, table, write_json
from namdrunner.cli.session import open_client
from namdrunner.client.documents import ClusterDocument
from namdrunner.errors import UsageError

NewName = Annotated[str, typer.Argument(metavar="NAME", help="A name of your choice.")]
Host = Annotated[str, typer.Option("--host", metavar="HOST", help="Login node, or a Host of ~/.ssh/config.")]
Port = Annotated[int | None, typer.Option("--port", min=1, max=65535, help="SSH port; 22 if not given.")]
User = Annotated[str | None, typer.Option("--user", help="Your user name there.")]
Identity = Annotated[Path | None, typer.Option("--identity", metavar="FILE", help="Private key to log in with.")]
Profile = Annotated[str | None, typer.Option("--profile", help="Profile of the cluster: its partitions and NAMD.")]
ProjectRoot = Annotated[
    str | None,
    typer.Option("--project-root", metavar="PATH", help="Folder for inputs and results; kept for good."),
]
ScratchRoot = Annotated[
    str | None,
    typer.Option("--scratch-root", metavar="PATH", help="Folder for the running job; fast, purged."),
]


def add(
    name: NewName,
    host: Host,
    port: Port = None,
    user: User = None,
    identity: Identity = None,
    profile: Profile = None,
    project_root: ProjectRoot = None,
    scratch_root: ScratchRoot = None,
    as_json: Json = False,
) -> None:
    """Register a cluster; nothing is contacted yet. What is left out comes from ~/.ssh/config and the profile."""
    with open_client() as client:
        cluster = client.clusters.add(
            name,
            host,
            port=port,
            user=user,
            identity_file=identity,
            profile=_profile(profile),
            project_root=project_root,
            scratch_root=scratch_root,
        )
    if as_json:
        write_json(cluster)
    else:
        say(f"Cluster '{name}' is registered. Next: namdrunner cluster connect {name}")


def _profile(given: str | None) -> str | None:
    """A profile's name as it is; the path of a profile file absolute: the server has another current folder."""
    is_path = given is not None and ("/" in given or os.sep in given or given.endswith(".toml"))
    return str(Path(given).expanduser().absolute()) if given and is_path else given


def list_(as_json: Json = False) -> None:
    """List the clusters and the state of their connections."""
    with open_client() as client:
        clusters = client.clusters.list()
    if as_json:
        write_json({"clusters": clusters})
    elif not clusters:
        say("No cluster yet. Register one with `namdrunner cluster add`, or try `namdrunner demo`.")
    else:
        columns = ("name", "state", "host", "port", "user", "profile", "reason")
        table(columns, [[dict(c).get(column) for column in columns] for c in clusters])


def show(name: ClusterName, as_json: Json = False) -> None:
    """Show how a cluster is reached, its folders and its partitions."""
    with open_client() as client:
        cluster = client.clusters.get(name)
    if as_json:
        write_json(cluster)
    else:
        print_cluster(cluster)


def edit(
    name: ClusterName,
    host: Annotated[str | None, typer.Option("--host", metavar="HOST", help="Login node.")] = None,
    port: Port = None,
    user: User = None,
    identity: Identity = None,
    profile: Profile = None,
    project_root: ProjectRoot = None,
    scratch_root: ScratchRoot = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a fact of its profile, e.g. partitions.gpu.max_walltime_s=86400; repeatable.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Change how a cluster is reached, or facts of its profile; what is not given stays.

    It holds from the next connection on. With --set the cluster gets a profile of its own.
    """
    changes = {
        "host": host,
        "port": port,
        "user": user,
        "identity_file": str(identity.expanduser().absolute()) if identity else None,
        "profile": _profile(profile),
        "project_root": project_root,
        "scratch_root": scratch_root,
    }
    given = {key: value for key, value in changes.items() if value is not None}
    facts_changed = dict(pairs(settings, "--set"))
    if not given and not facts_changed:
        raise UsageError("Nothing is to be changed.", remedy="See `namdrunner cluster edit --help`.")
    with open_client() as client:
        if given:
            client.clusters.edit(name, given)
        if facts_changed:
            client.clusters.save_profile(name, changes=facts_changed)
        cluster = client.clusters.get(name)
    if as_json:
        write_json(cluster)
    else:
        print_cluster(cluster)


def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The cluster's name.", autocompletion=complete_clusters)],
    as_json: Json = False,
) -> None:
    """Forget a cluster and its jobs here; nothing on the cluster is touched."""
    with open_client() as client:
        answer = client.clusters.remove(name)
    if as_json:
        write_json(answer)
    else:
        say(f"Cluster '{name}' is forgotten; its jobs and files there are as they were.")


def print_cluster(cluster: ClusterDocument) -> None:
    facts(
        [
            ("name", cluster["name"]),
            ("state", cluster["state"]),
            ("since", moment(cluster["since"])),
            ("reason", cluster["reason"]),
            ("host", cluster["host"]),
            ("port", cluster["port"]),
            ("user", cluster["user"]),
            ("key", cluster["identity_file"]),
            ("profile", cluster["profile"]),
            ("project root", cluster["project_root"]),
            ("scratch root", cluster["scratch_root"]),
        ]
    )
    rows = [
        [
            p.get("name"),
            p.get("nodes"),
            p.get("cores_per_node"),
            size(p.get("memory_per_node_bytes")),
            duration(p.get("max_walltime_s")),
            ", ".join(str(g.get("type")) for g in p.get("gpus") or ()),
        ]
        for p in cluster["partitions"]
    ]
    if cluster["drift"]:
        say(f"The profile no longer agrees with the cluster in {len(cluster['drift'])} place(s):")
        for line in cluster["drift"][:5]:
            say(f"  {line['message']}")
        say(f"See `namdrunner cluster discover {cluster['name']}`.")
    if rows:
        table(("partition", "nodes", "cores/node", "memory/node", "longest", "GPUs"), rows)
