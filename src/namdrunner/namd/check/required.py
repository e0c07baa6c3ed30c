"""What must be there: keywords NAMD requires, alone or when another is set."""

from __future__ import annotations

from namdrunner.namd.check.context import Context
from namdrunner.namd.keywords import all_keywords, keyword


def check(ctx: Context) -> None:
    _required_keywords(ctx)
    _system_files(ctx)
    _start_of_velocities(ctx)
    _companions(ctx)


def _required_keywords(ctx: Context) -> None:
    for info in all_keywords():
        if not info.required or info.default is not None or not info.exists_in(ctx.version) or info.special_build:
            continue
        if not ctx.active(info) or ctx.config.startup(info.name) is not None:
            continue
        parent = keyword(info.parent) if info.parent else None
        when = f" when {parent.name} is on" if parent else ""
        setting = ctx.config.startup_setting(parent.name) if parent else None
        unit = f" (in {info.unit})" if info.unit else ""
        ctx.error(
            "missing-keyword",
            f"{info.name} is required{when}{' and is missing' if not when else ', and is missing'}.",
            f"Add {info.name}{unit}.",
            keyword=info.name,
            file=setting.file if setting else None,
            line=setting.line if setting else None,
            fix=ctx.fix_insert(info.name, info.choices[-1]) if info.name == "exclude" else None,
        )


def _system_files(ctx: Context) -> None:
    if ctx.on("amber") or ctx.on("gromacs"):
        if ctx.given("coordinates") and ctx.given("ambercoor"):
            ctx.error("contradiction", "coordinates and ambercoor are both given.", "Keep one.", keyword="ambercoor")
        if not any(ctx.given(name) for name in ("coordinates", "ambercoor", "grocoorfile")):
            ctx.error(
                "missing-keyword",
                "There are no coordinates: ambercoor, grocoorfile or coordinates is missing.",
                "Add the file of coordinates.",
                keyword="coordinates",
            )
        return
    if ctx.on("usepluginio"):
        return
    for name, what in (("coordinates", "PDB file"), ("structure", "PSF file"), ("parameters", "parameter file")):
        if not ctx.given(name):
            ctx.error(
                "missing-keyword",
                f"{name} is missing: NAMD needs a {what}.",
                f"Add {name} with the path of the {what}"
                + (", also when binary coordinates are given." if name == "coordinates" else "."),
                keyword=name,
            )


def _start_of_velocities(ctx: Context) -> None:
    files = [name for name in ("binvelocities", "velocities") if ctx.given(name)]
    temperature = ctx.config.startup_setting("temperature")
    if temperature is not None and files:
        ctx.error(
            "temperature-and-velocities",
            f"temperature and {files[0]} are both given; NAMD takes one or the other.",
            "Remove temperature to go on with the velocities of the file.",
            setting=temperature,
            fix=ctx.fix_remove(temperature),
        )
    minimizing = ctx.on("minimization") or ctx.on("velocityquenching")
    if temperature is None and not files and not minimizing:
        target = ctx.config.startup("langevintemp") or "300"
        ctx.error(
            "no-velocities",
            "There is neither a temperature nor a file of velocities to start from.",
            "Add temperature (K), or binvelocities of an earlier run.",
            keyword="temperature",
            fix=ctx.fix_insert("temperature", target.split()[0]),
        )


# (keyword given or on, what it wants, sentence)
_PAIRS = (
    ("rescaleTemp", "rescaleFreq", "rescaleTemp is given without rescaleFreq"),
    ("reassignTemp", "reassignFreq", "reassignTemp is given without reassignFreq"),
    ("reassignIncr", "reassignFreq", "reassignIncr is given without reassignFreq"),
    ("reassignHold", "reassignIncr", "reassignHold is given without reassignIncr"),
)


def _companions(ctx: Context) -> None:
    for name, wanted, sentence in _PAIRS:
        if ctx.given(name) and not ctx.given(wanted):
            ctx.error("missing-keyword", f"{sentence}.", f"Add {wanted}.", keyword=name)
    for name, target in (("rescaleFreq", "rescaleTemp"), ("reassignFreq", "reassignTemp")):
        if ctx.given(name) and not ctx.given(target) and not ctx.given("temperature"):
            ctx.error(
                "missing-keyword",
                f"{name} needs {target}, because there is no temperature to take it from.",
                f"Add {target}.",
                keyword=target,
            )
    if ctx.on("switching") and not ctx.given("switchdist"):
        cutoff = ctx.number("cutoff")
        ctx.error(
            "missing-keyword",
            "switchdist is missing, and switching is on (its default).",
            "Add switchdist, 1 to 2 A below cutoff, or switching off.",
            keyword="switchdist",
            fix=ctx.fix_insert("switchdist", f"{cutoff - 2:g}") if cutoff and cutoff > 2 else None,
        )
    if ctx.on("extrabonds") and not ctx.given("extrabondsfile"):
        ctx.error("missing-keyword", "extraBonds is on without an extraBondsFile.", "Add it.", keyword="extraBondsFile")
    if ctx.on("langevin"):
        _langevin(ctx)
    if ctx.on("colvars") and not ctx.given("colvarsconfig"):
        ctx.warning(
            "missing-keyword",
            "colvars is on without a colvarsConfig, so nothing is defined.",
            "Add colvarsConfig, or switch colvars off.",
            keyword="colvarsConfig",
            file=ctx.config.path,
        )
    if ctx.on("selectconstraints") and not any(ctx.on(f"selectconstr{axis}") for axis in "xyz"):
        ctx.warning(
            "missing-keyword",
            "selectConstraints is on, and none of selectConstrX, selectConstrY, selectConstrZ is.",
            "Switch on the directions that are restrained.",
            keyword="selectConstraints",
        )
    if ctx.on("qmforces"):
        _qm(ctx)


def _langevin(ctx: Context) -> None:
    damping = ctx.number("langevindamping", 0.0) or 0.0
    hydrogen, from_file = ctx.given("langevinhydrogen"), ctx.given("langevinfile") or ctx.given("langevincol")
    if from_file and (ctx.given("langevindamping") or hydrogen):
        ctx.error(
            "contradiction",
            "langevinFile or langevinCol is combined with langevinDamping or langevinHydrogen.",
            "Use either the file or the damping.",
            keyword="langevinFile" if ctx.given("langevinfile") else "langevinCol",
        )
    elif hydrogen and damping == 0:
        ctx.error(
            "missing-keyword",
            "langevinHydrogen is given, and langevinDamping is missing or 0.",
            "Add langevinDamping (1/ps), 1 is usual.",
            keyword="langevinDamping",
            fix=ctx.fix_insert("langevinDamping", "1"),
        )
    elif damping == 0 and not from_file:
        ctx.warning(
            "missing-keyword",
            "langevinDamping is missing, so NAMD takes friction from column O of the coordinates file.",
            "Add langevinDamping (1/ps), 1 is usual.",
            keyword="langevinDamping",
            fix=ctx.fix_insert("langevinDamping", "1"),
        )


def _qm(ctx: Context) -> None:
    software = (ctx.text("qmsoftware") or "").lower()
    if software in ("orca", "mopac") and not ctx.given("qmconfigline"):
        ctx.error("missing-keyword", "QMConfigLine is needed for this QM software.", "Add it.", keyword="QMConfigLine")
