"""Whether the parameter files define every term of the structure."""

from __future__ import annotations

from namdrunner.namd.charmm_coverage import MissingParameter, missing_parameters
from namdrunner.namd.charmm_reader import ParameterStyle
from namdrunner.namd.check.context import Context
from namdrunner.namd.check.values import ValueProblem, read_switch

_KINDS = {
    "vdw": "van der Waals parameters",
    "nbfix": "van der Waals parameters (named by an NBFIX entry)",
    "bond": "bond parameters",
    "angle": "angle parameters",
    "dihedral": "dihedral parameters",
    "improper": "improper parameters",
    "cmap": "CMAP parameters",
}
_SHOWN = 12

# Where CHARMM's distribution defines a type, by the look of its name.
_WHERE = (
    (
        ("OT", "HT", "SOD", "CLA", "POT", "CAL", "MG", "ZN", "LIT", "CES", "BAR", "RUB", "CAD"),
        "toppar_water_ions_namd.str",
    ),
    (("CN", "NN", "ON", "HN1", "HN2", "HN3", "HN4", "HN5", "HN6", "HN7", "HN8", "HN9"), "par_all36_na.prm"),
    (("CTL", "HAL", "OSL", "NTL", "PL", "SL", "CEL", "HEL", "CL", "HL", "OBL"), "par_all36_lipid.prm"),
    (("CG", "HG", "NG", "OG", "SG", "PG", "FG", "BRG", "IG"), "par_all36_cgenff.prm"),
    (("CC3", "HCA", "OC3", "HCP"), "par_all36_carb.prm"),
    (
        (
            "CT",
            "NH",
            "CP",
            "HB",
            "HA",
            "HR",
            "HP",
            "HS",
            "CA",
            "CY",
            "CPT",
            "NR",
            "NC",
            "NP",
            "OB",
            "OC",
            "OH",
            "SM",
            "SS",
            "H",
            "C",
            "O",
            "S",
            "N",
        ),
        "par_all36m_prot.prm",
    ),
)


def check(ctx: Context) -> None:
    _styles(ctx)
    psf, parameters = ctx.inputs.psf, ctx.inputs.parameters
    if psf is None or parameters is None:
        return
    missing = missing_parameters(psf, parameters)
    for item in missing[:_SHOWN]:
        _report(ctx, item)
    if len(missing) > _SHOWN:
        ctx.error(
            "parameters-missing",
            f"{len(missing) - _SHOWN} more terms have no parameters.",
            "Add the parameter files of this force field.",
            keyword="parameters",
        )
    notes = [note.rpartition("/")[2] for note in parameters.notes if "section is passed over" not in note]
    for note in notes[:3]:
        ctx.advice(
            "parameters-note", note if note.endswith(".") else note + ".", "Check the file.", keyword="parameters"
        )


def _report(ctx: Context, item: MissingParameter) -> None:
    types = " ".join(item.types)
    place = f" (atoms {' '.join(str(a + 1) for a in item.atoms)})" if item.atoms else ""
    file = next((name for starts, name in _WHERE for start in starts if item.types[0].startswith(start)), None)
    hint = f"Add the file that defines it ({file} of CHARMM's toppar may)" if file else "Add the file that defines it"
    ctx.error(
        "parameters-missing",
        f"No {_KINDS.get(item.kind, item.kind)} for {types}{place}, needed {item.count} times.",
        hint + ".",
        keyword="parameters",
    )


def _styles(ctx: Context) -> None:
    if not ctx.inputs.charmm_like:
        return
    both = ctx.on("paratypecharmm") and ctx.on("paratypexplor")
    if both:
        ctx.error(
            "contradiction",
            "paraTypeCharmm and paraTypeXplor are both on.",
            "Keep paraTypeCharmm.",
            keyword="paraTypeXplor",
        )
    refused = any(f.keyword == "parameters" and f.code.startswith("param") for f in ctx.findings)
    if ctx.inputs.parameter_style is ParameterStyle.XPLOR and ctx.given("parameters") and not refused:
        before = len(ctx.findings)
        if ctx.inputs.parameters is None and len(ctx.findings) > before and not _said_xplor(ctx):
            ctx.error(
                "parameters-style",
                "The parameter files are read as X-PLOR files, because paraTypeCharmm is not on.",
                "Add paraTypeCharmm on.",
                keyword="paraTypeCharmm",
                fix=ctx.fix_set("paratypecharmm", "on") or ctx.fix_insert("paraTypeCharmm", "on"),
            )


def _said_xplor(ctx: Context) -> bool:
    """Whether the config asks for X-PLOR on purpose."""
    try:
        return read_switch(ctx.config.startup("paratypexplor") or "off")
    except ValueProblem:
        return False
