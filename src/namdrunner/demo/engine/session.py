"""One config from its first line to its final files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from namdrunner.demo.engine.console import Console
from namdrunner.demo.engine.fatal import FatalError, unsupported
from namdrunner.demo.engine.script import LiveScript
from namdrunner.demo.engine.settings import Settings
from namdrunner.demo.engine.simulation import Simulation
from namdrunner.demo.engine.support import Support, support
from namdrunner.demo.engine.validation import is_neutral, validate
from namdrunner.namd.keywords import keyword

PASSIVE_COMMANDS = ("startup",)
"""Commands that need nothing more than start-up."""


class Session:
    """Connects the script to the simulation."""

    def __init__(self, configs: Sequence[Path], console: Console, threads: int, given: dict[str, str]) -> None:
        self.configs = configs
        self.config = configs[-1]
        self.console = console
        self.threads = threads
        self.settings = Settings()
        self.simulation: Simulation | None = None
        self.script = LiveScript(self.config, self, console, given)
        self.worked = False

    def play(self) -> None:
        """Evaluate the configs, of which the last names the working folder; raises FatalError."""
        self.script.play(self.configs)
        if self.script.exited is not None and self.simulation is None:
            self.console.line("TCL: Exiting before startup due to script command.")
            return
        if self.simulation is None:
            self.script.begin_without_work()
        if not self.worked and self.script.exited is None:
            self._default_work()
        self._simulation().finish()

    def _simulation(self) -> Simulation:
        if self.simulation is None:
            raise FatalError("The script asked for work before start-up.")
        return self.simulation

    def _default_work(self) -> None:
        """Without `run` or `minimize` NAMD goes on to numsteps."""
        simulation = self._simulation()
        steps = self.settings.integer("numsteps", 0) - simulation.step
        if steps > 0:
            work = simulation.minimize if self.settings.switch("minimization") else simulation.run
            work(steps)

    # -- what the script calls ---------------------------------------------------------------------------

    def start(self, names: list[str], pairs: list[tuple[str, str]]) -> None:
        """Check the keywords and set the simulation up."""
        self.settings = Settings.of(pairs)
        validate(names, self.settings, self.console)
        folder = self.config.parent / (self.settings.text("cwd") or "")
        self.simulation = Simulation(self.settings, folder, self.console, threads=self.threads)

    def refuse(self, command: str) -> None:
        """A command that cannot be done here."""
        raise unsupported(f"The script command {command}")

    def step_cycle(self) -> int:
        """stepsPerCycle."""
        return max(self.settings.integer("stepspercycle", 20), 1)

    def run(self, steps: int) -> None:
        """`run N`."""
        self.worked = True
        self._simulation().run(steps)

    def minimize(self, steps: int) -> None:
        """`minimize N`."""
        self.worked = True
        self._simulation().minimize(steps)

    def change(self, name: str, value: str) -> None:
        """A keyword set after start-up: only those that NAMD lets change, and that this engine can follow."""
        self.console.line(f"TCL: Setting parameter {name} to {value}")
        info = keyword(name)
        if info is None or not info.changeable or not info.exists_in("3.0"):
            raise FatalError(f"Setting parameter {name} from script failed!\n")
        if info.name.lower() == "fixedatoms" and not self.settings.switch("fixedAtoms"):
            raise FatalError("FixedAtoms may not be enabled in a script.")
        self.settings.change(name, value)
        if support(name) is Support.UNSUPPORTED and not is_neutral(info, self.settings):
            raise unsupported(f"Setting {info.name} to {value}")
        self._simulation().change(name, value)

    def command(self, name: str, args: list[str]) -> str:
        """Commands other than run and minimize."""
        simulation = self._simulation()
        if name == "reinitvels":
            simulation.reinitialize_velocities(_number(name, args[0]))
        elif name == "rescalevels":
            simulation.rescale_velocities(_number(name, args[0]))
        elif name == "output" and len(args) == 1:
            simulation.write_copy(args[0])
        elif name not in PASSIVE_COMMANDS:
            self.refuse(" ".join([name, *args]))
        return ""


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise FatalError(f'{name}: expected floating-point number but got "{text}"') from None
