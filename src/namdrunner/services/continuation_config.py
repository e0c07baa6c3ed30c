"""The config of a continued job: evaluated as it stands, made to start from a restart set, proved by evaluation."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from namdrunner.errors import InputError
from namdrunner.jobs.record import ContinuationNote
from namdrunner.services.checkpoints import Checkpoints, colvars_state
from namdrunner.services.continue_request import ContinueRequest
from namdrunner.services.stages import StageConfig
from namdrunner.store.jobs import StoredJob

if TYPE_CHECKING:
    from namdrunner.namd.config import NamdConfig
    from namdrunner.namd.continuation import Continuation, Plan, Start
    from namdrunner.namd.restart_sets import RestartSet

RESTART = "namdrunner_restart"
"""Folder below ``input_files/`` with what a continued job starts from."""


@dataclass(frozen=True)
class Given:
    """What the parts of a plan share."""

    job: StoredJob
    request: ContinueRequest
    found: Checkpoints
    stage: StageConfig | None
    findings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def chosen(self) -> RestartSet:
        chosen = self.found.choice.chosen
        assert chosen is not None
        return chosen

    @property
    def inputs_dir(self) -> str:
        return "input_files" if self.stage is not None else self.job.record.run.inputs_dir

    @property
    def config_path(self) -> str:
        return "config.namd" if self.stage is not None else self.job.record.run.config


def make_config(given: Given) -> tuple[Continuation, dict[str, bytes], ContinuationNote]:
    """The continued config, the small files that change (by name below ``input_files/``), and the note of it."""
    from namdrunner.namd.config import evaluate_tolerantly
    from namdrunner.namd.continuation import make_continuation, plain_overlay, read_plan
    from namdrunner.namd.continuation_edit import OVERLAY, is_marked

    with tempfile.TemporaryDirectory(prefix="namdrunner-continue-") as name:
        root = Path(name).resolve()
        config_text = given.stage.text if given.stage is not None else given.found.look.config
        if not config_text:
            raise InputError(
                "The job's config.namd is gone from its folder on the cluster.",
                code="config-missing",
                remedy="Create a job from a config of your own that starts from the restart files.",
            )
        path = root / given.config_path
        inputs = root / given.inputs_dir
        overlay = inputs / OVERLAY if given.inputs_dir != "." else path.parent / OVERLAY
        _place(given, inputs)
        _write(path, config_text)
        if is_marked(config_text):
            _write(overlay, plain_overlay())
        config = evaluate_tolerantly(path, root=root)
        _check_evaluated(config)
        texts = {config.path: config_text}
        for setting in config.settings:
            if setting.file not in texts and setting.file.is_file():
                texts[setting.file] = setting.file.read_text(encoding="utf-8", errors="surrogateescape")
        start, note = _start(given, config, read_plan(config), inputs)
        made = make_continuation(config, texts, start, overlay=overlay, root=root)
        changed = {p.relative_to(inputs).as_posix(): t for p, t in made.texts.items() if p != config.path}
        changed[overlay.relative_to(inputs).as_posix()] = made.overlay
        encoded = {name: text.encode("utf-8", "surrogateescape") for name, text in changed.items()}
        return made, encoded, note


def _place(given: Given, inputs: Path) -> None:
    """The run folder as far as the config may look at it: small inputs whole, of the others only that they exist."""
    texts = given.found.look.inputs if given.stage is None else {}
    names = [f.name for f in given.job.record.inputs] if given.stage is None else list(given.stage.files)
    for name in names:
        target = inputs / name
        if ".." in PurePosixPath(name).parts or (target.is_absolute() and not target.is_relative_to(inputs)):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(texts.get(name, b""))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")


def _check_evaluated(config: NamdConfig) -> None:
    failure = config.failure
    if failure is not None and not failure.after_startup:
        raise InputError(
            f"The job's config stops in {failure.file.name}, line {failure.line}: {failure.message}",
            code="config-syntax",
            remedy="Continue with a config of your own that starts from the restart files.",
        )


def _start(given: Given, config: NamdConfig, plan: Plan, inputs: Path) -> tuple[Start, ContinuationNote]:

    from namdrunner.namd.continuation import Start, choose_until

    record, request = given.job.record, given.request
    steps = request.steps_of(plan.timestep_fs)
    note = record.continuation
    folder = os.path.relpath(inputs / RESTART, config.working_folder).replace(os.sep, "/")
    if request.from_start:
        until = None if steps is None else plan.first + -(-steps // plan.cycle) * plan.cycle
        start = Start(
            "start",
            plan.first,
            plan.first,
            until,
            plan.cycle,
            coordinates=f"{folder}/start.coor",
            velocities=f"{folder}/start.vel",
            cell=f"{folder}/start.xsc"
            if config.startup("cellbasisvector1") or config.startup("extendedsystem")
            else "",
            colvars=f"{folder}/start.colvars.state" if _has_colvars(config) else "",
            says=(f"The plan of {record.id} again.",),
        )
        return start, ContinuationNote(kind="start", from_step=plan.first, plan_first=plan.first)
    chosen = given.chosen
    step = chosen.step or 0
    first = plan.first
    if given.stage is not None:
        length = steps if steps is not None else (None if plan.end is None else plan.end - plan.first)
        from_step, until = choose_until(plan, step, steps=length)
        segment, first, kind = 1, from_step, "stage"
    else:
        asked_before = record.run.target_step if note is not None and note.kind != "stage" else None
        beyond = asked_before if asked_before is not None and asked_before > (plan.end or 0) else None
        if (note is not None and note.kind == "stage") or (note is not None and note.plan_first != plan.first):
            # A stage's plan is counted from the step at which the stage began.
            first = note.plan_first
            beyond = record.run.target_step
        from_step, until = choose_until(plan, step, steps=steps, done=beyond)
        segment, kind = (note.segment if note else 1) + 1, "continue"
    if from_step != step:
        words = f"Step {step} is between two cycles of {plan.cycle} steps; the run counts on from step {from_step}."
        given.findings.append(_remark("advice", "step-between-cycles", words))
    colvars = ""
    if _has_colvars(config):
        state = colvars_state(given.found, step)
        if state is not None:
            colvars = f"{folder}/start.colvars.state"
        else:
            words = f"There is no Colvars state of step {step}: biases with a memory would begin anew."
            given.findings.append(_remark("error" if given.stage is None else "warning", "colvars-state", words))
    if config.startup("seed") is not None and segment > 1:
        words = f"The seed is that of the config plus {segment - 1}: the same random numbers are not drawn twice."
        given.findings.append(_remark("advice", "seed-advanced", words))
    cell = chosen.cell is not None and any(chosen.cell.vectors)
    names = tuple(file.path for file in chosen.files if file is not None)
    reason = given.found.choice.reason
    start = Start(
        "continue",
        first,
        from_step,
        until,
        plan.cycle,
        segment,
        coordinates=f"{folder}/start.coor",
        velocities=f"{folder}/start.vel",
        cell=f"{folder}/start.xsc" if cell else "",
        colvars=colvars,
        says=(f"Continues {record.id} from step {step}: {', '.join(names)}.",),
    )
    made = ContinuationNote(
        kind="stage" if kind == "stage" else "continue",
        segment=segment,
        from_step=step,
        from_files=names,
        plan_first=first,
        reason=reason,
    )
    return start, made


def _has_colvars(config: NamdConfig) -> bool:
    from namdrunner.namd.keywords import is_on

    return any(is_on(s.value) for s in config.get_all("colvars"))


def _remark(severity: str, code: str, message: str) -> dict[str, Any]:
    remedy = "To continue all the same, use --force." if severity == "error" else ""
    return {"severity": severity, "code": code, "message": message, "remedy": remedy, "keyword": None,
            "file": None, "line": None}  # fmt: skip
