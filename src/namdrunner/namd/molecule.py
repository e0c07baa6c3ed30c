"""What a picture of a system needs: atoms with their names, bonds, and which of them are water or ions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from namdrunner.namd.pdb import Pdb
from namdrunner.namd.psf import Psf

Selection = Literal["all", "no_water"]

_WATER = (
    "TIP TIP3 TIP3P TP3 TP3M TIPS TIPS3P TIP4 TIP4P TP4 T4E T4P TIP5 TIP5P TP5 SPC SPCE SPCF SPG OPC OPC3 WAT HOH H2O "
    "SOL DOD D2O D3O SWM4 SWM6 SWM4-NDP SW"
)
WATER = frozenset(_WATER.split())
"""Residue names of water in CHARMM, AMBER, GROMACS and PDB files."""

IONS = {
    "SOD": "NA", "CLA": "CL", "POT": "K", "CAL": "CA", "CES": "CS", "LIT": "LI", "RUB": "RB", "CAD": "CD", "BAR": "BA",
    "ZN2": "ZN", "MG2": "MG", "MGA": "MG", "NA+": "NA", "CL-": "CL", "K+": "K", "CIO": "CS", "CIP": "NA", "CIM": "CL",
    "NIO": "NA", "NA": "NA", "CL": "CL", "K": "K", "MG": "MG", "ZN": "ZN", "CS": "CS", "LI": "LI", "RB": "RB",
    "CU": "CU", "FE": "FE", "MN": "MN", "CD": "CD", "BA": "BA", "BR": "BR", "IOD": "I", "F": "F", "CA": "CA",
    "NA2+": "NA", "CA2+": "CA", "MG2+": "MG", "ZN2+": "ZN",
}  # fmt: skip
"""Residue names of monatomic ions, and the element of each."""

_NUCLEOTIDES = {"ADE": "A", "GUA": "G", "CYT": "C", "THY": "T", "URA": "U"}
_BACKBONE = {"O1P": "OP1", "O2P": "OP2", "OT1": "O", "OT2": "OXT"}
"""CHARMM's names of atoms that others know by the names of the PDB."""


@dataclass(frozen=True, eq=False)
class Molecule:
    """Names are byte strings (numpy dtype ``S``); ``bonds`` has shape (n, 2), counted from 0."""

    segments: NDArray[np.bytes_]
    residue_ids: NDArray[np.bytes_]
    residues: NDArray[np.bytes_]
    names: NDArray[np.bytes_]
    bonds: NDArray[np.int32]

    @property
    def natom(self) -> int:
        return len(self.names)

    @cached_property
    def water(self) -> NDArray[np.bool_]:
        """For each atom whether it belongs to water."""
        return _named(self.residues, WATER)

    @cached_property
    def ions(self) -> NDArray[np.bool_]:
        """For each atom whether it is an ion: alone in its residue, and named as one."""
        alone: NDArray[np.bool_] = np.bincount(self.residue_index)[self.residue_index] == 1
        return _named(self.residues, IONS) & alone

    @cached_property
    def residue_index(self) -> NDArray[np.int64]:
        """For each atom the number of its residue, which begins where segment, number or name changes."""
        changes = np.zeros(self.natom, bool)
        for column in (self.segments, self.residue_ids, self.residues):
            changes[1:] |= column[1:] != column[:-1]
        return np.cumsum(changes)

    def kept(self, selection: Selection) -> NDArray[np.int64]:
        """Indices of the atoms that ``selection`` keeps."""
        if selection == "all":
            return np.arange(self.natom)
        return np.flatnonzero(~self.water)


def from_psf(psf: Psf) -> Molecule:
    return Molecule(psf.segments, psf.residue_ids, psf.residues, psf.names, psf.bonds)


def from_pdb(pdb: Pdb) -> Molecule:
    """Without bonds, which a PDB file does not hold."""
    segments = pdb.segments if np.char.str_len(pdb.segments).any() else pdb.chains
    return Molecule(segments, pdb.residue_ids, pdb.residues, pdb.names, np.zeros((0, 2), np.int32))


def _named(residues: NDArray[np.bytes_], names: frozenset[str] | dict[str, str]) -> NDArray[np.bool_]:
    unique, index = np.unique(residues, return_inverse=True)
    known = np.array([name.decode("latin-1").strip().upper() in names for name in unique.tolist()], bool)
    return known[index.reshape(-1)] if known.size else np.zeros(0, bool)


def picture_psf(molecule: Molecule, kept: NDArray[np.int64]) -> bytes:
    """A structure file of the ``kept`` atoms for a viewer: names as in the PDB, types, charges and masses left out.

    Waters are called HOH, ions by their element, and nucleotides by one letter or, without O2', by D and a letter,
    so that a viewer recognises them whatever the force field.
    """
    bonds = _kept_bonds(molecule, kept)
    lines = _atom_lines(molecule, kept) if kept.size else []
    head = b"PSF EXT\n\n%10d !NTITLE\n REMARKS made for display only\n\n%10d !NATOM\n" % (1, len(kept))
    return b"".join((head, b"\n".join(lines), b"\n\n%10d !NBOND: bonds\n" % len(bonds), _bond_lines(bonds), b"\n"))


def _atom_lines(molecule: Molecule, kept: NDArray[np.int64]) -> list[bytes]:
    residues = _pdb_residues(molecule)[kept]
    names = _pdb_names(molecule, residues, kept)
    columns = (
        _words(molecule.segments[kept], b"-"),
        _numbers(molecule.residue_ids[kept], molecule.residue_index[kept]),
        _words(residues, b"UNK"),
        _words(names, b"X"),
    )
    return [
        b"%10d %s %s %s %s X 0 1 0" % (number, *words)
        for number, words in enumerate(zip(*(c.tolist() for c in columns), strict=True), start=1)
    ]


def _bond_lines(bonds: NDArray[np.int32]) -> bytes:
    flat = (bonds.reshape(-1) + 1).tolist()
    return b"".join(b" ".join(b"%d" % n for n in flat[i : i + 8]) + b"\n" for i in range(0, len(flat), 8))


def _kept_bonds(molecule: Molecule, kept: NDArray[np.int64]) -> NDArray[np.int32]:
    place = np.full(molecule.natom, -1, np.int32)
    place[kept] = np.arange(len(kept), dtype=np.int32)
    bonds = place[molecule.bonds]
    return bonds[(bonds >= 0).all(axis=1)]


def _pdb_residues(molecule: Molecule) -> NDArray[np.bytes_]:
    residues = molecule.residues.astype("S8")
    residues[molecule.water] = b"HOH"
    for index in np.flatnonzero(molecule.ions):
        residues[index] = IONS[residues[index].decode("latin-1").strip().upper()].encode()
    is_rna = np.zeros(int(molecule.residue_index[-1]) + 1 if molecule.natom else 0, bool)
    is_rna[molecule.residue_index[np.isin(molecule.names, [b"O2'", b"O2*"])]] = True
    for name, letter in _NUCLEOTIDES.items():
        of_name = residues == name.encode()
        rna = is_rna[molecule.residue_index]
        residues[of_name & rna] = letter.encode()
        residues[of_name & ~rna] = b"D" + letter.encode()
    return residues


def _pdb_names(molecule: Molecule, residues: NDArray[np.bytes_], kept: NDArray[np.int64]) -> NDArray[np.bytes_]:
    names = molecule.names[kept].astype("S8")
    for ours, theirs in _BACKBONE.items():
        names[names == ours.encode()] = theirs.encode()
    ions = molecule.ions[kept]
    names[ions] = residues[ions]
    return names


def _words(column: NDArray[np.bytes_], empty: bytes) -> NDArray[np.bytes_]:
    """Without what would end a word: a PDB file may have blanks anywhere."""
    plain = np.char.replace(np.char.strip(column), b" ", b"_")
    return np.where(np.char.str_len(plain) > 0, plain, np.array(empty))


def _numbers(residue_ids: NDArray[np.bytes_], index: NDArray[np.int64]) -> NDArray[np.bytes_]:
    """Residue numbers as they are, where they are numbers; else the residue's place."""
    digits = np.char.lstrip(np.char.strip(residue_ids), b"-")
    return np.where(np.char.isdigit(digits), np.char.strip(residue_ids), (index + 1).astype("S12"))
