"""Lines as NAMD prints them, for tests that need a log of a certain shape."""

from __future__ import annotations

from collections.abc import Sequence

# fmt: off
SHORT = (
    "TS", "BOND", "ANGLE", "DIHED", "IMPRP", "ELECT", "VDW", "BOUNDARY", "MISC", "KINETIC",
    "TOTAL", "TEMP", "POTENTIAL", "TOTAL3", "TEMPAVG",
)
LONG = (*SHORT, "PRESSURE", "GPRESSURE", "VOLUME", "PRESSAVG", "GPRESSAVG")
# fmt: on

_WIDE = {"ELECT", "TOTAL", "PRESSURE"}

HEAD = """Charm++: standalone mode (not using charmrun)
Info: NAMD 3.0 for Linux-x86_64-multicore
Info: 1 NAMD  3.0  Linux-x86_64-multicore  4    node7  alice
Info: Running on 4 processors, 1 nodes, 1 physical nodes.
Info: Configuration file is prod.namd
Info: Working in the current directory /scratch/alice
Info: TIMESTEP               2
Info: NUMBER OF STEPS        0
Info: STEPS PER CYCLE        20
Info: PERIODIC CELL BASIS 1  28 0 0
Info: STRUCTURE SUMMARY:
Info: 2176 ATOMS
Info: 1457 BONDS
Info: TOTAL CHARGE = 2.23517e-08 e
Info: MASS DENSITY = 0.989389 g/cm^3
Info: Finished startup at 0.14674 s, 0.461331 MB of memory in use
"""


def title(columns: Sequence[str] = LONG) -> str:
    return "ETITLE:" + "".join(
        name.rjust(8 if i == 0 else 20 if name in _WIDE else 15) for i, name in enumerate(columns)
    )


def energy(step: int, values: Sequence[float] | None = None, columns: Sequence[str] = LONG) -> str:
    """A line in NAMD's own layout; what does not fit makes it longer, as in NAMD."""
    given = values if values is not None else [1000.0 * i - step / 7 for i in range(1, len(columns))]
    numbers = "".join(
        ("     " if name in _WIDE else "") + f" {value:14.4f}" for name, value in zip(columns[1:], given, strict=True)
    )
    return f"ENERGY: {step:7d}{numbers}"


def run(first: int, last: int, every: int = 100, *, kind: str = "Running") -> str:
    """One stage with its energies, timing and restart files at its end."""
    lines = [f"TCL: {kind} for {last - first} steps", title(), ""]
    for step in range(first, last + 1, every):
        lines += [energy(step), ""]
    lines += [
        f"TIMING: {last}  CPU: 8.1, 0.0081/step  Wall: 8.2, 0.00864/step, "
        "0.5 hours remaining, 12.5 MB of memory in use.",
        f"WRITING EXTENDED SYSTEM TO RESTART FILE AT STEP {last}",
        f"WRITING COORDINATES TO RESTART FILE AT STEP {last}",
        "FINISHED WRITING RESTART COORDINATES",
        f"WRITING VELOCITIES TO RESTART FILE AT STEP {last}",
        "FINISHED WRITING RESTART VELOCITIES",
    ]
    return "\n".join(lines) + "\n"


def end(step: int) -> str:
    return (
        f"WRITING EXTENDED SYSTEM TO OUTPUT FILE AT STEP {step}\n"
        f"WRITING COORDINATES TO OUTPUT FILE AT STEP {step}\n"
        f"WRITING VELOCITIES TO OUTPUT FILE AT STEP {step}\n"
        "====================================================\n\n"
        "WallClock: 12.874184  CPUTime: 12.868364  Memory: 0.461331 MB\n"
        "[Partition 0][Node 0] End of program\n"
    )
