"""From a job's record and the cluster's profile to what its script depends on."""

from __future__ import annotations

from pathlib import PurePosixPath

from namdrunner.jobs.record import JobRecord
from namdrunner.namd.continuation_edit import OVERLAY
from namdrunner.slurm.commands import sbatch_command
from namdrunner.slurm.geometry import choose_partition, choose_recipe
from namdrunner.slurm.profile import ClusterProfile
from namdrunner.slurm.script import ChainSpec, JobScriptSpec

TOKEN, NEXT, NEXT_TOKEN = "NRCHAINTOKEN", "NRCHAINNEXT", "NRNEXTTOKEN"
"""Stand for the token of a job that a chain submits, and, in the command that submits, for its id and its token."""


def script_spec(record: JobRecord, profile: ClusterProfile) -> JobScriptSpec:
    """Raises InputError when the profile no longer has the partition or recipe."""
    partition = choose_partition(record.resources, profile)
    return JobScriptSpec(
        job_id=record.id,
        name=record.name,
        resources=record.resources,
        profile=profile,
        recipe=choose_recipe(profile, partition, record.recipe or None),
        project_dir=record.project_dir,
        scratch_dir=record.scratch_dir,
        inputs_dir=record.run.inputs_dir,
        config=record.run.config,
        output_dirs=record.run.output_dirs,
        inputs=tuple((i.bytes, i.name) for i in record.inputs),
        clean_stop=record.continuation is not None or any(PurePosixPath(i.name).name == OVERLAY for i in record.inputs),
        chain=_chain(record),
    )


def _chain(record: JobRecord) -> ChainSpec | None:
    note, chain = record.continuation, record.chain
    if chain is None or note is None:
        return None
    parent = record.project_dir.rsplit("/", 1)[0]
    return ChainSpec(
        home=chain.home,
        base=chain.base,
        number=chain.number,
        segment=note.segment,
        started=record.run.first_step,
        until=chain.until,
        max_jobs=chain.max_jobs,
        seconds=chain.seconds,
        walltime_s=record.resources.walltime_s or 0,
        cycle=chain.cycle,
        overlay=chain.overlay,
        colvars=chain.colvars,
        submit=sbatch_command(f"{parent}/{NEXT}", NEXT_TOKEN),
    )
