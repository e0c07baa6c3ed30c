"""Hostile files: every reader answers with a value or an InputError, soon and within bounds, whatever it is given."""

from __future__ import annotations

import os
import struct
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from namdrunner.errors import InputError
from namdrunner.namd.charmm_reader import ParameterStyle, read_parameters
from namdrunner.namd.check.box import BoxError, read_box
from namdrunner.namd.check.colvars import words
from namdrunner.namd.check.colvars_text import BraceError, parse
from namdrunner.namd.dcd import DcdReader, DcdWriter
from namdrunner.namd.extrabonds import read_extrabonds
from namdrunner.namd.failures_end import from_result
from namdrunner.namd.failures_files import diagnose
from namdrunner.namd.log import LogReader, read_energies, read_log
from namdrunner.namd.namdbin import read_namdbin
from namdrunner.namd.pdb import read_pdb
from namdrunner.namd.psf import read_psf
from namdrunner.namd.xsc import read_xsc, read_xst

from .log_samples import HEAD, end, run
from .test_charmm import FIELD
from .test_extrabonds import ALL
from .test_pdb import TWO
from .test_psf import WATER
from .test_xsc import CUBE


def trajectory() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.dcd"
        with DcdWriter(path, 3, first_step=0, step_interval=10, timestep_fs=2.0) as writer:
            for k in range(3):
                writer.write([[k, 1, 2], [3, 4, 5], [6, 7, 8]], [[9, 0, 0], [0, 9, 0], [0, 0, 9]])
        return path.read_bytes()


def all_frames(data: bytes) -> int:
    with DcdReader(data) as reader:
        return sum(1 for _ in reader)


def variables(data: bytes) -> object:
    try:
        return parse(data.decode("utf-8", "replace"), words().blocks)
    except BraceError as error:
        return error


def cell(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.xsc"
        path.write_bytes(data)
        try:
            return read_box(path)
        except BoxError as error:
            return error


EXAMPLES = int(os.environ.get("NAMDRUNNER_FUZZ_EXAMPLES", "40"))
"""Hostile files per reader; a thorough search sets thousands."""

READERS: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "psf": (read_psf, WATER.encode()),
    "pdb": (read_pdb, TWO.encode()),
    "namdbin": (read_namdbin, struct.pack("<i6d", 2, *range(6))),
    "xsc": (read_xsc, CUBE.encode()),
    "xst": (read_xst, CUBE.encode()),
    "dcd": (all_frames, trajectory()),
    "charmm": (read_parameters, FIELD.encode()),
    "xplor": (lambda data: read_parameters(data, style=ParameterStyle.XPLOR), b"bond C N 1.0 2.0\nremark\n"),
    "extrabonds": (read_extrabonds, ALL.encode()),
    "log": (read_log, (HEAD + run(0, 500) + end(500)).encode()),
    "energies": (read_energies, (HEAD + run(0, 3000) + end(3000)).encode()),
    "diagnosis": (lambda data: diagnose({"x": data}), (HEAD + run(0, 500) + "FATAL ERROR: x\n").encode()),
    "colvars": (
        variables,
        b"colvar {\n name d\n distance {\n group1 { atomNumbers 1 }\n }\n}\nharmonic { colvars d }\n",
    ),
    "box": (cell, CUBE.encode()),
    "result": (lambda data: from_result(data.decode("latin-1")), b'{"exit_code": 1, "signal": "USR1"}'),
}


def survives(read: Callable[[bytes], Any], data: bytes) -> None:
    begin = time.process_time()
    refusal: InputError | None = None
    try:
        read(data)
    except InputError as error:
        refusal = error
    assert time.process_time() - begin < 2.0
    assert refusal is None or (refusal.code and refusal.remedy)


@st.composite
def damaged(draw: st.DrawFn, seed: bytes) -> bytes:
    """The sound file with some bytes cut, flipped, repeated or replaced by numbers and words of its own kind."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 6))):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1))
        kind = draw(st.integers(0, 5))
        if kind == 0:
            del data[at:]
        elif kind == 1:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == 2:
            del data[at : at + draw(st.integers(1, 200))]
        elif kind == 3:
            data[at:at] = data[max(0, at - draw(st.integers(1, 300))) : at]
        elif kind == 4:
            word = draw(
                st.sampled_from([b"999999999999999999", b"-1", b"nan", b"1e999", b"\x00", b"!", b"\n", b"{", b"0"])
            )
            data[at : at + len(word)] = word
        else:
            data[at : at + 4] = draw(st.binary(min_size=4, max_size=4))
    return bytes(data)


@pytest.mark.parametrize("name", READERS)
def test_damaged_files(name: str) -> None:
    read, seed = READERS[name]
    read(seed)

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(damaged(seed))
    def check(data: bytes) -> None:
        survives(read, data)

    check()


@pytest.mark.parametrize("name", READERS)
def test_arbitrary_bytes(name: str) -> None:
    read, _ = READERS[name]

    @settings(max_examples=EXAMPLES // 2, deadline=None)
    @given(st.binary(max_size=2000))
    @example(b"\xef\xbb\xbf" + b"PSF\n" * 100)
    @example(b"\n" * 5000)
    @example(b"\x00" * 5000)
    @example(b" " * 5000)
    @example("ENERGY: ٣ ".encode() * 50)
    def check(data: bytes) -> None:
        survives(read, data)

    check()


GIGANTIC = [
    ("psf", WATER.replace("3 !NATOM", f"{10**18} !NATOM").encode()),
    ("psf", WATER.replace("2 !NBOND", f"{10**18} !NBOND").encode()),
    ("psf", WATER.replace("2 !NTITLE", f"{10**18} !NTITLE").encode()),
    ("psf", WATER.replace("3 !NATOM", "9" * 5000 + " !NATOM").encode()),
    ("psf", b"PSF\n\n1 !NTITLE\n x\n\n5 !NATOM\n" + b"!A\n" * 50_000),
    ("namdbin", struct.pack("<i", 2**31 - 1) + b"\0" * 100),
    ("dcd", trajectory()[:268] + struct.pack("<i", 2**31 - 1) + trajectory()[272:]),
    ("dcd", trajectory()[:96] + struct.pack("<i", 2**31 - 1) + trajectory()[100:]),
    ("charmm", b"CMAP\nA B C D A B C D 1000\n" + b"1.0\n" * 10),
    ("charmm", b"BONDS\n" + b"A" * 1_000_000 + b" B 1.0 2.0\n"),
    ("xplor", b"dihe X C N X MULTIPLE= 999999999 8.2 2 180.0\n"),
    ("xplor", b"{" * 50_000),
    ("extrabonds", b"bond 0 1 1.0 " + b"9" * 100_000 + b"\n"),
    ("extrabonds", b"bond " * 100_000),
    ("xsc", CUBE.replace("2000", "9" * 5000).encode()),
    ("pdb", b"ATOM  " + b"x" * 1_000_000),
    ("log", b"ETITLE: TS " + b"A " * 200_000 + b"\n" + b"ENERGY: 1 " * 1000),
    ("log", b"TCL: Running for " + b"9" * 5000 + b" steps\nInfo: Running on 1 processors, 1 nodes, 1 physical nodes\n"),
    ("log", b"x" * 3_000_000),
    ("diagnosis", b"FATAL ERROR: " + b"a" * 3_000_000),
    ("diagnosis", b"\n".join(b"FATAL ERROR: word%d" % i for i in range(20_000))),
    ("result", b'{"exit_code": ' + b"9" * 5000 + b"}"),
    ("colvars", b"colvar {\n" * 5000 + b"}" * 5000),
    ("box", b"#$LABELS step" + b" a_x" * 50_000 + b"\n"),
]


@pytest.mark.parametrize(("name", "data"), GIGANTIC, ids=[f"{n}-{i}" for i, (n, _) in enumerate(GIGANTIC)])
def test_gigantic_numbers_and_lines_cost_little(name: str, data: bytes) -> None:
    tracemalloc.start()
    try:
        survives(READERS[name][0], data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 * 2**20 + 20 * len(data)


@settings(max_examples=EXAMPLES, deadline=None)
@given(damaged((HEAD + run(0, 500) + end(500)).encode()), st.integers(1, 400))
def test_a_damaged_log_reads_the_same_in_pieces(data: bytes, size: int) -> None:
    pieces, whole = LogReader(), LogReader()
    for at in range(0, len(data), size):
        pieces.feed(data[at : at + size])
    whole.feed(data)
    assert pieces.summary().document() == whole.summary().document()
    assert pieces.offset == whole.offset


def test_a_file_too_large_to_read_at_once_is_refused_unread(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("needs a file system with sparse files")
    import resource

    path = tmp_path / "huge.psf"
    with path.open("wb") as file:
        file.truncate(50 * 2**30)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for read in (read_psf, read_pdb, read_namdbin, read_parameters, read_extrabonds, read_xst):
        with pytest.raises(InputError) as caught:
            read(path)
        # A reader that knows its format by the first bytes says so; the others look at the size.
        assert caught.value.code in ("file-too-large", "psf-not-a-psf", "pdb-no-atoms")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
