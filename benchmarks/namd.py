"""Reading what NAMD reads and writes: logs of 500 MB, structures of a million atoms, beside other readers.

Each reader runs in a process of its own; speed and peak memory are measured there. Other packages are measured when
NAMDRUNNER_BENCH_RIVALS names a Python that has them (python -m venv X; X/bin/pip install pestifer namdtools
MDAnalysis ParmEd; NAMDRUNNER_BENCH_RIVALS=X/bin/python).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path

from _report import Report

RIVALS = os.environ.get("NAMDRUNNER_BENCH_RIVALS", "")
LOG_BYTES = 500_000_000
RIVAL_LOG_BYTES = 50_000_000
ATOMS = 1_070_000

COLUMNS = (
    "TS BOND ANGLE DIHED IMPRP ELECT VDW BOUNDARY MISC KINETIC TOTAL TEMP POTENTIAL TOTAL3 TEMPAVG "
    "PRESSURE GPRESSURE VOLUME PRESSAVG GPRESSAVG"
)
WIDE = {"ELECT", "TOTAL", "PRESSURE"}


def write_log(path: Path, size: int) -> None:
    """A log in NAMD's layout: a title every tenth row, timing every fifth, restart files every hundredth."""
    names = COLUMNS.split()
    title = "ETITLE:" + "".join(n.rjust(8 if i == 0 else 20 if n in WIDE else 15) for i, n in enumerate(names))
    head = """\
        Info: NAMD 3.0 for Linux-x86_64-multicore
        Info: Running on 4 processors, 1 nodes, 1 physical nodes.
        Info: TIMESTEP               2
        Info: STRUCTURE SUMMARY:
        Info: 2176 ATOMS
        TCL: Running for 2000000000 steps
        """
    lines: list[str] = []
    for row in range(1000):
        if row % 10 == 0:
            lines += [title, ""]
        if row % 5 == 0:
            lines.append(
                "TIMING: 700  CPU: 6.1, 0.0087/step  Wall: 6.2, 0.0088/step, "
                "0.5 hours remaining, 12.5 MB of memory in use."
            )
        numbers = (
            ("     " if n in WIDE else "") + f" {(i * 1234.5678 - row * 3.25) * (-1) ** i:14.4f}"
            for i, n in enumerate(names[1:])
        )
        lines += [f"ENERGY: {'@@@@@@@'}" + "".join(numbers), ""]
        if row % 100 == 0:
            lines += ["WRITING COORDINATES TO RESTART FILE AT STEP 700", "FINISHED WRITING RESTART COORDINATES"]
    block = "\n".join(lines) + "\n"
    pieces = block.split("@@@@@@@")
    with path.open("w") as file:
        file.write(textwrap.dedent(head))
        written, step = 0, 0
        while written < size:
            text = "".join(p + f"{step + 20 * k:7d}" for k, p in enumerate(pieces[:-1])) + pieces[-1]
            step += 20 * (len(pieces) - 1)
            written += file.write(text)


FIELD = """\
ATOMS
MASS -1 CT 12.011 C
MASS -1 HA 1.008 H
MASS -1 OT 15.9994 O
MASS -1 HT 1.008 H

BONDS
CT CT 222.5 1.53
CT HA 309.0 1.11
OT HT 450.0 0.9572
ANGLES
HA CT HA 35.5 108.4
HA CT CT 34.6 110.1
CT CT CT 53.3 114.0
HT OT HT 55.0 104.52
DIHEDRALS
X CT CT X 0.19 3 0.0
NONBONDED
CT 0.0 -0.055 2.175
HA 0.0 -0.022 1.32
OT 0.0 -0.1521 1.7682
HT 0.0 -0.046 0.2245
END
"""


def write_structure(path: Path, atoms: int) -> None:
    """Butane in water, replicated: one butane to thirty waters, in the EXT layout of psfgen."""
    names = ["C1", "C2", "C3", "C4"] + [f"H{i}" for i in range(10)]
    types = ["CT"] * 4 + ["HA"] * 10
    bonds = [(0, 1), (1, 2), (2, 3), *((c, 4 + h) for h, c in enumerate([0, 0, 0, 1, 1, 2, 2, 3, 3, 3]))]
    angles, dihedrals = butane_terms(bonds)
    residues = [
        ("BUT", n, t, -0.09 if t == "HA" else 0.225, 12.011 if t == "CT" else 1.008)
        for n, t in zip(names, types, strict=True)
    ]
    for _ in range(30):
        first = len(residues)
        residues += [
            ("TIP3", "OH2", "OT", -0.834, 15.9994),
            ("TIP3", "H1", "HT", 0.417, 1.008),
            ("TIP3", "H2", "HT", 0.417, 1.008),
        ]
        bonds += [(first, first + 1), (first, first + 2)]
        angles.append((first + 1, first, first + 2))
    unit = len(residues)
    copies = -(-atoms // unit)
    with path.open("w") as file:
        file.write(f"PSF EXT CMAP\n\n         1 !NTITLE\n REMARKS replicated\n\n{copies * unit:10d} !NATOM\n")
        for copy in range(copies):
            base = copy * unit + 1
            file.write(
                "".join(
                    f"{base + i:10d} {f'W{copy % 1000}':<8s} {copy % 10000:<8d} {r:<8s} {n:<8s} {t:<6s} "
                    f"{q:10.6f}    {m:10.4f}           0\n"
                    for i, (r, n, t, q, m) in enumerate(residues)
                )
            )
        for terms, label, per_line in (
            (bonds, "NBOND: bonds", 4),
            (angles, "NTHETA: angles", 3),
            (dihedrals, "NPHI: dihedrals", 2),
        ):
            write_terms(file, terms, label, per_line, copies, unit)
        for label in ("NIMPHI: impropers", "NDON: donors", "NACC: acceptors", "NNB"):
            file.write(f"\n         0 !{label}\n\n")
        file.write("\n         1         0 !NGRP\n         0         0         0\n\n")


def write_terms(file, terms, label: str, per_line: int, copies: int, unit: int) -> None:  # type: ignore[no-untyped-def]
    file.write(f"\n{len(terms) * copies:10d} !{label}\n")
    pending: list[str] = []
    for copy in range(copies):
        for term in terms:
            pending.append("".join(f"{copy * unit + atom + 1:10d}" for atom in term))
            if len(pending) == per_line:
                file.write("".join(pending) + "\n")
                pending.clear()
    file.write("".join(pending) + "\n")


def butane_terms(bonds: list[tuple[int, int]]) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    near: dict[int, list[int]] = {}
    for a, b in bonds:
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    angles = [(a, c, b) for c in near for i, a in enumerate(near[c]) for b in near[c][i + 1 :]]
    dihedrals = [(a, b, c, d) for b, c in bonds for a in near[b] if a != c for d in near[c] if d != b]
    return list(angles), list(dihedrals)


OURS_LOG = "from namdrunner.namd.log import read_log\n#go\nrows = read_log(sys.argv[1]).energy_rows"
OURS_ENERGIES = (
    "from namdrunner.namd.log import iter_energies\n#go\nrows = sum(len(t) for t in iter_energies(sys.argv[1]))"
)
LOOP = """\
#go
rows = 0
with open(sys.argv[1]) as file:
    for line in file:
        if line.startswith("ENERGY:"):
            values = [float(word) for word in line.split()[1:]]
            rows += 1
"""
PESTIFER = """\
import logging; logging.disable(logging.CRITICAL)
from pestifer.logparsers.namdlogparser import NAMDLogParser
#go
parser = NAMDLogParser.from_file(sys.argv[1])
rows = len(parser.time_series_data["energy"])
"""
NAMDTOOLS = "import namdtools\n#go\nrows = namdtools.read_log(sys.argv[1]).height"
OURS_PSF = """\
from namdrunner.namd.psf import read_psf
from namdrunner.namd.charmm_reader import read_parameters
from namdrunner.namd.charmm_coverage import missing_parameters
#go
psf = read_psf(sys.argv[1])
missing = missing_parameters(psf, read_parameters(sys.argv[2]))
assert missing == [], missing
rows = psf.natom
"""
MDANALYSIS = "import MDAnalysis\n#go\nrows = MDAnalysis.Universe(sys.argv[1]).atoms.n_atoms"
PARMED = """\
import parmed
#go
psf = parmed.charmm.CharmmPsfFile(sys.argv[1])
psf.load_parameters(parmed.charmm.CharmmParameterSet(sys.argv[2]))
rows = len(psf.atoms)
"""
OPENMM = """\
from openmm.app import CharmmPsfFile
#go
rows = CharmmPsfFile(sys.argv[1]).topology.getNumAtoms()
"""


@dataclass(frozen=True)
class Measured:
    seconds: float
    cpu_seconds: float
    rows: int
    rss_mb: float


def measure(python: str, code: str, *paths: Path, repeat: int = 1, timeout_s: float = 900) -> Measured | str:
    """The fastest of some runs in new processes, imports not counted; a string says why there is none."""
    setup, _, work = textwrap.dedent(code).partition("#go\n")
    program = (
        f"import json, sys, time\n{setup}\nwall, cpu = time.perf_counter(), time.process_time()\n{work}\n"
        "wall, cpu = time.perf_counter() - wall, time.process_time() - cpu\n"
        "import resource; peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "print(json.dumps([wall, cpu, rows, peak]))\n"
    )
    if not python:
        return "not measured: NAMDRUNNER_BENCH_RIVALS is not set"
    found: list[Measured] = []
    for _ in range(repeat):
        try:
            done = subprocess.run(
                [python, "-c", program, *map(str, paths)], capture_output=True, text=True, timeout=timeout_s
            )
        except subprocess.TimeoutExpired:
            return f"gave up after {timeout_s:.0f} s"
        if done.returncode != 0:
            return "failed: " + (done.stderr.strip().splitlines() or ["without a word"])[-1][:100]
        found.append(Measured(*json.loads(done.stdout.strip().splitlines()[-1])))
    return min(found, key=lambda m: m.seconds)


def logs(folder: Path, report: Report, size: int) -> None:
    path, small = folder / "long.log", folder / "short.log"
    write_log(path, size)
    write_log(small, RIVAL_LOG_BYTES)
    print(f"Energies of a log of {path.stat().st_size / 1e6:.0f} MB (others: {small.stat().st_size / 1e6:.0f} MB)")
    found: dict[str, Measured] = {}
    entries = (
        ("NAMDRunner, energies", sys.executable, OURS_ENERGIES, path),
        ("NAMDRunner, whole log", sys.executable, OURS_LOG, path),
        ("plain Python loop", sys.executable, LOOP, path),
        ("namdtools", RIVALS, NAMDTOOLS, small),
        ("pestifer", RIVALS, PESTIFER, small),
    )
    megabytes = {name: file.stat().st_size / 1e6 for name, _, _, file in entries}
    for name, python, code, file in entries:
        result = measure(python, code, file, repeat=3)
        if isinstance(result, str):
            print(f"  {name:<24} {result}")
            continue
        found[name] = result
        print(
            f"  {name:<24} {megabytes[name] / result.seconds:8.1f} MB/s, "
            f"{megabytes[name] / result.cpu_seconds:8.1f} MB per processor second, "
            f"{result.rows:9d} rows, {result.rss_mb:6.0f} MB resident",
            flush=True,
        )
    by_clock = {name: megabytes[name] / m.seconds for name, m in found.items()}
    by_processor = {name: megabytes[name] / m.cpu_seconds for name, m in found.items()}
    for what, speeds in (("by the clock", by_clock), ("per processor second", by_processor)):
        others = {name: speed for name, speed in speeds.items() if not name.startswith("NAMDRunner")}
        fastest = max(others, key=lambda name: others[name])
        ratio = speeds["NAMDRunner, energies"] / others[fastest]
        print(f"  {what}: {ratio:.1f} times the speed of the fastest other ({fastest})")
    ours = [m for name, m in found.items() if name.startswith("NAMDRunner")]
    # Processor seconds: what neighbours on the machine do is no fault of the reader.
    report.line("processor seconds per 300 MB of log", 300 / by_processor["NAMDRunner, energies"], 1.0, "s")
    report.line("resident memory while reading the log", max(m.rss_mb for m in ours), 150, "MB")


def structures(folder: Path, report: Report, atoms: int) -> None:
    path, field = folder / "big.psf", folder / "field.prm"
    write_structure(path, atoms)
    field.write_text(FIELD)
    print(f"A structure of {atoms} atoms ({path.stat().st_size / 1e6:.0f} MB) and its parameters")
    for name, python, code in (
        ("NAMDRunner, coverage", sys.executable, OURS_PSF),
        ("OpenMM, reading", sys.executable, OPENMM),
        ("MDAnalysis, reading", RIVALS, MDANALYSIS),
        ("ParmEd, parameters", RIVALS, PARMED),
    ):
        result = measure(python, code, path, field)
        if isinstance(result, str):
            print(f"  {name:<24} {result}")
            continue
        print(f"  {name:<24} {result.seconds:8.2f} s {result.rss_mb:7.0f} MB resident", flush=True)
        if name.startswith("NAMDRunner"):
            report.line("structure, parameters and coverage", result.seconds, 8.0, "s")
            report.line("resident memory while reading the structure", result.rss_mb, 800, "MB")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--log-bytes", type=int, default=LOG_BYTES)
    parser.add_argument("--atoms", type=int, default=ATOMS)
    options = parser.parse_args()
    report = Report()
    folder = Path(tempfile.mkdtemp(prefix="namdrunner-bench-"))
    try:
        logs(folder, report, options.log_bytes)
        structures(folder, report, options.atoms)
    finally:
        shutil.rmtree(folder)
    return report.status


if __name__ == "__main__":
    sys.exit(main())
