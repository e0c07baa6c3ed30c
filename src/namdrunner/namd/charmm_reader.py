"""CHARMM and X-PLOR parameter files, line by line as NAMD reads them (Parameters.C of 2.12 to 3.0)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from namdrunner.namd.charmm import (
    MAX_MULTIPLICITY,
    WILDCARD,
    AngleType,
    BondType,
    CmapType,
    Parameters,
    TorsionTerm,
    Types,
    VdwPair,
    VdwType,
    WildcardTable,
    ordered,
    ordered_ends,
    sigma_from_r_min_half,
)
from namdrunner.namd.files import Source, bad_input, read_bytes, source_name

MAX_BYTES = 512 * 2**20
_MAX_CMAP = 1000
_BRACES = re.compile(r"\{[^{}]*\}")
_WHOLE = re.compile(r"[+-]?\d{1,9}")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_CLEAN = "Use a parameter file made for NAMD (for streams: the *_namd.str variant), or remove that line."
_FORMAT = "Correct the line; NAMD refuses the file as it is."


class ParameterStyle(StrEnum):
    """Which of NAMD's two readers applies: paraTypeCharmm on, or the default paraTypeXplor."""

    CHARMM = "charmm"
    XPLOR = "xplor"


class _Section(StrEnum):
    NONE = "none"
    BONDS = "BOND"
    ANGLES = "ANGLE"
    DIHEDRALS = "DIHEDRAL"
    IMPROPERS = "IMPROPER"
    NONBONDED = "vdW"
    NBFIX = "vdW PAIR"
    HBOND = "HBOND"
    CMAP = "CMAP"
    TABLE = "TABLE PAIR"
    THOLE = "NBTHOLE PAIR"
    ATOMS = "ATOMS"


_SECTION_WORDS = (
    ("bond", _Section.BONDS),
    ("angl", _Section.ANGLES),
    ("thet", _Section.ANGLES),
    ("dihe", _Section.DIHEDRALS),
    ("phi", _Section.DIHEDRALS),
    ("impr", _Section.IMPROPERS),
    ("imph", _Section.IMPROPERS),
    ("nbon", _Section.NONBONDED),
    ("nonb", _Section.NONBONDED),
    ("nbfi", _Section.NBFIX),
    ("hbon", _Section.HBOND),
    ("cmap", _Section.CMAP),
    ("nbta", _Section.TABLE),
    ("thol", _Section.THOLE),
    ("atom", _Section.ATOMS),
)
# fmt: off
_NONBONDED_OPTIONS = (
    "nbxm", "grou", "cdie", "shif", "vgro", "vdis", "vswi", "cutn", "ctof", "cton",
    "eps", "e14f", "wmin", "aexp", "rexp", "haex", "aaex", "noac", "hbno", "cuth",
)
# fmt: on
_OPTION_SECTIONS = (_Section.NONBONDED, _Section.NBFIX, _Section.HBOND, _Section.TABLE)
# fmt: off
_XPLOR_IGNORED = (
    "remark", "aexp", "rexp", "haex", "aaex", "nbond", "cutnb",
    "end", "ctonn", "eps", "vswi", "nbxm", "inhi",
)
# fmt: on


def read_parameters(sources: Sequence[Source] | Source, *, style: ParameterStyle = ParameterStyle.CHARMM) -> Parameters:
    """Read parameter files in order, later entries replacing earlier ones as NAMD does.

    Raises InputError with file and line for what NAMD refuses: CHARMM script lines in a stream, a damaged entry,
    a dihedral with too many terms.
    """
    parameters = Parameters()
    for source in [sources] if isinstance(sources, bytes | str | Path) else sources:
        reader = _FileReader(read_bytes(source, limit=MAX_BYTES), source_name(source), parameters)
        parameters.sources.append(reader.name)
        if style is ParameterStyle.CHARMM:
            reader.read_charmm()
        else:
            reader.read_xplor()
    return parameters


@dataclass
class _Line:
    """What is left of a line: words are taken off its front as sscanf would."""

    words: list[str]

    def name(self) -> str:
        if not self.words:
            raise ValueError("a type is missing")
        return self.words.pop(0).upper()

    def number(self) -> float:
        """A number at the front of the next word; what follows it in the word stays."""
        return float(self._take(_NUMBER))

    def whole(self) -> int:
        return int(self._take(_WHOLE))

    def _take(self, pattern: re.Pattern[str]) -> str:
        if not self.words:
            raise ValueError("a number is missing")
        match = pattern.match(self.words[0])
        if match is None:
            raise ValueError(f"{self.words[0][:20]!r} is no number")
        rest = self.words[0][match.end() :]
        if rest:
            self.words[0] = rest
        else:
            self.words.pop(0)
        return match.group()

    def optional_numbers(self) -> list[float]:
        found: list[float] = []
        while self.words and _NUMBER.match(self.words[0]):
            found.append(self.number())
        return found


class _FileReader:
    def __init__(self, data: bytes, name: str, parameters: Parameters) -> None:
        self.lines = data.decode("latin-1").split("\n")
        self.name = name
        self.parameters = parameters
        self.at = 0
        self.add: dict[_Section, Callable[[_Line], None]] = {
            _Section.BONDS: self.add_bond,
            _Section.ANGLES: self.add_angle,
            _Section.DIHEDRALS: self.add_dihedral,
            _Section.IMPROPERS: self.add_improper,
            _Section.NONBONDED: self.add_vdw,
            _Section.NBFIX: self.add_pair,
            _Section.CMAP: self.add_cmap,
            _Section.THOLE: self.add_thole,
        }

    # The two dialects

    def read_charmm(self) -> None:
        section = _Section.NONE
        returned = False
        while self.at < len(self.lines):
            raw = self.lines[self.at]
            self.at += 1
            words = raw.split("!", 1)[0].split()
            if not words or words[0][0] == "*" or words[0][:3].lower() == "end":
                continue
            if returned:
                self.note("the part behind RETURN is not read")
                break
            first = words[0].lower()
            opened = next((kind for word, kind in _SECTION_WORDS if first.startswith(word)), None)
            if opened is not None:
                section = opened
            elif first.startswith("ioformat"):
                continue
            elif first.startswith("read"):
                self.skip_stream_section(words)
            elif first.startswith("return"):
                returned = True
            elif first.startswith(_NONBONDED_OPTIONS):
                if section not in _OPTION_SECTIONS:
                    raise self.error("parameter-misplaced-option", f"has {words[0]} outside NONBONDED", _FORMAT)
            elif section is _Section.NONE or (section is _Section.ATOMS and not first.startswith("mass")):
                what = f"has {words[0][:20]!r} where no section has begun; NAMD does not know CHARMM's script"
                raise self.error("parameter-unknown-line", what, _CLEAN)
            elif section in self.add:
                self.entry(section, words)

    def read_xplor(self) -> None:
        text = _BRACES.sub(lambda match: "\n" * match.group().count("\n"), "\n".join(self.lines))
        self.lines = text.split("\n")
        sections = {"bond": _Section.BONDS, "angl": _Section.ANGLES, "dihe": _Section.DIHEDRALS}
        sections |= {"impr": _Section.IMPROPERS, "nonb": _Section.NONBONDED, "nbfi": _Section.NBFIX}
        while self.at < len(self.lines):
            raw = self.lines[self.at]
            self.at += 1
            if raw.startswith("!"):
                continue
            words = raw.split("!", 1)[0].split()
            first = words[0].lower() if words else ""
            if not first or first == "set" or first.startswith(_XPLOR_IGNORED):
                continue
            section = sections.get(first[:4])
            if section is not None:
                self.entry(section, words[1:], xplor=True)
            elif not first.startswith(("hbon", "nbta")):
                what = f"has {words[0][:20]!r}, which no X-PLOR parameter file has"
                remedy = "If this is a CHARMM file, set paraTypeCharmm on."
                raise self.error("parameter-unknown-line", what, remedy)

    def skip_stream_section(self, words: Sequence[str]) -> None:
        if len(words) < 2:
            raise self.error("parameter-bad-line", "has a READ without what is read", _FORMAT)
        if words[1].lower().startswith("para"):
            return
        self.note(f"the {words[1].upper()} section is passed over")
        while self.at < len(self.lines):
            first = self.lines[self.at].split(maxsplit=1)[:1]
            self.at += 1
            if first and first[0][:3].lower() == "end":
                return

    def entry(self, section: _Section, words: list[str], *, xplor: bool = False) -> None:
        try:
            if xplor:
                self.add_xplor(section, _Line(words))
            else:
                self.add[section](_Line(words))
        except (ValueError, OverflowError) as error:
            raise self.error("parameter-bad-line", f"is no {section} entry: {error}", _FORMAT) from None

    def add_xplor(self, section: _Section, line: _Line) -> None:
        if section in (_Section.DIHEDRALS, _Section.IMPROPERS):
            self.add_xplor_torsion(section, line)
        elif section is _Section.NONBONDED:
            name, values = line.name(), line.optional_numbers()
            epsilon, sigma, epsilon14, sigma14 = _exactly(4, values)
            self.store_vdw(name, VdwType(epsilon, sigma, epsilon14, sigma14))
        elif section is _Section.NBFIX:
            a, b, values = line.name(), line.name(), line.optional_numbers()
            self.store_pair((a, b), VdwPair(*_exactly(4, values)))
        else:
            self.add[section](line)

    # One entry of each kind

    def add_bond(self, line: _Line) -> None:
        key = ordered(line.name(), line.name())
        bond = BondType(k=line.number(), r0=line.number())
        self.overridden("bond", key, self.parameters.bonds.get(key), bond)
        self.parameters.bonds[key] = bond

    def add_angle(self, line: _Line) -> None:
        key = ordered_ends(line.name(), line.name(), line.name())
        k, theta0 = line.number(), line.number()
        if line.words and line.words[0].lower() == "ub":
            line.words.pop(0)
        extra = line.optional_numbers()
        angle = AngleType(k, theta0, *(extra[:2] if len(extra) >= 2 else ()))
        self.overridden("angle", key, self.parameters.angles.get(key), angle)
        self.parameters.angles[key] = angle

    def torsion_key(self, line: _Line) -> Types:
        return (line.name(), line.name(), line.name(), line.name())

    def add_dihedral(self, line: _Line) -> None:
        key = self.torsion_key(line)
        term = TorsionTerm(k=line.number(), n=line.whole(), phase=line.number())
        known = self.parameters.dihedrals.defined(key)
        terms = list(known[1]) if known else []
        if term in terms:
            return
        same = next((i for i, old in enumerate(terms) if old.n == term.n), None)
        if same is not None:
            self.note(f"dihedral {'-'.join(key)}: the term with n = {term.n} is replaced")
            terms[same] = term
        else:
            terms.append(term)
        if len(terms) > MAX_MULTIPLICITY:
            raise ValueError(f"more than {MAX_MULTIPLICITY} terms for {'-'.join(key)}")
        self.parameters.dihedrals.put(key, tuple(terms))

    def add_improper(self, line: _Line) -> None:
        key = self.torsion_key(line)
        term = TorsionTerm(k=line.number(), n=line.whole(), phase=line.number())
        self.store_torsion(self.parameters.impropers, "improper", key, (term,))

    def add_xplor_torsion(self, section: _Section, line: _Line) -> None:
        key = self.torsion_key(line)
        count = 1
        if line.words and line.words[0].lower().startswith("multiple"):
            word = line.words.pop(0)
            if word.endswith("=") and line.words:
                count = line.whole()
            else:
                count = int(word.partition("=")[2] or line.words.pop(0).lstrip("="))
        if not 1 <= count <= MAX_MULTIPLICITY:
            raise ValueError(f"{count} terms, of which there can be 1 to {MAX_MULTIPLICITY}")
        terms = [_xplor_term(line)]
        while len(terms) < count:
            if self.at >= len(self.lines):
                raise ValueError("the file ends inside a multiple term")
            words = self.lines[self.at].split("!", 1)[0].split()
            self.at += 1
            if words:
                terms.append(_xplor_term(_Line(words)))
        is_dihedral = section is _Section.DIHEDRALS
        table = self.parameters.dihedrals if is_dihedral else self.parameters.impropers
        self.store_torsion(table, section.value.lower(), key, tuple(terms))

    def store_torsion(
        self,
        table: WildcardTable[tuple[TorsionTerm, ...]],
        kind: str,
        key: Types,
        terms: tuple[TorsionTerm, ...],
    ) -> None:
        known = table.defined(key)
        self.overridden(kind, key, known[1] if known else None, terms)
        table.put(key, terms)

    def add_vdw(self, line: _Line) -> None:
        name, values = line.name(), line.optional_numbers()
        if len(values) < 3:
            raise ValueError(f"{len(values)} numbers where 3 or 6 are needed")
        if 3 < len(values) < 6:
            raise ValueError(f"{len(values)} numbers where 3 or 6 are needed")
        epsilon, sigma = -values[1], sigma_from_r_min_half(values[2])
        epsilon14, sigma14 = epsilon, sigma
        if len(values) >= 6:
            epsilon14, sigma14 = -values[4], sigma_from_r_min_half(values[5])
        if epsilon < 0 or epsilon14 < 0:
            self.note(f"vdW entry of {name} with a positive well depth is ignored")
            return
        self.store_vdw(name, VdwType(epsilon, sigma, epsilon14, sigma14))

    def store_vdw(self, name: str, vdw: VdwType) -> None:
        self.overridden("vdW", (name,), self.parameters.vdw_types.get(name), vdw)
        self.parameters.vdw_types[name] = vdw

    def add_pair(self, line: _Line) -> None:
        key, values = (line.name(), line.name()), line.optional_numbers()
        if len(values) < 2:
            raise ValueError(f"{len(values)} numbers where 2 or 4 are needed")
        well, r_min = values[0], values[1]
        well14, r_min14 = (values[2], values[3]) if len(values) >= 4 else (well, r_min)
        pair = VdwPair(
            a=-well * r_min**12, b=-2 * well * r_min**6, a14=-well14 * r_min14**12, b14=-2 * well14 * r_min14**6
        )
        self.store_pair(key, pair)

    def store_pair(self, key: Types, pair: VdwPair) -> None:
        if not all(math.isfinite(x) for x in (pair.a, pair.b, pair.a14, pair.b14)):
            raise ValueError("a number out of range")
        self.overridden("NBFIX", key, self.parameters.vdw_pairs.get(key), pair)
        self.parameters.vdw_pairs[key] = pair

    def add_thole(self, line: _Line) -> None:
        self.parameters.thole_pairs[ordered(line.name(), line.name())] = line.number()

    def add_cmap(self, line: _Line) -> None:
        key = tuple(line.name() for _ in range(8))
        dimension = line.whole()
        if not 1 <= dimension <= _MAX_CMAP:
            raise ValueError(f"a map of dimension {dimension}")
        values: list[float] = []
        while len(values) < dimension * dimension:
            if self.at >= len(self.lines):
                raise ValueError("the file ends inside the map")
            words = self.lines[self.at].split("!", 1)[0].split()
            self.at += 1
            if words:
                numbers = _Line(words).optional_numbers()
                if not numbers:
                    raise ValueError(f"{words[0][:20]!r} inside the map")
                values += numbers
        if len(values) > dimension * dimension:
            raise ValueError("too many numbers in the map")
        # The newest map without wildcards is found first, as in NAMD's list.
        cmap = CmapType(np.array(values).reshape(dimension, dimension))
        maps = self.parameters.cmaps
        if key in maps or WILDCARD in key:
            maps[key] = cmap
            return
        older = dict(maps)
        maps.clear()
        maps[key] = cmap
        maps.update(older)

    # Notes and errors

    def overridden(self, kind: str, key: Types, old: object, new: object) -> None:
        if old is not None and old != new:
            self.note(f"{kind} {'-'.join(key)} replaces an earlier entry")

    def note(self, text: str) -> None:
        self.parameters.notes.append(f"{self.name}:{self.at}: {text}")

    def error(self, code: str, what: str, remedy: str) -> Exception:
        return bad_input(code, f"{self.name}: line {self.at} {what}.", remedy, self.name, self.at)


def _xplor_term(line: _Line) -> TorsionTerm:
    k, n, phase = line.number(), line.whole(), line.number()
    return TorsionTerm(k, n, -phase if n else phase)


def _exactly(count: int, values: list[float]) -> list[float]:
    if len(values) < count:
        raise ValueError(f"{len(values)} numbers where {count} are needed")
    return values[:count]
