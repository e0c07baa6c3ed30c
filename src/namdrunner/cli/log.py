"""log show | energies | diagnose: NAMD's and Slurm's logs, read in this process, without a server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from namdrunner.cli.options import Json, existing_file
from namdrunner.cli.output import clean, duration, facts, say, table, write_json, write_text
from namdrunner.errors import InputError, UsageError

if TYPE_CHECKING:
    from namdrunner.namd.energies import EnergyTable

LogFile = Annotated[Path, typer.Argument(metavar="FILE", help="What NAMD wrote to its standard output.")]

_SHOWN_ROWS = 20


def show(log: LogFile, as_json: Json = False) -> None:
    """Show steps, speed, restart files, the last energies and the end of a NAMD log."""
    from namdrunner.namd.log import read_log

    document = read_log(existing_file(log)).document()
    if as_json:
        write_json(document)
        return
    _print_summary(document)
    print_causes(document["diagnosis"])


def energies(
    log: LogFile,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write all rows here as CSV; - is stdout.")
    ] = None,
    last: Annotated[
        int, typer.Option("--last", metavar="N", min=0, help="Print only the last N rows; 0 is all of them.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Print the energies of a NAMD log with their averages, or write them as CSV with the digits NAMD printed."""
    path = existing_file(log)
    _require_log(path)
    if csv_file is not None:
        _write_csv(path, csv_file, as_json=as_json)
        return
    from namdrunner.namd.log import read_energies

    found = read_energies(path)
    rows = found.values[-last:] if last else found.values
    if as_json:
        write_json({"columns": list(found.columns), "rows": [_plain(row) for row in rows.tolist()]})
        return
    if not last and sys.stdout.isatty():
        rows = rows[-_SHOWN_ROWS:]
    table(found.columns, [[f"{x:.0f}" if i == 0 else f"{x:.4f}" for i, x in enumerate(row)] for row in rows.tolist()])
    if sys.stdout.isatty():
        _print_averages(found)


def _require_log(path: Path) -> None:
    """Raises InputError for what is no log of NAMD, before anything is written; reads no further than it has to."""
    from namdrunner.namd.log import iter_energies, read_log

    if next(iter_energies(path), None) is None:
        read_log(path)


def diagnose(
    logs: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="NAMD's output and errors, slurm-*.out, result.json, in any order."),
    ],
    as_json: Json = False,
) -> int:
    """Say why a run failed, most likely cause first, and what to do; exit status 1 when a cause was found."""
    from namdrunner.namd.failures_files import diagnose as find_causes

    causes = [cause.document() for cause in find_causes({str(log): existing_file(log) for log in logs})]
    if as_json:
        write_json({"diagnosis": causes})
    else:
        print_causes(causes)
        if not causes:
            say("No known cause of failure was found.")
    return 1 if any(cause["severity"] == "error" for cause in causes) else 0


def print_causes(causes: list[dict[str, Any]]) -> None:
    """Each cause with where it stands, what to do, and the lines that show it."""
    for cause in causes:
        where = ":".join(str(cause[key]) for key in ("file", "line") if cause[key])
        write_text(f"{cause['severity']}: {cause['message']}{f' ({where})' if where else ''}\n")
        write_text(f"    {cause['remedy']}\n")
        for line in cause["excerpt"].splitlines():
            write_text(f"    | {clean(line)}\n")


def _print_summary(document: dict[str, Any]) -> None:
    speed, restarts = document["ns_per_day"], document["restarts"]
    complete = [restart["step"] for restart in restarts if restart["complete"]]
    target = document["target_step"]
    facts(
        [
            ("NAMD", " ".join(str(document[key]) for key in ("namd_version", "platform") if document[key])),
            ("processors", document["processors"]),
            ("GPUs", ", ".join(document["gpus"])),
            ("atoms", document["atoms"]),
            ("steps", f"{document['first_step']} to {document['last_step']}" + (f" of {target}" if target else "")),
            ("energy rows", document["energy_rows"]),
            ("unreadable rows", document["bad_rows"] or None),
            ("finished", "yes" if document["finished"] else "no"),
            ("wall clock", duration(document["wall_clock_s"])),
            ("speed", f"{speed:.3g} ns/day" if speed else None),
            ("to go", duration(document["eta_s"])),
            ("last restart set", f"step {complete[-1]}" if complete else None),
        ]
    )
    last = document["last_energies"]
    if last:
        table(("energy", "last value"), [[name, value] for name, value in last.items()], numbers=("last value",))


def _print_averages(found: EnergyTable) -> None:
    from namdrunner.namd.energies import averages

    rows = [
        [name, f"{a.mean:.4f}", f"{a.error:.4f}", f"{a.drift:.4f}", "drifts" if a.drifting else ""]
        for name, a in averages(found).items()
    ]
    columns = ("second half", "mean", "error", "drift", "")
    table(columns, rows, numbers=columns[1:4])


def _write_csv(path: Path, target: Path, *, as_json: bool) -> None:
    from namdrunner.namd.log_csv import write_csv

    if str(target) == "-":
        if as_json:
            raise UsageError("CSV and JSON cannot both go to stdout.", remedy="Name a file for the CSV.")
        sys.stdout.flush()
        write_csv(path, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    try:
        if target.exists() and target.samefile(path):
            raise UsageError("The CSV would overwrite the log.", remedy="Name another file.")
        with target.open("wb") as stream:
            rows = write_csv(path, stream)
    except OSError as error:
        raise InputError(
            f"{target} cannot be written: {error.strerror or error}.",
            code="file-unwritable",
            remedy="Name a file in a folder that exists and that you may write to.",
            context={"file": str(target)},
        ) from None
    if as_json:
        write_json({"rows": rows, "file": str(target)})
    else:
        say(f"{rows} rows are in {target}.")


def _plain(row: list[float]) -> list[float | int | None]:
    """The step as a whole number; what is not finite as null, because JSON has no word for it."""
    values: list[float | int | None] = [
        value if abs(value) != float("inf") and value == value else None for value in row
    ]
    values[0] = int(row[0])
    return values
