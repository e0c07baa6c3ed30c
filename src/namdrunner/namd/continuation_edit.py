"""The few marks in a person's own config that let a continuation pass: the config stays recognisable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from namdrunner.errors import InputError
from namdrunner.namd.config import NamdConfig, Setting

OVERLAY = "namdrunner_continue.tcl"
MARK = "namdrunner_keyword"
FINISH = "namdrunner_finish"

REPLACED = frozenset(
    (
        "temperature", "velocities", "bincoordinates", "binvelocities", "extendedsystem", "firsttimestep",
        "cellbasisvector1", "cellbasisvector2", "cellbasisvector3", "cellorigin", "colvarsinput",
    )
)  # fmt: skip
"""Keywords that a continuation gives itself: where the run starts from."""
NAMED = frozenset(("outputname", "restartname", "dcdfile", "xstfile", "veldcdfile", "forcedcdfile", "alchoutfile"))
"""Keywords whose value becomes a name of the segment's own."""
MANAGED = REPLACED | NAMED | {"seed", "numsteps"}


def is_marked(text: str) -> bool:
    """Whether the config was made ready for continuations before."""
    return re.search(rf"^source \S*{re.escape(OVERLAY)}", text, re.MULTILINE) is not None


def mark_texts(config: NamdConfig, texts: Mapping[Path, str], overlay: str) -> dict[Path, str]:
    """The texts of the config and of the scripts it sources, with every managed keyword marked.

    ``overlay`` is the overlay's path as the config sources it. A text without a managed keyword is returned as it is.
    Raises InputError (``continuation-not-possible``) where a keyword's line cannot be found.
    """
    marked = dict(texts)
    if is_marked(texts[config.path]):
        return marked
    done: set[tuple[Path, int, str]] = set()
    minimizes = (config.startup("minimization") or "off").strip().lower() in ("on", "yes", "true", "1")
    for setting in config.settings:
        if setting.keyword not in MANAGED or (setting.keyword == "numsteps" and minimizes):
            continue
        if setting.line is None or setting.file not in marked:
            raise _impossible(setting)
        key = (setting.file, setting.line, setting.written)
        if key not in done:
            done.add(key)
            marked[setting.file] = _mark(marked[setting.file], setting)
    text = marked[config.path]
    end = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text or text.endswith("\n") else end
    marked[config.path] = f"source {overlay}{end}{text}{gap}{FINISH}{end}"
    return marked


def _mark(text: str, setting: Setting) -> str:
    lines = text.split("\n")
    index = (setting.line or 1) - 1
    if index >= len(lines):
        raise _impossible(setting)
    line = lines[index]
    pattern = re.compile(rf"(^|[;{{\[]|\belse\b)(\s*)(?={re.escape(setting.written)}(?![\w.]))")
    where = [m for m in pattern.finditer(line) if not line[m.end() :].startswith(MARK)]
    if where:
        for match in reversed(where):
            line = f"{line[: match.end()]}{MARK} {line[match.end() :]}"
    elif f"{MARK} {setting.written}" not in line:
        line = _mark_computed(line, setting)
    lines[index] = line
    return "\n".join(lines)


def _mark_computed(line: str, setting: Setting) -> str:
    """A command whose name is computed: all that the line sets passes through."""
    if re.search(rf"{MARK} (?:\$|param\b)", line):
        return line
    marked = re.sub(r"(^|[;{])(\s*)(?:param\s+(?=\S)|(?=\$))", rf"\g<1>\g<2>{MARK} ", line)
    if marked == line:
        raise _impossible(setting)
    return marked


def _impossible(setting: Setting) -> InputError:
    return InputError(
        f"The config computes its '{setting.written}' in a way that cannot be changed for a continuation.",
        code="continuation-not-possible",
        remedy="Write the keyword on a line of its own, or continue with a config of your own.",
        context={"keyword": setting.keyword, "file": str(setting.file), "line": setting.line},
    )
