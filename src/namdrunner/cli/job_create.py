"""job create."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from namdrunner.cli.options import (
    Files,
    Json,
    Settings,
    complete_clusters,
    complete_templates,
    existing_file,
    template_files,
    template_values,
)
from namdrunner.cli.output import duration, facts, say, size, table, write_json, write_text
from namdrunner.cli.session import follow, open_client
from namdrunner.cli.settings import default_of, default_resources
from namdrunner.client import Client
from namdrunner.client.documents import DryRun, Forecast
from namdrunner.errors import NamdrunnerError, UsageError

SHOWN_FINDINGS = 50
"""A file that is no config at all has thousands."""


def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name of your choice.")],
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            metavar="NAME",
            help="The cluster; by default the setting defaults.cluster.",
            autocompletion=complete_clusters,
        ),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option("--template", metavar="ID", help="Template to use.", autocompletion=complete_templates),
    ] = None,
    settings: Settings = None,
    files: Files = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="A NAMD config of your own, instead of a template."),
    ] = None,
    partition: Annotated[str | None, typer.Option("--partition", help="Partition of the cluster.")] = None,
    qos: Annotated[str | None, typer.Option("--qos", help="Quality of service.")] = None,
    account: Annotated[str | None, typer.Option("--account", help="Account to charge.")] = None,
    cores: Annotated[int | None, typer.Option("--cores", min=1, help="CPU cores in total.")] = None,
    nodes: Annotated[int | None, typer.Option("--nodes", min=1, help="Nodes; computed if not given.")] = None,
    gpus: Annotated[str | None, typer.Option("--gpus", metavar="TYPE:N", help="GPUs, for example a100:1.")] = None,
    memory: Annotated[str | None, typer.Option("--memory", help="Memory per node with its unit: 16GB.")] = None,
    walltime: Annotated[str | None, typer.Option("--walltime", help="Longest run time: 04:00:00.")] = None,
    preset: Annotated[str | None, typer.Option("--preset", help="Resources under a name, from the profile.")] = None,
    until_done: Annotated[
        bool,
        typer.Option("--until-done", help="Go on by itself on the cluster until it is done; needs --max-segments."),
    ] = False,
    max_segments: Annotated[
        int | None, typer.Option("--max-segments", min=1, metavar="N", help="With --until-done: in at most N jobs.")
    ] = None,
    max_su: Annotated[
        float | None, typer.Option("--max-su", metavar="X", help="With --until-done: at most so many service units.")
    ] = None,
    clean_stop: Annotated[
        bool | None,
        typer.Option(
            "--clean-stop/--no-clean-stop",
            help="Stop NAMD before the walltime without losing work; by default for templates.",
            show_default=False,
        ),
    ] = None,
    submit: Annotated[bool, typer.Option("--submit", help="Submit it at once.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent; send nothing.")] = False,
    ask_cluster: Annotated[
        bool, typer.Option("--ask-cluster", help="With --dry-run: ask Slurm whether it would take the job.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Create it although checks found errors.")] = False,
    as_json: Json = False,
) -> int:
    """Create a job from a template or from a NAMD config of your own: check, upload, write its scripts.

    With --config every file the config names is found and uploaded, with its folders as they are.
    """
    cluster = cluster or _default_cluster()
    if template is None and config is None:
        template = default_of("defaults.template")
    if (template is None) == (config is None):
        raise UsageError(
            "Say either --template or --config.",
            remedy="See `namdrunner job create --help`.",
            code="wrong-usage",
        )
    if config is not None and (settings or files):
        raise UsageError("--set and --file belong to a template.", remedy="Leave them out, or use --template.")
    if ask_cluster and not dry_run:
        raise UsageError("--ask-cluster belongs to --dry-run.", remedy="Add --dry-run, or leave it out.")
    _check_chain(until_done, max_segments, max_su, clean_stop)
    resources = {
        "partition": partition,
        "qos": qos,
        "account": account,
        "cores": cores,
        "nodes": nodes,
        "gpus": gpus,
        "memory": memory,
        "walltime": walltime,
    }
    request: dict[str, Any] = {
        "name": name,
        "cluster": cluster,
        "template": template,
        "values": template_values(settings),
        "files": template_files(files),
        "config": str(existing_file(config)) if config else None,
        "resources": _with_defaults(cluster, preset, resources),
        "preset": preset,
        "submit": submit,
        "force": force,
        "clean_stop": clean_stop,
        "max_segments": max_segments,
        "max_su": max_su,
    }
    if dry_run:
        return _plan(request, ask_cluster=ask_cluster, as_json=as_json)
    return _create(request, as_json=as_json)


def _check_chain(until_done: bool, max_segments: int | None, max_su: float | None, clean_stop: bool | None) -> None:
    if (until_done or max_su is not None) and max_segments is None:
        raise UsageError(
            "A job that goes on by itself needs a limit.",
            code="segments-missing",
            remedy="Add --max-segments N: the most jobs it may become.",
        )
    if max_segments is not None and clean_stop is False:
        raise UsageError(
            "A job that goes on by itself has to be stopped cleanly.",
            code="wrong-usage",
            remedy="Leave --no-clean-stop out.",
        )


def _default_cluster() -> str:
    """Raises UsageError (``cluster-missing``) where none is set."""
    cluster = default_of("defaults.cluster")
    if not cluster:
        raise UsageError(
            "Say on which cluster.",
            code="cluster-missing",
            remedy="Add --cluster NAME, or choose one for all: namdrunner settings set defaults.cluster NAME",
        )
    return str(cluster)


def _with_defaults(cluster: str, preset: str | None, given: dict[str, Any]) -> dict[str, Any]:
    """What was said, and the defaults of the settings below it; a preset is complete without them."""
    said = {key: value for key, value in given.items() if value is not None}
    return said if preset else default_resources(cluster) | said


def _create(request: dict[str, Any], *, as_json: bool) -> int:
    with open_client() as client:
        task = client.jobs.create(request)
        try:
            result = follow(client, task, interrupted="See `namdrunner job list`.")
        except NamdrunnerError as error:
            _name_job(client, task["id"], error)
            raise
        job = client.jobs.get(result["job"]["id"])
    if as_json:
        write_json(job)
        return 0
    write_text(job["id"] + "\n")
    if request["submit"]:
        say(f"Submitted ({', '.join(job['slurm_ids']) or job['status']}). Follow it: namdrunner job watch {job['id']}")
    else:
        say(f"Created. Submit it: namdrunner job submit {job['id']}")
    return 0


def _name_job(client: Client, task: str, error: NamdrunnerError) -> None:
    """What went wrong after the job was recorded leaves it behind: it can be submitted again, or deleted."""
    job = client.tasks.get(task)["job"]
    if job and "job" not in error.context:
        error.context["job"] = job
        kept = (
            f"The job is kept: 'namdrunner job submit {job}' goes on with it, 'namdrunner job delete {job}' removes it."
        )
        error.remedy = f"{error.remedy} {kept}".strip()


def _plan(request: dict[str, Any], *, ask_cluster: bool, as_json: bool) -> int:
    with open_client() as client:
        plan = client.jobs.dry_run(request, ask_cluster=ask_cluster)
    failed = any(finding.get("severity") == "error" for finding in plan["findings"])
    if as_json:
        write_json(plan)
    else:
        print_plan(plan)
    return 1 if failed else 0


def print_plan(plan: DryRun) -> None:
    table(("file", "size", "role"), [[f["name"], size(f["bytes"]), f.get("role")] for f in plan["files"]])
    print_forecast(plan["forecast"])
    print_findings(plan["findings"])
    write_text(
        "\n--- NAMD config\n" + plan["config"].rstrip() + "\n\n--- job script\n" + plan["script"].rstrip() + "\n"
    )


def print_forecast(forecast: Forecast) -> None:
    """Speed and time with what they rest on; nothing is said of what is not known."""
    speed, low, high = forecast["ns_per_day"], forecast["ns_per_day_low"], forecast["ns_per_day_high"]
    shown = f"{speed:.3g} ns/day" if speed else ""
    if shown and low and high:
        shown += f" ({low:.3g} to {high:.3g})"
    facts(
        [
            ("output", size(forecast["output_bytes"])),
            ("free space", ", ".join(f"{size(free['bytes'])} below {free['root']}" for free in forecast["free"])),
            ("expected speed", shown),
            ("expected run time", duration(forecast["run_time_s"])),
            ("walltime to ask for", duration(forecast["walltime_s"])),
            ("forecast from", forecast["basis"]),
            ("expected memory", _based(size(forecast["memory_bytes"]), "per node", forecast["memory_basis"])),
            ("service units", _service_units(forecast)),
        ]
    )


def _based(value: str, unit: str, basis: str) -> str:
    return f"{value} {unit}. {basis}" if value else ""


def _service_units(forecast: Forecast) -> str:
    expected, most = forecast["service_units"], forecast["service_units_most"]
    shown = [f"{expected:,.0f} expected"] if expected is not None else []
    shown += [f"{most:,.0f} at most"] if most is not None else []
    return f"{', '.join(shown)}: {forecast['service_units_basis']}" if shown else ""


def print_findings(findings: list[dict[str, Any]]) -> None:
    """Errors first; each with where it is and what to do."""
    order = {"error": 0, "warning": 1, "advice": 2}
    ranked = sorted(findings, key=lambda f: order.get(str(f.get("severity")), 3))
    for finding in ranked[:SHOWN_FINDINGS]:
        where = ":".join(str(finding[key]) for key in ("file", "line") if finding.get(key))
        write_text(f"{finding.get('severity', '')}: {finding.get('message', '')}{f' ({where})' if where else ''}\n")
        if finding.get("remedy"):
            write_text(f"    {finding['remedy']}\n")
    if len(ranked) > SHOWN_FINDINGS:
        write_text(f"and {len(ranked) - SHOWN_FINDINGS} more; --json lists all of them.\n")
