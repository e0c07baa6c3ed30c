"""Restraints, fixed atoms and steering: files with one value per atom in a column."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from namdrunner.namd.check.context import Context
from namdrunner.namd.pdb import Pdb

# switch, file keyword, column keyword, default column, what is counted, whether none is useless
_COLUMN_FILES = (
    ("fixedatoms", "fixedAtomsFile", "fixedAtomsCol", "O", "fixed atoms"),
    ("constraints", "conskfile", "conskcol", "O", "restrained atoms"),
    ("smd", "SMDFile", None, "O", "pulled atoms"),
    ("alch", "alchFile", "alchCol", "O", "alchemical atoms"),
    ("les", "lesFile", "lesCol", "O", "enhanced atoms"),
    ("solutescaling", "soluteScalingFile", "soluteScalingCol", "O", "scaled atoms"),
    ("gridforce", "gridforcefile", "gridforcecol", "B", "atoms on the grid"),
    ("excludefrompressure", "excludeFromPressureFile", "excludeFromPressureCol", "O", "excluded atoms"),
    ("pairinteraction", "pairInteractionFile", "pairInteractionCol", "O", "atoms of a group"),
    ("movdragon", "movDragFile", "movDragCol", "O", "dragged atoms"),
    ("rotdragon", "rotDragFile", "rotDragCol", "O", "dragged atoms"),
    ("constorqueon", "consTorqueFile", "consTorqueCol", "O", "turned atoms"),
    ("stiron", "stirFilename", "stirredAtomsCol", "O", "stirred atoms"),
)
_SAME_COUNT = (
    ("constraints", "consref"),
    ("langevin", "langevinFile"),
    ("tcouple", "tCoupleFile"),
    ("tmd", "TMDFile"),
    ("symmetryrestraints", "symmetryFile"),
)


def check(ctx: Context) -> None:
    natom = ctx.inputs.natom
    if natom is None:
        return
    for switch, name in _SAME_COUNT:
        if ctx.on(switch) and ctx.inputs.reference(name.lower()):
            _same_count(ctx, ctx.inputs.pdb(name.lower()), name, natom)
    for switch, name, column_name, default, what in _COLUMN_FILES:
        if ctx.on(switch):
            _column_file(ctx, name, column_name, default, what, natom)
    _reference_distance(ctx, natom)
    _exponent(ctx)
    if ctx.on("fixedatoms") and ctx.barostat:
        ctx.advice(
            "fixed-atoms-pressure",
            "Fixed atoms do not follow the cell that the barostat scales.",
            "Use restraints (constraints on) instead, or constant volume.",
            keyword="fixedAtoms",
        )


def _same_count(ctx: Context, pdb: Pdb | None, name: str, natom: int) -> bool:
    if pdb is None:
        return False
    if pdb.natom == natom:
        return True
    ctx.error(
        "atom-count",
        f"The file of {name} has {pdb.natom} atoms and the structure has {natom}.",
        "Make it from the coordinates of this structure.",
        keyword=name,
    )
    return False


def column(pdb: Pdb, letter: str) -> NDArray[np.float64] | None:
    """The column of a PDB file that NAMD's letter names: X, Y, Z, O (occupancy), B (beta)."""
    columns = {
        "X": pdb.coordinates[:, 0],
        "Y": pdb.coordinates[:, 1],
        "Z": pdb.coordinates[:, 2],
        "O": pdb.occupancy,
        "B": pdb.beta,
    }
    return columns.get(letter.strip().upper()[:1])


def _column_file(ctx: Context, name: str, column_name: str | None, default: str, what: str, natom: int) -> None:
    given = ctx.given(name)
    pdb = ctx.inputs.pdb(name.lower()) if given else ctx.inputs.pdb("coordinates")
    if not _same_count(ctx, pdb, name if given else "coordinates", natom) or pdb is None:
        return
    letter = (ctx.text(column_name) if column_name else None) or default
    values = column(pdb, letter)
    if values is None:
        return
    # NAMD counts a restraint only with a positive constant, the other marks when they are not 0.
    count = int(np.count_nonzero(values > 0 if name == "conskfile" else values))
    shown = column_name if column_name and ctx.given(column_name) else name
    if count == 0:
        say = ctx.error if name == "SMDFile" else ctx.warning
        say(
            "column-empty",
            f"Column {letter.upper()} of the {'file' if given else 'coordinates'} marks no atom: there are no {what}.",
            f"Mark the atoms with 1 in column {letter.upper()}, or name another column.",
            keyword=shown if given else name,
        )
    elif count == natom and name == "fixedAtomsFile":
        source = "" if given else " (fixedAtomsFile is missing, so the coordinates file is used)"
        ctx.warning(
            "all-atoms-fixed",
            f"All {natom} atoms are fixed by column {letter.upper()}{source}.",
            "Name a file in which only the atoms to fix are marked.",
            keyword=name,
        )
    elif not given and name in ("alchFile",):
        ctx.warning(
            "file-defaulted",
            f"{name} is missing, so the coordinates file is used: {count} {what}.",
            f"Name the file with {name}.",
            keyword=name,
        )
    if name == "conskfile" and count and float(values.max()) > 1000:
        ctx.advice(
            "strong-restraint", f"Restraints reach {values.max():g} kcal/mol/A2.", "1 to 10 is usual.", keyword=name
        )
    if name == "alchFile" and count and not np.isin(values, (-2, -1, 0, 1, 2)).all():
        ctx.warning(
            "alchemy-marks",
            f"Column {letter.upper()} of alchFile has values other than -1, 0 and 1.",
            "Mark vanishing atoms with -1, appearing ones with 1.",
            keyword="alchFile",
        )


def _reference_distance(ctx: Context, natom: int) -> None:
    """The energy that the restraints hold at the start, from the distance to their reference positions."""
    if not ctx.on("constraints"):
        return
    reference, constants, positions = ctx.inputs.pdb("consref"), ctx.inputs.pdb("conskfile"), ctx.inputs.positions
    if reference is None or constants is None or positions is None:
        return
    values = column(constants, ctx.text("conskcol") or "O")
    if values is None or reference.natom != natom or constants.natom != natom:
        return
    shift = positions - reference.coordinates
    energy = values * np.einsum("ij,ij->i", shift, shift) * (ctx.number("constraintscaling", 1.0) or 1.0)
    if not energy.size or not np.isfinite(energy).all():
        return
    worst = int(np.argmax(energy))
    if energy[worst] > 500:
        ctx.warning(
            "restraint-strained",
            f"Atom {worst + 1} starts {float(np.linalg.norm(shift[worst])):.1f} A from its reference position, "
            f"which puts {energy[worst]:.3g} kcal/mol into its restraint.",
            "Make consref from these coordinates, or begin with a small constraintScaling.",
            keyword="consref",
        )


def _exponent(ctx: Context) -> None:
    if ctx.on("constraints"):
        exponent = ctx.integer("consexp", 2)
        if exponent % 2 or exponent < 2:
            ctx.warning(
                "restraint-exponent",
                f"consexp {exponent} is odd or below 2: the restraint pushes one way only.",
                "Use 2.",
                keyword="consexp",
                fix=ctx.fix_set("consexp", 2),
            )
