"""cluster discover, export, import, duplicate, suggest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from namdrunner.cli.options import ClusterName, Json, existing_file
from namdrunner.cli.output import duration, facts, moment, say, size, table, write_json, write_text
from namdrunner.cli.session import follow, open_client
from namdrunner.errors import InputError, UsageError


def discover(
    name: ClusterName,
    keys: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY]...", help="With --apply: only these lines."),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Take the differences into the cluster's own profile.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask a connected cluster about itself, and compare it with its profile, line by line."""
    if keys and not apply:
        raise UsageError(
            "Lines are chosen with --apply.", remedy=f"namdrunner cluster discover {name} --apply {keys[0]}"
        )
    with open_client() as client:
        task = client.clusters.discover(name, apply=(keys or ["all"]) if apply else None)
        document = follow(client, task, interrupted=f"See it later with `namdrunner cluster discover {name}`.")
    if as_json:
        write_json(document)
    else:
        print_discovery(document)


def print_discovery(document: dict[str, Any]) -> None:
    facts(
        [
            ("Slurm", document["slurm_version"]),
            ("modules", document["module_system"]),
            ("accounts", ", ".join(a["name"] + (" (default)" if a["default"] else "") for a in document["accounts"])),
            ("QoS", ", ".join(q["name"] for q in document["qos"] if q["allowed"] is not False)),
        ]
    )
    rows = [
        [
            p["name"], p["state"], p["nodes"], p["idle_nodes"], p["cores_per_node"], size(p["memory_per_node_bytes"]),
            duration(p["max_walltime_s"]), ", ".join(f"{g['per_node']} {g['type']}" for g in p["gpus"]),
        ]
        for p in document["partitions"]
    ]  # fmt: skip
    if rows:
        table(("partition", "state", "nodes", "idle", "cores/node", "memory/node", "longest", "GPUs"), rows)
    builds = [[" ".join(b["modules"]) or b["path"], b["version"], b["kind"], b["problem"]] for b in document["namd"]]
    if builds:
        table(("NAMD", "version", "build", "remark"), builds)
    for reservation in document["reservations"]:
        what = "Maintenance" if reservation["maintenance"] else "Reservation"
        say(f"{what} {reservation['name']}: {moment(reservation['start'])} to {moment(reservation['end'])}")
    for note in document["notes"]:
        say(note)
    if document["applied"]:
        say(f"Taken into the profile '{document['profile']}': {len(document['applied'])} line(s).")
    if document["differences"]:
        table(("key", "difference"), [[d["key"], d["message"]] for d in document["differences"]])
        say(f"Take lines over with `namdrunner cluster discover {document['cluster']} --apply [KEY]...`")
    else:
        say("The profile agrees with the cluster.")


def export(
    name: ClusterName,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Write it to a file.")] = None,
    as_json: Json = False,
) -> None:
    """Print a cluster's profile with how it is reached, to give to a colleague; nothing in it is secret."""
    with open_client() as client:
        text = client.clusters.export(name)
    if to is not None:
        if to.exists():
            raise InputError(f"{to} exists already.", code="file-exists", remedy="Choose another name.")
        to.write_text(text, encoding="utf-8")
        say(f"Written to {to}.")
    if as_json:
        write_json({"name": name, "text": text, "file": str(to) if to else None})
    elif to is None:
        write_text(text)


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A profile, as `cluster export` writes it.")],
    name: Annotated[str | None, typer.Option("--name", help="Name of the profile and the cluster.")] = None,
    host: Annotated[str | None, typer.Option("--host", help="Login node, where the file names none.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="Your user name there.")] = None,
    as_json: Json = False,
) -> None:
    """Keep a profile from a file, and register its cluster where the file or --host says how to reach it."""
    path = existing_file(file)
    if path.stat().st_size > 1024 * 1024:
        raise InputError(
            f"{path} is larger than 1 MB.", code="profile-invalid", remedy="A profile is a short TOML file."
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text.", code="profile-invalid", remedy="Save it as UTF-8.") from error
    with open_client() as client:
        answer = client.clusters.import_profile(text, name=name)
        reached = host or answer["host"]
        cluster = None
        if reached and answer["name"] not in [c["name"] for c in client.clusters.list()]:
            cluster = client.clusters.add(
                answer["name"], reached, port=answer["port"], user=user, profile=answer["name"]
            )
    if as_json:
        write_json({"profile": answer["name"], "cluster": cluster, "runs": answer["runs"]})
        return
    say(f"The profile '{answer['name']}' is kept" + (", and its cluster registered." if cluster else "."))
    if answer["runs"]:
        say("Its jobs will run these shell lines on the cluster; read them before you use it:")
        for line in answer["runs"]:
            say(f"  {line}")


def duplicate(
    name: ClusterName,
    new: Annotated[str, typer.Argument(metavar="NEW", help="Name of the copy.")],
    as_json: Json = False,
) -> None:
    """Register another cluster like this one, with a profile of its own to change."""
    with open_client() as client:
        cluster = client.clusters.duplicate(name, new)
    if as_json:
        write_json(cluster)
    else:
        say(f"Cluster '{new}' is registered with the profile '{cluster['profile']}'.")


def suggest(
    name: ClusterName,
    atoms: Annotated[int, typer.Option("--atoms", min=1, help="Atoms of the system.")],
    ns: Annotated[float | None, typer.Option("--ns", help="Time to simulate, in ns.")] = None,
    timestep: Annotated[float, typer.Option("--timestep", help="Timestep in fs.")] = 2.0,
    partition: Annotated[str | None, typer.Option("--partition", help="Only this partition.")] = None,
    gpus: Annotated[bool | None, typer.Option("--gpus/--cpus", help="Only GPUs, or only processors.")] = None,
    as_json: Json = False,
) -> int:
    """Suggest partition, QoS, cores, memory and walltime for a system, each with its reason."""
    request = {"atoms": atoms, "simulated_ns": ns, "timestep_fs": timestep, "partition": partition, "gpus": gpus}
    with open_client() as client:
        document = client.clusters.suggest(name, request)
    if as_json:
        write_json(document)
    else:
        table(("what", "suggested", "why"), [[r["field"], r["value"], r["reason"]] for r in document["reasons"]])
        for finding in document["findings"]:
            say(finding["message"])
    sys.stdout.flush()
    return 1 if any(f["severity"] == "error" for f in document["findings"]) else 0


def expect(
    name: ClusterName,
    cores: Annotated[int | None, typer.Option("--cores", min=1, help="Cores in all.")] = None,
    nodes: Annotated[int | None, typer.Option("--nodes", min=1, help="Nodes.")] = None,
    partition: Annotated[str | None, typer.Option("--partition", help="Partition.")] = None,
    qos: Annotated[str | None, typer.Option("--qos", help="QoS.")] = None,
    gpus: Annotated[str | None, typer.Option("--gpus", metavar="TYPE:N", help="GPUs.")] = None,
    memory: Annotated[str | None, typer.Option("--memory", help="Memory per node, with its unit.")] = None,
    walltime: Annotated[str | None, typer.Option("--walltime", help="HH:MM:SS or D-HH:MM:SS.")] = None,
    as_json: Json = False,
) -> None:
    """Say when a job would start: nodes idle now, Slurm's own plan, your own history, each with its basis."""
    given = {
        "cores": cores, "nodes": nodes, "partition": partition, "qos": qos, "gpus": gpus, "memory": memory,
        "walltime": walltime,
    }  # fmt: skip
    resources = {key: value for key, value in given.items() if value is not None}
    with open_client() as client:
        document = client.clusters.expected_start({"name": "expected", "cluster": name, "resources": resources})
    if as_json:
        write_json(document)
        return
    for signal in document["signals"]:
        say(f"{signal['message']} {signal['basis']}".strip())
