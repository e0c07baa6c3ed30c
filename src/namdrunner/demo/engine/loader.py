"""From settings to a model: read all input files and put the system together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from namdrunner.demo.engine import choices, inputs
from namdrunner.demo.engine.cell import Cell, make_cell
from namdrunner.demo.engine.exclusions import find_exclusions, make_whole, number_molecules
from namdrunner.demo.engine.fatal import FatalError, unsupported
from namdrunner.demo.engine.model import Model, Restraints
from namdrunner.demo.engine.settings import Settings
from namdrunner.demo.engine.terms import assign_terms
from namdrunner.namd.charmm import Parameters
from namdrunner.namd.extrabonds import ExtraBonds
from namdrunner.namd.psf import Psf


@dataclass(frozen=True, eq=False)
class Loaded:
    """The model and what the log tells about its sources; velocities in A/ps, None where drawn at random."""

    model: Model
    psf: Psf
    parameters: Parameters
    velocities: NDArray[np.float64] | None


class Loader:
    """Reads files relative to the working folder, in NAMD's order."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder

    def path(self, given: str) -> Path:
        """Where a file of the config is."""
        return self.folder / given

    def load(self) -> Loaded:
        """Read everything; raises FatalError."""
        settings = self.settings
        choices.check_frequencies(settings)
        policy = choices.exclusion_policy(settings)
        cell = self.cell()
        choices.check_thermodynamics(settings, cell)
        nonbonded = choices.nonbonded(settings, cell)
        rigid = choices.rigid_bonds(settings)
        parameters = self.parameters()
        psf = inputs.structure(self.path(settings.required("structure")), settings.required("structure"))
        terms = assign_terms(psf, parameters)
        self.check_bonds(psf)
        positions = self.positions(psf)
        extra = self.extra_bonds(psf)
        molecule, molecules = number_molecules(psf.bonds, psf.natom)
        if cell is not None:
            positions = make_whole(positions, psf.bonds, cell.vectors)
        model = Model(
            charges=psf.charges,
            masses=psf.masses,
            positions=positions,
            cell=cell,
            terms=terms,
            exclusions=find_exclusions(psf.bonds, psf.natom, policy),
            molecule=molecule,
            molecules=molecules,
            nonbonded=nonbonded,
            rigid_bonds=rigid,
            fixed=self.fixed_atoms(psf.natom),
            restraints=self.restraints(psf.natom),
            extra=extra,
            cosine_extra_angles=settings.switch("extraBondsCosAngles"),
            field_vector=settings.vector("eField") if settings.switch("eFieldOn") else None,
        )
        return Loaded(model, psf, parameters, self.velocities(psf.natom))

    def cell(self) -> Cell | None:
        """Cell vectors from the XSC or the config; None in vacuum."""
        settings = self.settings
        names = [f"cellBasisVector{number}" for number in (1, 2, 3)]
        origin = settings.vector("cellOrigin") or (0.0, 0.0, 0.0)
        if "extendedSystem" in settings:
            given = settings.required("extendedSystem")
            if any(name in settings for name in names):
                raise FatalError("Can't specify both extendedSystem and cellBasisVectors.")
            system = inputs.extended_system(self.path(given))
            vectors, origin = [v or (0.0, 0.0, 0.0) for v in system.vectors], system.origin
        else:
            vectors = [settings.vector(name) or (0.0, 0.0, 0.0) for name in names]
        matrix = np.array(vectors, dtype=float)
        periodic = [bool(row.any()) for row in matrix]
        if not any(periodic):
            return None
        if not all(periodic):
            raise unsupported("A cell that is periodic in one or two directions only")
        if abs(np.linalg.det(matrix)) < 1e-6:
            raise FatalError("The periodic cell has no volume; check cellBasisVector1 to 3.")
        return make_cell(matrix, np.array(origin, dtype=float))

    def parameters(self) -> Parameters:
        """The force field."""
        given = [value.strip() for value in self.settings.all("parameters")]
        charmm = self.settings.switch("paraTypeCharmm")
        return inputs.parameters([self.path(name) for name in given], given, charmm=charmm)

    @staticmethod
    def check_bonds(psf: Psf) -> None:
        """Refuse what NAMD refuses in the list of bonds."""
        ordered = np.sort(psf.bonds, axis=1)
        loops = np.flatnonzero(ordered[:, 0] == ordered[:, 1])
        if loops.size:
            raise FatalError(f"Atom {ordered[loops[0], 0] + 1} is bonded to itself")
        unique, counts = np.unique(ordered, axis=0, return_counts=True)
        if (counts > 1).any():
            first, second = unique[int(np.argmax(counts > 1))]
            raise FatalError(f"Duplicate bond from atom {first + 1} to atom {second + 1}")

    def positions(self, psf: Psf) -> NDArray[np.float64]:
        """Coordinates from the PDB, replaced by bincoordinates where given."""
        settings = self.settings
        given = settings.required("coordinates")
        pdb = inputs.pdb(self.path(given), given)
        if pdb.natom != psf.natom:
            raise FatalError("Number of pdb and psf atoms are not the same!")
        if "bincoordinates" in settings:
            given = settings.required("bincoordinates")
            return inputs.binary(self.path(given), given, psf.natom)
        return pdb.coordinates

    def velocities(self, natom: int) -> NDArray[np.float64] | None:
        """Velocities from a file, A/ps; a PDB of velocities holds NAMD's own output unit, A/ps."""
        settings = self.settings
        if "binvelocities" in settings:
            given = settings.required("binvelocities")
            return inputs.velocities(self.path(given), given, natom)
        if "velocities" in settings:
            given = settings.required("velocities")
            pdb = inputs.pdb(self.path(given), given)
            if pdb.natom != natom:
                raise FatalError("Number of pdb and psf atoms are not the same!")
            return pdb.coordinates
        return None

    def extra_bonds(self, psf: Psf) -> tuple[ExtraBonds, ...]:
        """All extra bonds files; a bond that exists already is fatal, as in NAMD."""
        settings = self.settings
        if not settings.switch("extraBonds"):
            return ()
        names = [value.strip() for value in settings.all("extraBondsFile")]
        if not names:
            raise FatalError("NO EXTRA BONDS FILES SPECIFIED")
        files = tuple(inputs.extra_bonds(self.path(name), name, psf.natom) for name in names)
        seen = {(min(a, b), max(a, b)) for a, b in psf.bonds.tolist()}
        for a, b in (pair for file in files for pair in file.bonds.atoms.tolist()):
            key = (min(a, b), max(a, b))
            if a == b:
                raise FatalError(f"Atom {a + 1} is bonded to itself")
            if key in seen:
                raise FatalError(f"Duplicate bond from atom {key[0] + 1} to atom {key[1] + 1}")
            seen.add(key)
        return files

    def fixed_atoms(self, natom: int) -> NDArray[np.int64]:
        """Atoms whose column in fixedAtomsFile is not zero."""
        settings = self.settings
        if not settings.switch("fixedAtoms"):
            return np.zeros(0, np.int64)
        given = settings.text("fixedAtomsFile") or settings.required("coordinates")
        pdb = inputs.pdb(self.path(given), given)
        if pdb.natom != natom:
            raise FatalError("Number of atoms in fixed atoms PDB doesn't match coordinate PDB")
        values = inputs.column(pdb, settings.text("fixedAtomsCol") or "O")
        fixed = np.flatnonzero(values != 0).astype(np.int64)
        if fixed.size and settings.switch("LangevinPiston"):
            raise unsupported("fixedAtoms together with pressure control")
        return fixed

    def restraints(self, natom: int) -> Restraints | None:
        """Harmonic constraints."""
        settings = self.settings
        if not settings.switch("constraints"):
            return None
        given = settings.required("consref")
        reference = inputs.pdb(self.path(given), given)
        if reference.natom != natom:
            raise FatalError("Number of atoms in constraint reference PDB doesn't match coordinate PDB")
        given = settings.required("conskfile")
        constants = inputs.pdb(self.path(given), given)
        if constants.natom != natom:
            raise FatalError("Number of atoms in constraint constant PDB doesn't match coordinate PDB")
        k = inputs.column(constants, settings.required("conskcol"))
        atoms = np.flatnonzero(k != 0).astype(np.int64)
        axes = (True, True, True)
        if settings.switch("selectConstraints"):
            axes = tuple(settings.switch(f"selectConstr{axis}") for axis in "XYZ")  # type: ignore[assignment]
        return Restraints(
            atoms=atoms,
            k=k[atoms],
            reference=reference.coordinates[atoms],
            exponent=settings.integer("consexp", 2),
            scaling=settings.number("constraintScaling", 1.0),
            axes=axes,
        )
