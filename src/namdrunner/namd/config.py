"""A NAMD config, evaluated: its settings, its run plan and what it reads.

The config is Tcl and is evaluated as Tcl (``tcl.py``), with NAMD's own rule on top: a command that Tcl does not
know sets a keyword. Nothing outside ``root`` is read, nothing is written and no program is started.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from namdrunner.errors import ConfigError, NotFoundError
from namdrunner.namd import tcl
from namdrunner.namd.keywords import all_keywords
from namdrunner.namd.tcl_commands import UNEVEN_RUN
from namdrunner.namd.tcl_files import is_plain_data

MAX_CONFIG_BYTES = 16_000_000
NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")


@dataclass(frozen=True)
class Setting:
    """One keyword given a value; ``stage`` counts the run and minimize commands before it."""

    keyword: str
    value: str
    file: Path
    line: int | None
    after_startup: bool
    stage: int = 0
    written: str = ""


@dataclass(frozen=True)
class RunStep:
    """One ``run`` or ``minimize`` command; ``stage`` is its number, from 0."""

    kind: Literal["run", "minimize"]
    steps: int
    file: Path
    line: int | None
    stage: int = 0


@dataclass(frozen=True)
class Command:
    """Another command of NAMD's script interface (``reinitvels``, ``output``, ``exit`` ...)."""

    name: str
    args: tuple[str, ...]
    file: Path
    line: int | None
    stage: int = 0
    after_startup: bool = False


@dataclass(frozen=True)
class Problem:
    """Something noticed while evaluating that is no failure (a program not run, a file not written)."""

    code: str
    message: str
    file: Path
    line: int | None


@dataclass(frozen=True)
class Failure:
    """Why evaluation stopped: Tcl's message, and the place it names."""

    message: str
    file: Path
    line: int | None
    command: str = ""
    after_startup: bool = False


@dataclass(frozen=True)
class Source:
    """A file that the script itself read (``source``, ``open``)."""

    path: Path
    written: str
    how: str
    exists: bool


@dataclass(frozen=True)
class NamdConfig:
    """The evaluated config. ``timeline`` is everything in the order of execution; the other tuples are views of it."""

    path: Path
    timeline: tuple[Setting | RunStep | Command, ...]
    sources: tuple[Source, ...] = ()
    problems: tuple[Problem, ...] = ()
    failure: Failure | None = None
    endless: bool = False
    exit_status: int | None = None
    made_folders: tuple[Path, ...] = ()
    made_files: frozenset[Path] = frozenset()
    """What the script itself writes: NAMD finds it there, it need not be beforehand."""
    tcl_folder: Path | None = None
    root: Path | None = None

    @property
    def folder(self) -> Path:
        """The folder of the config, where NAMD works."""
        return self.path.parent

    @property
    def working_folder(self) -> Path:
        """The folder that relative file names refer to: the config's own, or what ``cwd`` says."""
        cwd = self.startup("cwd")
        base = self.tcl_folder or self.folder
        return (base / cwd) if cwd else base

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        return tuple(item for item in self.timeline if isinstance(item, Setting))

    @cached_property
    def steps(self) -> tuple[RunStep, ...]:
        return tuple(item for item in self.timeline if isinstance(item, RunStep))

    @cached_property
    def commands(self) -> tuple[Command, ...]:
        return tuple(item for item in self.timeline if isinstance(item, Command))

    def get_all(self, keyword: str) -> tuple[Setting, ...]:
        """Every setting of a keyword, in order."""
        return self._by_keyword.get(keyword.lower(), ())

    @cached_property
    def _by_keyword(self) -> dict[str, tuple[Setting, ...]]:
        found: dict[str, list[Setting]] = {}
        for setting in self.settings:
            found.setdefault(setting.keyword, []).append(setting)
        return {name: tuple(items) for name, items in found.items()}

    def get(self, keyword: str, *, stage: int | None = None) -> str | None:
        """The last value given to a keyword; with ``stage``, the value in force when that run starts."""
        found = [s for s in self.get_all(keyword) if stage is None or s.stage <= stage]
        return found[-1].value if found else None

    def startup(self, keyword: str) -> str | None:
        """The value NAMD starts up with."""
        setting = self.startup_setting(keyword)
        return setting.value if setting else None

    def startup_setting(self, keyword: str) -> Setting | None:
        found = [s for s in self.get_all(keyword) if not s.after_startup]
        return found[-1] if found else None

    def number(self, keyword: str, default: float, *, stage: int = 0) -> float:
        """A keyword as a number, units ignored; the default where it is absent or not a number."""
        value = self.get(keyword, stage=stage)
        number = leading_number(value) if value is not None else None
        return default if number is None else number

    @property
    def first_step(self) -> int:
        value = self.startup("firsttimestep")
        number = leading_number(value) if value else None
        return int(number) if number is not None else 0

    @property
    def target_step(self) -> int:
        """The absolute step that the log must reach: runs are relative, ``numsteps`` is absolute and only counts alone.

        A ``firsttimestep`` set between runs moves the counter (free-energy windows do that).
        """
        if not self.steps:
            number = leading_number(self.startup("numsteps") or "")
            return max(self.first_step, int(number)) if number is not None else self.first_step
        step = self.first_step
        for item in self.timeline:
            if isinstance(item, RunStep):
                step += item.steps
            elif isinstance(item, Setting) and item.after_startup and item.keyword == "firsttimestep":
                number = leading_number(item.value)
                step = int(number) if number is not None else step
        return step

    @property
    def total_steps(self) -> int:
        """Steps of work, minimisation included."""
        if not self.steps:
            return self.target_step - self.first_step
        return sum(step.steps for step in self.steps)

    @property
    def dynamics_steps(self) -> int:
        """Steps of dynamics, minimisation left out."""
        if not self.steps:
            minimizing = (self.startup("minimization") or "off").lower() in ("on", "yes", "true", "1")
            return 0 if minimizing else self.total_steps
        return sum(step.steps for step in self.steps if step.kind == "run")

    @property
    def timestep_fs(self) -> float:
        return self.number("timestep", 1.0)

    @property
    def output_name(self) -> str | None:
        """The output name of the last run."""
        return self.get("outputname")

    @property
    def output_names(self) -> tuple[str, ...]:
        """Every output name in use, each once, in order."""
        return tuple(dict.fromkeys(s.value for s in self.get_all("outputname")))


def leading_number(text: str) -> float | None:
    """The number at the start of a value, units after it ignored, as C's ``scanf`` reads it; None without one."""
    match = NUMBER.match(text)
    return float(match.group(1)) if match else None


def evaluate_config(
    path: Path,
    *,
    root: Path | None = None,
    time_limit_s: float = 10.0,
    overrides: Mapping[str, str] | None = None,
) -> NamdConfig:
    """Evaluate a config file as NAMD would, without running anything.

    ``root`` bounds what ``source`` and ``open`` may read (default: see `reading_root`). ``overrides`` are
    keywords given on NAMD's command line; they replace those of the file.
    Raises ConfigError ``config-syntax`` (context: file, line) when Tcl stops with an error; NotFoundError.
    """
    config = evaluate_tolerantly(path, root=root, time_limit_s=time_limit_s, overrides=overrides)
    return _raise_failure(config)


def evaluate_text(
    text: str,
    *,
    base: Path,
    name: str = "config.namd",
    root: Path | None = None,
    time_limit_s: float = 10.0,
    overrides: Mapping[str, str] | None = None,
) -> NamdConfig:
    """Evaluate config text as if it were the file ``name`` in the folder ``base``."""
    config = evaluate_tolerantly(base / name, text=text, root=root, time_limit_s=time_limit_s, overrides=overrides)
    return _raise_failure(config)


def evaluate_tolerantly(
    path: Path,
    *,
    text: str | None = None,
    root: Path | None = None,
    time_limit_s: float = 10.0,
    overrides: Mapping[str, str] | None = None,
) -> NamdConfig:
    """Evaluate, and where Tcl fails keep what came before it in the result, with ``failure`` set."""
    # By its real folder, as NAMD sees it: behind a link, ".." leads elsewhere than the path suggests.
    path = Path(path).parent.resolve() / Path(path).name
    given = {name.lower(): value for name, value in (overrides or {}).items()}
    if text is None:
        text_for_root = read_config_text(path)
    else:
        text_for_root = text
        if len(text) > MAX_CONFIG_BYTES:
            raise too_large_error(path, len(text))
    request = tcl.TclRequest(
        name=path.name,
        folder=path.parent,
        root=root.absolute() if root else reading_root(path, text_for_root),
        also=() if root else (*climbed_folders(path, text_for_root), *absolute_folders(text_for_root)),
        text=text,
        time_limit_s=time_limit_s,
        overrides=tuple(given),
        defaults={info.name.lower(): info.default for info in all_keywords()},
    )
    config = _build(path, request, tcl.evaluate(request), given)
    return _as_caught(config, request, given) if _has_uneven_run(config) else config


def _has_uneven_run(config: NamdConfig) -> bool:
    cycle = leading_number(config.startup("stepspercycle") or "20") or 0
    return cycle >= 1 and any(step.steps % int(cycle) for step in config.steps)


def _as_caught(config: NamdConfig, request: tcl.TclRequest, given: Mapping[str, str]) -> NamdConfig:
    """The config as it goes on where its script catches the error of a run whose length NAMD refuses."""
    strict = replace(request, strict=True)
    caught = _build(config.path, strict, tcl.evaluate(strict), given)
    uncaught = caught.failure is not None and UNEVEN_RUN in caught.failure.message
    return config if uncaught else caught


def read_config_text(path: Path) -> str:
    """The text of a config file; bytes that are not UTF-8 become replacement characters."""
    if not path.is_file():
        raise NotFoundError(
            f"There is no config file {path}.",
            code="config-not-found",
            remedy="Check the path.",
            context={"file": str(path)},
        )
    size = path.stat().st_size
    if size > MAX_CONFIG_BYTES:
        raise too_large_error(path, size)
    return path.read_bytes().decode("utf-8", errors="replace")


def too_large_error(path: Path, size: int) -> ConfigError:
    return ConfigError(
        f"{path.name} has {size / 1e6:.0f} MB; a NAMD config is a small text.",
        code="config-too-large",
        remedy="Give the config file itself, not a trajectory or structure.",
        context={"file": str(path)},
    )


def reading_root(path: Path, text: str) -> Path:
    """The folder below which a config may read: its own parent's, higher where the text says ``../../``.

    It never reaches the file system's root, a folder directly below it, the home folder or what holds that.
    """
    climbs = [match.group(0).count("..") for match in re.finditer(r"(?:\.\.[/\\])+", text)]
    root = path.parent
    for _ in range(max([1, *climbs])):
        if not _may_be_root(root.parent):
            break
        root = root.parent
    return root


def climbed_folders(path: Path, text: str) -> tuple[Path, ...]:
    """Folders that the text names by climbing (``../../systems/x``), those of the system and of settings left out."""
    found: dict[Path, None] = {}
    for match in re.finditer(r"((?:\.\./)+)([\w][\w.+-]*)/", text):
        folder = Path(os.path.normpath(path.parent / match.group(1) / match.group(2)))
        if is_plain_data(folder / "file") and _may_be_root(folder):
            found[folder] = None
    return tuple(found)


def absolute_folders(text: str) -> tuple[Path, ...]:
    """Folders that the text names from the root of the file system, or that hold a file it names so."""
    found: dict[Path, None] = {}
    for match in re.finditer(r"(?<![\w./~$}-])/[\w.+-]+(?:/[\w.+-]+)+", text):
        path = Path(os.path.normpath(match.group()))
        for folder in (path, path.parent):
            if is_plain_data(folder / "file") and _may_be_root(folder) and folder.is_dir():
                found[folder] = None
                break
    return tuple(found)


def _may_be_root(folder: Path) -> bool:
    home = Path.home()
    return len(folder.parts) > 2 and folder != home and folder not in home.parents


def _build(path: Path, request: tcl.TclRequest, reply: dict[str, Any], given: Mapping[str, str]) -> NamdConfig:
    timeline: list[Setting | RunStep | Command] = [
        Setting(name, value, path, None, False, 0, name) for name, value in given.items()
    ]
    stage = 0
    for event in reply["events"]:
        item = _item(event, path, stage)
        timeline.append(item)
        stage += isinstance(item, RunStep)
    failure = reply["failure"]
    if failure is not None and failure["limit"]:
        raise tcl.limit_error(request, "time")
    return NamdConfig(
        path=path,
        timeline=tuple(timeline),
        sources=tuple(Source(Path(s["path"]), s["written"], s["how"], not s["missing"]) for s in reply["sources"]),
        problems=tuple(Problem(p["code"], p["message"], _file(p["file"], path), p["line"]) for p in reply["problems"]),
        failure=failure
        and Failure(
            message=failure["message"],
            file=_file(failure["file"], path),
            line=failure["line"],
            command=failure.get("command", ""),
            after_startup=reply["started"],
        ),
        endless=reply["endless"],
        exit_status=reply["exited"],
        made_folders=tuple(Path(folder) for folder in reply["made_folders"]),
        made_files=frozenset(Path(made) for made in reply["made_files"]),
        tcl_folder=Path(reply["cwd"]),
        root=request.root,
    )


def _item(event: dict[str, Any], path: Path, stage: int) -> Setting | RunStep | Command:
    file, line = _file(event["file"], path), event["line"]
    if event["kind"] == "set":
        return Setting(event["name"].lower(), event["value"], file, line, event["after"], stage, event["name"])
    if event["kind"] == "command":
        return Command(event["name"], tuple(event["args"]), file, line, stage, event["after"])
    return RunStep(event["kind"], event["steps"], file, line, stage)


def _file(name: str, config: Path) -> Path:
    return config if name == config.name or Path(name).name == config.name else Path(name)


def _raise_failure(config: NamdConfig) -> NamdConfig:
    failure = config.failure
    if failure is None:
        return config
    place = f"{failure.file.name}, line {failure.line}" if failure.line else failure.file.name
    outside = "outside the folder that this config may read" in failure.message
    raise ConfigError(
        f"{place}: {failure.message}",
        code="config-path-outside" if outside else "config-syntax",
        remedy="Keep the files that a config sources or opens beside it."
        if outside
        else "Correct this line; NAMD evaluates the config as a Tcl script and would stop here too.",
        context={"file": str(failure.file), "line": failure.line, "command": failure.command},
    )
