"""Continuing a job: a child that starts from the parent's restart files, made on the cluster out of the parent."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from namdrunner import __version__
from namdrunner.errors import (
    ClusterError,
    ConflictError,
    InputError,
    NamdrunnerError,
    NotFoundError,
    QuotaError,
)
from namdrunner.jobs.checkpoint_script import SMALL_INPUT, ListedFile
from namdrunner.jobs.continue_script import MadeReply, Take, build_make_script, parse_make_reply
from namdrunner.jobs.folders import check_name, job_folder, new_job_id
from namdrunner.jobs.record import ContinuationNote, InputFile, JobRecord, JobStatus, RunPlan
from namdrunner.jobs.state import JobState
from namdrunner.services.chains import chain_note, chain_texts
from namdrunner.services.checkpoints import Checkpoints, colvars_state, find_checkpoints
from namdrunner.services.context import Context
from namdrunner.services.continuation_config import RESTART, Given, make_config
from namdrunner.services.continue_request import ContinueRequest
from namdrunner.services.continue_suggestions import Suggestion, suggest, with_suggestions
from namdrunner.services.job_info import INFO, info_text
from namdrunner.services.job_request import JobRequest, resolve_resources
from namdrunner.services.plan import resource_finding
from namdrunner.services.script_spec import script_spec
from namdrunner.services.stages import next_stage
from namdrunner.services.templates import TemplateService
from namdrunner.slurm.geometry import choose_partition, choose_recipe
from namdrunner.slurm.policies import with_qos
from namdrunner.slurm.resources import Resources
from namdrunner.slurm.script import build_job_script
from namdrunner.slurm.validation import validate_resources
from namdrunner.store.jobs import StoredJob

if TYPE_CHECKING:
    from namdrunner.namd.continuation import Continuation

SMALL_TOTAL = 4 * 1024 * 1024


@dataclass(frozen=True)
class ContinuationPlan:
    """All there is to know of a continuation before anything is made; ``texts`` by name below ``input_files/``."""

    record: JobRecord
    parent: StoredJob
    config: bytes
    script: str
    takes: tuple[Take, ...]
    texts: dict[str, bytes]
    diff: str
    chain_texts: dict[str, bytes]
    reason: str
    findings: tuple[dict[str, Any], ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    steps: int | None = None

    @property
    def errors(self) -> list[dict[str, Any]]:
        return [f for f in self.findings if f.get("severity") == "error"]

    def document(self) -> dict[str, Any]:
        """What a dry run shows."""
        note, run = self.record.continuation, self.record.run
        return {
            "id": self.record.id,
            "name": self.record.name,
            "parent": self.parent.id,
            "kind": note.kind if note else "continue",
            "segment": note.segment if note else 1,
            "checkpoint": run.first_step,
            "target_step": run.target_step,
            "steps": self.steps,
            "simulated_ns": None if self.steps is None else self.steps * run.timestep_fs * 1e-6,
            "reason": self.reason,
            "diff": self.diff,
            "config": self.config.decode("utf-8", "replace"),
            "script": self.script,
            "resources": self.record.resources.model_dump(mode="json"),
            "findings": list(self.findings),
            "suggestions": [s.document() for s in self.suggestions],
            "chain": self.record.chain.model_dump(mode="json") if self.record.chain else None,
            "bytes_linked": sum(take.size for take in self.takes),
        }


async def plan_continuation(
    context: Context, templates: TemplateService, job: StoredJob, request: ContinueRequest
) -> ContinuationPlan:
    """Choose the restart set, make the config continue, lay out the child; nothing is made on the cluster.

    Raises ConflictError (``job-active``, ``job-not-run``, ``steps-complete``), NotFoundError (``no-checkpoint``),
    InputError (``cluster-differs``, ``continuation-not-possible``).
    """
    _check_state(job, request)
    record = job.record
    small = _small_inputs(record)
    found = await find_checkpoints(context, job, step=request.checkpoint, inputs=small)
    if found.choice.chosen is None and not request.from_start:
        raise _no_checkpoint(job, found)
    stage = await asyncio.to_thread(next_stage, templates, record, request, found) if request.stage else None
    given = Given(job, request, found, stage)
    made, texts, note = await asyncio.to_thread(make_config, given)
    return _lay_out(context, given, made, texts, note)


def _check_state(job: StoredJob, request: ContinueRequest) -> None:
    if request.cluster is not None and request.cluster != job.record.cluster:
        raise InputError(
            f"The restart files are on {job.record.cluster}; a job on {request.cluster} cannot be made of them.",
            code="cluster-differs",
            remedy=f"Download them (namdrunner job download {job.id}) and create a job there from a config that "
            "starts from them.",
        )
    if job.state.active:
        raise ConflictError(
            f"The job is {job.state.value}; it can be continued when it has ended.",
            code="job-active",
            remedy="Wait for its end, or cancel it first.",
            retryable=True,
        )
    uploaded = job.state is JobState.READY and request.from_start
    if not (job.state.submitted or uploaded) or job.deleting:
        raise ConflictError(
            "The job has not run; there is nothing to continue.",
            code="job-not-run",
            remedy=f"Submit it: namdrunner job submit {job.id}",
        )


def _no_checkpoint(job: StoredJob, found: Checkpoints) -> NotFoundError:
    return NotFoundError(
        f"{found.choice.reason} The job cannot be continued from there.",
        code="no-checkpoint",
        remedy=f"Start it again from its own inputs: namdrunner job continue {job.id} --from-start. A trajectory alone "
        "holds no velocities: a run from its last frame would be a new simulation with fresh ones.",
        context={
            "problems": [{"code": f.code, "message": f.message} for s in found.sets for f in s.flaws][:50],
            "offers": ["from-start"],
        },
    )


def _small_inputs(record: JobRecord) -> list[str]:
    """Inputs that may be scripts: what the config sources or opens has to be there to evaluate it."""
    known = ("structure", "coordinates", "parameters", "bincoordinates", "binvelocities")
    names, total = [], 0
    for file in sorted(record.inputs, key=lambda f: f.bytes):
        if file.bytes > SMALL_INPUT or total + file.bytes > SMALL_TOTAL or "\n" in file.name:
            break
        if file.role.lower() not in known:
            names.append(file.name)
            total += file.bytes
    return names


# -- the job ------------------------------------------------------------------------------------------------------


def _lay_out(
    context: Context, given: Given, made: Continuation, texts: dict[str, bytes], note: ContinuationNote
) -> ContinuationPlan:
    from namdrunner.namd.continuation_edit import OVERLAY

    job, request, stage = given.job, given.request, given.stage
    parent = job.record
    profile = context.clusters.profile(parent.cluster)
    steps = None if made.target_step is None else made.target_step - made.first_step
    suggestions = suggest(job, profile, steps)
    resources = _resources(context, job, request, suggestions)
    name = check_name(request.name or _next_name(parent.name))
    moment = context.now()
    while context.jobs.known([job_id := new_job_id(name, moment)]):
        moment += timedelta(milliseconds=1)
    roots = context.clusters.roots(parent.cluster)
    if roots is None:
        raise ConflictError("The cluster's folders are not known yet.", code="not-connected", remedy="Connect first.")
    takes, inputs = _files(given, texts, restart=note.kind != "start")
    recipe = choose_recipe(profile, choose_partition(resources, profile), request.resources.recipe or parent.recipe)
    dirs = set(parent.run.output_dirs) if stage is None else {"outputs", *stage.output_dirs}
    run = RunPlan(
        inputs_dir=given.inputs_dir,
        config=given.config_path,
        output_dirs=tuple(sorted(dirs)),
        output_names=made.config.output_names,
        first_step=made.first_step,
        target_step=made.target_step,
        timestep_fs=made.config.timestep_fs,
        atoms=parent.run.atoms,
    )
    record = JobRecord(
        id=job_id,
        name=name,
        cluster=parent.cluster,
        created_at=context.now(),
        template=stage.template if stage is not None else parent.template,
        values=stage.values if stage is not None else parent.values,
        resources=resources,
        recipe=recipe.name,
        inputs=inputs,
        run=run,
        project_dir=job_folder(roots[0], job_id),
        scratch_dir=job_folder(roots[1], job_id),
        parent=parent.id,
        continuation=note,
        namdrunner=__version__,
    )
    if request.max_segments is not None:
        overlay = next(n for n in texts if n.endswith(OVERLAY))
        chain = chain_note(record, request.max_segments, request.max_su, made.start, overlay, profile)
        record = record.model_copy(update={"chain": chain})
    text = made.texts.get(made.config.path) or (stage.text if stage is not None else given.found.look.config)
    script = build_job_script(script_spec(record, profile))
    remarks = [resource_finding(f) for f in validate_resources(resources, profile, recipe=record.recipe)]
    findings = tuple(remarks + given.findings)
    config = text.encode("utf-8", "surrogateescape")
    reason = "From the beginning, as asked." if note.kind == "start" else given.found.choice.reason
    return ContinuationPlan(
        record,
        job,
        config,
        script,
        takes,
        texts,
        made.diff,
        chain_texts(record, made.start, profile),
        reason,
        findings,
        suggestions,
        steps,
    )


def _next_name(name: str) -> str:
    """``prod`` becomes ``prod 2``, ``prod 2`` becomes ``prod 3``."""
    head, _, last = name.rpartition(" ")
    return f"{head} {int(last) + 1}" if head and last.isascii() and last.isdigit() else f"{name} 2"


def _resources(
    context: Context, job: StoredJob, request: ContinueRequest, suggestions: tuple[Suggestion, ...]
) -> Resources:
    base = with_suggestions(job.record.resources, suggestions) if request.suggested else job.record.resources
    profile = context.clusters.profile(job.record.cluster)
    asked = JobRequest(name="x", cluster=job.record.cluster, config="x", resources=request.resources)
    given = resolve_resources(asked, profile)
    named = {k for k, v in request.resources.model_dump().items() if v is not None}
    fields = {"memory": "memory_bytes", "walltime": "walltime_s"}
    changes = {fields.get(k, k): getattr(given, fields.get(k, k)) for k in named - {"recipe"}}
    if "partition" in changes and "qos" not in changes:
        changes["qos"] = None  # the QoS of another partition need not exist there
    if "cores" in changes and "nodes" not in changes:
        changes["nodes"] = None
    return with_qos(base.model_copy(update=changes), profile)


def _files(given: Given, texts: dict[str, bytes], *, restart: bool) -> tuple[tuple[Take, ...], tuple[InputFile, ...]]:
    """What is linked or copied on the cluster, and all inputs of the child."""
    parent = given.job.record
    base = f"{parent.project_dir}/input_files"
    takes, inputs = [], []
    kept = {f.name: f for f in parent.inputs if PurePosixPath(f.name).parts[0] != RESTART}
    wanted = {name: kept[source] for name, source in given.stage.files.items()} if given.stage is not None else kept
    for name, file in wanted.items():
        if name not in texts:
            takes.append(Take(f"{base}/{file.name}", name, file.bytes))
            inputs.append(file.model_copy(update={"name": name}))
    for name, content in texts.items():
        digest = hashlib.sha256(content).hexdigest()
        inputs.append(InputFile(name=name, bytes=len(content), sha256=digest, role="script"))
    if not restart:
        return tuple(takes), tuple(inputs)
    roles = (("xsc", "extendedsystem"), ("coor", "bincoordinates"), ("vel", "binvelocities"))
    for (ending, role), part in zip(roles, given.chosen.files, strict=True):
        if part is not None:
            name = f"{RESTART}/start.{ending}"
            takes.append(Take(given.found.absolute(part.path), name, part.size))
            inputs.append(InputFile(name=name, bytes=part.size, sha256=part.sha256, role=role))
    state = colvars_state(given.found, given.chosen.step or 0)
    if state is not None:
        takes.append(_state_take(given.found, state))
        inputs.append(InputFile(name=takes[-1].name, bytes=state.size, sha256="", role="colvarsinput"))
    return tuple(takes), tuple(inputs)


def _state_take(found: Checkpoints, state: ListedFile) -> Take:
    return Take(found.absolute(f"{state.root}/{state.path}"), f"{RESTART}/start.colvars.state", state.size)


async def make_child(context: Context, plan: ContinuationPlan) -> StoredJob:
    """Make the child's folder on the cluster, then record it, READY. Raises QuotaError, ClusterError, InputError."""
    record = plan.record
    texts = {INFO: info_text(record).encode()}
    texts |= {f"input_files/{name}": content for name, content in plan.texts.items()}
    texts |= plan.chain_texts
    texts |= {"config.namd": plan.config, "job.sbatch": plan.script.encode()}
    nonce = secrets.token_hex(16)
    script = build_make_script(record.project_dir, plan.takes, texts, nonce)
    label = f"make {record.id} of {plan.parent.id}"
    reply = await context.session(plan.parent).run("bash -s", stdin=script.encode(), timeout_s=3600, label=label)
    answer = parse_make_reply(reply.stdout, nonce)
    if answer.problem:
        raise _failure(answer)
    job = StoredJob(record, JobStatus(state=JobState.READY))
    shown = plan.config.decode("utf-8", "replace")
    try:
        context.jobs.add(job, texts={"config": shown, "script": plan.script, "diff": plan.diff})
    except ConflictError:
        job = context.jobs.get(job.id)  # a sync found it on the cluster first
    step = record.continuation.from_step if record.continuation else 0
    context.jobs.note(job.id, f"It continues {plan.parent.id} from step {step}. {plan.reason}")
    context.jobs.note(plan.parent.id, f"It is continued by {job.id} from step {step}.")
    context.tell(job)
    return job


def _failure(answer: MadeReply) -> NamdrunnerError:
    if answer.problem == "write":
        return QuotaError(
            f"The new job's folder could not be written: {answer.words}.",
            remedy="Free some space in the project folder, then continue again; nothing was left behind.",
        )
    if answer.problem in ("missing", "changed"):
        return InputError(
            f"A file of the parent is {'gone' if answer.problem == 'missing' else 'no longer what it was'}: "
            f"{answer.words}",
            code="parent-changed",
            remedy="Look at the parent's files; continue from another checkpoint, or create the job anew.",
        )
    return ClusterError(
        f"The new job could not be made on the cluster. {answer.words}".strip(),
        code="continuation-failed",
        remedy="Try again.",
        retryable=True,
    )


def errors_of(plan: ContinuationPlan) -> InputError:
    """The error for a plan whose findings forbid it, when the person has not said to go on all the same."""
    first = plan.errors[0]
    return InputError(
        str(first["message"]),
        code="preflight-failed",
        remedy=f"{first['remedy']}".strip() or "To continue all the same, use --force.",
        context={"findings": plan.errors[:50]},
    )
