"""Reading the input files, with NAMD's words for what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from namdrunner.demo.engine.fatal import FatalError
from namdrunner.errors import InputError
from namdrunner.namd.charmm import Parameters
from namdrunner.namd.charmm_reader import ParameterStyle, read_parameters
from namdrunner.namd.extrabonds import ExtraBonds, read_extrabonds
from namdrunner.namd.namdbin import VELOCITY_UNIT_A_PER_PS, expected_size, read_namdbin
from namdrunner.namd.pdb import Pdb, read_pdb
from namdrunner.namd.psf import Psf, read_psf
from namdrunner.namd.xsc import ExtendedSystem, read_xsc

NUMERIC_TYPES = (
    "Structure (psf) file is either in CHARMM format (with numbers for atoms types, the X-PLOR format using names "
    "is required) or the segment name field is empty."
)


def _missing(path: Path) -> bool:
    return not path.is_file()


def structure(path: Path, given: str) -> Psf:
    """The PSF."""
    if _missing(path):
        raise FatalError(f"UNABLE TO OPEN .psf FILE {given}")
    try:
        psf = read_psf(path)
    except InputError as error:
        raise FatalError(_psf_words(error, path, given)) from None
    if psf.lone_pairs or np.isin(b"DRUD", psf.types):
        raise FatalError("Lone pairs and Drude particles are not supported by the OpenMM demo engine.")
    return psf


def _psf_words(error: InputError, path: Path, given: str) -> str:
    if not path.stat().st_size:
        return f"EMPTY .psf FILE {given}"
    words = {
        "psf-not-a-psf": f'UNABLE TO FIND "PSF" STRING IN PSF FILE {given}',
        "psf-title-count": f'DIDN\'T FIND "NATOM" IN PSF FILE {given}',
        "psf-numeric-types": NUMERIC_TYPES,
        "psf-truncated": "EOF ENCOUNTERED READING BONDS FROM PSF FILE",
    }
    known = words.get(error.code)
    return f"{known}\n{error.message}" if known else error.message


def parameters(paths: list[Path], given: list[str], *, charmm: bool) -> Parameters:
    """All parameter files in order."""
    style, word = (ParameterStyle.CHARMM, "CHARMM") if charmm else (ParameterStyle.XPLOR, "XPLOR")
    for path, name in zip(paths, given, strict=True):
        if _missing(path):
            raise FatalError(f"UNABLE TO OPEN {word} PARAMETER FILE {name}")
    try:
        return read_parameters(paths, style=style)
    except InputError as error:
        raise FatalError(_parameter_words(error, word, dict(zip(map(str, paths), given, strict=True)))) from None


def _parameter_words(error: InputError, word: str, names: dict[str, str]) -> str:
    file, line = error.context.get("file"), error.context.get("line")
    name = names.get(str(file), str(file))
    text = f"UNKNOWN PARAMETER IN {word} PARAMETER FILE {name}"
    if isinstance(line, int):
        rows = Path(str(file)).read_text(encoding="latin-1").splitlines()
        text += f"\nLINE=*{rows[line - 1].strip()}*" if 0 < line <= len(rows) else ""
    return text


def pdb(path: Path, given: str) -> Pdb:
    """A PDB of any purpose."""
    if _missing(path):
        raise FatalError(f"Cannot open file '{given}' for input in PDB::PDB.: No such file or directory")
    try:
        return read_pdb(path)
    except InputError as error:
        raise FatalError(error.message) from None


def column(pdb: Pdb, letter: str) -> NDArray[np.float64]:
    """One of the columns X, Y, Z, O, B of a PDB."""
    columns = {
        "X": pdb.coordinates[:, 0],
        "Y": pdb.coordinates[:, 1],
        "Z": pdb.coordinates[:, 2],
        "O": pdb.occupancy,
        "B": pdb.beta,
    }
    try:
        return columns[letter.upper()]
    except KeyError:
        raise FatalError(f"The PDB column must be X, Y, Z, O or B, not {letter}") from None


def binary(path: Path, given: str, natom: int) -> NDArray[np.float64]:
    """A NAMDBIN file, shape (natom, 3); bytes behind the last atom do not matter, as in NAMD."""
    if _missing(path):
        raise FatalError(f"Unable to open binary file {given}: No such file or directory")
    data = path.read_bytes()
    counts = {int.from_bytes(data[:4], order, signed=True) for order in ("little", "big")}
    if natom not in counts:
        raise FatalError(f"Incorrect atom count in binary file {given}")
    try:
        return read_namdbin(data[: expected_size(natom)]).values
    except InputError:
        raise FatalError(f"Error reading binary file {given}") from None


def velocities(path: Path, given: str, natom: int) -> NDArray[np.float64]:
    """Binary velocities, A/ps."""
    return binary(path, given, natom) * VELOCITY_UNIT_A_PER_PS


def extended_system(path: Path) -> ExtendedSystem:
    """An XSC."""
    if _missing(path):
        raise FatalError("Unable to open extended system file.")
    try:
        return read_xsc(path)
    except InputError:
        raise FatalError("Error reading extended system file.") from None


def extra_bonds(path: Path, given: str, natom: int) -> ExtraBonds:
    """One extra bonds file."""
    if _missing(path):
        raise FatalError(f"UNABLE TO OPEN EXTRA BONDS FILE {given}: No such file or directory")
    try:
        return read_extrabonds(path, natom=natom)
    except InputError as error:
        kind = "BAD ATOM ID" if error.code == "exb-atom-out-of-range" else "BAD LINE"
        line = error.context.get("line")
        rows = path.read_text(encoding="latin-1").splitlines()
        shown = rows[line - 1].strip() if isinstance(line, int) and 0 < line <= len(rows) else error.message
        raise FatalError(f"{kind} IN EXTRA BONDS FILE {given}: {shown}") from None
