"""sample_job: what `namdrunner demo` puts into the job it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from namdrunner.demo.sample.build import make_sample

TEMPLATE = "explicit_solvent_npt"
MINIMIZE_STEPS = 96
DURATION_PS = 1.92


@dataclass(frozen=True)
class SampleJob:
    """A job ready to be created: template, its values, and its input files by variable."""

    name: str
    template: str
    values: Mapping[str, object]
    files: Mapping[str, tuple[Path, ...]]


def sample_job(folder: Path) -> SampleJob:
    """Generate the sample in `folder` and the job for it: about 15 s of real dynamics on two cores."""
    sample = make_sample(folder)
    edge = f"{sample.cell:.6g}"
    return SampleJob(
        name="Trialanine in salt water",
        template=TEMPLATE,
        values={
            "cell": f"{edge} {edge} {edge}",
            "mode": "minimize-then-run",
            "minimize_steps": f"{MINIMIZE_STEPS} steps",
            "duration": f"{DURATION_PS} ps",
            "temperature": 300,
            "langevin_damping": 5,
            "energy_interval": "0.096 ps",
            "trajectory_interval": "0.24 ps",
            "restart_interval": "0.6 ps",
            "output_name": "trialanine",
        },
        files={
            "structure_file": (sample.structure,),
            "coordinates_file": (sample.coordinates,),
            "parameter_files": (sample.parameters,),
        },
    )
