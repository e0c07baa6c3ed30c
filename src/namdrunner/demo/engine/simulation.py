"""A simulation from start-up to its last files: what the commands of the config do."""

from __future__ import annotations

import time
from pathlib import Path

from namdrunner.demo.engine.banner import print_structure
from namdrunner.demo.engine.clock import Stopwatch
from namdrunner.demo.engine.console import Console
from namdrunner.demo.engine.dynamics import Dynamics, Frame
from namdrunner.demo.engine.ensemble import current_ensemble
from namdrunner.demo.engine.fatal import FatalError
from namdrunner.demo.engine.loader import Loaded, Loader
from namdrunner.demo.engine.outputs import Outputs
from namdrunner.demo.engine.parameters_banner import print_parameters
from namdrunner.demo.engine.rows import Row, energy_line, title_line
from namdrunner.demo.engine.schedule import energy_interval, is_due, next_stop, timing_interval
from namdrunner.demo.engine.settings import Settings

MINIMIZER_STRETCH = 10
"""Fewest iterations between two looks at a minimization."""
MAX_STEP = 2**31 - 1


class Simulation:
    """Built when the config first asks for work; then takes its commands in order."""

    def __init__(self, settings: Settings, folder: Path, console: Console, *, threads: int) -> None:
        self.settings = settings
        self.console = console
        self.started_at = time.monotonic()
        loaded = Loader(settings, folder).load()
        self.model = loaded.model
        self.step = settings.integer("firsttimestep", 0)
        self.seed = settings.integer("seed", int(time.time()) % 2**31)
        self.draws = 0
        self.title_due = True
        self.minimizing = False
        print_parameters(console, settings, loaded, self.seed)
        self.outputs = Outputs(settings, self.model, loaded.psf, folder, console)
        self._keep_names()
        self.dynamics = Dynamics(self.model, threads=threads, seed=self.seed)
        self.dynamics.configure(current_ensemble(settings))
        print_structure(console, loaded, self.dynamics)
        self.stopwatch = Stopwatch(console, threads)
        self._first_velocities(loaded)
        console.info(f"Finished startup at {time.monotonic() - self.started_at:g} s, 0 MB of memory in use")
        console.line()

    def _keep_names(self) -> None:
        """Names that follow from outputName are fixed at start-up, as in NAMD."""
        outputs, settings = self.outputs, self.settings
        names = {
            "restartname": outputs.restart_name,
            "DCDfile": outputs.file_name("DCDfile", ".dcd"),
            "velDCDfile": outputs.file_name("velDCDfile", ".veldcd"),
            "XSTfile": outputs.file_name("XSTfile", ".xst"),
        }
        for name, value in names.items():
            settings.change(name, value)

    def _first_velocities(self, loaded: Loaded) -> None:
        self.dynamics.apply_rigid_bonds()
        if loaded.velocities is not None:
            self.dynamics.set_velocities(loaded.velocities)
        else:
            self.dynamics.draw_velocities(self.settings.number("temperature"), self._next_seed())
        if not self.settings.switch("COMmotion"):
            x, y, z = self.dynamics.remove_drift()
            self.console.info(f"REMOVING COM VELOCITY {x:g} {y:g} {z:g}")

    def _next_seed(self) -> int:
        self.draws += 1
        return (self.seed + 7919 * (self.draws - 1)) % (2**31 - 1)

    # -- commands ----------------------------------------------------------------------------------------

    def run(self, steps: int) -> None:
        """`run N`."""
        self.console.line(f"TCL: Running for {steps} steps")
        target = self._target(steps)
        self.dynamics.configure(current_ensemble(self.settings))
        self.stopwatch.begin(self.step, self.settings.number("timestep", 1.0))
        self._report_start()
        while self.step < target:
            stop = next_stop(self.step, target, self.settings)
            self.dynamics.step(stop - self.step)
            self.step = stop
            frame = self.dynamics.frame()
            self.dynamics.check_speed(frame)
            self._report(frame, target)
            self._adjust_velocities()

    def minimize(self, steps: int) -> None:
        """`minimize N`: iterations count as steps; the velocities are zero afterwards."""
        self.console.line(f"TCL: Minimizing for {steps} steps")
        target = self._target(steps)
        self.dynamics.configure(current_ensemble(self.settings))
        self.stopwatch.begin(self.step, self.settings.number("timestep", 1.0))
        self.dynamics.draw_velocities(0.0, 0)
        self.minimizing = True
        self._report_start()
        while self.step < target:
            stop = next_stop(self.step, target, self.settings, shortest=MINIMIZER_STRETCH)
            self.dynamics.minimize(stop - self.step)
            self.step = stop
            self._report(self.dynamics.frame(), target)
        self.minimizing = False

    def _target(self, steps: int) -> int:
        if self.step + steps > MAX_STEP:
            raise FatalError(f"The last step, {self.step + steps}, is beyond the largest that NAMD can count.")
        return self.step + steps

    def reinitialize_velocities(self, temperature: float) -> None:
        """`reinitvels T`."""
        self.console.line(f"REINITIALIZING VELOCITIES AT STEP {self.step} TO {temperature:g} KELVIN.")
        self.dynamics.draw_velocities(temperature, self._next_seed())

    def rescale_velocities(self, factor: float) -> None:
        """`rescalevels f`."""
        self.console.line(f"RESCALING VELOCITIES AT STEP {self.step} BY {factor:g}")
        self.dynamics.set_velocities(self.dynamics.frame().velocities * factor)

    def write_copy(self, name: str) -> None:
        """`output NAME`."""
        self.outputs.copy(name, self.step, self.dynamics.frame())

    def change(self, name: str, value: str) -> None:
        """A keyword that was set after start-up; the value is in the settings already."""
        key = name.lower()
        if key == "firsttimestep":
            self.step = self.settings.integer(key)
        elif key == "constraintscaling":
            self.dynamics.scale_restraints(self.settings.number(key))
        elif key in ("dcdfile", "veldcdfile", "dcdfreq"):
            self.outputs.close_trajectories()
        elif key in ("efield", "efieldon"):
            raise FatalError("Changing eField after start-up is not supported by the OpenMM demo engine.")
        elif key == "fixedatoms" and len(self.model.fixed) and not self.settings.switch(key):
            raise FatalError("Releasing fixedAtoms after start-up is not supported by the OpenMM demo engine.")

    def finish(self) -> None:
        """The final files."""
        self.outputs.final(self.step, self.dynamics.frame())

    # -- reports -----------------------------------------------------------------------------------------

    def _report_start(self) -> None:
        """The state at the beginning of a run, with the first row of the cell trajectory."""
        frame = self.dynamics.frame()
        if is_due(self.step, energy_interval(self.settings)):
            self._energies()
        if is_due(self.step, self.outputs.every("XSTfreq")):
            self.outputs.cell_row(self.step, frame)

    def _report(self, frame: Frame, target: int) -> None:
        """Everything that is due at this step, in NAMD's order."""
        step, outputs = self.step, self.outputs
        if is_due(step, timing_interval(self.settings)):
            self.stopwatch.report(step, target)
        if is_due(step, energy_interval(self.settings)):
            self._energies()
        restart = is_due(step, outputs.every("restartfreq"))
        if is_due(step, outputs.every("XSTfreq")):
            outputs.cell_row(step, frame)
        if restart:
            outputs.restart_cell(step, frame)
        if is_due(step, outputs.every("DCDfreq")):
            outputs.coordinate_frame(step, frame)
        if is_due(step, outputs.every("velDCDfreq")):
            outputs.velocity_frame(step, frame)
        if restart:
            outputs.restart_atoms(step, frame)

    def _energies(self) -> None:
        settings, dynamics = self.settings, self.dynamics
        kinetic = 0.0 if self.minimizing else dynamics.kinetic()
        row = Row(
            step=self.step,
            potential=dynamics.potential(),
            kinetic=kinetic,
            temperature=dynamics.temperature_of(kinetic),
            pressure=dynamics.pressure(),
            volume=dynamics.volume(),
            periodic=self.model.cell is not None,
            merged_crossterm=settings.text("mergeCrossterms") is None or settings.switch("mergeCrossterms"),
        )
        if is_due(self.step, settings.integer("outputPressure", 0)) and row.periodic:
            tensor = f"{row.pressure:g} 0 0 0 {row.pressure:g} 0 0 0 {row.pressure:g}"
            self.console.line(f"PRESSURE: {self.step} {tensor}")
            self.console.line(f"GPRESSURE: {self.step} {tensor}")
        if self.title_due or self.step % (10 * energy_interval(settings)) == 0:
            self.console.line(title_line(row))
            self.console.line()
            self.title_due = False
        self.console.line(energy_line(row))
        self.console.line()

    def _adjust_velocities(self) -> None:
        """Velocity reassignment and rescaling."""
        settings = self.settings
        every = settings.integer("reassignFreq", 0)
        if is_due(self.step, every):
            target = reassigned_temperature(settings, self.step)
            self.console.line(f"REASSIGNING VELOCITIES AT STEP {self.step} TO {target:g} KELVIN.")
            self.dynamics.draw_velocities(target, self._next_seed())
        if is_due(self.step, settings.integer("rescaleFreq", 0)) and "rescaleTemp" in settings:
            target = settings.number("rescaleTemp")
            present = self.dynamics.temperature_of(self.dynamics.kinetic())
            self.console.line(f"RESCALING VELOCITIES AT STEP {self.step} TO {target:g} KELVIN.")
            factor = (target / present) ** 0.5 if present > 0 else 1.0
            self.dynamics.set_velocities(self.dynamics.frame().velocities * factor)


def reassigned_temperature(settings: Settings, step: int) -> float:
    """The temperature (K) that reassignment aims at: rising by reassignIncr each time, up to reassignHold."""
    increment = settings.number("reassignIncr", 0.0)
    hold = settings.number("reassignHold", 0.0)
    start = settings.number("reassignTemp", settings.number("temperature", 0.0))
    target = start + (step // settings.integer("reassignFreq")) * increment
    if increment > 0 and 0 < hold < target:
        return hold
    if increment < 0 and target < hold:
        return hold
    return target
