"""The OpenMM engine against NAMD: energies of the first step term by term, and speed on the sample system.

    python benchmarks/engine.py [FOLDER]

FOLDER holds ``energies.json`` and the configs it names (the folder ``reference_energies`` of the real data).
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from _report import Report

from namdrunner.demo.engine.dynamics import Dynamics, Ensemble
from namdrunner.demo.engine.energies import Potential
from namdrunner.demo.engine.fatal import FatalError
from namdrunner.demo.engine.loader import Loader
from namdrunner.demo.engine.main import main as engine
from namdrunner.demo.engine.settings import Settings
from namdrunner.demo.engine.validation import refuse_unsupported
from namdrunner.demo.sample import sample_job
from namdrunner.templates.builtin import load_template
from namdrunner.templates.render import render

TOLERANCE = 1e-4
PRINTED = 6e-5
"""NAMD prints four decimals."""
SECONDS = 40.0
"""What the sample's run may take on two cores of which others want a part."""
COLUMNS: dict[str, Callable[[Potential], float]] = {
    "BOND": lambda p: p.bond,
    "ANGLE": lambda p: p.angle,
    "DIHED": lambda p: p.dihedral + p.crossterm,
    "IMPRP": lambda p: p.improper,
    "ELECT": lambda p: p.electrostatic,
    "VDW": lambda p: p.vdw,
    "BOUNDARY": lambda p: p.boundary,
    "MISC": lambda p: p.misc,
}


def first_step(config: Path) -> Potential:
    """The energies of a config's first step; raises FatalError where the engine refuses it."""
    lines = (line.split(None, 1) for line in config.read_text(encoding="utf-8").splitlines())
    pairs = [(words[0], words[1]) for words in lines if len(words) == 2 and words[0] not in ("#", "run")]
    settings = Settings.of(pairs)
    refuse_unsupported(settings)
    dynamics = Dynamics(Loader(settings, config.parent).load().model, threads=2, seed=1)
    dynamics.configure(Ensemble(1.0, None, 0.0, None))
    return dynamics.potential()


def compare(folder: Path, report: Report) -> None:
    """Print one row per config, relative differences per column; refused configs say why."""
    print(f"{'config':<22}" + "".join(f"{name:>10}" for name in COLUMNS))
    worst = 0.0
    for name, entry in json.loads((folder / "energies.json").read_text(encoding="utf-8")).items():
        reference = entry["results"]["3.0"]["energy"]
        try:
            found = first_step(folder / f"{name}.namd")
        except FatalError as error:
            print(f"{name:<22} refused: {error.message}")
            continue
        cells = ""
        for column, value in COLUMNS.items():
            difference = abs(value(found) - reference[column])
            relative = difference / abs(reference[column]) if reference[column] else difference
            worst = max(worst, relative if difference > PRINTED else 0.0)
            cells += f"{relative:10.1e}"
        print(f"{name:<22}{cells}", flush=True)
    report.line("largest relative difference to NAMD of any term (x 1e-4)", worst / TOLERANCE, 1.0, "")


def sample_run(report: Report) -> None:
    """The demo's job, as its template renders it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = sample_job(folder / "input_files")
        rendered = render(load_template(job.template), job.values, {k: [*map(str, v)] for k, v in job.files.items()})
        (folder / "config.namd").write_text(rendered.text, encoding="utf-8")
        (folder / "outputs").mkdir()
        before, log, begin = Path.cwd(), io.StringIO(), time.perf_counter()
        with contextlib.redirect_stdout(log):
            status = engine([str(folder / "config.namd"), "+p2"])
        os.chdir(before)
        speeds = [line for line in log.getvalue().splitlines() if line.startswith("PERFORMANCE:")]
        print(speeds[-1] if speeds else f"the run ended with status {status}")
        report.line("the sample job of the demo, two threads", time.perf_counter() - begin, SECONDS, "s")


def main() -> int:
    report = Report()
    here = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    root = Path(os.environ.get("NAMDRUNNER_SHARED_DATA", here))
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else root / "reference_energies"
    if (folder / "energies.json").is_file():
        compare(folder, report)
    else:
        print(f"no reference energies in {folder}; give the folder as an argument")
    sample_run(report)
    return report.status


if __name__ == "__main__":
    sys.exit(main())
