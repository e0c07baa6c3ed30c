"""Causes that no message names: how the log ends, with which status and signal the run ended."""

from __future__ import annotations

import json
from collections.abc import Mapping

from namdrunner.namd.failures import Diagnosis, Layer, Recovery, Severity
from namdrunner.namd.log_state import RunState

_STOP_REMEDY = "Look at Slurm's account of the job (time limit, memory, cancelled); continue from the last restart set."
_LOOK = "Look at the end of the job's logs."

_STATUS: Mapping[int, tuple[str, str, str, Recovery | None, bool]] = {
    126: (
        "program-not-executable",
        "The program could not be executed.",
        "Check its permissions.",
        Recovery.FIX,
        False,
    ),
    127: ("program-not-found", "A program was not found.", "Load the module that provides it.", Recovery.FIX, False),
    129: ("hung-up", "The run was ended by SIGHUP.", _STOP_REMEDY, Recovery.CONTINUE, False),
    130: ("interrupted", "The run was interrupted (SIGINT).", _STOP_REMEDY, Recovery.CONTINUE, False),
    134: ("aborted", "NAMD aborted; its messages say why.", _LOOK, None, True),
    137: ("killed", "The run was killed (SIGKILL), often for want of memory.", _STOP_REMEDY, Recovery.CONTINUE, False),
    138: ("signalled", "The run was ended by SIGUSR1.", _STOP_REMEDY, Recovery.CONTINUE, False),
    139: ("segmentation-fault", "NAMD crashed (segmentation fault).", _LOOK, Recovery.CONTINUE, True),
    140: ("signalled", "The run was ended by SIGUSR2.", _STOP_REMEDY, Recovery.CONTINUE, False),
    143: ("terminated", "The run was ended by SIGTERM.", _STOP_REMEDY, Recovery.CONTINUE, False),
    152: (
        "cpu-time-limit",
        "The processor-time limit was reached.",
        "Run with enough time; continue from the last restart set.",
        Recovery.CONTINUE,
        False,
    ),
    153: (
        "file-too-large",
        "A file grew beyond the largest size allowed.",
        "Write fewer frames or raise the limit, then continue.",
        Recovery.FIX,
        False,
    ),
}


def _made(
    code: str,
    message: str,
    remedy: str,
    recovery: Recovery | None,
    *,
    severity: Severity = Severity.ERROR,
    layer: Layer = Layer.OTHER,
    generic: bool = False,
    file: str | None = None,
    excerpt: str = "",
) -> Diagnosis:
    return Diagnosis(code, severity, message, remedy, recovery, file, None, excerpt, layer, generic)


def from_status(status: int, file: str | None = None) -> Diagnosis | None:
    """What an exit status says (128 + n: ended by signal n); None for 0 and statuses without meaning."""
    known = _STATUS.get(status)
    if known is not None:
        code, message, remedy, recovery, generic = known
        return _made(code, message, remedy, recovery, generic=generic, file=file, excerpt=f"exit status {status}")
    if status in (1, 2):
        message = f"NAMD ended with status {status}; its messages say why."
        return _made("namd-failed", message, _LOOK, None, generic=True, file=file, excerpt=f"exit status {status}")
    return None


def from_result(text: str, file: str | None = None) -> list[Diagnosis] | None:
    """What the job script's result.json says; None when the text is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or "exit_code" not in document:
        return None
    found: list[Diagnosis] = []
    signal, error, stage = (str(document.get(key) or "") for key in ("signal", "error", "stage"))
    if signal.upper().removeprefix("SIG") in ("USR1", "USR2", "XCPU"):
        message = "The job was stopped shortly before its time limit."
        remedy = "Continue the job from its last restart set."
        found.append(_made("time-limit", message, remedy, Recovery.CONTINUE, layer=Layer.SCHEDULER, file=file))
    elif signal:
        message = f"The job script was sent {signal}: cancelled, preempted or out of time."
        found.append(_made("terminated", message, _STOP_REMEDY, Recovery.CONTINUE, layer=Layer.SCHEDULER, file=file))
    if error:
        recovery = Recovery.HOLD if stage == "stage-out" else Recovery.FIX
        message = f"The job script failed while in {stage or 'an unknown stage'}: {error[:300]}"
        remedy = "Look at the Slurm log of the job; correct what it names."
        found.append(_made("script-failed", message, remedy, recovery, layer=Layer.MACHINE, file=file))
    status = document.get("exit_code")
    if isinstance(status, int) and not signal:
        cause = from_status(status, file)
        if cause is not None:
            found.append(cause)
    return found


def from_end(run: RunState, last_step: int | None, last_line: str = "", file: str | None = None) -> list[Diagnosis]:
    """What the end of a NAMD log says when no message does; ``last_line`` is its last line that is not empty."""
    if run.finished or run.errors:
        return []
    if run.ended:
        return _ended_early(run, last_step, file)
    where = f"at step {last_step}" if last_step is not None else "during start-up"
    excerpt = last_line[:200]
    found = []
    if last_step is None and run.startup_s is None and "NBTHOLE_PAIRS" in last_line:
        message = "The log stops while the structure file is read: NAMD hangs on a file that is cut short."
        remedy = "Upload the structure file again; stop the job if it still runs."
        found.append(_made("structure-cut-short", message, remedy, Recovery.FIX, file=file, excerpt=excerpt))
    message = f"The log stops {where} without NAMD's closing lines: the run was ended from outside, or still goes on."
    found.append(
        _made(
            "log-stops",
            message,
            _STOP_REMEDY,
            Recovery.CONTINUE,
            severity=Severity.WARNING,
            generic=True,
            file=file,
            excerpt=excerpt,
        )
    )
    return found


def _ended_early(run: RunState, last_step: int | None, file: str | None) -> list[Diagnosis]:
    target = run.target_step
    if run.stages_seen == 0 and not run.numsteps and last_step is None:
        message = "NAMD ended without an error and without having run anything."
        remedy = "Add run, minimize or numsteps to the config."
        return [_made("nothing-run", message, remedy, Recovery.FIX, layer=Layer.START_UP, file=file)]
    if "VELOCITIES" not in run.outputs or (target is not None and run.outputs["VELOCITIES"] < target):
        message = f"NAMD ended without an error before step {target if target is not None else 'the last'}."
        remedy = "Look for exit in the config; continue from the last restart set."
        return [_made("ended-early", message, remedy, Recovery.CONTINUE, severity=Severity.WARNING, file=file)]
    return []
