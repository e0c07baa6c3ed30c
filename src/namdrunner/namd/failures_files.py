"""Diagnosis of a job from its files together: NAMD's output and errors, Slurm's log, result.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from namdrunner.namd.failures import Diagnosis, Layer, Line, Severity, diagnose_lines
from namdrunner.namd.failures_end import from_end, from_result, from_status
from namdrunner.namd.files import Source, file_size, unreadable_file
from namdrunner.namd.log import LogReader, pump
from namdrunner.namd.log_state import RunState

_SNIFF_BYTES = 256 * 2**10
_WHOLE_BYTES = 2 * 2**20
_LAST_LINES = 5
_FAILED = frozenset(("namd-failed", "aborted", "segmentation-fault", "script-failed", "log-stops"))
_NAMD_MARKS = (b"Info: NAMD ", b"\nInfo: ", b"ENERGY: ", b"ETITLE:")


def diagnose(sources: Mapping[str, Source], *, exit_status: int | None = None) -> tuple[Diagnosis, ...]:
    """Causes found in all files together, most likely first.

    ``sources`` maps the name to show to a path or to bytes. Files may be of any size and content: of texts that are no
    NAMD log the first and last megabytes are looked at. Raises InputError when a file cannot be read.
    """
    lines: dict[str, list[Line]] = {}
    others: dict[str, list[Line]] = {}
    extra: list[Diagnosis] = []
    run: RunState | None = None
    for name, source in sources.items():
        head = next(_pieces(source), b"")
        result = from_result(head.decode("utf-8", "replace"), name) if head.lstrip()[:1] == b"{" else None
        if result is not None:
            extra += result
        elif any(mark in head[:_SNIFF_BYTES] for mark in _NAMD_MARKS):
            reader = LogReader()
            pump(source, reader)
            lines[name] = [(entry.line, entry.text) for entry in reader.notable.lines()]
            extra += from_end(reader.run, reader.last_step, reader.last_line, name)
            run = reader.run
        else:
            lines[name] = others[name] = _numbered(source)
    if exit_status is not None:
        cause = from_status(exit_status)
        if cause is not None:
            extra.append(cause)
    causes = diagnose_lines(lines, run, extra=extra)
    failed = exit_status not in (None, 0) or any(entry.code in _FAILED for entry in extra)
    if (run is not None and run.finished) or any(_tells(entry) for entry in causes):
        return causes
    words = last_words(others, failed=failed)
    return (*causes, words) if words is not None else causes


def _tells(entry: Diagnosis) -> bool:
    return entry.severity is Severity.ERROR and not entry.generic


def last_words(lines: Mapping[str, Sequence[Line]], *, failed: bool) -> Diagnosis | None:
    """Where nothing is known to have gone wrong and the run did not end well: how the other files end."""
    for name, numbered in lines.items():
        told = [line for line in numbered if " NAMDRunner: " not in line[1]]
        if not told:
            continue
        tail = told[-_LAST_LINES:]
        return Diagnosis(
            code="last-words",
            severity=Severity.ERROR if failed else Severity.INFO,
            message=f"No known message explains the end of the run; {name or 'the log'} ends with: "
            f"{tail[-1][1].strip()[:200]}",
            remedy="Read its last lines; if the cause is plain, correct it and submit again.",
            recovery=None,
            file=name or None,
            line=tail[0][0],
            excerpt="\n".join(text[:300] for _, text in tail),
            layer=Layer.OTHER,
            generic=True,
        )
    return None


def _pieces(source: Source) -> Iterator[bytes]:
    """The first megabytes, then the last of a large file."""
    if isinstance(source, bytes):
        yield source[:_WHOLE_BYTES]
        if len(source) > _WHOLE_BYTES:
            yield source[max(len(source) - _WHOLE_BYTES, _WHOLE_BYTES) :]
        return
    path = Path(source)
    size = file_size(path)
    try:
        with path.open("rb") as file:
            yield file.read(_WHOLE_BYTES)
            if size > _WHOLE_BYTES:
                file.seek(max(size - _WHOLE_BYTES, _WHOLE_BYTES))
                yield file.read(_WHOLE_BYTES)
    except OSError as error:
        raise unreadable_file(path, error) from None


def _numbered(source: Source) -> list[Line]:
    numbered: list[Line] = []
    number = 0
    for piece in _pieces(source):
        for line in piece.split(b"\n"):
            number += 1
            if line.strip():
                numbered.append((number, line[:1000].rstrip(b"\r").decode("utf-8", "replace")))
    return numbered
