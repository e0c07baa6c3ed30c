"""Acetyl-(alanine)n-N-methylamide, the textbook model of a protein backbone.

Topology and charges: CHARMM22/36, residue ALA with patches ACE and CT3 (MacKerell et al., J. Phys. Chem. B
102, 3586, 1998). Geometry: the equilibrium values of the force field, polyproline II backbone angles.
"""

from __future__ import annotations

import numpy as np

from namdrunner.demo.sample.forcefield import ForceField
from namdrunner.demo.sample.geometry import Vector, place
from namdrunner.demo.sample.molecule import Atom, Molecule

PHI, PSI = -75.0, 145.0
METHYL_TURNS = (60.0, 180.0, 300.0)
BETA_CARBON_TURN, ALPHA_HYDROGEN_TURN = 123.2, -120.5
"""Turns of CB and HA about C-CA against N, L-alanine (CHARMM internal-coordinate table of ALA)."""

ACETYL = {
    "CAY": ("CT3", -0.27),
    "HY1": ("HA3", 0.09),
    "HY2": ("HA3", 0.09),
    "HY3": ("HA3", 0.09),
    "CY": ("C", 0.51),
    "OY": ("O", -0.51),
}
ALANINE = {
    "N": ("NH1", -0.47),
    "HN": ("H", 0.31),
    "CA": ("CT1", 0.07),
    "HA": ("HB1", 0.09),
    "CB": ("CT3", -0.27),
    "HB1": ("HA3", 0.09),
    "HB2": ("HA3", 0.09),
    "HB3": ("HA3", 0.09),
    "C": ("C", 0.51),
    "O": ("O", -0.51),
}
METHYLAMIDE = {
    "NT": ("NH1", -0.47),
    "HNT": ("H", 0.31),
    "CAT": ("CT3", -0.11),
    "HT1": ("HA3", 0.09),
    "HT2": ("HA3", 0.09),
    "HT3": ("HA3", 0.09),
}


class PeptideBuilder:
    """Grows the chain from the acetyl group, each atom placed by bond, angle and dihedral."""

    def __init__(self, forcefield: ForceField, residues: int) -> None:
        self.forcefield = forcefield
        self.residues = residues
        self.molecule = Molecule()
        self.index: dict[tuple[int, str], int] = {}
        self.points: dict[tuple[int, str], Vector] = {}

    def build(self) -> Molecule:
        """The whole peptide, segment PEP."""
        self._backbone()
        self._oxygens_and_amide_hydrogens()
        self._side_groups()
        self._collect()
        return self.molecule

    def _kind(self, key: tuple[int, str]) -> tuple[str, float]:
        return (ACETYL | ALANINE | METHYLAMIDE)[key[1]]

    def _put(
        self,
        key: tuple[int, str],
        bonded: tuple[int, str],
        angled: tuple[int, str],
        turned: tuple[int, str],
        turn: float,
    ) -> None:
        types = [self._kind(k)[0] for k in (key, bonded, angled)]
        length = self.forcefield.bond_length(types[0], types[1])
        angle = self.forcefield.angle(types[0], types[1], types[2])
        points = self.points
        points[key] = place(points[bonded], points[angled], points[turned], length, angle, turn)

    def _nitrogen(self, residue: int) -> tuple[int, str]:
        return (residue, "NT" if residue > self.residues else "N")

    def _alpha(self, residue: int) -> tuple[int, str]:
        if residue == 0:
            return (0, "CAY")
        return (residue, "CAT" if residue > self.residues else "CA")

    def _carbonyl(self, residue: int) -> tuple[int, str]:
        return (residue, "C" if residue else "CY")

    def _backbone(self) -> None:
        """CAY, CY, then N, CA, C of each residue, then NT and CAT."""
        self.points[(0, "CAY")] = np.zeros(3)
        length = self.forcefield.bond_length("CT3", "C")
        self.points[(0, "CY")] = np.array([length, 0.0, 0.0])
        # The first nitrogen has no dihedral to obey: any point off the axis fixes the plane.
        self.points[(-1, "CAY")] = np.array([0.0, 1.0, 0.0])
        self._put((1, "N"), (0, "CY"), (0, "CAY"), (-1, "CAY"), 180.0)
        del self.points[(-1, "CAY")]
        for residue in range(1, self.residues + 2):
            nitrogen, carbonyl = self._nitrogen(residue), self._carbonyl(residue - 1)
            if residue > 1:
                before = residue - 1
                self._put(nitrogen, carbonyl, self._alpha(before), self._nitrogen(before), PSI)
            self._put(self._alpha(residue), nitrogen, carbonyl, self._alpha(residue - 1), 180.0)
            if residue <= self.residues:
                self._put(self._carbonyl(residue), self._alpha(residue), nitrogen, carbonyl, PHI)

    def _oxygens_and_amide_hydrogens(self) -> None:
        for residue in range(1, self.residues + 2):
            nitrogen, carbonyl, alpha = self._nitrogen(residue), self._carbonyl(residue - 1), self._alpha(residue)
            oxygen = (residue - 1, "O" if residue > 1 else "OY")
            hydrogen = (residue, "HNT" if residue > self.residues else "HN")
            self._put(oxygen, carbonyl, nitrogen, alpha, 0.0)
            self._put(hydrogen, nitrogen, carbonyl, self._alpha(residue - 1), 0.0)

    def _side_groups(self) -> None:
        for number, turn in enumerate(METHYL_TURNS, 1):
            self._put((0, f"HY{number}"), (0, "CAY"), (0, "CY"), (1, "N"), turn)
        for residue in range(1, self.residues + 1):
            alpha, carbonyl, nitrogen = (residue, "CA"), (residue, "C"), (residue, "N")
            self._put((residue, "CB"), alpha, carbonyl, nitrogen, BETA_CARBON_TURN)
            self._put((residue, "HA"), alpha, carbonyl, nitrogen, ALPHA_HYDROGEN_TURN)
            for number, turn in enumerate(METHYL_TURNS, 1):
                self._put((residue, f"HB{number}"), (residue, "CB"), alpha, nitrogen, turn)
        last = self.residues + 1
        for number, turn in enumerate(METHYL_TURNS, 1):
            self._put((last, f"HT{number}"), (last, "CAT"), (last, "NT"), (self.residues, "C"), turn)

    def _collect(self) -> None:
        """Number the atoms in file order (patches belong to the first and last residue) and join them."""
        for residue in range(1, self.residues + 1):
            if residue == 1:
                self._number(0, ACETYL, residue)
            self._number(residue, ALANINE, residue)
            if residue == self.residues:
                self._number(residue + 1, METHYLAMIDE, residue)
        self._join_acetyl()
        for residue in range(1, self.residues + 1):
            self._join_alanine(residue)
        self._join_methylamide()

    def _number(self, block: int, names: dict[str, tuple[str, float]], residue: int) -> None:
        for name, (atom_type, charge) in names.items():
            mass = self.forcefield.mass(atom_type)
            atom = Atom(name, atom_type, charge, mass, "ALA", residue, "PEP")
            self.index[(block, name)] = self.molecule.add(atom, self.points[(block, name)])

    def _bond(self, first: tuple[int, str], *others: tuple[int, str]) -> None:
        self.molecule.bonds.extend((self.index[first], self.index[other]) for other in others)

    def _improper(self, *keys: tuple[int, str]) -> None:
        self.molecule.impropers.append(tuple(self.index[key] for key in keys))

    def _join_acetyl(self) -> None:
        self._bond((0, "CAY"), (0, "HY1"), (0, "HY2"), (0, "HY3"), (0, "CY"))
        self._bond((0, "CY"), (0, "OY"), (1, "N"))
        self._improper((0, "CY"), (0, "CAY"), (1, "N"), (0, "OY"))

    def _join_alanine(self, residue: int) -> None:
        at = residue
        before, after = self._carbonyl(at - 1), self._nitrogen(at + 1)
        self._bond((at, "N"), (at, "HN"), (at, "CA"))
        self._bond((at, "CA"), (at, "HA"), (at, "CB"), (at, "C"))
        self._bond((at, "CB"), (at, "HB1"), (at, "HB2"), (at, "HB3"))
        self._bond((at, "C"), (at, "O"), after)
        self._improper((at, "N"), before, (at, "CA"), (at, "HN"))
        self._improper((at, "C"), (at, "CA"), after, (at, "O"))
        torsions = (before, (at, "N"), (at, "CA"), (at, "C"), (at, "N"), (at, "CA"), (at, "C"), after)
        self.molecule.crossterms.append(tuple(self.index[key] for key in torsions))

    def _join_methylamide(self) -> None:
        end = self.residues + 1
        self._bond((end, "NT"), (end, "HNT"), (end, "CAT"))
        self._bond((end, "CAT"), (end, "HT1"), (end, "HT2"), (end, "HT3"))
        self._improper((end, "NT"), (self.residues, "C"), (end, "CAT"), (end, "HNT"))


def build_peptide(forcefield: ForceField, residues: int = 3) -> Molecule:
    """The capped alanine peptide, centred at the origin."""
    molecule = PeptideBuilder(forcefield, residues).build()
    centre = molecule.coordinates().mean(axis=0)
    molecule.positions = [position - centre for position in molecule.positions]
    return molecule
