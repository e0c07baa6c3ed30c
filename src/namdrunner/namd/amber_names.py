"""Names and bonds from an AMBER parm7 file: sections of fixed-width columns, each behind its Fortran format."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from namdrunner.namd.files import bad_input
from namdrunner.namd.molecule import Molecule

_SECTION = re.compile(rb"^%FLAG\s+(\S+)[^\n]*\n(?:%COMMENT[^\n]*\n)*%FORMAT\(\d+[aIiE](\d+)[^\n]*\n", re.MULTILINE)
_REMEDY = "Copy the parm file again from where it was made."


def read_prmtop(data: bytes, name: str) -> Molecule:
    """Raises InputError (``parm-damaged``) when a section is missing or shorter than announced."""
    heads = list(_SECTION.finditer(data))
    ends = [head.start() for head in heads[1:]] + [len(data)]
    sections = {head[1]: (data[head.end() : end], int(head[2])) for head, end in zip(heads, ends, strict=True)}
    try:
        names = _words(*sections[b"ATOM_NAME"])
        labels = _words(*sections[b"RESIDUE_LABEL"])
        first = np.array(_words(*sections[b"RESIDUE_POINTER"]).tolist(), dtype=np.int64) - 1
        pairs = [_numbers(*sections[key]) for key in (b"BONDS_INC_HYDROGEN", b"BONDS_WITHOUT_HYDROGEN")]
        residue = np.searchsorted(first, np.arange(len(names)), side="right") - 1
        # Three numbers a bond: both atoms times three, and the type of bond.
        bonds = np.concatenate([p.reshape(-1, 3)[:, :2] // 3 for p in pairs]).astype(np.int32)
        if bonds.size and not 0 <= int(bonds.min()) <= int(bonds.max()) < len(names):
            raise ValueError("a bond names an atom that is not there")
        return Molecule(np.full(len(names), b"A", "S4"), (residue + 1).astype("S12"), labels[residue], names, bonds)
    except (KeyError, ValueError, IndexError) as error:
        what = f"{name} cannot be read as an AMBER parm file ({error})."
        raise bad_input("parm-damaged", what, _REMEDY, name) from None


def _words(text: bytes, width: int) -> NDArray[np.bytes_]:
    lines = [line for line in text.splitlines() if line.strip()]
    return np.array([line[i : i + width].strip() for line in lines for i in range(0, len(line), width)], dtype="S12")


def _numbers(text: bytes, width: int) -> NDArray[np.int64]:
    return np.array([int(word) for word in _words(text, width).tolist() if word], dtype=np.int64)
