"""What went wrong, said from NAMD's and Slurm's own output.

The signatures are data (``data/failures.json``). Causes are ranked: what the scheduler did comes before a full disk,
that before an unstable simulation, that before a fault of machine or launch, that before start-up errors; a
message that only repeats that something failed comes last.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from namdrunner.namd.log_state import RunState

_WARNINGS_ABOVE = 5
_LINES_BELOW = 5
_MAX_EXCERPT = 2000
_SCHEMA = 1
_GROUP = re.compile(r"\{(\d)\}")
_FATAL = re.compile(r"^(?:FATAL ERROR|ERROR|REPLICA \d+ FATAL ERROR): *(.*)", re.MULTILINE)

Line = tuple[int, str]


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Recovery(StrEnum):
    """What to do next: go on from the last restart set, from one before it, wait for a person, correct the input."""

    CONTINUE = "continue"
    ROLLBACK = "rollback"
    HOLD = "hold"
    FIX = "fix"


class Layer(StrEnum):
    """Where a cause lies, in the order in which causes are believed."""

    SCHEDULER = "scheduler"
    STORAGE = "storage"
    INSTABILITY = "instability"
    MACHINE = "machine"
    START_UP = "start-up"
    OTHER = "other"


_LAYERS = list(Layer)
_SEVERITIES = list(Severity)


@dataclass(frozen=True)
class Signature:
    """A known failure; ``message`` may use {1}, {2} for the pattern's groups."""

    code: str
    pattern: re.Pattern[str]
    layer: Layer
    severity: Severity
    recovery: Recovery | None
    message: str
    remedy: str
    example: str
    generic: bool = False
    """Says only that something failed; the cause is elsewhere if it is known at all."""


@dataclass(frozen=True)
class Diagnosis:
    """One cause found: where (file, 1-based line) and the lines that show it."""

    code: str
    severity: Severity
    message: str
    remedy: str
    recovery: Recovery | None
    file: str | None
    line: int | None
    excerpt: str
    layer: Layer = Layer.OTHER
    generic: bool = False

    def document(self) -> dict[str, Any]:
        """The object of ``log diagnose --json``."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "message": self.message,
            "remedy": self.remedy,
            "recovery": self.recovery.value if self.recovery is not None else None,
            "file": self.file,
            "line": self.line,
            "excerpt": self.excerpt,
            "layer": self.layer.value,
        }


@cache
def signatures() -> tuple[Signature, ...]:
    """The catalogue."""
    document = json.loads(resources.files("namdrunner.namd").joinpath("data/failures.json").read_text("utf-8"))
    if document["schema"] != _SCHEMA:
        raise ValueError(f"failures.json has schema {document['schema']}, not {_SCHEMA}")
    return tuple(_signature(entry) for entry in document["signatures"])


def _signature(entry: Mapping[str, Any]) -> Signature:
    recovery = entry["recovery"]
    return Signature(
        code=entry["code"],
        pattern=re.compile(entry["pattern"], re.MULTILINE),
        layer=Layer(entry["layer"]),
        severity=Severity(entry["severity"]),
        recovery=Recovery(recovery) if recovery is not None else None,
        message=entry["message"],
        remedy=entry["remedy"],
        example=entry["example"],
        generic=bool(entry.get("generic", False)),
    )


def diagnose_lines(
    files: Mapping[str, Sequence[Line]], run: RunState | None = None, *, extra: Sequence[Diagnosis] = ()
) -> tuple[Diagnosis, ...]:
    """Causes in lines that are not routine, most likely first, each code once.

    ``files`` maps a name to its numbered lines in order; ``run`` is what NAMD's log says as a whole; ``extra`` are
    causes known from elsewhere (exit status, a log that stops).
    """
    found: dict[str, Diagnosis] = {entry.code: entry for entry in extra}
    for name, lines in files.items():
        for entry in _find(name, list(lines)):
            known = found.get(entry.code)
            if known is None or (known.line is None and entry.line is not None):
                found[entry.code] = entry
    causes = list(found.values())
    errors = [entry for entry in causes if entry.severity is Severity.ERROR]
    if not errors:
        unknown = _unknown(files)
        if unknown is not None:
            causes.append(unknown)
    if run is not None and run.finished:
        # A run that reached its end was not stopped by what its log merely mentions.
        causes = [entry for entry in causes if entry.severity is not Severity.ERROR or entry.layer is Layer.SCHEDULER]
    if any(entry.severity is Severity.ERROR and not entry.generic for entry in causes):
        # The cause is known: that something failed, or that the log stops, is no news.
        causes = [entry for entry in causes if not entry.generic]
    return tuple(sorted(causes, key=_rank))


def _rank(entry: Diagnosis) -> tuple[int, bool, int, int, int]:
    """Severity, then layer, then where it stands, then the order of the catalogue (special before general)."""
    codes = [signature.code for signature in signatures()]
    return (
        _SEVERITIES.index(entry.severity),
        entry.generic,
        _LAYERS.index(entry.layer),
        entry.line if entry.line is not None else 10**9,
        codes.index(entry.code) if entry.code in codes else len(codes),
    )


def _find(name: str, lines: list[Line]) -> list[Diagnosis]:
    text = "\n".join(line for _, line in lines)
    starts = _starts(lines)
    found = []
    for signature in signatures():
        match = signature.pattern.search(text)
        if match is not None:
            index = _index(starts, match.start())
            message = _GROUP.sub(lambda g, m=match: _group(m, int(g[1])), signature.message)  # type: ignore[misc]
            found.append(
                Diagnosis(
                    code=signature.code,
                    severity=signature.severity,
                    message=_tidy(message),
                    remedy=signature.remedy,
                    recovery=signature.recovery,
                    file=name or None,
                    line=lines[index][0],
                    excerpt=_excerpt(lines, index),
                    layer=signature.layer,
                    generic=signature.generic,
                )
            )
    return found


def _group(match: re.Match[str], number: int) -> str:
    return (match.group(number) or "").strip() if number <= (match.re.groups or 0) else ""


def _tidy(message: str) -> str:
    """No blank in front of a stop, one stop at the end."""
    message = re.sub(r"\s+", " ", message).replace(" .", ".").replace(" ,", ",").replace("..", ".").strip()
    message = message.removesuffix(":").strip()
    return message if message.endswith((".", "!", "?")) else message + "."


def _unknown(files: Mapping[str, Sequence[Line]]) -> Diagnosis | None:
    """The first error line no signature knows."""
    for name, lines in files.items():
        for index, (number, line) in enumerate(lines):
            match = _FATAL.match(line)
            if match is not None and not any(signature.pattern.search(line) for signature in signatures()):
                return Diagnosis(
                    code="error-unknown",
                    severity=Severity.ERROR,
                    message=_tidy(f"NAMD stopped: {match[1]}"),
                    remedy="Look the message up in the NAMD mailing list; the lines around it may say more.",
                    recovery=None,
                    file=name or None,
                    line=number,
                    excerpt=_excerpt(list(lines), index),
                )
    return None


def _starts(lines: Sequence[Line]) -> list[int]:
    starts, position = [], 0
    for _, line in lines:
        starts.append(position)
        position += len(line) + 1
    return starts


def _index(starts: Sequence[int], position: int) -> int:
    low, high = 0, len(starts)
    while low + 1 < high:
        middle = (low + high) // 2
        if starts[middle] <= position:
            low = middle
        else:
            high = middle
    return low


def _excerpt(lines: Sequence[Line], index: int) -> str:
    """The line, the last warnings above it, and what belongs to it below."""
    above = [line for _, line in lines[:index] if line.startswith("Warning:")][-_WARNINGS_ABOVE:]
    below = []
    for number, line in lines[index + 1 : index + 1 + _LINES_BELOW]:
        if number - lines[index][0] > 2 * _LINES_BELOW:
            break
        below.append(line)
    return "\n".join([*above, lines[index][1], *below])[:_MAX_EXCERPT]
