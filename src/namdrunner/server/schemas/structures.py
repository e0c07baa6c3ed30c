"""Documents about what can be looked at in three dimensions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from namdrunner.server.schemas.base import Answer


class StructureSource(Answer):
    """A file with coordinates. ``snapshot``: one frame of a run, such as its newest restart set; ``here``: on this
    computer too.
    """

    name: str
    kind: Literal["trajectory", "snapshot", "input"]
    bytes: int
    modified_at: str | None = None
    here: bool = False


class StructureSources(Answer):
    """``structure``: the input that names the atoms; ``dcd_frequency``: steps between two frames, null where no
    trajectory is written; ``live``: listed on the cluster just now.
    """

    structure: str | None = None
    dcd_frequency: int | None = None
    sources: list[StructureSource]
    live: bool = False


class StructureFacts(Answer):
    """Frame ``i`` is of step ``first_step + i * step_interval``; ``frame_bytes``: of a frame with all atoms;
    ``trailing_bytes``: of a frame that is not whole yet; ``cell_origin``: the cell's centre in Angstrom.
    """

    name: str
    kind: Literal["trajectory", "snapshot", "input"]
    atoms: int
    water_atoms: int
    ion_atoms: int
    frames: int
    first_step: int
    step_interval: int
    timestep_fs: float
    frame_bytes: int
    trailing_bytes: int = 0
    cell_origin: list[float] = Field(default_factory=lambda: [0.0, 0.0, 0.0])
