"""The config as a live script: its commands act on the simulation as they are reached."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from namdrunner.demo.engine.console import Console
from namdrunner.demo.engine.fatal import FatalError
from namdrunner.namd.keywords import all_keywords
from namdrunner.namd.tcl_files import Refused
from namdrunner.namd.tcl_worker import Evaluator


class Runner(Protocol):
    """What the script drives."""

    def start(self, names: list[str], pairs: list[tuple[str, str]]) -> None:
        """The keywords are complete: read the files and set the system up."""

    def run(self, steps: int) -> None:
        """`run N`."""

    def minimize(self, steps: int) -> None:
        """`minimize N`."""

    def change(self, name: str, value: str) -> None:
        """A keyword set after start-up."""

    def command(self, name: str, args: list[str]) -> str:
        """Any other command of NAMD."""

    def step_cycle(self) -> int:
        """stepsPerCycle."""

    def refuse(self, command: str) -> None:
        """A command that cannot be done here; raises FatalError."""

    @property
    def threads(self) -> int:
        """What `numPes` answers."""


class LiveScript(Evaluator):
    """Evaluates the config with the same rules as the checker, but with real files, real time and real runs."""

    def __init__(self, config: Path, runner: Runner, console: Console, given: dict[str, str]) -> None:
        self.runner = runner
        self.console = console
        self.given = given
        self.failure: FatalError | None = None
        self.names: list[str] = []
        self.pairs: list[tuple[str, str]] = []
        request: dict[str, Any] = {
            "name": config.name,
            "folder": str(config.parent),
            "roots": [config.anchor],
            "scratch": tempfile.gettempdir(),
            "overrides": [name.lower() for name in given],
            "defaults": {info.name.lower(): info.default for info in all_keywords()},
            "environment": {n: v for n, v in os.environ.items() if n.startswith("NAMDRUNNER_")},
        }
        super().__init__(request)
        self._go_live()

    def _go_live(self) -> None:
        live: dict[str, Callable[..., str]] = {
            "open": self._open_file,
            "puts": self._put,
            "close": lambda *args: self.file_commands.hidden("namdrunner_close", *args),
            "file": lambda *args: str(self.tcl.call("file", *args)),
            "glob": lambda *args: str(self.tcl.call("glob", *args)),
            "cd": lambda *args: str(self.tcl.call("cd", *args)),
            "pwd": lambda *args: str(self.tcl.call("pwd", *args)),
            "exec": self._imitate,
            "fconfigure": lambda *args: self.file_commands.hidden("fconfigure", *args),
        }
        for name, function in live.items():
            self._alias(f"live_{name}", function)
            self.tcl.eval(f"interp alias child {name} {{}} namdrunner_live_{name}; interp alias child live_{name} {{}}")
        for name, value in os.environ.items():
            self.tcl.call("interp", "eval", "child", ["set", f"env({name})", value])

    def _open_file(self, *args: str) -> str:
        if args and args[0].lstrip().startswith("|"):
            raise Refused("programs are not started by the OpenMM demo engine")
        return self.file_commands.hidden("open", *args)

    def _put(self, *args: str) -> str:
        words = [word for word in args if word != "-nonewline"]
        if len(words) == 1 or words[:1] in (["stdout"], ["stderr"]):
            self.console.line(words[-1])
            return ""
        return self.file_commands.hidden("namdrunner_puts", *args)

    def _imitate(self, *args: str) -> str:
        """`exec`: the few harmless programs that published configs start are imitated; no program is started."""
        known = len(self.problems)
        answer = str(self.file_commands.table()["exec"](*args))
        if len(self.problems) > known:
            words = " ".join(args)
            raise Refused(f'couldn\'t execute "{words}": the OpenMM demo engine starts no programs')
        for folder in self.files.made_folders:
            Path(folder).mkdir(parents=True, exist_ok=True)
        return answer

    # -- events as they happen ---------------------------------------------------------------------------

    def _record(self, kind: str, **facts: Any) -> None:
        """Commands reach the simulation here; nothing is kept, since a live script may run for ever."""
        if kind == "set" and not self.simulating:
            self.names.append(str(facts["name"]))
            self.pairs.append((str(facts["name"]), str(facts["value"])))
        elif kind == "set":
            self._act(lambda: self.runner.change(facts["name"], facts["value"]))

    @property
    def simulating(self) -> bool:
        """Whether the simulation has been set up."""
        return self._begun

    _begun = False

    def begin(self) -> None:
        """Set the simulation up, once."""
        if self._begun:
            return
        self._begun = True
        self.started = True
        given = list(self.given.items())
        self._act(lambda: self.runner.start([*self.given, *self.names], given + self.pairs))

    def begin_without_work(self) -> None:
        """Set the simulation up after a script that asked for nothing; raises FatalError."""
        with contextlib.suppress(Refused):
            self.begin()
        self._raise_pending()

    def _step(self, kind: str, text: str) -> str:
        steps = self._steps(text)
        if steps < 0:
            raise Refused("number of steps must be non-negative")
        self.begin()
        if steps % self.runner.step_cycle():
            raise Refused("number of steps must be a multiple of stepsPerCycle")
        work = self.runner.run if kind == "run" else self.runner.minimize
        self._act(lambda: work(steps))
        return ""

    def _simulation_command(self, name: str) -> Callable[..., str]:
        check = super()._simulation_command(name)

        def command(*args: str) -> str:
            check(*args)
            self.begin()
            return self._act(lambda: self.runner.command(name, list(args))) or ""

        return command

    def _simple_command(self, name: str, result: str) -> Callable[..., str]:
        """Commands that need no simulation: printing and counting work, the others are refused aloud."""

        def command(*args: str) -> str:
            if name == "print":
                self.console.line(f"TCL: {' '.join(args)}")
            elif name == "numPes":
                return str(self.runner.threads)
            elif not result:
                self._act(lambda: self.runner.refuse(" ".join([name, *args])))
            return result

        return command

    def _act(self, work: Callable[[], str | None]) -> str | None:
        """Do something that may end the run: the script is then abandoned, `catch` or not."""
        try:
            return work()
        except FatalError as error:
            self.failure = error
            self._cancel()
            raise Refused(error.message) from None
        except BaseException as error:
            # Tcl would swallow it on the way; it is raised again by `play`.
            self.crash = error
            self._cancel()
            raise Refused(str(error)) from None

    crash: BaseException | None = None

    def _clock(self, *args: str) -> str:
        return str(self.tcl.call("clock", *args))

    def _after(self, *args: str) -> str:
        if len(args) == 1 and args[0].isdigit():
            time.sleep(int(args[0]) / 1000)
        return ""

    # -- the whole ---------------------------------------------------------------------------------------

    def play(self, configs: Sequence[Path]) -> None:
        """Evaluate the configs to the end of the last; raises FatalError."""
        import tkinter

        try:
            for config in configs:
                beside = config.parent == self.folder
                self.file_commands.hidden("source", config.name if beside else str(config))
        except tkinter.TclError as error:
            self._raise_pending()
            if self.exited is not None:
                return
            if self.aborted is not None:
                raise FatalError(self.aborted) from None
            raise FatalError(self._trace(str(error))) from None
        self._raise_pending()

    def _raise_pending(self) -> None:
        if self.crash is not None:
            raise self.crash
        if self.failure is not None:
            raise self.failure

    def _trace(self, message: str) -> str:
        """Message and stack as NAMD prints them, without the frames of our own wrapping."""
        info = str(self.tcl.eval("set ::errorInfo"))
        info = re.sub(r'\n    \(procedure "namdrunner_\w+" line \d+\)', "", info)
        info = re.sub(r'\n    invoked from within\n"namdrunner_[^"]*"', "", info)
        info = re.sub(r'\n    while executing\n"namdrunner_[^"]*"', "", info)
        info = re.sub(r'\n    invoked from within\n"interp invokehidden[^"]*"', "", info)
        info = re.sub(r'\n    invoked from within\n"source [^"\n]*"\Z', "", info)
        if "while executing" not in info:
            info = info.replace("invoked from within", "while executing", 1)
        return info if info.startswith(message) else message
