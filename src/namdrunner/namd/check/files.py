"""The input files of a checked simulation, read once, with NAMD's tolerance and NAMD's refusals."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from namdrunner.errors import InputError
from namdrunner.namd.charmm import Parameters
from namdrunner.namd.charmm_reader import ParameterStyle, read_parameters
from namdrunner.namd.check.box import ZERO, Box, BoxError, Vector, read_box
from namdrunner.namd.check.values import ValueProblem, read_switch, read_vector
from namdrunner.namd.config import NamdConfig
from namdrunner.namd.extrabonds import ExtraBonds, read_extrabonds
from namdrunner.namd.pdb import Pdb, read_pdb
from namdrunner.namd.psf import Psf, read_psf
from namdrunner.namd.references import FileReference, referenced_files, resolve

Report = Callable[[str, str, str, FileReference, int | None], None]

MAX_COORDINATE = 1e5
"""Angstrom; beyond this a coordinate is no coordinate."""


@dataclass(frozen=True, eq=False)
class BinaryValues:
    """A NAMDBIN file as NAMD takes it: (n, 3) values, whether its bytes were swapped, bytes left over."""

    values: NDArray[np.float64]
    swapped: bool
    extra_bytes: int

    @property
    def sensible(self) -> bool:
        """False for NaN, infinities and sizes that no coordinate or velocity has."""
        magnitude = np.abs(self.values)
        if not np.isfinite(magnitude).all():
            return False
        return not ((magnitude > MAX_COORDINATE).any() or ((magnitude > 0) & (magnitude < 1e-200)).any())


class InputFiles:
    """Lazily read files; a file that is missing or refused is None, and was reported once."""

    def __init__(
        self,
        config: NamdConfig,
        on: Callable[[str], bool],
        text: Callable[[str], str | None],
        report: Report,
    ) -> None:
        self.config = config
        self._on = on
        self._text = text
        self._report = report
        self._pdbs: dict[Path, Pdb | None] = {}

    @cached_property
    def references(self) -> tuple[FileReference, ...]:
        return referenced_files(self.config)

    def reference(self, keyword: str) -> FileReference | None:
        """The first existing file that this keyword names."""
        return next((r for r in self.references if r.keyword.lower() == keyword and r.exists), None)

    def _refused(self, error: InputError, reference: FileReference) -> None:
        line = error.context.get("line")
        self._report(error.code, error.message, error.remedy, reference, line if isinstance(line, int) else None)

    @property
    def charmm_like(self) -> bool:
        """Whether the structure comes as PSF (not AMBER or GROMACS files)."""
        return not (self._on("amber") or self._on("gromacs"))

    @cached_property
    def psf(self) -> Psf | None:
        reference = self.reference("structure")
        if reference is None or not self.charmm_like:
            return None
        try:
            return read_psf(reference.path)
        except InputError as error:
            self._refused(error, reference)
            return None

    @property
    def natom(self) -> int | None:
        return self.psf.natom if self.psf else None

    def pdb(self, keyword: str) -> Pdb | None:
        """The PDB file that a keyword names."""
        reference = self.reference(keyword)
        if reference is None:
            return None
        if reference.path not in self._pdbs:
            self._pdbs[reference.path] = None
            try:
                self._pdbs[reference.path] = read_pdb(reference.path)
            except InputError as error:
                self._refused(error, reference)
        return self._pdbs[reference.path]

    def _binary(self, keyword: str) -> BinaryValues | None:
        reference = self.reference(keyword)
        if reference is None or self.natom is None:
            return None
        remedy = "Use the restart file of this very structure; after a full disk the .old files are whole."
        try:
            data = reference.path.read_bytes()
        except OSError as error:
            self._report("file-unreadable", f"{reference.path.name} cannot be read: {error}.", remedy, reference, None)
            return None
        name, natom = reference.path.name, self.natom
        order = next((o for o in "<>" if data[:4] == struct.pack(o + "i", natom)), None)
        if order is None:
            told = struct.unpack("<i", data[:4])[0] if len(data) >= 4 else None
            what = f"{name} is no binary file of {natom} atoms" + (f" (its first number is {told})" if told else "")
            self._report("binary-atom-count", what + ".", remedy, reference, None)
            return None
        needed = 4 + 24 * natom
        if len(data) < needed:
            what = f"{name} is cut short: {len(data)} bytes of {needed}."
            self._report("binary-truncated", what, remedy, reference, None)
            return None
        values = np.frombuffer(data, dtype=order + "f8", count=3 * natom, offset=4).reshape(natom, 3)
        return BinaryValues(values.astype(np.float64), order == ">", len(data) - needed)

    @cached_property
    def binary_coordinates(self) -> BinaryValues | None:
        return self._binary("bincoordinates")

    @cached_property
    def binary_velocities(self) -> BinaryValues | None:
        return self._binary("binvelocities")

    @cached_property
    def positions(self) -> NDArray[np.float64] | None:
        """Where the atoms start (n, 3): binary coordinates replace those of the PDB."""
        if self.natom is None:
            return None
        if self.config.startup("bincoordinates") is not None:
            binary = self.binary_coordinates
            return binary.values if binary is not None and binary.sensible else None
        pdb = self.pdb("coordinates")
        return pdb.coordinates if pdb is not None and pdb.natom == self.natom else None

    @cached_property
    def box(self) -> Box | None:
        """The cell NAMD starts with: of the extended system file, else of the vectors; None when it is unreadable."""
        given = {name: self._vector(name) for name in ("cellbasisvector1", "cellbasisvector2", "cellbasisvector3")}
        origin = self._vector("cellorigin")
        if self.config.startup("extendedsystem") is None:
            a, b, c = given.values()
            return Box((a, b, c), origin)
        reference = self.reference("extendedsystem")
        if reference is None:
            return None
        try:
            return read_box(reference.path)
        except (BoxError, OSError) as error:
            remedy = "Use the .restart.xsc or .old file of the same step, or set cellBasisVector1 to 3 instead."
            what = f"{reference.path.name} {error}."
            self._report("extended-system-invalid", what, remedy, reference, None)
            return None

    def _vector(self, name: str) -> Vector:
        try:
            return read_vector(self.config.startup(name) or "")
        except ValueProblem:
            return ZERO

    @property
    def parameter_style(self) -> ParameterStyle:
        try:
            charmm = read_switch(self._text("paratypecharmm") or "off")
        except ValueProblem:
            charmm = False
        return ParameterStyle.CHARMM if charmm else ParameterStyle.XPLOR

    @cached_property
    def parameters(self) -> Parameters | None:
        """Force-field parameters; None when a file is missing or refused."""
        files = [r for r in self.references if r.keyword == "parameters"]
        if not files or not self.charmm_like or not all(r.exists for r in files):
            return None
        try:
            return read_parameters([r.path for r in files], style=self.parameter_style)
        except InputError as error:
            named = str(error.context.get("file", ""))
            self._refused(error, next((r for r in files if str(r.path) == named), files[0]))
            return None

    @cached_property
    def extra_bonds(self) -> tuple[tuple[FileReference, ExtraBonds], ...]:
        """The extra bonds files that could be read."""
        found = []
        for reference in self.references:
            if reference.keyword != "extraBondsFile" or not reference.exists:
                continue
            try:
                found.append((reference, read_extrabonds(reference.path, natom=self.natom)))
            except InputError as error:
                self._refused(error, reference)
        return tuple(found)

    def output_exists(self, written: str) -> bool:
        return resolve(self.config, written).exists()
