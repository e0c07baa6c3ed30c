"""job continue, checkpoints, tree."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from namdrunner.cli.options import JobId, Json, Settings, complete_clusters, complete_templates, template_values
from namdrunner.cli.output import duration, facts, moment, say, size, table, write_json, write_text
from namdrunner.cli.session import follow, open_client
from namdrunner.client.documents import JsonObject


def continue_(
    job: JobId,
    checkpoint: Annotated[
        int | None, typer.Option("--checkpoint", metavar="STEP", help="Go on from this step; else the newest usable.")
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, metavar="N", help="So many steps more.")] = None,
    time: Annotated[str | None, typer.Option("--time", metavar="'5 ns'", help="So much longer.")] = None,
    until_done: Annotated[bool, typer.Option("--until-done", help="To the end of the plan (the default).")] = False,
    from_start: Annotated[bool, typer.Option("--from-start", help="The plan again, from its own inputs.")] = False,
    max_segments: Annotated[
        int | None,
        typer.Option("--max-segments", min=1, metavar="N", help="Go on by itself on the cluster, in at most N jobs."),
    ] = None,
    max_su: Annotated[
        float | None, typer.Option("--max-su", metavar="X", help="With --max-segments: at most so many service units.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the new job.")] = None,
    template: Annotated[
        str | None,
        typer.Option(
            "--template", metavar="ID", help="Next stage: another template.", autocompletion=complete_templates
        ),
    ] = None,
    settings: Settings = None,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="NAME", help="The parent's cluster.", autocompletion=complete_clusters),
    ] = None,
    partition: Annotated[str | None, typer.Option("--partition", help="Another partition.")] = None,
    qos: Annotated[str | None, typer.Option("--qos", help="Another quality of service.")] = None,
    account: Annotated[str | None, typer.Option("--account", help="Another account to charge.")] = None,
    cores: Annotated[int | None, typer.Option("--cores", min=1, help="CPU cores in total.")] = None,
    nodes: Annotated[int | None, typer.Option("--nodes", min=1, help="Nodes; computed if not given.")] = None,
    gpus: Annotated[str | None, typer.Option("--gpus", metavar="TYPE:N", help="GPUs, for example a100:1.")] = None,
    memory: Annotated[str | None, typer.Option("--memory", help="Memory per node with its unit: 16GB.")] = None,
    walltime: Annotated[str | None, typer.Option("--walltime", help="Longest run time: 04:00:00.")] = None,
    suggested: Annotated[bool, typer.Option("--suggested", help="Take the resources the job's end suggests.")] = False,
    submit: Annotated[bool, typer.Option("--submit", help="Submit it at once.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be made; make nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Continue although something speaks against it.")] = False,
    as_json: Json = False,
) -> None:
    """Make a job that goes on from another's restart files, on the cluster: nothing is sent or fetched.

    With --template or --set it is a next stage: another config that starts where the job ended.
    """
    resources = {
        "partition": partition, "qos": qos, "account": account, "cores": cores, "nodes": nodes, "gpus": gpus,
        "memory": memory, "walltime": walltime,
    }  # fmt: skip
    request: dict[str, Any] = {
        "checkpoint": checkpoint, "steps": steps, "time": time, "until_done": until_done, "from_start": from_start,
        "max_segments": max_segments, "max_su": max_su,
        "name": name, "template": template, "values": template_values(settings), "cluster": cluster,
        "resources": {key: value for key, value in resources.items() if value is not None},
        "suggested": suggested, "submit": submit, "force": force,
    }  # fmt: skip
    with open_client() as client:
        if dry_run:
            plan = client.continuing.plan(job, request)
            if as_json:
                write_json(plan)
            else:
                _print_plan(plan)
                write_text(plan["diff"])
            return
        result = follow(client, client.continuing.start(job, request), interrupted="See `namdrunner job list`.")
    if as_json:
        write_json(result["job"])
        return
    _print_plan(result["plan"])
    made = result["job"]
    ids = ", ".join(made["slurm_ids"])
    say(f"{made['id']} is submitted as {ids}." if ids else f"Made. Submit it: namdrunner job submit {made['id']}")


def _print_plan(plan: JsonObject) -> None:
    length = f"{plan['steps']} steps ({plan['simulated_ns']:.4g} ns)" if plan["steps"] is not None else "open-ended"
    facts(
        [
            ("job", plan["id"]),
            ("continues", plan["parent"]),
            ("from step", str(plan["checkpoint"])),
            ("why there", plan["reason"]),
            ("to step", "" if plan["target_step"] is None else str(plan["target_step"])),
            ("length", length),
        ]
    )
    for entry in (*plan["suggestions"], *plan["findings"]):
        words = entry.get("why") or f"{entry.get('message', '')} {entry.get('remedy', '')}"
        value = entry.get("value")
        if entry.get("field") == "walltime_s":
            words += f" Suggested walltime: {duration(value)}."
        elif entry.get("field") == "memory_bytes":
            words += f" Suggested memory: {size(value)}."
        say(words.strip())


def checkpoints(job: JobId, as_json: Json = False) -> int:
    """Show the restart files of a job where they are: which can be continued from, and what is wrong with others.

    Exit status 1 when there is none to continue from.
    """
    with open_client() as client:
        found = client.continuing.checkpoints(job)
    if as_json:
        write_json(found)
        return 0 if found["chosen"] is not None else 1
    rows = []
    for entry in found["checkpoints"]:
        state = "chosen" if entry["chosen"] else "usable" if entry["valid"] else "not usable"
        why = entry["problems"][0]["message"] if entry["problems"] else ""
        ns = "" if entry["time_ns"] is None else f"{entry['time_ns']:.4g}"
        step = "?" if entry["step"] is None else str(entry["step"])
        rows.append([step, ns, entry["kind"], size(entry["bytes"]), moment(entry["modified_at"]), state, why])
    if rows:
        table(("step", "ns", "kind", "size", "written", "state", "why"), rows, numbers=("step", "ns", "size"))
    say(found["reason"])
    if found["cadence"] and found["cadence"]["advice"]:
        say(found["cadence"]["advice"])
    for offer in found["offers"]:
        say(offer)
    return 0 if found["chosen"] is not None else 1


def chain(
    job: JobId,
    stop: Annotated[bool, typer.Option("--stop", help="Submit no further job; one that runs goes on.")] = False,
    as_json: Json = False,
) -> None:
    """Show what a job that continues itself has done on the cluster, or stop it from going on."""
    with open_client() as client:
        found = client.continuing.chain(job, stop=stop)
    if as_json:
        write_json(found)
        return
    rows = [[moment(event["at"]), event["job"], event["says"]] for event in found["events"]]
    if rows:
        table(("when", "job", "what"), rows)
    state = "stopped" if found["stopped"] else "going on"
    say(f"At most {found['max_segments']} jobs until step {found['until']}; {state}. This is job {found['number']}.")


def tree(job: JobId, as_json: Json = False) -> None:
    """Show where a job comes from, what continues it, and what the whole line came to."""
    with open_client() as client:
        found = client.continuing.tree(job)
    if as_json:
        write_json(found)
        return
    depth: dict[str, int] = {}
    rows = []
    for entry in found["jobs"]:
        level = depth[entry["id"]] = depth.get(entry["parent"] or "", -1) + 1
        mark = "* " if entry["id"] == found["job"] else ""
        start = "" if entry["from_step"] is None else str(entry["from_step"])
        last = "" if entry["last_step"] is None else str(entry["last_step"])
        rows.append(["  " * level + mark + entry["id"], entry["status"], start, last, duration(entry["wall_s"])])
    table(("job", "status", "from step", "to step", "wall time"), rows, numbers=("from step", "to step"))
    totals = found["totals"]
    words = f"{totals['jobs']} jobs in line: {totals['steps']} steps, {totals['simulated_ns']:.4g} ns, "
    words += f"{duration(totals['wall_s'])} running, {duration(totals['queue_s'])} waiting, "
    words += f"{totals['core_hours']:.3g} core hours"
    units = totals["service_units"]
    say(words + (f", {units:.3g} SU." if units is not None else "."))
