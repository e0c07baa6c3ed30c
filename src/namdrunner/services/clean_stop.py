"""First jobs that can be stopped before their walltime without losing work, and that can continue themselves.

Their config is marked as a continuation's is, with an overlay that starts the config's own plan. That nothing else
changes is proved: both are evaluated, and every setting, run and command has to be the same, in the same order.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from namdrunner.errors import InputError
from namdrunner.jobs.record import ContinuationNote, InputFile
from namdrunner.namd.config import NamdConfig, RunStep, Setting, evaluate_tolerantly
from namdrunner.namd.continuation import Continuation, Start, make_continuation, read_plan
from namdrunner.namd.continuation_edit import OVERLAY, is_marked
from namdrunner.services.chains import chain_note, chain_texts
from namdrunner.services.continuation_config import RESTART
from namdrunner.services.job_request import JobPlan, JobRequest, PlannedFile
from namdrunner.services.script_spec import script_spec
from namdrunner.slurm.profile import ClusterProfile
from namdrunner.slurm.script import build_job_script

LINKED_BYTES = 1024 * 1024


def with_clean_stop(plan: JobPlan, request: JobRequest, profile: ClusterProfile) -> JobPlan:
    """The plan with its config made stoppable: by default for templates, on request for a person's own config.

    Raises InputError (``continuation-not-possible``) when it was asked for and cannot be done; a template's job is
    otherwise left as it is.
    """
    asked = bool(request.clean_stop or request.max_segments)
    if not asked and (request.clean_stop is False or request.template is None):
        return plan
    try:
        made, overlay = _mark(plan)
    except InputError:
        if asked:
            raise
        return plan
    if made is None:
        return plan
    planned = _with_texts(plan, made, overlay)
    record = planned.record
    if request.max_segments is not None:
        first = made.start.plan_first
        note = ContinuationNote(kind="start", from_step=first, plan_first=first)
        record = record.model_copy(update={"continuation": note})
        chain = chain_note(record, request.max_segments, request.max_su, made.start, overlay, profile)
        record = record.model_copy(update={"chain": chain})
    return finish(replace(planned, record=record, start=made.start), profile)


def finish(plan: JobPlan, profile: ClusterProfile) -> JobPlan:
    """The plan with the texts that follow from its record: the script and, of a chain, what makes its successors."""
    chain = {} if plan.start is None else chain_texts(plan.record, plan.start, profile)
    return replace(plan, script=build_job_script(script_spec(plan.record, profile)), chain=chain)


def _mark(plan: JobPlan) -> tuple[Continuation | None, str]:
    """The marked config, its other texts by name below ``input_files/``, and the overlay's name there.

    None where there is no run to be stopped.
    """
    run = plan.record.run
    with tempfile.TemporaryDirectory(prefix="namdrunner-plan-") as name:
        root = Path(name).resolve()
        inputs = root / run.inputs_dir
        path = root / run.config
        for folder in (inputs, path.parent, *(root / d for d in run.output_dirs)):
            folder.mkdir(parents=True, exist_ok=True)
        for file in plan.files:
            _place(file, inputs / file.name)
        _write(path, plan.config)
        if is_marked(plan.config):
            return None, ""
        config = evaluate_tolerantly(path, root=root)
        if not config.endless and not config.dynamics_steps:
            return None, ""
        texts = {config.path: plan.config}
        for setting in config.settings:
            script = setting.file
            if script not in texts and script.is_file() and not script.is_symlink() and script.is_relative_to(inputs):
                texts[script] = script.read_text(encoding="utf-8", errors="surrogateescape")
        overlay = (inputs if run.inputs_dir != "." else path.parent) / OVERLAY
        made = make_continuation(config, texts, _start(config, inputs), overlay=overlay, root=root)
        if _doings(config) != _doings(made.config) or config.endless != made.config.endless:
            raise InputError(
                "This config would not do the same if NAMD were to be stopped between two parts of its run.",
                code="continuation-not-possible",
                remedy="Create the job without a clean stop.",
            )
        texts = {p if p == config.path else p.relative_to(inputs): text for p, text in made.texts.items()}
        return replace(made, texts=texts), overlay.relative_to(inputs).as_posix()


def _start(config: NamdConfig, inputs: Path) -> Start:
    from namdrunner.namd.keywords import is_on

    plan = read_plan(config)
    folder = os.path.relpath(inputs / RESTART, config.working_folder).replace(os.sep, "/")
    periodic = config.startup("cellbasisvector1") or config.startup("extendedsystem")
    biased = any(is_on(s.value) for s in config.get_all("colvars"))
    return Start(
        "start",
        plan.first,
        plan.first,
        None,
        plan.cycle,
        coordinates=f"{folder}/start.coor",
        velocities=f"{folder}/start.vel",
        cell=f"{folder}/start.xsc" if periodic else "",
        colvars=f"{folder}/start.colvars.state" if biased else "",
        says=("The run is done in parts, so that it can be stopped before the walltime; else nothing is changed.",),
    )


def _doings(config: NamdConfig) -> list[Any]:
    """All that the config does, in order, wherever it is written."""
    found: list[Any] = []
    for entry in config.timeline:
        if isinstance(entry, Setting):
            found.append((entry.keyword, " ".join(entry.value.split()), entry.after_startup))
        elif isinstance(entry, RunStep):
            found.append((entry.kind, entry.steps))
        elif entry.name != "source":
            found.append((entry.name, entry.args))
    return found


def _with_texts(plan: JobPlan, made: Continuation, overlay: str) -> JobPlan:
    changed = {p.as_posix(): text for p, text in made.texts.items() if p != made.config.path}
    files = [replace(f, **_measured(changed[f.name])) if f.name in changed else f for f in plan.files]
    added = PlannedFile(
        source=Path(PurePosixPath(overlay).name), name=overlay, role="script", **_measured(made.overlay)
    )
    new = {f.name: f for f in (*files, added)}
    inputs = [
        i.model_copy(update={"bytes": new[i.name].bytes, "sha256": new[i.name].sha256}) for i in plan.record.inputs
    ]
    inputs.append(InputFile(name=overlay, bytes=added.bytes, sha256=added.sha256, role="script"))
    record = plan.record.model_copy(update={"inputs": tuple(inputs)})
    return replace(plan, record=record, config=made.texts[made.config.path], files=(*files, added))


def _measured(text: str) -> dict[str, Any]:
    data = text.encode("utf-8", "surrogateescape")
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "text": text}


def _place(file: PlannedFile, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if file.text is not None:
        _write(target, file.text)
    elif file.bytes > LINKED_BYTES:
        target.symlink_to(file.source)
    else:
        shutil.copyfile(file.source, target)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")
