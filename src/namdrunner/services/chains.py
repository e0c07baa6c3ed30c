"""Jobs that continue themselves on the cluster: what their script needs to make its successors without us.

The chain's folder (``.chains/{first id}``) holds the successor's overlay, record and script with placeholders, which
the job script fills in when it ends; see ``slurm/data/chain.sh``.
"""

from __future__ import annotations

import math
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from namdrunner.errors import ConflictError, InputError
from namdrunner.jobs.folders import PARENT, job_folder
from namdrunner.jobs.record import ChainNote, ContinuationNote, InputFile, JobRecord, JobStatus, Submission
from namdrunner.jobs.state import JobState
from namdrunner.services.context import Context
from namdrunner.services.continuation_config import RESTART
from namdrunner.services.forecast import costs, hardware_of
from namdrunner.services.job_info import info_text
from namdrunner.services.script_spec import TOKEN, script_spec
from namdrunner.slurm.profile import ClusterProfile
from namdrunner.slurm.script import build_job_script
from namdrunner.store.jobs import StoredJob

if TYPE_CHECKING:
    from namdrunner.namd.continuation import Start

FOLDER = ".chains"
STEP, FROM, NUMBER, XSC_BYTES, OVERLAY_BYTES, SEGMENT, SEGMENT_BEFORE, COOR_BYTES = (
    987654321000 + number for number in range(1, 9)
)
"""Numbers that stand for those the job script puts in."""
_AT = datetime(2001, 1, 1, 1, 1, 1, tzinfo=UTC)
_ID = "NRCHAINID"


def chain_note(
    record: JobRecord,
    max_segments: int,
    max_su: float | None,
    start: Start,
    overlay: str,
    profile: ClusterProfile,
) -> ChainNote:
    """Raises InputError (``end-unknown``, ``walltime-missing``, ``su-unknown``)."""
    if record.run.target_step is None:
        raise InputError(
            "It cannot be told at which step this config ends, so nothing can go on until it is done.",
            code="end-unknown",
            remedy="Say how far it should go: --steps N or --time '5 ns'.",
        )
    if not record.resources.walltime_s:
        raise InputError(
            "A job that continues itself needs a walltime.", code="walltime-missing", remedy="Give --walltime."
        )
    return ChainNote(
        home=_home(record.id, record.project_dir),
        base=record.id,
        until=record.run.target_step,
        max_jobs=max_segments,
        seconds=_seconds(record, max_su, profile),
        cycle=start.cycle,
        overlay=overlay,
        colvars=bool(start.colvars),
    )


def chain_of(chain: ChainNote, job_id: str, project_dir: str) -> ChainNote:
    """The chain of another first job."""
    return chain.model_copy(update={"base": job_id, "home": _home(job_id, project_dir)})


def _home(job_id: str, project_dir: str) -> str:
    return f"{project_dir.rsplit('/', 1)[0]}/{FOLDER}/{job_id}"


def _seconds(record: JobRecord, max_su: float | None, profile: ClusterProfile) -> int:
    if max_su is None:
        return 0
    hardware = hardware_of(record.cluster, record.resources, record.recipe, profile)
    rate = costs(hardware, record.resources, record.resources.nodes or 1, profile, 3600.0)["service_units"]
    if not rate:
        raise InputError(
            "What a job costs on this cluster is not known, so its cost cannot be limited.",
            code="su-unknown",
            remedy="Leave --max-su out, or put the billing rates into the cluster's profile.",
        )
    return max(math.floor(max_su / float(rate) * 3600), 1)


def chain_texts(record: JobRecord, start: Start, profile: ClusterProfile) -> dict[str, bytes]:
    """The files of the chain's folder, by path below the first job's folder."""
    from namdrunner.namd.continuation import overlay_text, segment_name

    if record.chain is None:
        return {}
    following = _successor(record)
    words = "Continues NRCHAINPARENT from step {} after NRCHAINCLASS."
    text = overlay_text(
        replace(
            start,
            mode="continue",
            from_step=FROM,
            until=record.chain.until,
            segment=SEGMENT,
            temperature=None,
            says=(words.format(STEP),),
        )
    )
    text = text.replace(segment_name(SEGMENT), ".segNRCHAINSEG").replace(
        f"namdrunner_seed {SEGMENT - 1}", f"namdrunner_seed {SEGMENT_BEFORE}"
    )
    info = info_text(following)
    for written in (_AT.isoformat(), _AT.isoformat().replace("+00:00", "Z")):
        info = info.replace(written, "NRCHAINAT")
    folder = f"../{FOLDER}/{record.chain.base}"
    script = build_job_script(script_spec(following, profile))
    return {
        f"{folder}/overlay.in": text.encode(),
        f"{folder}/job_info.in": info.encode(),
        f"{folder}/job.in": script.encode(),
    }


def _successor(record: JobRecord) -> JobRecord:
    """The record of the next job, with placeholders."""
    assert record.chain is not None
    assert record.continuation is not None
    project, scratch = (folder.rsplit(f"/{PARENT}/", 1)[0] for folder in (record.project_dir, record.scratch_dir))
    made = {
        f"{RESTART}/start.xsc": ("NRCHAINSHAXSC", XSC_BYTES, "extendedsystem"),
        f"{RESTART}/start.coor": ("NRCHAINSHACOOR", COOR_BYTES, "bincoordinates"),
        f"{RESTART}/start.vel": ("NRCHAINSHAVEL", COOR_BYTES, "binvelocities"),
        record.chain.overlay: ("NRCHAINSHAOVERLAY", OVERLAY_BYTES, "script"),
    }
    kept = [f for f in record.inputs if f.name not in made and not f.name.startswith(f"{RESTART}/")]
    inputs = [*kept, *(InputFile(name=n, bytes=size, sha256=sha, role=role) for n, (sha, size, role) in made.items())]
    # The folders of a job that cannot be made yet: its id is not one.
    stand_in = "x_0000000000000"
    changes = {
        "id": _ID,
        "name": f"{record.name[:45]} {NUMBER}",
        "created_at": _AT,
        "inputs": tuple(inputs),
        "run": record.run.model_copy(update={"first_step": FROM, "output_names": _names(record)}),
        "project_dir": job_folder(project, stand_in).replace(stand_in, _ID),
        "scratch_dir": job_folder(scratch, stand_in).replace(stand_in, _ID),
        "parent": "NRCHAINPARENT",
        "submissions": (Submission(token=TOKEN, at=_AT),),
        "continuation": ContinuationNote(
            kind="continue",
            segment=SEGMENT,
            from_step=STEP,
            plan_first=record.continuation.plan_first,
            reason="By its chain, after NRCHAINCLASS.",
        ),
        "chain": record.chain.model_copy(update={"number": NUMBER}),
    }
    return record.model_copy(update=changes)


def _names(record: JobRecord) -> tuple[str, ...]:
    segment = record.continuation.segment if record.continuation else 1
    own = f".seg{segment:03d}" if segment > 1 else ""
    return tuple(f"{name.removesuffix(own)}.segNRCHAINSEG" for name in record.run.output_names)


def chain_goes_on(record: JobRecord, status: JobStatus) -> bool:
    """Whether the end of a job of a chain may be followed by another job, which its script submits."""
    chain = record.chain
    return chain is not None and chain.number < chain.max_jobs and status.state is not JobState.COMPLETED


async def chain_state(context: Context, job: StoredJob) -> dict[str, object]:
    """What the chain of a job has done, from its folder: ``events`` in order, ``stopped``."""
    chain = _chain_of(job)
    home = shlex.quote(chain.home)
    command = f"[ -e {home}/stop ] && echo stop; echo --; cat {home}/events 2>/dev/null; true"
    reply = await context.session(job).run(f"bash -c {shlex.quote(command)}", timeout_s=60, label="look at a chain")
    head, _, events = reply.text.partition("--\n")
    rows = [line.split("\t", 2) for line in events.splitlines()]
    return {
        "base": chain.base,
        "number": chain.number,
        "max_segments": chain.max_jobs,
        "until": chain.until,
        "stopped": bool(head.strip()),
        "events": [
            {"at": datetime.fromtimestamp(int(row[0]), UTC).isoformat().replace("+00:00", "Z"), "job": row[1],
             "says": row[2]}
            for row in rows if len(row) == 3 and row[0].isdigit()
        ],
    }  # fmt: skip


async def stop_chain(context: Context, job: StoredJob) -> dict[str, object]:
    """No job of the chain is continued any more; one that runs goes on to its own end."""
    chain = _chain_of(job)
    home = shlex.quote(chain.home)
    await context.session(job).run(
        f"bash -c {shlex.quote(f'mkdir -p {home} && : >{home}/stop')}", timeout_s=60, label="stop a chain"
    )
    context.jobs.note(job.id, "Its chain was asked to stop: no further job will be submitted.")
    return await chain_state(context, job)


def _chain_of(job: StoredJob) -> ChainNote:
    if job.record.chain is None:
        raise ConflictError(
            "The job does not continue itself.",
            code="no-chain",
            remedy="Chains are made with --until-done --max-segments N, by 'job create' and 'job continue'.",
        )
    return job.record.chain
