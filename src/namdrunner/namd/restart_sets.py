"""Restart sets: which coordinates, velocities and cell of a listing belong together and can be continued from.

NAMD writes the parts of a set one after the other (cell, coordinates, velocities) and none of them atomically, so a
run that dies may leave parts of different steps under one name. Only the cell's file says its step; to which step
the other two belong follows from when they were written, and from what the log says was written.
"""

from __future__ import annotations

import enum
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from namdrunner.errors import InputError
from namdrunner.namd.namdbin import expected_size
from namdrunner.namd.restart_log import Series, WriteLog
from namdrunner.namd.xsc import ExtendedSystem, read_xsc

PARTS = ("xsc", "coor", "vel")
"""In the order in which NAMD writes them."""
SLACK_S = 60.0
"""A part this much older than the cell of its set was not written with it, where nothing closer can be said."""
SMALLEST_VOLUME_A3 = 1.0
_NAME = re.compile(r"(?P<stem>.+)\.(?P<part>coor|vel|xsc)(?P<age>\.old|\.BAK)?")
_SAVED = re.compile(r"(?P<base>.+)\.(?P<step>\d+)")
_WORDS = {"xsc": "cell (XSC)", "coor": "coordinates", "vel": "velocities"}


class SetKind(enum.Enum):
    """Which of NAMD's files a set is made of."""

    FINAL = "final"
    RESTART = "restart"
    PREVIOUS = "previous"
    """The restart files before the newest, ``.old``, alone or with parts of the newest that belong to them."""
    SAVED = "saved"
    """Numbered by step, as ``restartsave`` keeps them."""
    BACKUP = "backup"
    """``.BAK``: final files of an earlier run of the same output name."""


@dataclass(frozen=True)
class SeenFile:
    """A file of a listing. ``head``: its first four bytes; ``text``: of an XSC; ``modified_at``: seconds, 0 unknown.

    ``finite`` is None where the values were not looked at.
    """

    path: str
    size: int
    modified_at: float = 0.0
    head: bytes = b""
    text: str = ""
    finite: bool | None = None
    sha256: str = ""


@dataclass(frozen=True)
class Flaw:
    """Why a set cannot be used: ``code`` is stable, ``message`` a sentence."""

    code: str
    message: str


@dataclass(frozen=True)
class RestartSet:
    """Files of one step, or what should have been that. ``step`` is None where no cell could be read."""

    stem: str
    kind: SetKind
    files: tuple[SeenFile | None, SeenFile | None, SeenFile | None]
    """Cell, coordinates, velocities."""
    step: int | None = None
    cell: ExtendedSystem | None = None
    atoms: int | None = None
    flaws: tuple[Flaw, ...] = ()

    @property
    def valid(self) -> bool:
        return not self.flaws

    @property
    def modified_at(self) -> float:
        return max((f.modified_at for f in self.files if f is not None), default=0.0)

    @property
    def size(self) -> int:
        return sum(f.size for f in self.files if f is not None)

    @property
    def finite(self) -> bool | None:
        """True when all values were looked at and are numbers, None when they were not."""
        seen = [f.finite for f in self.files[1:] if f is not None]
        return None if None in seen or not seen else all(seen)


@dataclass(frozen=True)
class Choice:
    """The set to continue from, or None, and why it is this one."""

    chosen: RestartSet | None
    reason: str


def find_sets(
    files: Iterable[SeenFile],
    *,
    atoms: int | None = None,
    log: WriteLog | None = None,
    periodic: bool | None = None,
) -> tuple[RestartSet, ...]:
    """All sets of a listing, newest step first, each judged; ``atoms`` and ``periodic`` as structure and config say."""
    stems: dict[str, dict[tuple[str, str], SeenFile]] = {}
    for file in files:
        match = _NAME.fullmatch(file.path)
        if match:
            stems.setdefault(match["stem"], {})[match["part"], match["age"] or ""] = file
    judge = _Judge(atoms, log or WriteLog(), periodic)
    found = [restart for stem, parts in stems.items() for restart in judge.stem(stem, parts)]
    order = list(SetKind)
    found.sort(key=lambda s: (-(s.step if s.step is not None else -1), not s.valid, order.index(s.kind), s.stem))
    return tuple(found)


def choose_set(sets: Sequence[RestartSet], *, step: int | None = None) -> Choice:
    """The newest valid set, or the one of ``step``; the reason names what was newer and why it was passed over."""
    wanted = [s for s in sets if step is None or s.step == step]
    chosen = next((s for s in wanted if s.valid), None)
    if chosen is None:
        what = "There are no restart files" if not sets else "None of the restart files can be used"
        if step is not None:
            what = f"There are no usable restart files of step {step}"
        first = next((s for s in wanted if s.flaws), None)
        return Choice(None, f"{what}. {first.flaws[0].message}" if first else f"{what}.")
    if step is not None:
        return Choice(chosen, f"Step {step} was asked for.")
    newer = [s for s in sets if s.flaws and (s.step is None or chosen.step is None or s.step >= chosen.step)]
    newer = [s for s in newer if s.step != chosen.step or s.stem == chosen.stem]
    if not newer:
        return Choice(chosen, "The newest, and whole.")
    return Choice(chosen, f"The newest that is whole. {newer[0].flaws[0].message}")


def read_seen(path: Path, name: str | None = None) -> SeenFile:
    """A file on this machine as a listing would show it, its values looked at."""
    from namdrunner.namd.namdbin import read_namdbin

    status = path.stat()
    shown = name or path.name
    match = _NAME.fullmatch(path.name)
    if match and match["part"] == "xsc":
        text = path.read_bytes()[:65536].decode("latin-1")
        return SeenFile(shown, status.st_size, status.st_mtime, text=text)
    with path.open("rb") as stream:
        head = stream.read(4)
    try:
        finite: bool | None = read_namdbin(path).finite
    except InputError:
        finite = None
    return SeenFile(shown, status.st_size, status.st_mtime, head, finite=finite)


class _Judge:
    def __init__(self, atoms: int | None, log: WriteLog, periodic: bool | None) -> None:
        self.atoms, self.log, self.periodic = atoms, log, periodic

    def stem(self, stem: str, parts: dict[tuple[str, str], SeenFile]) -> list[RestartSet]:
        """The sets of one name: the present files, the older ones, and older ones completed from the present."""
        found = []
        for age in ("", ".old", ".BAK"):
            trio = tuple(parts.get((part, age)) for part in PARTS)
            if any(trio):
                found.append(self._set(stem, age, (trio[0], trio[1], trio[2]), parts))
        mixed = self._completed(stem, parts)
        if mixed is not None:
            found = [s for s in found if s.kind is not SetKind.PREVIOUS] + [mixed]
        return found

    def _completed(self, stem: str, parts: dict[tuple[str, str], SeenFile]) -> RestartSet | None:
        """The older set where NAMD died between two parts: what it had not yet replaced still belongs to it."""
        old, new = parts.get(("xsc", ".old")), parts.get(("xsc", ""))
        if old is None or new is None:
            return None
        trio: list[SeenFile | None] = [old]
        replaced = False
        for part in PARTS[1:]:
            present, former = parts.get((part, "")), parts.get((part, ".old"))
            stays = present is not None and self._stays(part, present, new, old)
            trio.append(present if stays else former)
            replaced = replaced or stays
        if not replaced:
            return None
        return self._set(stem, ".old", (trio[0], trio[1], trio[2]), parts)

    def _stays(self, part: str, present: SeenFile, new: SeenFile, old: SeenFile) -> bool:
        """Whether the present file of a part is still of the older cell."""
        by_time = self._time_says(present, new, old)
        series = self.log.restart
        if by_time is not None or series is None or not series.steps(part):
            return by_time is False
        last = series.steps(part)[-1]
        return last == _step_of(old) and bool(series.xsc) and series.xsc[-1] == _step_of(new) != last

    def _set(
        self,
        stem: str,
        age: str,
        files: tuple[SeenFile | None, SeenFile | None, SeenFile | None],
        parts: dict[tuple[str, str], SeenFile],
    ) -> RestartSet:
        flaws: list[Flaw] = []
        for part, file in zip(PARTS, files, strict=True):
            if file is None:
                name = f"{stem}.{part}{age}"
                flaws.append(Flaw("part-missing", f"The {_WORDS[part]} are missing: there is no {name}."))
        cell = self._cell(files[0], flaws) if files[0] is not None else None
        counts = [self._count(part, f, flaws) for part, f in zip(PARTS[1:], files[1:], strict=True) if f is not None]
        if len(counts) == 2 and None not in counts and counts[0] != counts[1] and self.atoms is None:
            flaws.append(
                Flaw("atoms-differ", f"Coordinates are of {counts[0]} atoms, velocities of {counts[1]} ({stem}).")
            )
        kind = self._kind(stem, age, cell)
        if cell is not None:
            self._steps(stem, kind, cell.step, files, parts, flaws)
        atoms = next((count for count in counts if count is not None), None)
        return RestartSet(stem, kind, files, cell.step if cell else None, cell, atoms, tuple(flaws))

    def _kind(self, stem: str, age: str, cell: ExtendedSystem | None) -> SetKind:
        if age == ".BAK":
            return SetKind.BACKUP
        if age:
            return SetKind.PREVIOUS
        saved = _SAVED.fullmatch(stem)
        if saved and (saved["base"].endswith(".restart") or (cell is not None and cell.step == int(saved["step"]))):
            return SetKind.SAVED
        return SetKind.RESTART if stem.endswith(".restart") or stem in self.log.restart_stems else SetKind.FINAL

    # -- each part by itself -------------------------------------------------------------------------------------

    def _cell(self, file: SeenFile, flaws: list[Flaw]) -> ExtendedSystem | None:
        if not file.size:
            flaws.append(Flaw("xsc-empty", f"{file.path} is empty."))
            return None
        try:
            cell = read_xsc(file.text.encode("latin-1", "replace"), name=file.path)
        except InputError as error:
            flaws.append(Flaw(error.code, error.message))
            return None
        if not file.text.endswith("\n"):
            flaws.append(Flaw("xsc-cut", f"{file.path} is cut short: its last line has no end."))
        if cell.step < 0:
            flaws.append(Flaw("step-invalid", f"{file.path} says step {cell.step}."))
        if cell.periodic and cell.volume < SMALLEST_VOLUME_A3:
            flaws.append(Flaw("cell-volume", f"The cell in {file.path} has a volume of {cell.volume:.3g} A^3."))
        elif not cell.periodic and self.periodic:
            flaws.append(Flaw("cell-missing", f"{file.path} has no periodic cell, and the simulation needs one."))
        return cell

    def _count(self, part: str, file: SeenFile, flaws: list[Flaw]) -> int | None:
        if file.size < 4 or len(file.head) < 4:
            flaws.append(Flaw("binary-empty", f"{file.path} is {'empty' if not file.size else 'cut short'}."))
            return None
        if file.head in (b"REMA", b"CRYS", b"ATOM", b"HEAD"):
            flaws.append(Flaw("binary-text", f"{file.path} is text (PDB); NAMD continues from binary files."))
            return None
        counts = [int(struct.unpack(order + "i", file.head)[0]) for order in "<>"]
        count = next((c for c in counts if c > 0 and expected_size(c) == file.size), None)
        if count is None:
            told = self.atoms or next((c for c in counts if 0 < c < 10**9), 0)
            short = "cut short" if file.size < expected_size(told) else "not as long as it should be"
            needs = f"{told} atoms need {expected_size(told)}" if told else "no number of atoms fits that"
            flaws.append(Flaw("binary-size", f"{file.path} is {short}: it has {file.size} bytes, {needs}."))
            return None
        if self.atoms is not None and count != self.atoms:
            what = f"{file.path} holds {count} atoms; the structure has {self.atoms}."
            flaws.append(Flaw("atoms-differ", what))
        if file.finite is False:
            flaws.append(Flaw("not-finite", f"The {_WORDS[part]} in {file.path} hold values that are no numbers."))
        return count

    # -- whether they are of one step ----------------------------------------------------------------------------

    def _steps(
        self,
        stem: str,
        kind: SetKind,
        step: int,
        files: tuple[SeenFile | None, SeenFile | None, SeenFile | None],
        parts: dict[tuple[str, str], SeenFile],
        flaws: list[Flaw],
    ) -> None:
        saved = _SAVED.fullmatch(stem) if kind is SetKind.SAVED else None
        if saved and int(saved["step"]) != step:
            what = f"{stem}.xsc says step {step}; its name says step {saved['step']}."
            flaws.append(Flaw("step-differs", what))
            return
        xsc, former = files[0], parts.get(("xsc", ".old"))
        if xsc is None:
            return
        series = self.log.series(kind is not SetKind.FINAL) if kind is not SetKind.BACKUP else None
        if series is not None and series.contradicts(step):
            what = f"{xsc.path} says step {step}, at which the log shows no such files being written."
            flaws.append(Flaw("step-not-in-log", what))
            return
        present = parts.get(("xsc", ""))
        now = _step_of(present) if present is not None else None
        for part, file in zip(PARTS[1:], files[1:], strict=True):
            if file is None:
                continue
            belongs = self._time_says(file, xsc, former if kind is SetKind.RESTART else None)
            if belongs is None and series is not None and kind is not SetKind.SAVED:
                belongs = _log_says(series, part, step, now=now, older=file.path.endswith(".old"))
            if belongs is False:
                what = f"The {_WORDS[part]} in {file.path} are not of step {step}, of which {xsc.path} is."
                flaws.append(Flaw("step-differs", what))

    def _time_says(self, file: SeenFile, xsc: SeenFile, former: SeenFile | None) -> bool | None:
        """Whether a part was written with this cell; None where the times of the files do not tell."""
        if not (file.modified_at and xsc.modified_at):
            return None
        between = xsc.modified_at - former.modified_at if former is not None and former.modified_at else 0.0
        slack = min(2.0, between / 2) if between > 0 else SLACK_S
        if file.modified_at < xsc.modified_at - slack:
            return False
        return True if between > 0 or file.modified_at > xsc.modified_at else None


def _log_says(series: Series, part: str, step: int, *, now: int | None, older: bool) -> bool | None:
    """By the log; None where it lags behind the files. ``now``: the step of the present cell."""
    steps = series.steps(part)
    if now is not None and (not series.xsc or series.xsc[-1] != now):
        return None
    index = 2 if older else 1
    if len(steps) < index:
        return None if older else False
    return steps[-index] == step


def _step_of(xsc: SeenFile) -> int | None:
    try:
        return read_xsc(xsc.text.encode("latin-1", "replace"), name=xsc.path).step
    except InputError:
        return None
