"""The stand-in for sbatch."""

from __future__ import annotations

from pathlib import Path

from namdrunner.demo.slurm.call import VERSION, Call, Reply
from namdrunner.demo.slurm.model import Order, compress
from namdrunner.demo.slurm.options import SBATCH, Parsed, Refusal, parse, sbatch_options
from namdrunner.demo.slurm.submission import build_order, check_script


async def run(call: Call) -> Reply:
    """Submit a job, or say in Slurm's words why not. Raises Refusal."""
    typed = parse(SBATCH, call.arguments, permute=False)
    if "version" in typed:
        return Reply(f"slurm {VERSION}\n")
    if "help" in typed or "usage" in typed:
        return Reply("Usage: sbatch [OPTIONS(0)...] [ : [OPTIONS(N)...]] script(0) [args(0)...]\n")
    script, command = await _script(call, typed)
    text = check_script(script)
    options = sbatch_options(typed, text, call.environment)
    if options.get("clusters", call.scheduler.site.cluster) != call.scheduler.site.cluster:
        raise Refusal(f"sbatch: error: No cluster '{options['clusters']}' known by database.")
    test_only = "test-only" in options
    try:
        order = build_order(
            call.scheduler.site,
            options,
            script=script,
            arguments=typed.arguments[1:],
            command=command,
            submit_line=" ".join(["sbatch", *call.arguments]),
            cwd=call.cwd,
            environment=_submitted_environment(call),
            umask=call.umask,
            now=call.now,
        )
    except Refusal as refusal:
        marker = "Batch job submission failed: "
        if test_only and marker in refusal.text:
            raise Refusal(f"allocation failure: {refusal.text.split(marker, 1)[1]}") from None
        raise
    if test_only:
        return _test_only(call, order)
    job = call.scheduler.submit(order)
    if "parsable" in options:
        return Reply(f"{job.id};{options['clusters']}\n" if "clusters" in options else f"{job.id}\n")
    return Reply(f"Submitted batch job {job.id}\n")


async def _script(call: Call, typed: Parsed) -> tuple[bytes, str]:
    if "wrap" in typed:
        note = "# This script was created by sbatch --wrap.\n\n"
        return f"#!/bin/sh\n{note}{typed.get('wrap')}\n".encode("utf-8", "surrogateescape"), ""
    if not typed.arguments:
        return await call.read_stdin(), ""
    path = Path(call.cwd, typed.arguments[0])
    try:
        return path.read_bytes(), str(path)
    except OSError:
        raise Refusal(f"sbatch: error: Unable to open file {typed.arguments[0]}") from None


def _submitted_environment(call: Call) -> dict[str, str]:
    """The submitter's environment without what belongs to the submitter's own job, if it is one."""
    return {k: v for k, v in call.environment.items() if not k.startswith(("SLURM_JOB", "SLURM_STEP"))}


def _test_only(call: Call, order: Order) -> Reply:
    partition = call.scheduler.site.partition(order.partition)
    nodes = partition.nodes[: order.nodes] if partition else ()
    when = call.calendar.write(call.now, "Unknown")
    return Reply(
        stderr=(
            f"sbatch: Job {call.scheduler.next_id} to start at {when} using {order.cpus} processors"
            f" on nodes {compress(nodes)} in partition {order.partition}\n"
        )
    )
