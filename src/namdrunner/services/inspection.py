"""What a file handed over for a job is: its kind, and what its own reader finds in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from namdrunner.errors import NamdrunnerError

READ_BYTES = 512 * 1024**2
"""Larger files are not read just to describe them; the check before submission reads what it needs."""

Facts = dict[str, Any]


def inspect_file(path: Path) -> Facts:
    """``kind``, ``bytes``, and where known ``atoms``, ``charge`` (e), ``cell`` (vectors in angstrom), ``origin``.

    ``note`` says in words what else was found, ``problem`` why the file cannot be what its name says. Raises InputError
    when there is no such file or it cannot be read.
    """
    from namdrunner.namd.files import file_size

    facts: Facts = {"path": str(path), "name": path.name, "bytes": file_size(path), "kind": "other"}
    kind, read = _READERS.get(path.suffix.lower(), ("other", None))
    facts["kind"] = kind
    if facts["bytes"] == 0:
        return facts | {"problem": "The file is empty."}
    if read is None or facts["bytes"] > READ_BYTES:
        return facts
    try:
        return facts | read(path)
    except NamdrunnerError as error:
        return facts | {"problem": f"{error.message} {error.remedy}".strip()}


def _psf(path: Path) -> Facts:
    from namdrunner.namd.psf import read_psf

    psf = read_psf(path)
    return {"atoms": psf.natom, "charge": round(psf.total_charge, 4)}


def _pdb(path: Path) -> Facts:
    from namdrunner.namd.pdb import read_pdb

    pdb = read_pdb(path)
    facts: Facts = {"atoms": pdb.natom}
    cell = pdb.cryst1
    # Programs that know of no cell write one of 1 x 1 x 1.
    if cell is not None and min(cell.a, cell.b, cell.c) > 1.5:
        low, high = pdb.coordinates.min(axis=0), pdb.coordinates.max(axis=0)
        facts["cell"] = [list(vector) for vector in cell.vectors]
        facts["origin"] = [round(float(value), 4) for value in (low + high) / 2]
    return facts


def _namdbin(path: Path) -> Facts:
    from namdrunner.namd.namdbin import count_atoms

    return {"atoms": count_atoms(path)}


def _xsc(path: Path) -> Facts:
    from namdrunner.namd.xsc import read_xsc

    system = read_xsc(path)
    facts: Facts = {"note": f"step {system.step}"}
    if system.periodic:
        facts["cell"] = [list(vector) for vector in system.vectors if vector is not None]
        facts["origin"] = list(system.origin)
    return facts


def _dcd(path: Path) -> Facts:
    from namdrunner.namd.dcd import read_dcd_header

    header = read_dcd_header(path)
    return {"atoms": header.natom, "note": f"{header.frames} frames"}


def _parameters(path: Path) -> Facts:
    from namdrunner.namd.charmm_reader import read_parameters

    counts = read_parameters([path]).counts()
    found = [f"{counts[key]} {word}" for key, word in _COUNTED.items() if counts.get(key)]
    return {"note": ", ".join(found) if found else "no parameters found in it"}


_COUNTED = {"bonds": "bonds", "angles": "angles", "dihedrals": "dihedrals", "vdw_types": "atom types"}

_READERS: dict[str, tuple[str, Callable[[Path], Facts] | None]] = {
    ".psf": ("structure", _psf),
    ".pdb": ("coordinates", _pdb),
    ".coor": ("binary coordinates", _namdbin),
    ".vel": ("binary velocities", _namdbin),
    ".xsc": ("periodic cell", _xsc),
    ".dcd": ("trajectory", _dcd),
    **dict.fromkeys((".prm", ".par", ".str", ".inp"), ("parameters", _parameters)),
    **dict.fromkeys((".exb", ".extra"), ("extra bonds", None)),
    **dict.fromkeys((".namd", ".conf", ".config", ".tcl"), ("config", None)),
    **dict.fromkeys((".colvars", ".in"), ("collective variables", None)),
}
