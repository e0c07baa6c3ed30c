"""sample_job: what `namdrunner demo` puts into the job it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from namdrunner.demo.sample.build import make_sample

TEMPLATE = "explicit_solvent_npt"


@dataclass(frozen=True)
class SampleJob:
    """A job ready to be created: template, its values, and its input files by variable."""

    name: str
    template: str
    values: Mapping[str, object]
    files: Mapping[str, tuple[Path, ...]]


def sample_job(folder: Path) -> SampleJob:
    """Generate the sample in `folder` and the job for it: about 20 s of real dynamics on two cores."""
    files = make_sample(folder)
    return SampleJob(
        name="Trialanine in salt water",
        template=TEMPLATE,
        values={},
        files={
            "structure_file": (files.structure,),
            "coordinates_file": (files.coordinates,),
            "parameter_files": (files.parameters,),
        },
    )
