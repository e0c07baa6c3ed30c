"""The files a NAMD config reads and the files it will write.

Only what NAMD would open counts: a file named by a keyword whose parent is off is not read, and is not listed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from namdrunner.namd.config import Command, NamdConfig, Setting
from namdrunner.namd.keywords import FALSE_WORDS, KeywordInfo, is_on, keyword

MAX_SCRIPT_BYTES = 4_000_000

# Keywords whose value is a script when it has more than one line, else the name of a script's file.
SCRIPTS = frozenset(("tclforcesscript", "miscforcesscript"))

# Keywords inside a Colvars config that name a file to read, and those that name the common start of several.
COLVARS_FILES = re.compile(
    r"(?:^|[{\s])(indexFile|refPositionsFile|atomsFile|vectorFile|differenceVectorFile|pathFile\d*|weightsFile|targetDistFile|"
    r"refHistogramFile|histogramGridFile|mapFile|pathCVFile)\s+(?:=\s*)?[\"{]?([^\s\"}#]+)",
    re.IGNORECASE | re.MULTILINE,
)
COLVARS_PREFIXES = re.compile(r"^\s*inputPrefix\s+\{?([^\n}#]+)", re.IGNORECASE | re.MULTILINE)

# Script interface commands that read a file: name -> position of its argument.
READING_COMMANDS = {"reloadCharges": -1, "consForceConfig": -1, "reloadGridforceGrid": -1}


@dataclass(frozen=True)
class FileReference:
    """A file to read: by which keyword, as written, and where it is; ``required`` = NAMD stops without it."""

    keyword: str
    written: str
    path: Path
    role: str
    exists: bool
    required: bool = True
    file: Path | None = None
    line: int | None = None


@dataclass(frozen=True)
class OutputPath:
    """A name NAMD will write: ``written`` relative to NAMD's working folder; ``suffixes`` complete it, '' = exact."""

    keyword: str
    written: str
    path: Path
    role: str
    suffixes: tuple[str, ...] = ("",)
    file: Path | None = None
    line: int | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(self.path.with_name(self.path.name + suffix) for suffix in self.suffixes)


def parent_is_on(config: NamdConfig, info: KeywordInfo) -> bool:
    """Whether the keyword counts: every keyword above it is set and, for a switch, on at some time."""
    if info.parent is None:
        return True
    parent = keyword(info.parent)
    if parent is None:
        return True
    settings = config.get_all(parent.name)
    if parent.type == "switch":
        on = any(is_on(s.value) for s in settings) or (not settings and is_on(parent.default))
    elif parent.type in ("integer", "number"):
        on = any(s.value.strip() not in FALSE_WORDS for s in settings)
    else:
        on = bool(settings)
    return on and parent_is_on(config, parent)


def referenced_files(config: NamdConfig) -> tuple[FileReference, ...]:
    """Every input file of the config (the config itself left out), each once, in order of mention."""
    found: dict[tuple[str, Path], FileReference] = {}
    for reference in _all_references(config):
        if reference.path in config.made_files and not reference.exists:
            continue
        found.setdefault((reference.keyword, reference.path), reference)
    return tuple(found.values())


def _all_references(config: NamdConfig) -> Iterator[FileReference]:
    for source in config.sources:
        verb = "source" if source.how == "read file" else "open"
        if source.path != config.path:
            role = "script" if verb == "source" else "data"
            # A script that went on without the file can do without it; one that did not has failed already.
            yield FileReference(verb, source.written, source.path, role, source.exists, source.exists)
    for setting in config.settings:
        info = keyword(setting.keyword)
        if info is None or info.input is None or not parent_is_on(config, info):
            continue
        if info.parent == "tcouple" and any(is_on(s.value) for s in config.get_all("langevin")):
            continue  # NAMD reads one set of friction coefficients, and Langevin's comes first.
        yield from _of_setting(config, setting, info)
    for command in config.commands:
        yield from _of_command(config, command)


def _of_setting(config: NamdConfig, setting: Setting, info: KeywordInfo) -> Iterator[FileReference]:
    if setting.keyword in SCRIPTS:
        yield from _of_script(config, setting, info)
    elif setting.keyword == "colvarsinput":
        yield _colvars_state(config, setting, info)
    else:
        reference = _reference(config, setting, info)
        yield reference
        if setting.keyword == "colvarsconfig" and reference.exists:
            yield from _of_colvars(config, read_small(reference.path), reference)


def _reference(config: NamdConfig, setting: Setting, info: KeywordInfo) -> FileReference:
    path = resolve(config, setting.value)
    return FileReference(
        info.name,
        setting.value,
        path,
        info.input or "",
        path.is_file() and not setting.value.rstrip().endswith("/"),
        True,
        setting.file,
        setting.line,
    )


def resolve(config: NamdConfig, written: str) -> Path:
    """Where a relative name points: below NAMD's working folder."""
    text = written.strip().strip('"')
    # A NUL cannot be part of a path; what is left names no file.
    return Path(os.path.normpath(config.working_folder / text.replace("\0", "")))


def _of_script(config: NamdConfig, setting: Setting, info: KeywordInfo) -> Iterator[FileReference]:
    if "\n" in setting.value:
        text = setting.value
    else:
        reference = _reference(config, setting, info)
        yield reference
        text = read_small(reference.path) if reference.exists else ""
    for match in re.finditer(r"^\s*source\s+([\w./+-]+)\s*;?\s*$", text, re.MULTILINE):
        path = resolve(config, match.group(1))
        yield FileReference("source", match.group(1), path, "script", path.is_file(), True, setting.file, setting.line)


def _of_colvars(config: NamdConfig, text: str, parent: FileReference) -> Iterator[FileReference]:
    text = re.sub(r"#[^\n]*", "", text)
    for match in COLVARS_FILES.finditer(text):
        path = resolve(config, match.group(2))
        line = text.count("\n", 0, match.start(1)) + 1
        yield FileReference(
            match.group(1), match.group(2), path, "collective variables data", path.is_file(), True, parent.path, line
        )
    for match in COLVARS_PREFIXES.finditer(text):
        for prefix in match.group(1).split():
            for suffix in (".count", ".grad", ".czar.count", ".zcount", ".zgrad"):
                path = resolve(config, prefix + suffix)
                if path.is_file():
                    yield FileReference("inputPrefix", prefix, path, "collective variables data", True)


def _colvars_state(config: NamdConfig, setting: Setting, info: KeywordInfo) -> FileReference:
    """The state file may be named in full or without its ending."""
    for suffix in ("", ".colvars.state"):
        path = resolve(config, setting.value + suffix)
        if path.is_file():
            return FileReference(
                info.name, setting.value, path, info.input or "", True, True, setting.file, setting.line
            )
    return _reference(config, setting, info)


def _of_command(config: NamdConfig, command: Command) -> Iterator[FileReference]:
    written = role = None
    if command.name == "coorfile" and command.args[:2] == ("open", "dcd") and len(command.args) > 2:
        written, role = command.args[2], "trajectory to read"
    elif command.name in READING_COMMANDS and command.args:
        written, role = command.args[READING_COMMANDS[command.name]], "data"
    elif command.name == "cv" and command.args[:1] == ("configfile",) and len(command.args) > 1:
        written, role = command.args[1], "collective variables"
    if written and role:
        path = resolve(config, written)
        yield FileReference(command.name, written, path, role, path.is_file(), True, command.file, command.line)


def read_small(path: Path) -> str:
    """The text of a small file; '' when it cannot be read or is large."""
    try:
        if path.stat().st_size > MAX_SCRIPT_BYTES:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def output_paths(config: NamdConfig) -> tuple[OutputPath, ...]:
    """The names NAMD will write, with defaults as NAMD derives them from the first output name."""
    return tuple(_all_outputs(config))


def _all_outputs(config: NamdConfig) -> Iterator[OutputPath]:
    for setting in config.get_all("outputname"):
        yield _output(config, "outputname", setting, "final state", (".coor", ".vel", ".xsc"))
    if _positive(config, "restartfreq"):
        yield from _derived(config, "restartname", ".restart", "restart state", (".coor", ".vel", ".xsc"))
    for frequency, name, suffix, role in (
        ("dcdfreq", "dcdfile", ".dcd", "trajectory"),
        ("xstfreq", "xstfile", ".xst", "cell trajectory"),
        ("veldcdfreq", "veldcdfile", ".veldcd", "velocity trajectory"),
        ("forcedcdfreq", "forcedcdfile", ".forcedcd", "force trajectory"),
    ):
        if _positive(config, frequency):
            yield from _derived(config, name, suffix, role, ("",))
    if any(is_on(s.value) for s in config.get_all("alch")):
        ending = ".ti" if (config.startup("alchtype") or "").strip().lower() == "ti" else ".fep"
        yield from _derived(config, "alchoutfile", ending, "alchemical energies", ("",))
    if any(is_on(s.value) for s in config.get_all("colvars")):
        for setting in config.get_all("outputname")[:1]:
            suffixes = (".colvars.traj", ".colvars.state", ".restart.colvars.state")
            yield _output(config, "colvars", setting, "collective variables", suffixes)
    for command in config.commands:
        if command.name == "output" and command.args:
            path = resolve(config, command.args[-1])
            yield OutputPath(
                "output", command.args[-1], path, "state", (".coor", ".vel", ".xsc"), command.file, command.line
            )


def _positive(config: NamdConfig, name: str) -> bool:
    return any(s.value.strip() not in ("0", "") for s in config.get_all(name))


def _output(config: NamdConfig, name: str, setting: Setting, role: str, suffixes: tuple[str, ...]) -> OutputPath:
    path = resolve(config, setting.value)
    return OutputPath(name, setting.value, path, role, suffixes, setting.file, setting.line)


def _derived(config: NamdConfig, name: str, suffix: str, role: str, suffixes: tuple[str, ...]) -> Iterator[OutputPath]:
    """A name of its own when it is set, else the first output name and an ending."""
    settings = config.get_all(name)
    for setting in settings:
        yield _output(config, name, setting, role, suffixes)
    if not any(not s.after_startup for s in settings):
        for setting in config.get_all("outputname")[:1]:
            written = setting.value + suffix
            path = resolve(config, written)
            yield OutputPath(name, written, path, role, suffixes, setting.file, setting.line)
