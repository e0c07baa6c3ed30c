"""Atoms and coordinates for showing, from whichever of the field's files a job has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from namdrunner.namd.amber_names import read_prmtop
from namdrunner.namd.files import bad_input
from namdrunner.namd.molecule import Molecule, from_pdb, from_psf
from namdrunner.namd.namdbin import read_namdbin
from namdrunner.namd.pdb import read_pdb
from namdrunner.namd.psf import read_psf

_TEXT = (b"ATOM", b"HETATM", b"CRYST1", b"REMARK", b"HEADER", b"TITLE", b"COMPND", b"MODEL", b"AUTHOR")


def read_molecule(data: bytes, name: str) -> Molecule:
    """Names and bonds from a PSF, an AMBER parm file or a PDB file, told apart by content. Raises InputError."""
    head = data[:1024].lstrip()
    if head[:3] == b"PSF":
        return from_psf(read_psf(data, name=name))
    if head[:8] in (b"%VERSION", b"%FLAG TI"):
        return read_prmtop(data, name)
    return from_pdb(read_pdb(data, name=name))


def read_coordinates(data: bytes, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Coordinates (n, 3) in Angstrom and cell vectors (3, 3) or None. Raises InputError.

    A set that is being written just now is cut short (``namdbin-size``): asking again helps.
    """
    if data.lstrip()[:6].startswith(_TEXT):
        pdb = read_pdb(data, name=name)
        return pdb.coordinates, np.array(pdb.cryst1.vectors) if pdb.cryst1 else None
    values = read_namdbin(data, name=name)
    if not values.finite:
        what = f"{name} holds coordinates that are no numbers: the run has become unstable."
        raise bad_input("coordinates-not-finite", what, "Look at the log, and at an earlier restart set.", name)
    return values.values, None
