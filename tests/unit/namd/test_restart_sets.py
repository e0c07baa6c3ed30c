"""Restart sets by real NAMD, whole and damaged: each is refused for the right reason and the right older one chosen."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from namdrunner.namd.namdbin import read_namdbin, write_namdbin
from namdrunner.namd.restart_log import read_write_lines
from namdrunner.namd.restart_sets import RestartSet, SeenFile, SetKind, choose_set, find_sets, read_seen

ATOMS = 12
XSC = (
    "# NAMD extended system configuration restart file\n#$LABELS step a_x a_y a_z b_x b_y b_z c_x c_y c_z o_x o_y o_z\n"
)


def xsc(name: str, step: int, at: float = 0.0) -> SeenFile:
    text = f"{XSC}{step} 27.5 0 0 0 27.5 0 0 0 27.5 0 0 0\n"
    return SeenFile(name, len(text), at, text=text)


def binary(name: str, at: float = 0.0, atoms: int = ATOMS) -> SeenFile:
    return SeenFile(name, 4 + 24 * atoms, at, struct.pack("<i", atoms), finite=True)


def trio(stem: str, step: int, at: float = 0.0, end: str = "") -> list[SeenFile]:
    return [
        xsc(f"{stem}.xsc{end}", step, at),
        binary(f"{stem}.coor{end}", at + 0.1 if at else 0),
        binary(f"{stem}.vel{end}", at + 0.2 if at else 0),
    ]


def lines(*steps: int, parts: str = "xcv", kind: str = "RESTART") -> list[str]:
    """A log of whole sets, the last with some of its parts."""
    words = {"x": "EXTENDED SYSTEM", "c": "COORDINATES", "v": "VELOCITIES"}
    return [
        f"WRITING {words[part]} TO {kind} FILE AT STEP {step}"
        for step in steps
        for part in (parts if step == steps[-1] else "xcv")
    ]


@pytest.fixture
def real(shared_data: Path, tmp_path: Path) -> Path:
    """A folder with a real set of step 2000 and, as the older one, the same set with the step 1000."""
    source = shared_data / "restart_sets"
    for part in ("coor", "vel", "xsc"):
        new, old = tmp_path / f"eq.restart.{part}", tmp_path / f"eq.restart.{part}.old"
        shutil.copyfile(source / f"alad_npt_3.0.restart.{part}", new)
        shutil.copyfile(source / f"alad_npt_3.0.restart.{part}", old)
        os.utime(new, (2000, 2000))
        os.utime(old, (1000, 1000))
    text = (tmp_path / "eq.restart.xsc.old").read_text()
    (tmp_path / "eq.restart.xsc.old").write_text(text.replace("\n2000 ", "\n1000 "))
    os.utime(tmp_path / "eq.restart.xsc.old", (1000, 1000))
    return tmp_path


def sets_in(folder: Path) -> tuple[RestartSet, ...]:
    return find_sets([read_seen(p) for p in sorted(folder.iterdir())], atoms=2176, periodic=True)


@pytest.mark.shared_data
def test_real_sets_are_whole_and_agree_with_their_log(shared_data: Path) -> None:
    folder = shared_data / "restart_sets"
    for stem in ("alad_npt_3.0", "alad_nvt_3.0"):
        files = [read_seen(p) for p in folder.glob(f"{stem}.*") if p.suffix in (".coor", ".vel", ".xsc")]
        log = read_write_lines((folder / f"{stem}.log").read_text().splitlines(), whole=True)
        found = find_sets(files, atoms=2176, log=log, periodic=True)
        assert [(s.kind, s.step, s.valid) for s in found] == [
            (SetKind.FINAL, 2000, True),
            (SetKind.RESTART, 2000, True),
        ]
        assert choose_set(found).chosen is found[0]


def cut(name: str, size: int) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / name, size)


def not_a_number(folder: Path) -> None:
    values = read_namdbin(folder / "eq.restart.vel").values.copy()
    values[700, 1] = np.nan
    write_namdbin(folder / "eq.restart.vel", values)


def one_atom_less(folder: Path) -> None:
    write_namdbin(folder / "eq.restart.coor", read_namdbin(folder / "eq.restart.coor").values[:-1])


def flat_cell(folder: Path) -> None:
    path = folder / "eq.restart.xsc"
    head, labels, line = path.read_text().splitlines()
    words = line.split()
    words[7:10] = words[4:7]
    path.write_text("\n".join([head, labels, " ".join(words)]) + "\n")


def header_only(folder: Path) -> None:
    path = folder / "eq.restart.xsc"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))


def older_velocities(folder: Path) -> None:
    os.utime(folder / "eq.restart.vel", (1000.5, 1000.5))


DAMAGE: list[tuple[str, Callable[[Path], None], str]] = [
    ("coordinates cut short", cut("eq.restart.coor", 40_000), "binary-size"),
    ("velocities cut short", cut("eq.restart.vel", 52_227), "binary-size"),
    ("velocities empty", cut("eq.restart.vel", 0), "binary-empty"),
    ("cell cut in its last line", cut("eq.restart.xsc", 200), "xsc-bad-line"),
    ("cell without the end of its line", cut("eq.restart.xsc", 260), "xsc-cut"),
    ("cell with its head only", header_only, "xsc-empty"),
    ("no velocities", lambda f: (f / "eq.restart.vel").unlink(), "part-missing"),
    ("a value that is no number", not_a_number, "not-finite"),
    ("an atom less than the structure", one_atom_less, "atoms-differ"),
    ("a cell without volume", flat_cell, "cell-volume"),
    ("velocities of the step before", older_velocities, "step-differs"),
]


@pytest.mark.shared_data
@pytest.mark.parametrize(("what", "damage", "code"), DAMAGE, ids=[d[0].replace(" ", "-") for d in DAMAGE])
def test_a_damaged_real_set_is_refused_and_the_older_one_chosen(
    real: Path, what: str, damage: Callable[[Path], None], code: str
) -> None:
    damage(real)
    for path in real.iterdir():
        if path.stat().st_mtime > 5000:
            os.utime(path, (2000.1, 2000.1))
    found = sets_in(real)
    choice = choose_set(found)
    newest = next(s for s in found if s.kind is SetKind.RESTART)
    assert code in [flaw.code for flaw in newest.flaws], what
    assert choice.chosen is not None
    assert (choice.chosen.step, choice.chosen.kind) == (1000, SetKind.PREVIOUS)
    assert newest.flaws[0].message in choice.reason


def test_a_run_killed_between_two_parts_leaves_a_set_across_old_and_new_files() -> None:
    old, new = trio("a.restart", 2000, 200.0, ".old"), trio("a.restart", 3000, 300.0)
    new[2] = replace(new[2], modified_at=200.2)
    old[2] = replace(old[2], modified_at=100.2)
    choice = choose_set(find_sets([*new, *old], atoms=ATOMS))
    assert choice.chosen is not None
    assert choice.chosen.step == 2000
    assert [f.path for f in choice.chosen.files if f] == ["a.restart.xsc.old", "a.restart.coor.old", "a.restart.vel"]


def test_without_times_the_log_tells_which_parts_belong_together() -> None:
    files = [*trio("a.restart", 3000), *trio("a.restart", 2000, end=".old")]
    whole = find_sets(files, log=read_write_lines(lines(1000, 2000, 3000)))
    assert [(s.step, s.valid) for s in whole] == [(3000, True), (2000, True)]
    halves = find_sets(files, log=read_write_lines(lines(1000, 2000, 3000, parts="xc")))
    assert [(s.step, s.valid) for s in halves] == [(3000, False), (2000, True)]
    assert [f.path for f in halves[1].files if f][2] == "a.restart.vel"


def test_a_log_that_lags_behind_the_files_refuses_nothing() -> None:
    files = [*trio("a.restart", 3000, 300.0), *trio("a.restart", 2000, 200.0, ".old")]
    found = find_sets(files, log=read_write_lines(lines(1000, 2000, parts="x")))
    assert [(s.step, s.valid) for s in found] == [(3000, True), (2000, True)]


def test_a_cell_of_another_run_is_refused_by_the_log() -> None:
    files = trio("a.restart", 1500)
    (found,) = find_sets(files, log=read_write_lines(lines(1000, 2000), whole=True))
    assert [f.code for f in found.flaws] == ["step-not-in-log"]


def test_numbered_sets_and_backups_are_told_apart_and_any_step_can_be_asked_for() -> None:
    files = [*trio("a.restart.500", 500), *trio("a.restart.1000", 1000), *trio("a", 1500), *trio("a", 100, end=".BAK")]
    found = find_sets(files)
    assert [(s.kind, s.step) for s in found] == [
        (SetKind.FINAL, 1500),
        (SetKind.SAVED, 1000),
        (SetKind.SAVED, 500),
        (SetKind.BACKUP, 100),
    ]
    asked = choose_set(found, step=500)
    assert asked.chosen is found[2]
    assert choose_set(found, step=700).chosen is None
    (renamed,) = find_sets([replace(f, path=f.path.replace("500", "600")) for f in trio("a.restart.500", 500)])
    assert [f.code for f in renamed.flaws] == ["step-differs"]


def test_files_in_text_form_and_other_byte_order() -> None:
    files = trio("a", 10)
    text = replace(files[1], head=b"CRYS")
    assert [f.code for f in find_sets([files[0], text, files[2]])[0].flaws] == ["binary-text"]
    swapped = [replace(f, head=struct.pack(">i", ATOMS)) if f.head else f for f in files]
    assert find_sets(swapped)[0].atoms == ATOMS


def test_a_set_without_a_cell_counts_where_nothing_is_periodic() -> None:
    text = "# NAMD extended system configuration output file\n#$LABELS step o_x o_y o_z\n40 0 0 0\n"
    files = [SeenFile("a.xsc", len(text), text=text), *trio("a", 40)[1:]]
    assert find_sets(files, periodic=False)[0].valid
    assert [f.code for f in find_sets(files, periodic=True)[0].flaws] == ["cell-missing"]


def test_nothing_there_is_said_in_words() -> None:
    choice = choose_set(find_sets([]))
    assert choice.chosen is None
    assert choice.reason == "There are no restart files."
