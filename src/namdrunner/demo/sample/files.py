"""The sample as text: PSF (X-PLOR names, CMAP), PDB and XSC."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from namdrunner.demo.sample.molecule import Molecule, angles_of, dihedrals_of

TITLE = "NAMDRunner sample: capped trialanine in salt water"


def _section(count: int, label: str, terms: Iterable[Sequence[int]], per_line: int) -> list[str]:
    lines = [f"{count:8d} !{label}"]
    rows = ["".join(f"{index + 1:8d}" for index in term) for term in terms]
    lines += ["".join(rows[start : start + per_line]) for start in range(0, len(rows), per_line)]
    return [*lines, ""]


def psf_text(molecule: Molecule) -> str:
    """A PSF with all terms; angles and dihedrals follow from the bonds."""
    lines = ["PSF CMAP", "", f"{1:8d} !NTITLE", f" REMARKS {TITLE}", "", f"{len(molecule.atoms):8d} !NATOM"]
    lines += [
        f"{number:8d} {a.segment:<4} {a.residue_id:<4d} {a.residue:<4} {a.name:<4} {a.type:<4} "
        f"{a.charge:10.6f}    {a.mass:10.4f}           0"
        for number, a in enumerate(molecule.atoms, 1)
    ]
    lines.append("")
    angles, dihedrals = angles_of(molecule), dihedrals_of(molecule)
    lines += _section(len(molecule.bonds), "NBOND: bonds", molecule.bonds, 4)
    lines += _section(len(angles), "NTHETA: angles", angles, 3)
    lines += _section(len(dihedrals), "NPHI: dihedrals", dihedrals, 2)
    lines += _section(len(molecule.impropers), "NIMPHI: impropers", molecule.impropers, 2)
    lines += ["       0 !NDON: donors", "", "       0 !NACC: acceptors", "", "       0 !NNB", ""]
    zeros = ["       0"] * len(molecule.atoms)
    lines += ["".join(zeros[start : start + 8]) for start in range(0, len(zeros), 8)]
    lines += ["", "       1       0 !NGRP", "       0       0       0", ""]
    lines += _section(len(molecule.crossterms), "NCRTERM: cross-terms", molecule.crossterms, 1)
    return "\n".join(lines) + "\n"


def _element(name: str, atom_type: str) -> str:
    return {"SOD": "NA", "CLA": "CL"}.get(atom_type, name[0])


def pdb_text(molecule: Molecule, edge: float) -> str:
    """A PDB with the cubic cell in CRYST1 and the segment in columns 73 to 76."""
    lines = [
        f"REMARK   {TITLE}",
        f"CRYST1{edge:9.3f}{edge:9.3f}{edge:9.3f}{90:7.2f}{90:7.2f}{90:7.2f} P 1           1",
    ]
    for number, (a, position) in enumerate(zip(molecule.atoms, molecule.positions, strict=True), 1):
        name = a.name if len(a.name) == 4 else f" {a.name}"
        x, y, z = position
        lines.append(
            f"ATOM  {number:5d} {name:<4} {a.residue:<4}{a.segment[0]}{a.residue_id:4d}    "
            f"{x:8.3f}{y:8.3f}{z:8.3f}{1:6.2f}{0:6.2f}      {a.segment:<4}{_element(a.name, a.type):>2}"
        )
    return "\n".join([*lines, "END", ""])


def xsc_text(edge: float) -> str:
    """An extended system file with the cubic cell, step 0, centred at the origin."""
    return (
        "# NAMD extended system configuration output file\n"
        "#$LABELS step a_x a_y a_z b_x b_y b_z c_x c_y c_z o_x o_y o_z\n"
        f"0 {edge:.6g} 0 0 0 {edge:.6g} 0 0 0 {edge:.6g} 0 0 0\n"
    )
