"""The structure file and the coordinates that belong to it."""

from __future__ import annotations

import numpy as np

from namdrunner.namd.check.context import Context
from namdrunner.namd.pdb import Pdb
from namdrunner.namd.psf import Psf

_LIGHT = 0.001
_DRUDE_MASS = 0.5


def check(ctx: Context) -> None:
    psf = ctx.inputs.psf
    if psf is None:
        if ctx.inputs.charmm_like:
            ctx.inputs.pdb("coordinates")
        return
    pdb = ctx.inputs.pdb("coordinates")
    if pdb is not None:
        _counts(ctx, psf, pdb)
    _velocities_file(ctx, psf)
    _masses(ctx, psf)
    _charge(ctx, psf)
    _bonds(ctx, psf)


def _counts(ctx: Context, psf: Psf, pdb: Pdb) -> None:
    if pdb.natom != psf.natom:
        twice = pdb.natom == 2 * psf.natom
        ctx.error(
            "atom-count",
            f"The coordinates have {pdb.natom} atoms and the structure has {psf.natom}.",
            "Keep one model: the PDB holds the atoms twice." if twice else "Make both files in one step (psfgen).",
            keyword="coordinates",
        )
        return
    different = _names_that_differ(psf, pdb)
    if different:
        first = different[0]
        ctx.warning(
            "atom-order",
            f"{len(different)} atoms are named differently in coordinates and structure (first atom {first + 1}: "
            f"{pdb.names[first].decode('latin-1')} where the structure has {psf.names[first].decode('latin-1')}); "
            "NAMD goes by order and would place them wrongly.",
            "Make both files in one step (psfgen), in the same order of atoms.",
            keyword="coordinates",
        )


def _names_that_differ(psf: Psf, pdb: Pdb) -> list[int]:
    """Indices of atoms whose names differ, beyond what four columns of a PDB file can hold."""
    expected = psf.names.astype("S4")
    actual = pdb.names.astype("S4")
    filled = actual != b""
    rows = np.flatnonzero((expected != actual) & filled)
    # A digit may have moved from the end to the front (1HB, HB1), which is only another spelling.
    return [int(r) for r in rows if sorted(expected[r].decode("latin-1")) != sorted(actual[r].decode("latin-1"))]


def _velocities_file(ctx: Context, psf: Psf) -> None:
    pdb = ctx.inputs.pdb("velocities")
    if pdb is not None and pdb.natom != psf.natom:
        ctx.error(
            "atom-count",
            f"The velocities have {pdb.natom} atoms and the structure has {psf.natom}.",
            "Use the velocities of this structure.",
            keyword="velocities",
        )


def _masses(ctx: Context, psf: Psf) -> None:
    light = np.flatnonzero(psf.masses < _LIGHT)
    if light.size and not ctx.on("drude") and not psf.lone_pairs:
        first = int(light[0])
        ctx.warning(
            "massless-atom",
            f"{light.size} atoms of the structure have no mass (first: atom {first + 1}, "
            f"{psf.names[first].decode('latin-1')}); they fly away at the first step.",
            "Correct the masses in the PSF, or declare lone pairs there.",
            keyword="structure",
        )
    drude = np.flatnonzero((psf.masses >= _LIGHT) & (psf.masses < _DRUDE_MASS))
    if drude.size and not ctx.on("drude"):
        ctx.warning(
            "drude-off",
            f"{drude.size} particles have the mass of Drude particles, and drude is off.",
            "Add drude on and its keywords.",
            keyword="structure",
        )


def _charge(ctx: Context, psf: Psf) -> None:
    charge = psf.total_charge
    if not np.isfinite(charge):
        ctx.error("charge", "A charge in the structure is not finite.", "Correct the PSF.", keyword="structure")
    elif abs(charge - round(charge)) > 0.01:
        ctx.warning(
            "charge",
            f"The total charge is {charge:+.3f} e, which is no whole number: a residue may be incomplete.",
            "Check patches and ends of chains.",
            keyword="structure",
        )
    elif abs(charge) > 0.01 and ctx.on("pme"):
        ctx.advice(
            "charge",
            f"The system carries {charge:+.2f} e, which PME spreads as a uniform background.",
            "Add ions to neutralise it.",
            keyword="structure",
        )


def _bonds(ctx: Context, psf: Psf) -> None:
    if not len(psf.bonds):
        return
    pairs = np.sort(psf.bonds, axis=1).astype(np.int64)
    itself = np.flatnonzero(pairs[:, 0] == pairs[:, 1])
    keys = pairs[:, 0] * psf.natom + pairs[:, 1]
    twice = len(keys) - len(np.unique(keys))
    if itself.size:
        atom = int(pairs[itself[0], 0]) + 1
        ctx.error("bond-to-itself", f"Atom {atom} is bonded to itself.", "Make the PSF again.", keyword="structure")
    elif twice:
        ctx.error(
            "duplicate-bond",
            f"{twice} bonds are listed twice in the structure.",
            "Make the PSF again; a patch may have been applied twice.",
            keyword="structure",
        )
