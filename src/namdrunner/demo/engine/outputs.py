"""The files of a run, in NAMD's formats, under NAMD's names, in NAMD's order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from namdrunner.demo.engine.cell import Cell, wrap
from namdrunner.demo.engine.console import Console
from namdrunner.demo.engine.dynamics import Frame
from namdrunner.demo.engine.fatal import FatalError
from namdrunner.demo.engine.model import Model
from namdrunner.demo.engine.rigid import find_waters
from namdrunner.demo.engine.settings import Settings
from namdrunner.namd.dcd import DcdWriter
from namdrunner.namd.namdbin import VELOCITY_UNIT_A_PER_PS, write_namdbin
from namdrunner.namd.psf import Psf
from namdrunner.namd.xsc import ExtendedSystem, data_line, labels_line, write_xsc

TRAJECTORY_HEAD = "# NAMD extended system trajectory file\n"


def reason(error: OSError) -> str:
    """The system's own words for what failed."""
    return error.strerror or str(error)


def set_aside(path: Path, suffix: str) -> None:
    """Rename a file that is in the way, over an older one of that name."""
    if path.exists():
        path.replace(path.with_name(path.name + suffix))


def extended_system(step: int, cell: Cell | None) -> ExtendedSystem:
    """The cell as XSC and XST files hold it; in vacuum the step alone, as NAMD writes it."""
    if cell is None:
        return ExtendedSystem(step, (None, None, None), (0.0, 0.0, 0.0))
    vectors = tuple(tuple(float(x) for x in row) for row in cell.vectors)
    origin = tuple(float(x) for x in cell.origin)
    rates = dict.fromkeys(("s_x", "s_y", "s_z", "s_u", "s_v", "s_w"), 0.0)
    return ExtendedSystem(step, vectors, origin, rates)  # type: ignore[arg-type]


def pdb_lines(psf: Psf, values: NDArray[np.float64], title: str) -> str:
    """Coordinates or velocities as PDB text."""
    lines = [f"REMARK  {title}"]
    rows = zip(psf.names, psf.residues, psf.residue_ids, psf.segments, values, strict=True)
    for number, (name, residue, residue_id, segment, (x, y, z)) in enumerate(rows, 1):
        label = name.decode() if len(name) >= 4 else f" {name.decode()}"
        serial = f"{number:5d}" if number < 100000 else "*****"
        lines.append(
            f"ATOM  {serial} {label:<4} {residue.decode():<4}{segment.decode()[:1]:1}{residue_id.decode():>4}    "
            f"{x:8.3f}{y:8.3f}{z:8.3f}{1:6.2f}{0:6.2f}      {segment.decode():<4}"
        )
    return "\n".join([*lines, "END", ""])


class Outputs:
    """Writes everything but the log; `folder` is the working folder."""

    def __init__(self, settings: Settings, model: Model, psf: Psf, folder: Path, console: Console) -> None:
        self.settings = settings
        self.model = model
        self.psf = psf
        self.folder = folder
        self.console = console
        self.trajectories: dict[str, DcdWriter] = {}
        self.cell_trajectory: Path | None = None
        self.wrapped = self._wrapped_molecules()

    # -- names and choices -------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """outputName as given."""
        return self.settings.required("outputname").strip()

    @property
    def restart_name(self) -> str:
        """restartName, or what it is derived from."""
        return (self.settings.text("restartname") or f"{self.name}.restart").strip()

    def file_name(self, keyword: str, ending: str) -> str:
        """A file named by its own keyword, or by outputName."""
        return (self.settings.text(keyword) or self.name + ending).strip()

    def every(self, keyword: str) -> int:
        """An output frequency in steps, 0 for never."""
        return self.settings.integer(keyword, 0)

    def _wrapped_molecules(self) -> NDArray[np.bool_]:
        """Which molecules are wrapped into the cell on output."""
        chosen = np.zeros(self.model.molecules, dtype=bool)
        if self.model.cell is None:
            return chosen
        if self.settings.switch("wrapAll"):
            chosen[:] = True
        elif self.settings.switch("wrapWater"):
            chosen[self.model.molecule[list(find_waters(self.model))]] = True
        return chosen

    def shown(self, frame: Frame) -> NDArray[np.float64]:
        """Positions as they go into files."""
        if frame.cell is None or not self.wrapped.any():
            return frame.positions
        inside = wrap(frame.positions, frame.cell, self.model.molecule, self.model.molecules)
        return np.where(self.wrapped[self.model.molecule][:, None], inside, frame.positions)

    # -- series ------------------------------------------------------------------------------------------

    def cell_row(self, step: int, frame: Frame) -> None:
        """Append to the XST; the first time the file is made."""
        if frame.cell is None:
            return
        system = extended_system(step, frame.cell)
        try:
            if self.cell_trajectory is None:
                name = self.file_name("XSTfile", ".xst")
                path = self.folder / name
                self.console.line("OPENING EXTENDED SYSTEM TRAJECTORY FILE")
                set_aside(path, ".BAK")
                path.write_text(TRAJECTORY_HEAD + labels_line(system), encoding="ascii", newline="\n")
                self.cell_trajectory = path
            with self.cell_trajectory.open("a", encoding="ascii", newline="\n") as file:
                file.write(data_line(system))
        except OSError as error:
            name = self.file_name("XSTfile", ".xst")
            raise FatalError(f"Unable to open text file {name}: {reason(error)}") from None

    def coordinate_frame(self, step: int, frame: Frame) -> None:
        """Append a DCD frame."""
        self._dcd("DCD", self.file_name("DCDfile", ".dcd"), self.every("DCDfreq"), step, frame)

    def velocity_frame(self, step: int, frame: Frame) -> None:
        """Append a frame of velocities."""
        self._dcd("VELOCITY", self.file_name("velDCDfile", ".veldcd"), self.every("velDCDfreq"), step, frame)

    def _dcd(self, kind: str, name: str, interval: int, step: int, frame: Frame) -> None:
        moving = kind == "VELOCITY"
        word = "VELOCITIES" if moving else "COORDINATES"
        try:
            if name not in self.trajectories:
                self.console.line(f"OPENING {'VELOCITY' if moving else 'COORDINATE'} DCD FILE")
                path = self.folder / name
                set_aside(path, ".BAK")
                self.trajectories[name] = DcdWriter(
                    path,
                    self.model.natom,
                    first_step=step,
                    step_interval=interval,
                    timestep_fs=self.settings.number("timestep", 1.0),
                    cell=frame.cell is not None and not moving and self._unit_cell(),
                    title=(f"REMARKS FILENAME={name} CREATED BY NAMDRUNNER'S OPENMM DEMO ENGINE", "REMARKS NOT NAMD"),
                )
        except OSError as error:
            raise FatalError(f"Couldn't open DCD file {name}: {reason(error)}") from None
        self.console.line(f"WRITING {word} TO DCD FILE {name} AT STEP {step}")
        values = frame.velocities / VELOCITY_UNIT_A_PER_PS if moving else self.shown(frame)
        vectors = frame.cell.vectors if frame.cell is not None else None
        try:
            self.trajectories[name].write(values, vectors)
        except OSError as error:
            raise FatalError(f"Writing of DCD step failed: {reason(error)}") from None

    def _unit_cell(self) -> bool:
        return "dcdUnitCell" not in self.settings or self.settings.switch("dcdUnitCell")

    # -- restart and final sets --------------------------------------------------------------------------

    def restart_cell(self, step: int, frame: Frame) -> None:
        """The cell of a restart set; NAMD writes it before the trajectory frame."""
        self.console.line(f"WRITING EXTENDED SYSTEM TO RESTART FILE AT STEP {step}")
        self._write_cell(self._restart_base(step), ".old", step, frame)

    def restart_atoms(self, step: int, frame: Frame) -> None:
        """Coordinates and velocities of a restart set."""
        base = self._restart_base(step)
        binary = "binaryrestart" not in self.settings or self.settings.switch("binaryrestart")
        self.console.line(f"WRITING COORDINATES TO RESTART FILE AT STEP {step}")
        self._write_atoms(base + ".coor", ".old", self.shown(frame), binary)
        self.console.line("FINISHED WRITING RESTART COORDINATES")
        self.console.line(f"WRITING VELOCITIES TO RESTART FILE AT STEP {step}")
        self._write_atoms(base + ".vel", ".old", self._velocities(frame, binary), binary)
        self.console.line("FINISHED WRITING RESTART VELOCITIES")

    def _restart_base(self, step: int) -> str:
        return f"{self.restart_name}.{step}" if self.settings.switch("restartsave") else self.restart_name

    def final(self, step: int, frame: Frame) -> None:
        """The set under outputName; closes the trajectories."""
        binary = "binaryoutput" not in self.settings or self.settings.switch("binaryoutput")
        self.console.line(f"WRITING EXTENDED SYSTEM TO OUTPUT FILE AT STEP {step}")
        self._write_cell(self.name, ".BAK", step, frame)
        if self.cell_trajectory is not None:
            self.console.line("CLOSING EXTENDED SYSTEM TRAJECTORY FILE")
            self.cell_trajectory = None
        self.console.line(f"WRITING COORDINATES TO OUTPUT FILE AT STEP {step}")
        self._write_atoms(self.name + ".coor", ".BAK", self.shown(frame), binary)
        self.close_trajectories()
        self.console.line(f"WRITING VELOCITIES TO OUTPUT FILE AT STEP {step}")
        self._write_atoms(self.name + ".vel", ".BAK", self._velocities(frame, binary), binary)

    def close_trajectories(self) -> None:
        """Close the DCD files; the next frame opens them anew."""
        for name, writer in self.trajectories.items():
            self.console.line(f"CLOSING COORDINATE DCD FILE {name}")
            writer.close()
        self.trajectories.clear()

    def copy(self, name: str, step: int, frame: Frame) -> None:
        """The script command `output`."""
        self._write_cell(name, ".BAK", step, frame)
        self._write_atoms(name + ".coor", ".BAK", self.shown(frame), True)
        self._write_atoms(name + ".vel", ".BAK", self._velocities(frame, True), True)

    @staticmethod
    def _velocities(frame: Frame, binary: bool) -> NDArray[np.float64]:
        return frame.velocities / VELOCITY_UNIT_A_PER_PS if binary else frame.velocities

    def _write_cell(self, base: str, suffix: str, step: int, frame: Frame) -> None:
        path = self.folder / f"{base}.xsc"
        try:
            set_aside(path, suffix)
            write_xsc(path, extended_system(step, frame.cell))
        except OSError as error:
            raise FatalError(f"Unable to open text file {base}.xsc: {reason(error)}") from None

    def _write_atoms(self, name: str, suffix: str, values: NDArray[np.float64], binary: bool) -> None:
        path = self.folder / name
        try:
            set_aside(path, suffix)
            if binary:
                write_namdbin(path, values)
            else:
                path.write_text(pdb_lines(self.psf, values, f"FILENAME={name} NOT NAMD"), encoding="ascii")
        except OSError as error:
            raise FatalError(f"Unable to open binary file {name}: {reason(error)}") from None
