"""Whether the files to read are there, and the folders to write into."""

from __future__ import annotations

import difflib
import itertools
import os
from pathlib import Path

from namdrunner.namd.check.context import Context
from namdrunner.namd.references import OutputPath, output_paths

_REMEDIES = {
    "parameters": "Check the path, or copy the force field beside the config.",
    "extendedSystem": "Use the .restart.xsc of the earlier run, or give cellBasisVector1 to 3.",
    "binvelocities": "Use the .restart.vel of the earlier run, or give temperature instead.",
    "bincoordinates": "Use the .restart.coor of the earlier run; did it finish?",
}

# The other kinds of file have readers that say so.
_NEVER_EMPTY = ("parmfile", "ambercoor", "grotopfile", "grocoorfile")


def check(ctx: Context) -> None:
    for reference in ctx.references:
        if reference.keyword in ("source", "open") and not reference.required:
            continue  # Tcl says so itself, unless the script caught the error.
        if not reference.exists:
            _missing(ctx, reference.keyword, reference.written, reference.path, reference.file, reference.line)
        elif not os.access(reference.path, os.R_OK):
            ctx.error(
                "file-unreadable",
                f"{reference.path.name} cannot be read.",
                "Check its permissions.",
                keyword=reference.keyword,
                file=reference.file,
                line=reference.line,
            )
        elif reference.keyword in _NEVER_EMPTY and reference.path.stat().st_size == 0:
            ctx.error(
                "file-empty",
                f"{reference.path.name} is empty.",
                "Copy it again; the disk may have been full.",
                keyword=reference.keyword,
                file=reference.file,
                line=reference.line,
            )
    _working_folder(ctx)
    _output_folders(ctx)


def _missing(ctx: Context, keyword: str, written: str, path: Path, file: Path | None, line: int | None) -> None:
    shown = written.strip().splitlines()[0][:200] if written.strip() else str(path)
    where = "" if path.is_dir() else f" (looked for {path})"
    kind = "is a folder, not a file" if path.is_dir() else "does not exist"
    alike = _alike(path)
    ctx.error(
        "file-missing",
        f"The file {shown} of {keyword} {kind}{where}.",
        f"Did you mean {alike}?"
        if alike
        else _REMEDIES.get(keyword, "Check the path; it counts from the folder of the config."),
        keyword=keyword,
        file=file,
        line=line,
    )


def _alike(path: Path) -> str | None:
    """A file of the same folder whose name differs in capitals or a letter or two."""
    try:
        names = [entry.name for entry in itertools.islice(path.parent.iterdir(), 2000)]
    except OSError:
        return None
    same = [name for name in names if name.lower() == path.name.lower()]
    return next(iter(same or difflib.get_close_matches(path.name, names, n=1, cutoff=0.9)), None)


def _working_folder(ctx: Context) -> None:
    cwd = ctx.config.startup("cwd")
    if cwd is not None and not ctx.config.working_folder.is_dir():
        ctx.error(
            "folder-missing", f"The folder {cwd} of cwd does not exist.", "Make it, or remove cwd.", keyword="cwd"
        )


def _output_folders(ctx: Context) -> None:
    told: set[Path] = set()
    for output in output_paths(ctx.config):
        folder = output.path.parent
        made = folder in ctx.config.made_folders or any(folder in made.parents for made in ctx.config.made_folders)
        if folder in told or made:
            continue
        if folder.is_dir():
            if not os.access(folder, os.W_OK):
                told.add(folder)
                ctx.warning(
                    "output-folder-closed",
                    f"The folder of the output {output.written} cannot be written to.",
                    "Check its permissions.",
                    keyword=output.keyword,
                    file=output.file,
                    line=output.line,
                )
            continue
        told.add(folder)
        _missing_folder(ctx, output, folder)


def _missing_folder(ctx: Context, output: OutputPath, folder: Path) -> None:
    message = f"The folder {folder.name}/ of the output {output.written} does not exist; NAMD does not make it."
    remedy = f"Make it first: mkdir -p {output.written.rpartition('/')[0] or folder}"
    place = {"keyword": output.keyword, "file": output.file, "line": output.line}
    if ctx.makes_folders and not Path(output.written).is_absolute():
        return
    ctx.error("output-folder-missing", message, remedy, **place)
