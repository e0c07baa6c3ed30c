"""A small box of water, written by hand: the system that checks are tried on where no real one is at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

EDGE = 6
SPACING = 3.1036
BOX = EDGE * SPACING
NATOM = 3 * EDGE**3

PARAMETERS = """* water for tests
BONDS
OT HT 450.0 0.9572
HT HT 0.0 1.5139
ANGLES
HT OT HT 55.0 104.52
DIHEDRALS
IMPROPERS
NONBONDED nbxmod 5 atom cdiel shift vatom vdistance vswitch -
cutnb 14.0 ctofnb 12.0 ctonnb 10.0 eps 1.0 e14fac 1.0 wmin 1.5
OT 0.0 -0.1521 1.7682
HT 0.0 -0.0460 0.2245
END
"""

SETTINGS: Mapping[str, str] = {
    "structure": "w.psf",
    "coordinates": "w.pdb",
    "outputName": "out",
    "paraTypeCharmm": "on",
    "parameters": "w.prm",
    "temperature": "300",
    "seed": "7",
    "cellBasisVector1": f"{BOX:.3f} 0 0",
    "cellBasisVector2": f"0 {BOX:.3f} 0",
    "cellBasisVector3": f"0 0 {BOX:.3f}",
    "cellOrigin": "0 0 0",
    "exclude": "scaled1-4",
    "1-4scaling": "1.0",
    "cutoff": "8.0",
    "switching": "on",
    "switchdist": "7.0",
    "pairlistdist": "10.0",
    "timestep": "2.0",
    "rigidBonds": "all",
    "nonbondedFreq": "1",
    "fullElectFrequency": "2",
    "stepspercycle": "10",
    "PME": "yes",
    "PMEGridSpacing": "1.0",
    "langevin": "on",
    "langevinDamping": "1",
    "langevinTemp": "300",
    "langevinHydrogen": "off",
    "restartfreq": "20",
    "dcdfreq": "10",
    "outputEnergies": "10",
}

PISTON: Mapping[str, str] = {
    "useGroupPressure": "yes",
    "langevinPiston": "on",
    "langevinPistonTarget": "1.01325",
    "langevinPistonPeriod": "100",
    "langevinPistonDecay": "50",
    "langevinPistonTemp": "300",
}


def positions(edge: int = EDGE) -> np.ndarray:
    """Coordinates (3 * edge^3, 3) centred on the origin."""
    molecule = np.array([[0.0, 0.0, 0.0], [0.9572, 0.0, 0.0], [-0.2400, 0.9266, 0.0]])
    corners = np.array([[x, y, z] for x in range(edge) for y in range(edge) for z in range(edge)])
    centres = (corners - (edge - 1) / 2) * SPACING
    return (centres[:, None, :] + molecule[None, :, :]).reshape(-1, 3)


def psf_text(edge: int = EDGE, *, mass_of_first: float = 15.9994) -> str:
    natom = 3 * edge**3
    lines = ["PSF", "", "       1 !NTITLE", " REMARKS water", "", f"{natom:8d} !NATOM"]
    for i in range(natom):
        name, kind, charge, mass = [
            ("OH2", "OT", -0.834, 15.9994),
            ("H1", "HT", 0.417, 1.008),
            ("H2", "HT", 0.417, 1.008),
        ][i % 3]
        mass = mass_of_first if i == 0 else mass
        lines.append(
            f"{i + 1:8d} WAT  {i // 3 + 1:<4d} TIP3 {name:<4s} {kind:<4s} {charge:10.6f}  {mass:12.4f}           0"
        )
    oxygens = range(1, natom + 1, 3)
    bonds = [n for o in oxygens for n in (o, o + 1, o, o + 2)]
    angles = [n for o in oxygens for n in (o + 1, o, o + 2)]
    lines += ["", f"{len(bonds) // 2:8d} !NBOND: bonds", *_rows(bonds, 8)]
    lines += ["", f"{len(angles) // 3:8d} !NTHETA: angles", *_rows(angles, 9)]
    for title in ("NPHI: dihedrals", "NIMPHI: impropers", "NDON: donors", "NACC: acceptors"):
        lines += ["", f"       0 !{title}", ""]
    lines += [
        "",
        "       0 !NNB",
        "",
        *_rows([0] * natom, 8),
        "",
        "       1       0 !NGRP",
        "       0       0       0",
        "",
    ]
    return "\n".join(lines) + "\n"


def _rows(numbers: Sequence[int], width: int) -> list[str]:
    return ["".join(f"{n:8d}" for n in numbers[i : i + width]) for i in range(0, len(numbers), width)]


def pdb_text(coordinates: np.ndarray | None = None, *, marked: Sequence[int] = (), column: str = "B") -> str:
    """PDB text; ``marked`` atoms have 1 in column O or B, the others 0."""
    lines = []
    for i, (x, y, z) in enumerate(positions() if coordinates is None else coordinates):
        name = ("OH2", "H1", "H2")[i % 3]
        mark = 1.0 if i in marked else 0.0
        occupancy, beta = (mark, 0.0) if column == "O" else (0.0, mark)
        lines.append(
            f"ATOM  {(i + 1) % 100000:5d}  {name:<3s} TIP3W{(i // 3 + 1) % 10000:4d}    {x:8.3f}{y:8.3f}{z:8.3f}"
            f"{occupancy:6.2f}{beta:6.2f}      WAT"
        )
    return "\n".join([*lines, "END", ""])


def xsc_text(*, step: int = 0, edge: float = BOX) -> str:
    return (
        "# NAMD extended system configuration output file\n"
        "#$LABELS step a_x a_y a_z b_x b_y b_z c_x c_y c_z o_x o_y o_z\n"
        f"{step} {edge:.3f} 0 0 0 {edge:.3f} 0 0 0 {edge:.3f} 0 0 0\n"
    )


def write_system(folder: Path, edge: int = EDGE) -> None:
    """Write structure, coordinates and parameters (w.psf, w.pdb, w.prm)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "w.psf").write_text(psf_text(edge))
    (folder / "w.pdb").write_text(pdb_text(positions(edge)))
    (folder / "w.prm").write_text(PARAMETERS)


def config_text(
    changes: Mapping[str, str | None] | None = None, *, more: str = "", run: str = "run 20", npt: bool = False
) -> str:
    """A config of the water box; ``changes`` replaces values, None drops a keyword, ``more`` goes before the run."""
    settings: dict[str, str | None] = {**SETTINGS, **(PISTON if npt else {}), **(changes or {})}
    lines = [f"{name} {value}" for name, value in settings.items() if value is not None]
    return "\n".join([*lines, more, run, ""])
