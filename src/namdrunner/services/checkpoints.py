"""What a job can be continued from: its restart sets on the cluster, looked at where they are."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from namdrunner.errors import ClusterError
from namdrunner.jobs.checkpoint_script import (
    ListedFile,
    Look,
    Scan,
    build_look_script,
    build_scan_script,
    parse_look_reply,
    parse_scan_reply,
)
from namdrunner.jobs.record import JobRecord
from namdrunner.services.context import Context
from namdrunner.services.documents import rfc3339
from namdrunner.services.script_spec import script_spec
from namdrunner.store.jobs import StoredJob

if TYPE_CHECKING:
    from namdrunner.namd.restart_sets import Choice, RestartSet, SeenFile

# The readers are imported where they are used: they bring numpy, which a server with nothing to do does without.

LONGEST_S, WANTED_S, SHORTEST_S = 600.0, 300.0, 10.0
"""Wall time between two restart sets: what loses too much, what is sensible, what costs time for nothing."""
_STATE_STEP = re.compile(r"^\s*step\s+(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Checkpoints:
    """``sets`` newest first; ``roots``: where ``outputs`` and ``run`` of the files' paths are on the cluster.

    ``states``: Colvars state files with the step each is of.
    """

    sets: tuple[RestartSet, ...]
    choice: Choice
    roots: dict[str, str]
    states: tuple[tuple[str, int | None], ...]
    look: Look

    def absolute(self, path: str) -> str:
        root, _, rest = path.partition("/")
        return f"{self.roots[root]}/{rest}"


async def find_checkpoints(
    context: Context, job: StoredJob, *, step: int | None = None, inputs: Sequence[str] = (), thorough: bool = False
) -> Checkpoints:
    """Look at the job's restart files and choose; the values of the chosen set have been looked at.

    ``thorough``: the values of every set that is otherwise whole. Raises ClusterError (``checkpoints-cut-off``).
    """
    from namdrunner.namd.restart_sets import choose_set

    record = job.record
    spec = script_spec(record, context.clusters.profile(record.cluster))
    session, nonce = context.session(job), secrets.token_hex(16)
    script = build_look_script(record.project_dir, spec.run_dir, nonce, inputs=inputs)
    reply = await session.run("bash -s", stdin=script.encode(), timeout_s=120, label="look at restart files")
    look = parse_look_reply(reply.stdout, nonce)
    if not look.complete:
        raise ClusterError(
            "The answer about the restart files was cut off.",
            code="checkpoints-cut-off",
            remedy="Try again. If it stays so, look at 'namdrunner cluster test'.",
            retryable=True,
        )
    roots = {"outputs": f"{record.project_dir}/outputs", "run": spec.run_dir}
    seen = _seen(record, look)
    while True:
        sets = _sets(record, look, seen)
        choice = choose_set(sets, step=step)
        wanted = [s for s in sets if s.valid and s.finite is None] if thorough else [choice.chosen]
        unseen = [f for s in wanted if s is not None and s.finite is None for f in s.files if f is not None]
        unseen = [f for f in unseen if not f.sha256]
        found = Checkpoints(sets, choice, roots, _states(look), look)
        if not unseen:
            return found
        scans = await _scan(context, job, [(found.absolute(f.path), not f.path.endswith(_CELLS)) for f in unseen])
        scanned = {f.path: _with_scan(f, scans.get(number)) for number, f in enumerate(unseen)}
        seen = tuple(scanned.get(f.path, f) for f in seen)


_CELLS = (".xsc", ".xsc.old", ".xsc.BAK")


async def _scan(context: Context, job: StoredJob, files: Sequence[tuple[str, bool]]) -> dict[int, Scan]:
    nonce = secrets.token_hex(16)
    script = build_scan_script(files, nonce)
    label = f"look at the values of {len(files)} restart files"
    reply = await context.session(job).run("bash -s", stdin=script.encode(), timeout_s=600, label=label)
    return parse_scan_reply(reply.stdout, nonce)


def _with_scan(file: SeenFile, scan: Scan | None) -> SeenFile:
    if scan is None or not scan.sha256:
        return replace(file, size=0, sha256="-", finite=False)  # gone meanwhile
    return replace(file, finite=True if scan.finite is None else scan.finite, sha256=scan.sha256)


def _seen(record: JobRecord, look: Look) -> tuple[SeenFile, ...]:
    """The listing without the job's own inputs, and without what lies in both folders."""
    from namdrunner.namd.restart_sets import SeenFile

    own = {str(PurePosixPath(record.run.inputs_dir) / i.name) for i in record.inputs}
    found: dict[tuple[str, int, float], SeenFile] = {}
    for file in look.files:
        if (file.root == "run" and file.path in own) or ".colvars.state" in file.path:
            continue
        key = (file.path.removeprefix("outputs/") if file.root == "run" else file.path, file.size, file.modified_at)
        shown = SeenFile(f"{file.root}/{file.path}", file.size, file.modified_at, file.head, file.text)
        found.setdefault(key, shown)
    return tuple(found.values())


def _sets(record: JobRecord, look: Look, seen: Sequence[SeenFile]) -> tuple[RestartSet, ...]:
    """Files of an earlier run of the job are judged without the log, which is of the last one."""
    from namdrunner.namd.restart_log import read_write_lines
    from namdrunner.namd.restart_sets import SetKind, find_sets

    log = read_write_lines(look.log, whole=look.log_lines <= len(look.log))
    earlier = [f for f in seen if "/earlier_run_" in f.path]
    present = [f for f in seen if "/earlier_run_" not in f.path]
    periodic = True if any(" a_x" in f.text and " c_z" in f.text for f in present) else None
    atoms = record.run.atoms
    sets = [
        *find_sets(present, atoms=atoms, log=log, periodic=periodic),
        *find_sets(earlier, atoms=atoms, periodic=periodic),
    ]
    order = list(SetKind)
    sets.sort(key=lambda s: (-(s.step if s.step is not None else -1), not s.valid, order.index(s.kind), s.stem))
    return tuple(sets)


def _states(look: Look) -> tuple[tuple[str, int | None], ...]:
    found = []
    for file in look.files:
        if ".colvars.state" in file.path:
            match = _STATE_STEP.search(file.text)
            found.append((f"{file.root}/{file.path}", int(match[1]) if match else None))
    return tuple(found)


def colvars_state(checkpoints: Checkpoints, step: int) -> ListedFile | None:
    """The Colvars state of exactly this step."""
    paths = {path for path, of in checkpoints.states if of == step}
    return next((f for f in checkpoints.look.files if f"{f.root}/{f.path}" in paths), None)


def checkpoints_document(job: StoredJob, found: Checkpoints) -> dict[str, Any]:
    """What ``job checkpoints`` shows."""
    chosen = found.choice.chosen
    return {
        "job": job.id,
        "chosen": chosen.step if chosen else None,
        "reason": found.choice.reason,
        "target_step": job.record.run.target_step,
        "checkpoints": [_document(job, s, chosen=s is chosen) for s in found.sets],
        "cadence": _cadence(job, found.sets),
        "offers": [] if chosen else _offers(job),
    }


def _document(job: StoredJob, restart: RestartSet, *, chosen: bool) -> dict[str, Any]:
    step, fs = restart.step, job.record.run.timestep_fs
    at = datetime.fromtimestamp(restart.modified_at, UTC) if restart.modified_at else None
    return {
        "step": step,
        "time_ns": None if step is None else step * fs * 1e-6,
        "kind": restart.kind.value,
        "valid": restart.valid,
        "chosen": chosen,
        "values_checked": restart.finite is not None,
        "bytes": restart.size,
        "modified_at": rfc3339(at),
        "volume_a3": restart.cell.volume if restart.cell is not None and restart.cell.periodic else None,
        "atoms": restart.atoms,
        "files": [{"name": f.path, "bytes": f.size} for f in restart.files if f is not None],
        "problems": [{"code": flaw.code, "message": flaw.message} for flaw in restart.flaws],
    }


def _offers(job: StoredJob) -> list[str]:
    return [f"Start again from the job's own inputs: namdrunner job continue {job.id} --from-start"]


def _cadence(job: StoredJob, sets: Sequence[RestartSet]) -> dict[str, Any] | None:
    """How far apart the restart sets are, in steps and wall time, and whether that is sensible."""
    steps = sorted({s.step for s in sets if s.step is not None and s.kind.value in ("restart", "previous", "saved")})
    speed, fs = job.status.progress.ns_per_day, job.record.run.timestep_fs
    if len(steps) < 2 or not speed or fs <= 0:
        return None
    interval = steps[-1] - steps[-2]
    seconds = interval * fs * 1e-6 / speed * 86400.0
    better = max(round(WANTED_S / seconds * interval / 100) * 100, 100) if seconds > 0 else interval
    advice = ""
    if seconds > LONGEST_S:
        advice = (
            f"Restart files come every {seconds / 60:.0f} min; a job that dies loses up to that. restartfreq {better}."
        )
    elif seconds < SHORTEST_S:
        advice = f"Restart files come every {seconds:.1f} s, which costs time for nothing. restartfreq {better}."
    return {"interval_steps": interval, "interval_s": seconds, "advice": advice}
