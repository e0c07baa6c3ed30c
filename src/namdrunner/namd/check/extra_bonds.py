"""Extra bonds: against the structure's bonds, against each other, and against the coordinates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from namdrunner.namd.check.context import Context
from namdrunner.namd.extrabonds import ExtraBonds
from namdrunner.namd.references import FileReference

_STRAINED = 500.0
"""kcal/mol in one restraint; about what breaks an integration at 1-2 fs."""


def check(ctx: Context) -> None:
    natom = ctx.inputs.natom
    if natom is None or not ctx.on("extrabonds"):
        return
    _same_file_twice(ctx)
    files = ctx.inputs.extra_bonds
    for reference, restraints in files:
        _one_file(ctx, reference, restraints)
    _duplicates(ctx, files, natom)


def _same_file_twice(ctx: Context) -> None:
    seen: set[str] = set()
    for setting in ctx.config.get_all("extrabondsfile"):
        if setting.value in seen:
            ctx.error(
                "duplicate-bond",
                f"The extra bonds file {setting.value} is given twice; its bonds would be duplicates.",
                "Name it once.",
                setting=setting,
                fix=ctx.fix_remove(setting),
            )
        seen.add(setting.value)


def _one_file(ctx: Context, reference: FileReference, restraints: ExtraBonds) -> None:
    name = reference.path.name
    if not len(restraints):
        ctx.advice(
            "extra-bonds-empty",
            f"{name} holds no restraint.",
            "Check the file.",
            keyword="extraBondsFile",
            file=reference.file,
            line=reference.line,
        )
        return
    if len(restraints.terms["wall"]) and not ctx.is_version_3:
        ctx.error(
            "keyword-of-another-version",
            f"{name} has wall restraints, which need NAMD 3.0.",
            "Remove them, or use NAMD 3.0.",
            keyword="extraBondsFile",
            file=reference.path,
        )
    for kind, terms in restraints.terms.items():
        if not len(terms):
            continue
        atoms = np.sort(terms.atoms, axis=1)
        if kind != "wall" and (np.diff(atoms, axis=1) == 0).any():
            row = int(np.argmax((np.diff(atoms, axis=1) == 0).any(axis=1)))
            atom = ", ".join(str(a) for a in terms.atoms[row])
            ctx.error(
                "bond-to-itself",
                f"{name}: a {kind} names one atom twice ({atom}, counted from 0).",
                "Correct the line.",
                keyword="extraBondsFile",
                file=reference.path,
            )
        if (terms.force_constants < 0).any():
            ctx.warning(
                "negative-force-constant",
                f"{name}: {int((terms.force_constants < 0).sum())} restraints have a negative constant and push apart.",
                "Use positive constants.",
                keyword="extraBondsFile",
                file=reference.path,
            )
    _one_based(ctx, reference, restraints)
    _strain(ctx, reference, restraints)


def _one_based(ctx: Context, reference: FileReference, restraints: ExtraBonds) -> None:
    """A file that never names atom 0 but comes close to the end may count from 1."""
    natom = ctx.inputs.natom or 0
    lowest = min(int(t.atoms.min()) for t in restraints.terms.values() if len(t))
    if lowest == 1 and len(restraints) >= 10 and restraints.highest_index() == natom - 1:
        ctx.advice(
            "extra-bonds-from-one",
            f"{reference.path.name} names atoms from 1 on and none is 0; NAMD counts from 0.",
            "Subtract 1 from every index if the file counts from 1.",
            keyword="extraBondsFile",
            file=reference.path,
        )


def bond_vectors(ctx: Context, pairs: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Vectors between bonded atoms (n, 3), nearest images; None without usable coordinates."""
    positions = ctx.inputs.positions
    if positions is None or not len(pairs):
        return None
    differences = positions[pairs[:, 1]] - positions[pairs[:, 0]]
    box = ctx.inputs.box
    return box.nearest_images(differences) if box is not None and box.periodic else differences


def _strain(ctx: Context, reference: FileReference, restraints: ExtraBonds) -> None:
    bonds = restraints.bonds
    vectors = bond_vectors(ctx, bonds.atoms)
    if vectors is None:
        return
    stretch = np.linalg.norm(vectors, axis=1) - bonds.references
    energy = np.abs(bonds.force_constants) * stretch**2
    worst = int(np.argmax(energy))
    if energy[worst] > _STRAINED:
        a, b = (int(x) for x in bonds.atoms[worst])
        ctx.warning(
            "restraint-strained",
            f"{reference.path.name}: the bond {a}-{b} is {stretch[worst]:+.1f} A off its length, "
            f"which puts {energy[worst]:.3g} kcal/mol into it at the start.",
            "Check the indices (from 0) and lengths, or begin with weak constants and minimise.",
            keyword="extraBondsFile",
            file=reference.path,
        )
    _shifted(ctx, reference, restraints)
    strongest = float(np.abs(bonds.force_constants).max())
    if strongest == 0:
        ctx.advice(
            "restraint-idle",
            f"All force constants in {reference.path.name} are 0.",
            "Leave the file out.",
            keyword="extraBondsFile",
            file=reference.path,
        )
    if strongest > 1000:
        ctx.warning(
            "restraint-stiff",
            f"{reference.path.name}: force constants reach {strongest:g} kcal/mol/A2, too stiff for the timestep.",
            "Use up to a few hundred.",
            keyword="extraBondsFile",
            file=reference.path,
        )


def _shifted(ctx: Context, reference: FileReference, restraints: ExtraBonds) -> None:
    """Lengths that fit the atoms one before those named show a file that counts from 1."""
    bonds, positions = restraints.bonds, ctx.inputs.positions
    if len(bonds) < 4 or positions is None or bonds.atoms.min() < 1:
        return
    here = bond_vectors(ctx, bonds.atoms)
    before = bond_vectors(ctx, bonds.atoms - 1)
    if here is None or before is None:
        return
    off_here = float(np.median(np.abs(np.linalg.norm(here, axis=1) - bonds.references)))
    off_before = float(np.median(np.abs(np.linalg.norm(before, axis=1) - bonds.references)))
    if off_here > 0.5 and off_before < 0.25 * off_here:
        ctx.warning(
            "extra-bonds-from-one",
            f"The lengths in {reference.path.name} fit the atoms one before those named: it counts from 1 (NAMD: 0).",
            "Subtract 1 from every index.",
            keyword="extraBondsFile",
            file=reference.path,
        )


def _duplicates(ctx: Context, files: Sequence[tuple[FileReference, ExtraBonds]], natom: int) -> None:
    """NAMD refuses a bond that the structure, or an earlier file, has already."""
    psf = ctx.inputs.psf
    if psf is None:
        return
    known = _keys(psf.bonds, natom)
    for reference, restraints in files:
        keys = _keys(restraints.bonds.atoms, natom)
        inside = len(keys) - len(np.unique(keys))
        again = np.flatnonzero(np.isin(keys, known))
        if inside or again.size:
            row = int(again[0]) if again.size else int(_first_repeated(keys))
            a, b = (int(x) for x in restraints.bonds.atoms[row])
            where = "the structure or an earlier file has already" if again.size else "the file itself repeats"
            ctx.error(
                "duplicate-bond",
                f"{reference.path.name}: bond {a}-{b} (counted from 0) is one that {where}; NAMD refuses duplicates.",
                "Remove the line.",
                keyword="extraBondsFile",
                file=reference.path,
            )
        known = np.concatenate((known, keys))


def _keys(pairs: NDArray[np.int64] | NDArray[np.int32], natom: int) -> NDArray[np.int64]:
    ordered = np.sort(pairs.astype(np.int64), axis=1)
    return np.asarray(ordered[:, 0] * natom + ordered[:, 1])


def _first_repeated(keys: NDArray[np.int64]) -> int:
    _, first = np.unique(keys, return_index=True)
    repeated = np.setdiff1d(np.arange(len(keys)), first)
    return int(repeated[0])
