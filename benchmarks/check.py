"""The preflight of 23,500 atoms from the shell, and its parts in this process.

The dihydrofolate reductase of the folder of real data is checked when that is there (NAMDRUNNER_SHARED_DATA), else a
box of as much water.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from _report import PROGRAM, Report, run

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

FROM_SHELL_S = 1.5
EVALUATION_S = 0.2
REPEATS = 3


def real_config() -> Path | None:
    folder = Path(os.environ.get("NAMDRUNNER_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    config = folder / "namd_cases" / "v05-origami-dhfr" / "eq-01.namd"
    return config if config.is_file() else None


def water_config(folder: Path) -> Path:
    from tests.unit.namd.water import SPACING, config_text, write_system

    edge = 20
    write_system(folder, edge)
    length = edge * SPACING
    rows = (f"{length} 0 0", f"0 {length} 0", f"0 0 {length}")
    config = folder / "run.namd"
    config.write_text(config_text({f"cellBasisVector{i + 1}": row for i, row in enumerate(rows)}))
    return config


def fastest(action: object) -> float:
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        action()  # type: ignore[operator]
        times.append(time.perf_counter() - started)
    return min(times)


def main() -> int:
    from namdrunner.namd.check import check_config
    from namdrunner.namd.config import evaluate_config

    report = Report()
    with tempfile.TemporaryDirectory() as scratch:
        config = real_config() or water_config(Path(scratch) / "water")
        atoms = check_config(config).summary.atoms
        report.line(
            "evaluate the config (a process of its own)", fastest(lambda: evaluate_config(config)), EVALUATION_S, "s"
        )
        report.line(f"check {atoms} atoms, in process", fastest(lambda: check_config(config)), FROM_SHELL_S, "s")
        if PROGRAM.is_file():
            report.line(
                f"check {atoms} atoms, from the shell", fastest(lambda: run("check", str(config))), FROM_SHELL_S, "s"
            )
    return report.status


if __name__ == "__main__":
    raise SystemExit(main())
