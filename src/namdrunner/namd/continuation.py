"""Continuations: a config that goes on from a restart set, made of the config as it is and a small overlay.

The overlay (``namdrunner_continue.tcl``) is sourced first. It gives where the run starts from, leaves out work that
is done, and gives every output a name of the segment's own; the config itself only gets marks before the keywords
this concerns. So a config that computes, loops or sources stays what it is.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

from namdrunner.errors import ConflictError, InputError
from namdrunner.namd.config import NamdConfig, evaluate_text
from namdrunner.namd.continuation_edit import OVERLAY, mark_texts

DEFAULT_CYCLE = 20
FIRST_STRETCH = 100
"""Steps of the first stretch between two looks at the stop file; later ones follow from the measured speed."""


@dataclass(frozen=True)
class Start:
    """What a run starts from. ``mode``: ``plain`` changes nothing, ``start`` begins the config's own plan.

    ``plan_first``: the step at which the config's own plan begins; ``from_step``: the step of the restart set;
    ``until``: the step at which to end, None at the end of the plan. Paths are as NAMD opens them.
    """

    mode: Literal["plain", "start", "continue"] = "plain"
    plan_first: int = 0
    from_step: int = 0
    until: int | None = None
    cycle: int = DEFAULT_CYCLE
    segment: int = 1
    coordinates: str = ""
    velocities: str = ""
    cell: str = ""
    colvars: str = ""
    temperature: float | None = None
    """Fresh velocities of this temperature, in K, in place of those of the set."""
    stretch: int = FIRST_STRETCH
    says: tuple[str, ...] = ()
    """Comments at the top: which job, which step."""


@dataclass(frozen=True)
class Plan:
    """What a config would do on its own: from ``first`` to ``end`` (None where that cannot be told)."""

    first: int
    end: int | None
    cycle: int
    timestep_fs: float


@dataclass(frozen=True)
class Continuation:
    """A config made to continue. ``texts``: the changed texts by path; ``diff`` in unified form, of the config."""

    config: NamdConfig
    texts: dict[Path, str]
    overlay: str
    start: Start
    diff: str
    first_step: int
    target_step: int | None


def read_plan(config: NamdConfig) -> Plan:
    """The plan of a config evaluated with a ``plain`` overlay, or with none."""
    open_ended = config.endless or config.failure is not None
    return Plan(
        config.first_step,
        None if open_ended else config.target_step,
        max(int(config.number("stepspercycle", DEFAULT_CYCLE)), 1),
        config.timestep_fs,
    )


def segment_name(segment: int) -> str:
    """What is appended to every output name; nothing for the first."""
    return f".seg{segment:03d}" if segment > 1 else ""


def choose_until(plan: Plan, step: int, *, steps: int | None, done: int | None = None) -> tuple[int, int | None]:
    """The step to continue from, on a whole cycle, and the step to end at.

    ``steps``: how many more; None goes on to the end of the plan, or of ``done``, an end that was asked for before.
    Raises ConflictError (``steps-complete``), InputError (``end-unknown``, ``steps-invalid``).
    """
    start = step - step % plan.cycle
    if steps is not None:
        if steps <= 0:
            raise InputError("The number of steps has to be positive.", code="steps-invalid", remedy="Give more steps.")
        until: int | None = start + -(-steps // plan.cycle) * plan.cycle
    elif done is not None:
        until = done
    else:
        until = plan.end
    if until is not None and until - start < plan.cycle and until <= step:
        raise ConflictError(
            f"All {until} steps are done.",
            code="steps-complete",
            remedy="Say how much further it should go: --steps N or --time '5 ns'.",
            context={"step": step, "until": until},
        )
    if until is not None and (until - start) % plan.cycle:
        until += plan.cycle - (until - start) % plan.cycle
    if until is not None and until > 2**31 - 1:
        raise InputError(
            f"Step {until} is beyond what NAMD can count (2147483647).",
            code="steps-invalid",
            remedy="Go less far.",
        )
    return start, until


def overlay_text(start: Start) -> str:
    """The overlay: the values of this run, then the part that is the same for all."""
    lines = [f"# {line}" for line in start.says]
    lines += [
        f"set namdrunner_mode {start.mode}",
        f"set namdrunner_at {start.plan_first}",
        f"set namdrunner_from {start.from_step}",
        f"set namdrunner_until {-1 if start.until is None else start.until}",
        f"set namdrunner_cycle {start.cycle}",
        f"set namdrunner_stretch {max(start.stretch - start.stretch % start.cycle, start.cycle)}",
        f'set namdrunner_suffix "{segment_name(start.segment)}"',
        f"set namdrunner_seed {start.segment - 1}",
    ]
    if start.mode == "continue":
        lines.append(f"bincoordinates {_word(start.coordinates)}")
        if start.temperature is None:
            lines.append(f"binvelocities {_word(start.velocities)}")
        else:
            lines.append(f"temperature {start.temperature:g}")
        if start.cell:
            lines.append(f"extendedSystem {_word(start.cell)}")
        lines.append(f"firsttimestep {start.from_step}")
        if start.colvars:
            lines.append(f"colvarsInput {_word(start.colvars)}")
    return "\n".join(lines) + "\n\n" + _body()


def plain_overlay() -> str:
    """The overlay that changes nothing: to see what a marked config does on its own."""
    return overlay_text(Start())


def make_continuation(
    config: NamdConfig, texts: Mapping[Path, str], start: Start, *, overlay: Path, root: Path
) -> Continuation:
    """Mark the config, write the overlay and the texts to their places, and prove by evaluation that it continues.

    ``texts`` holds the config's text and those of the scripts it sources, by path below ``root``, a folder of ours.
    Raises InputError (``continuation-not-possible``) when the result would not do what it should.
    """
    relative = _relative(overlay, config.folder)
    before = texts[config.path]
    marked = mark_texts(config, texts, relative)
    written = overlay_text(start)
    for path, text in (*marked.items(), (overlay, written)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")
    made = evaluate_text(marked[config.path], base=config.folder, name=config.path.name, root=root)
    changed = {path: text for path, text in marked.items() if text != texts[path]}
    if start.mode != "plain":
        _prove(made, start)
    target = None if made.endless else made.target_step
    shown = "".join(
        difflib.unified_diff(
            before.splitlines(keepends=True),
            marked[config.path].splitlines(keepends=True),
            "before/" + config.path.name,
            "after/" + config.path.name,
            n=1,
        )
    )
    head = written.split("\n\n", 1)[0] + "\n"
    shown += "".join(difflib.unified_diff([], head.splitlines(keepends=True), "/dev/null", f"after/{OVERLAY}"))
    return Continuation(made, changed, written, start, shown, made.first_step, target)


def _prove(made: NamdConfig, start: Start) -> None:
    """Each keyword once and as meant, and the steps add up."""
    problems = []
    if start.mode == "continue":
        expected = {"bincoordinates": start.coordinates, "firsttimestep": str(start.from_step)}
        if start.temperature is None:
            expected["binvelocities"] = start.velocities
        if start.cell:
            expected["extendedsystem"] = start.cell
        for keyword, value in expected.items():
            given = [s.value for s in made.get_all(keyword) if not s.after_startup]
            if given != [value]:
                problems.append(f"{keyword} is {', '.join(given) or 'missing'} instead of {value}")
        unwanted = ["velocities", "cellbasisvector1", "cellbasisvector2", "cellbasisvector3", "cellorigin"]
        unwanted += ["temperature"] if start.temperature is None else ["binvelocities"]
        problems += [f"{keyword} is still given" for keyword in unwanted if made.get_all(keyword) and start.cell]
    if not made.endless and start.until is not None and made.first_step + made.total_steps != start.until:
        problems.append(f"it would end at step {made.first_step + made.total_steps}, not {start.until}")
    if problems:
        raise InputError(
            f"This config cannot be continued as it is: {'; '.join(problems)}.",
            code="continuation-not-possible",
            remedy="Continue with a config of your own that starts from the restart files.",
            context={"problems": problems},
        )


def _word(path: str) -> str:
    """A path as one Tcl word."""
    return path if re.fullmatch(r"[\w./+-]+", path) else "{" + path + "}"


def _relative(path: Path, folder: Path) -> str:
    return os.path.relpath(path, folder).replace(os.sep, "/")


@cache
def _body() -> str:
    return resources.files("namdrunner.namd").joinpath("data/continue.tcl").read_text(encoding="utf-8")
