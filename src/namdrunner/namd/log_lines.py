"""The grammar of a NAMD log but for its ENERGY lines: each routine line changes the state of the run.

Line types: namd.md's list of what Controller, Output, SimParameters and the command line print (2.12 to 3.0).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from namdrunner.namd.log_state import RunState, Speed

Match = re.Match[str]
Handler = Callable[[RunState, Match], None]

_SECONDS_PER_DAY = 86400.0
_NS_PER_FS = 1e-6
_MAX_TEXT = 400

QUIET_HEADS = (
    b"LDB: ===",
    b"LINE MIN",
    b"The last",
    b"PRESSURE",
    b"GPRESSUR",
    b"PRESSAVG",
    b"GPRESSAV",
    b"FepEnerg",
    b"FEPTITLE",
    b"TI:     ",
    b"TITITLE:",
)
"""First eight bytes of frequent lines that carry nothing the state keeps."""

LAST_ONLY_HEADS = (b"TIMING: ", b"PERFORMA", b"Info: Be")
"""First eight bytes of frequent lines of which only the newest matters."""

_ROUTINE = (
    "Info:",
    "TCL:",
    "LDB:",
    "Charm++",
    "CharmLB>",
    "Converse/Charm++",
    "CkLoopLib",
    "OPENING ",
    "CLOSING ",
    "WRITING ",
    "FINISHED ",
    "REINITIALIZING ",
    "RESCALING ",
    "REASSIGNING ",
    "MINIMIZER STARTING",
    "MINIMIZER RESTARTING",
    "LINE MINIMIZER",
    "The last ",
    "====",
    "WallClock:",
    "PRESSURE",
    "GPRESSURE",
    "PRESSAVG",
    "GPRESSAVG",
    "FEP",
    "FepEnergy:",
    "TI:",
    "TITITLE:",
    "#",
    "colvars:   ",
    "Pe ",
    "Did not find +devices",
    "PMEMAXMIN",
    "PRESSUREPROFILE:",
)


_TELLING = ("Charm++> No provisioning", "Charm++ fatal", "Charm++: ERROR")
"""Beginnings that look routine and are not."""


def ns_per_day(s_per_step: float, timestep_fs: float | None) -> float | None:
    """Speed from seconds per step; None without a timestep or a time."""
    if not timestep_fs or s_per_step <= 0:
        return None
    return _SECONDS_PER_DAY / s_per_step * timestep_fs * _NS_PER_FS


def _in_dynamics(run: RunState) -> bool:
    return run.stage is None or run.stage.kind != "minimize"


def _speed(run: RunState, step: int | None, s_per_step: float) -> Speed:
    return Speed(step, s_per_step, ns_per_day(s_per_step, run.timestep_fs) if _in_dynamics(run) else None)


def _version(run: RunState, m: Match) -> None:
    run.namd_version, run.platform = m[1], m[2]


def _host(run: RunState, m: Match) -> None:
    run.processors, run.host, run.user = int(m[3]), m[4], m[5]


def _processors(run: RunState, m: Match) -> None:
    run.processors, run.nodes, run.physical_nodes = int(m[1]), int(m[2]), int(m[3])


def _setting(run: RunState, m: Match) -> None:
    name, value = m[1], m[2].strip()
    run.settings[name] = value[:_MAX_TEXT]
    if name == "TIMESTEP":
        run.timestep_fs = float(value)
    elif name == "STEPS PER CYCLE":
        run.steps_per_cycle = int(value)
    elif name == "FIRST TIMESTEP":
        run.first_timestep = int(value)
    elif name == "NUMBER OF STEPS":
        run.numsteps = int(value)
    elif name.startswith("PERIODIC CELL BASIS"):
        run.cell.append([float(word) for word in value.split()])


def _structure(run: RunState, m: Match) -> None:
    run.structure[m[2]] = int(m[1])
    if m[2] == "ATOMS":
        run.atoms = int(m[1])


def _total(run: RunState, m: Match) -> None:
    if m[1] == "MASS":
        run.total_mass = float(m[2])
    else:
        run.total_charge = float(m[2])


def _gpu(run: RunState, m: Match) -> None:
    name = f"{m[3]} ({m[4]} MB) as device {m[1]} on {m[2]}"
    if name not in run.gpus and len(run.gpus) < 64:
        run.gpus.append(name)


def _stage(run: RunState, m: Match) -> None:
    run.begin_stage("run" if m[1] == "Running" else "minimize", int(m[2]))


def _set_parameter(run: RunState, m: Match) -> None:
    if m[1].lower() == "firsttimestep":
        run.set_first_timestep(int(m[2]))


def _benchmark(run: RunState, m: Match) -> None:
    speed = _speed(run, None, float(m[3]))
    value = float(m[4])
    if speed.ns_per_day is not None and value > 0:
        speed.ns_per_day = value if m[5] == "ns/day" else 1 / value
    run.benchmark = speed


def _timing(run: RunState, m: Match) -> None:
    step = int(m[1])
    run.timing = _speed(run, step, float(m[5]))
    run.hours_remaining, run.timing_memory_mb = float(m[6]), float(m[7])
    run.step = max(step, run.step or 0)


def _performance(run: RunState, m: Match) -> None:
    run.performance = Speed(int(m[1]), float(m[3]), float(m[2]) if _in_dynamics(run) else None)


def _writing(run: RunState, m: Match) -> None:
    what, where, step = m[1], m[2], int(m[3])
    run.step = max(step, run.step or 0)
    if where == "RESTART":
        entry = run.restart_at(step)
        entry.cell |= what == "EXTENDED SYSTEM"
    elif where == "OUTPUT":
        run.outputs[what] = step


def _finished_writing(run: RunState, m: Match) -> None:
    if not run.restarts:
        return
    if m[1] == "COORDINATES":
        run.restarts[-1].coordinates = True
    else:
        run.restarts[-1].velocities = True


def _opening(run: RunState, m: Match) -> None:
    kind = m[1].strip().lower()
    if kind not in run.trajectories and len(run.trajectories) < 20:
        run.trajectories.append(kind)


def _contacts(run: RunState, m: Match) -> None:
    run.bad_contacts = int(m[1])


def _wall_clock(run: RunState, m: Match) -> None:
    run.wall_clock_s, run.cpu_s, run.memory_mb = float(m[1]), float(m[2]), float(m[3])


def _end(run: RunState, m: Match) -> None:
    run.ended = True


def _attribute(name: str, convert: Callable[[str], object] = str) -> Handler:
    def handle(run: RunState, m: Match) -> None:
        setattr(run, name, convert(m[1].strip()[:_MAX_TEXT]))

    return handle


def _count(name: str) -> Handler:
    def handle(run: RunState, m: Match) -> None:
        setattr(run, name, getattr(run, name) + 1)

    return handle


def _resident(run: RunState, m: Match) -> None:
    run.gpu_resident = True


def _fatal(run: RunState, m: Match) -> None:
    run.errors += 1
    if run.fatal is None:
        run.fatal = m[0][:_MAX_TEXT]


_N = r"([-+0-9.eE]+|nan|inf)"

_STRUCTURE = (
    r"ATOMS|BONDS|ANGLES|DIHEDRALS|IMPROPERS|CROSSTERMS|EXCLUSIONS|RIGID BONDS|DEGREES OF FREEDOM|"
    r"HYDROGEN GROUPS|FIXED ATOMS|CONSTRAINTS"
)
_SETTINGS = (
    r"TIMESTEP|STEPS PER CYCLE|NUMBER OF STEPS|FIRST TIMESTEP|DCD FILENAME|DCD FREQUENCY|XST FREQUENCY|"
    r"RESTART FILENAME|RESTART FREQUENCY|OUTPUT FILENAME|ENERGY OUTPUT STEPS|PERIODIC CELL BASIS [123]|"
    r"LANGEVIN TEMPERATURE|TARGET PRESSURE IS|PME GRID DIMENSIONS|MARGIN|SWITCHING ON|SWITCHING OFF|"
    r"PAIRLIST DISTANCE|STRUCTURE FILE|COORDINATE PDB|INITIAL TEMPERATURE|RANDOM NUMBER SEED"
)

_GRAMMAR: dict[str, list[tuple[re.Pattern[str], Handler]]] = {}


def _rule(head: str, pattern: str, handler: Handler) -> None:
    _GRAMMAR.setdefault(head, []).append((re.compile(pattern), handler))


_rule("Info:", r"Info: NAMD (\S+) for (\S+)", _version)
_rule("Info:", r"Info: \d+ NAMD +(\S+) +(\S+) +(\d+) +(\S+) +(\S+)", _host)
_rule("Info:", r"Info: Running on (\d+) processors, (\d+) nodes, (\d+) physical nodes", _processors)
_rule("Info:", r"Info: Running with GPU-resident mode", _resident)
_rule("Info:", r"Info: Configuration file is (.+)", _attribute("config_file"))
_rule("Info:", r"Info: Working in the current directory (.+)", _attribute("working_directory"))
_rule("Info:", rf"Info: +({_SETTINGS}) +(\S.*)", _setting)
_rule("Info:", rf"Info: +(\d+) ({_STRUCTURE})\s*$", _structure)
_rule("Info:", rf"Info: TOTAL (MASS|CHARGE) += {_N}", _total)
_rule("Info:", rf"Info: MASS DENSITY += {_N} g/cm", _attribute("density", float))
_rule("Info:", r"Info: READ (\d+) EXTRA BONDS", _attribute("extra_bonds", int))
_rule("Info:", rf"Info: Finished startup at {_N} s", _attribute("startup_s", float))
_rule("Info:", rf"Info: (Initial|Benchmark) time: (\d+) CPUs {_N} s/step {_N} (days/ns|ns/day)", _benchmark)
_rule("TCL:", r"TCL: (Running|Minimizing) for (\d+) steps", _stage)
_rule("TCL:", r"TCL: Setting parameter (\S+) to (-?\d+)\s*$", _set_parameter)
_rule(
    "TIMING:",
    rf"TIMING: (\d+) +CPU: {_N}, {_N}/step +Wall: {_N}, {_N}/step(?:, \S+ ns/days?)?, {_N} hours remaining, {_N} MB",
    _timing,
)
_rule("PERFORMANCE:", rf"PERFORMANCE: (\d+) +averaging {_N} ns/day, {_N} sec/step", _performance)
_rule(
    "WRITING",
    r"WRITING (EXTENDED SYSTEM|COORDINATES|VELOCITIES|FORCES) TO (RESTART|OUTPUT|DCD|TRAJECTORY) .*?AT STEP (\d+)",
    _writing,
)
_rule("FINISHED", r"FINISHED WRITING RESTART (COORDINATES|VELOCITIES)", _finished_writing)
_rule("OPENING", r"OPENING (.+?) FILE", _opening)
_rule("MINIMIZER", r"MINIMIZER (?:SLOWLY MOVING|GIVING UP ON) (\d+) ATOMS WITH BAD CONTACTS", _contacts)
_rule("REINITIALIZING", r"REINITIALIZING VELOCITIES AT STEP", _count("reinitialised"))
_rule("FEP:", r"FEP: RESETTING FOR NEW FEP WINDOW", _count("fep_windows"))
_rule("WallClock:", rf"WallClock: {_N} +CPUTime: {_N} +Memory: {_N} MB", _wall_clock)
_rule("Pe", r"Pe \d+ .*binding to CUDA device (\d+) on (\S+): '([^']+)' +Mem: (\d+)MB", _gpu)
_rule("Warning:", r"Warning: ", _count("warnings"))
_rule("ERROR:", r"ERROR: Margin is too small for (\d+) atoms", _count("margin_violations"))
_rule("ERROR:", r"ERROR: (\d+) margin violations", lambda run, m: None)
_rule("ERROR:", r"ERROR: Incorrect nonbonded forces and energies may", lambda run, m: None)
_rule("ERROR:", r"ERROR: .*", _fatal)
_rule("FATAL", r"FATAL ERROR: .*", _fatal)
_rule("REPLICA", r"REPLICA \d+ FATAL ERROR: .*", _fatal)

_END = "End of program"
_KEPT_HEADS = ("Warning:", "ERROR:", "FATAL", "REPLICA", "MINIMIZER")
"""Lines that change the state and are worth keeping all the same."""


def apply_line(run: RunState, text: str) -> bool:
    """Take one line into the state; returns True when it is routine, False when it deserves to be kept."""
    head = text.split(None, 1)[0] if text and not text[0].isspace() else ""
    for pattern, handler in _GRAMMAR.get(head, ()):
        match = pattern.match(text)
        if match is not None:
            try:
                handler(run, match)
            except (ValueError, OverflowError):
                return False
            if head not in _KEPT_HEADS:
                return True
            break
    if text.endswith(_END):
        run.ended = True
        return True
    if text.startswith(_TELLING):
        return False
    return text.startswith(_ROUTINE) or head in ("TIMING:", "PERFORMANCE:")
