"""The process in which a NAMD config is evaluated: standard library only, started by ``tcl.py``.

A NAMD config is a Tcl script, so Tcl evaluates it. It runs in a *safe* child interpreter, which has no
``exec``, ``socket``, ``open``, ``source``, ``file``, ``glob`` or ``env``; what a config really needs of those is
given back here in a form that reads below one folder and writes nothing. The process itself is bounded in
memory, processor time and file size, because a single Tcl command (``string repeat``, a huge power) can
exhaust a machine without ever returning to the interpreter's own limits.

Request and reply are one JSON document each on stdin and stdout; ``tcl.py`` describes both.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

if __name__ == "__main__":
    # Started by path without the site module: the package is found from where this file lies.
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from namdrunner.namd.tcl_commands import (
    BLANK,
    ENVIRONMENT,
    EXACT_ARGUMENTS,
    FRAME,
    HIDDEN,
    INTEGER,
    MAX_CHANGED_BYTES,
    MAX_EVENTS,
    MAX_RUNS,
    MAX_VALUE_BYTES,
    PLATFORM,
    PRELUDE,
    SIMPLE_COMMANDS,
    SIMULATION_COMMANDS,
    UNEVEN_RUN,
    VIRTUAL_SECONDS_PER_RUN,
)
from namdrunner.namd.tcl_file_commands import FileCommands
from namdrunner.namd.tcl_files import FileView, Refused


class Evaluator:
    """One config in one interpreter; ``evaluate`` gives the reply."""

    def __init__(self, request: dict[str, Any]) -> None:
        import tkinter

        self.request = request
        self.name: str = request["name"]
        self.scratch = Path(request["scratch"])
        self.folder = Path(request["folder"]).resolve()
        self.files = FileView(
            self.folder, [Path(root).resolve() for root in request["roots"]], self.scratch, self._problem
        )
        self.defaults: dict[str, str | None] = request.get("defaults", {})
        self.shown_as: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []
        self.problems: list[dict[str, Any]] = []
        self.values: dict[str, str] = {}
        self.value_bytes = 0
        self.runs = 0
        self.started = False
        self.exited: int | None = None
        self.endless = False
        self.aborted: str | None = None
        self.virtual_s = 0
        self.tcl = tkinter.Tcl()
        self.file_commands = FileCommands(self.tcl, self.files, self._problem, self._written_by_now, self.shown_as)
        self._prepare()

    # -- the interpreter -------------------------------------------------------------------------------

    def _prepare(self) -> None:
        tcl = self.tcl
        tcl.eval("encoding system utf-8")
        tcl.eval("interp create -safe child")
        tcl.eval("interp recursionlimit child 400")
        for name in HIDDEN:
            tcl.eval(f"if {{[llength [interp eval child {{info commands {name}}}]]}} {{interp hide child {name}}}")
        tcl.eval("interp hide child close namdrunner_close")
        tcl.eval("interp hide child puts namdrunner_puts")
        tcl.eval("interp hide child flush namdrunner_flush")
        tcl.call("interp", "eval", "child", PRELUDE)
        for name, value in {**ENVIRONMENT, **self.request.get("environment", {})}.items():
            tcl.call("set", "value", value)
            tcl.eval(f"interp eval child [list set env({name}) $value]")
        tcl.call("interp", "eval", "child", "set argv0 namd3; set argv {}; set argc 0; set tcl_interactive 0")
        for name, value in PLATFORM.items():
            tcl.eval(f"interp eval child [list set tcl_platform({name}) {value}]")
        commands: dict[str, Callable[..., str]] = {
            "unknown": self._unknown,
            "param": self._unknown,
            "isset": self._isset,
            "istrue": self._istrue,
            "run": self._run,
            "minimize": self._minimize,
            "exit": self._exit,
            "abort": self._abort,
            "clock": self._clock,
            "after": self._after,
            "package": self._package,
            "fconfigure": lambda *_: "",
            "encoding": lambda *_: "utf-8",
            **self.file_commands.table(),
        }
        for name in SIMULATION_COMMANDS:
            commands[name] = self._simulation_command(name)
        for name, result in SIMPLE_COMMANDS.items():
            commands[name] = self._simple_command(name, result)
        for name, function in commands.items():
            self._alias(name, function)

    def _alias(self, name: str, function: Callable[..., str]) -> None:
        target = f"namdrunner_{name}"
        self.tcl.createcommand(target + "_raw", self._guarded(function))
        # A Python callback cannot raise a plain Tcl error, so it answers {code text} and Tcl raises it.
        self.tcl.eval(
            f"proc {target} args {{ lassign [{target}_raw {{*}}$args] code text; "
            "if {$code} { return -code error $text }; return $text }"
        )
        self.tcl.eval(f"interp alias child {name} {{}} {target}")

    @staticmethod
    def _guarded(function: Callable[..., str]) -> Callable[..., tuple[int, str]]:
        import tkinter

        def call(*args: str) -> tuple[int, str]:
            try:
                return 0, function(*args)
            except Refused as error:
                return 1, str(error)
            except tkinter.TclError as error:
                return 1, str(error)
            except (OSError, ValueError, TypeError, RecursionError) as error:
                return 1, str(error) or type(error).__name__

        return call

    def _where(self) -> tuple[str, int | None]:
        """File and line of the command being executed, innermost frame that comes from a file."""
        import tkinter

        with contextlib.suppress(tkinter.TclError, ValueError):
            for level in range(-1, -12, -1):
                words = self.tcl.splitlist(self.tcl.call("interp", "eval", "child", f"::tcl::info::frame {level}"))
                frame = dict(zip(words[::2], words[1::2], strict=False))
                if frame.get("type") == "source":
                    path = str(frame["file"])
                    return self.shown_as.get(path, path), int(frame["line"])
        return self.name, None

    def _cancel(self) -> None:
        self.tcl.eval("interp cancel -unwind child")

    # -- NAMD's keywords and commands ------------------------------------------------------------------

    def _record(self, kind: str, **facts: Any) -> None:
        file, line = self._where()
        self.events.append({"kind": kind, "file": file, "line": line, "after": self.started, **facts})
        if len(self.events) > MAX_EVENTS:
            self.endless = True
            self._cancel()

    def _problem(self, code: str, message: str) -> None:
        if len(self.problems) < 200:
            file, line = self._where()
            self.problems.append({"code": code, "message": message, "file": file, "line": line})

    def _unknown(self, *args: str) -> str:
        """A command that Tcl does not know sets or reads a keyword; the syntax narrows once NAMD has started up."""
        name, value = self._changed(args) if self.started else self._configured(args)
        if not value:
            return self._read_parameter(name)
        if name.lower() in self.request["overrides"]:
            return ""
        self.value_bytes += len(value)
        if self.value_bytes > MAX_VALUE_BYTES:
            self.endless = True
            self._cancel()
            raise Refused("the values of this config are larger than 16 MB")
        self.values[name.lower()] = value
        self._record("set", name=name, value=value)
        return ""

    @staticmethod
    def _configured(args: tuple[str, ...]) -> tuple[str, str]:
        """Before start-up: an equals sign may stand anywhere after the name, a word beginning with # is a comment."""
        name, equals, rest = args[0].partition("=") if args else ("", "", "")
        words = list(itertools.takewhile(lambda word: not word.startswith("#"), args[1:]))
        if not equals and words and words[0].startswith("="):
            words[0] = words[0][1:]
        if not name.strip(BLANK):
            raise Refused("error parsing config file")
        return name.strip(BLANK), " ".join([rest, *words]).strip(BLANK)

    @staticmethod
    def _changed(args: tuple[str, ...]) -> tuple[str, str]:
        """After start-up: one word or three, no equals sign, no comment."""
        if len(args) not in (1, 2, 4):
            raise Refused("wrong # args for NAMD config parameter")
        value = " ".join(args[1:])
        if len(args[0]) >= MAX_CHANGED_BYTES or len(value) >= MAX_CHANGED_BYTES:
            raise Refused("parameter value too long for NAMD config parameter")
        return args[0], value.strip(BLANK)

    def _read_parameter(self, name: str) -> str:
        key = name.lower()
        if key in self.values:
            return self.values[key]
        if not self.started:
            raise Refused("tried before startup to read config file parameter that was not set")
        if key not in self.defaults:
            raise Refused("parameter unknown for NAMD config parameter")
        return self.defaults[key] or ""

    def _isset(self, *args: str) -> str:
        if len(args) != 1:
            raise Refused("wrong # args")
        return "1" if args[0].lower() in self.values else "0"

    def _istrue(self, *args: str) -> str:
        if len(args) != 1:
            raise Refused("wrong # args")
        value = self.values.get(args[0].lower()) or self.defaults.get(args[0].lower()) or "off"
        return "1" if value.lower() in ("on", "yes", "true", "1") else "0"

    @staticmethod
    def _steps(text: str) -> int:
        match = INTEGER.fullmatch(text.strip())
        if match is None:
            raise Refused(f'expected integer but got "{text}"')
        digits = match.group(2).lower()
        base = {"0x": 16, "0o": 8, "0b": 2}.get(digits[:2], 8 if digits[0] == "0" and len(digits) > 1 else 10)
        if base == 8 and re.search("[89]", digits):
            raise Refused(f'expected integer but got "{text}" (looks like invalid octal number)')
        steps = int(match.group(1) + digits.removeprefix("0x").removeprefix("0o").removeprefix("0b"), base)
        if not -(2**32) < steps < 2**32:
            raise Refused("integer value too large to represent")
        # Tcl's int lets unsigned 32-bit values through, and they wrap.
        return steps - 2**32 if steps >= 2**31 else steps

    def _step(self, kind: str, text: str) -> str:
        self.started = True
        steps = self._steps(text)
        if steps < 0:
            raise Refused("number of steps must be non-negative")
        if self.request.get("strict") and steps % self._cycle():
            raise Refused(UNEVEN_RUN)
        self._record(kind, steps=steps)
        self.runs += 1
        self.virtual_s += VIRTUAL_SECONDS_PER_RUN
        if self.runs >= MAX_RUNS:
            self.endless = True
            self._cancel()
        return ""

    def _cycle(self) -> int:
        text = self.values.get("stepspercycle", "20").strip()
        return int(text) if re.fullmatch(r"[1-9]\d{0,8}", text) else 1

    def _run(self, *args: str) -> str:
        self.started = True
        if not args:
            raise Refused("too few args")
        if len(args) > 2:
            raise Refused("too many args")
        if len(args) == 2 and args[0] != "norepeat":
            raise Refused("first arg not norepeat")
        return self._step("run", args[-1])

    def _minimize(self, *args: str) -> str:
        self.started = True
        if len(args) != 1:
            raise Refused("wrong # args")
        return self._step("minimize", args[0])

    def _simulation_command(self, name: str) -> Callable[..., str]:
        def command(*args: str) -> str:
            self.started = True
            if len(args) != EXACT_ARGUMENTS.get(name, len(args)):
                raise Refused("wrong # args")
            self._record("command", name=name, args=list(args))
            return "0" if name in ("measure", "colvarvalue", "cv") else ""

        return command

    def _simple_command(self, name: str, result: str) -> Callable[..., str]:
        def command(*args: str) -> str:
            if name not in ("print", "stdout"):
                self._record("command", name=name, args=list(args))
            return result

        return command

    def _exit(self, *args: str) -> str:
        self.exited = int(args[0]) if args and re.fullmatch(r"-?\d{1,9}", args[0]) else 0
        self._record("command", name="exit", args=list(args))
        self._cancel()
        return ""

    def _abort(self, *args: str) -> str:
        self.aborted = " ".join(args) or "abort"
        self._record("command", name="abort", args=list(args))
        self._cancel()
        return ""

    def _written_by_now(self, name: str) -> bool:
        """Restart files exist once enough steps were run; final files are written at exit only."""
        restart = self.values.get("restartname") or self.values.get("outputname", "") + ".restart"
        return self.runs > 0 and "restartfreq" in self.values and name.startswith(restart)

    # -- time, packages ----------------------------------------------------------------------

    def _clock(self, *args: str) -> str:
        now = time.time() + self.virtual_s
        if args and args[0] in ("seconds", "milliseconds", "microseconds", "clicks"):
            return str(int(now * {"seconds": 1, "milliseconds": 1000}.get(args[0], 1_000_000)))
        return str(self.tcl.call("clock", *args))

    def _after(self, *args: str) -> str:
        if args and args[0].isdigit() and len(args) == 1:
            self.virtual_s += math.ceil(int(args[0][:12]) / 1000)
        return ""

    def _package(self, *args: str) -> str:
        words = [word for word in args if not word.startswith("-")]
        if words[:1] == ["require"] and len(words) > 1:
            if words[1] in ("Tcl", "psfgen"):
                return "8.6"
            raise Refused(f"can't find package {' '.join(words[1:])}")
        return ""

    # -- the whole -------------------------------------------------------------------------------------

    def evaluate(self) -> dict[str, Any]:
        path = self._config_file()
        limit = time.time() + self.request["time_limit_s"]
        self.tcl.call(
            "interp", "limit", "child", "time", "-seconds", int(limit), "-milliseconds", int(limit % 1 * 1000)
        )
        self.tcl.call("interp", "limit", "child", "command", "-value", 20_000_000)
        failure = self._evaluate_file(path)
        return {
            "events": self.events,
            "problems": self.problems,
            "sources": list(self.files.sources.values()),
            "made_folders": [str(folder) for folder in self.files.made_folders],
            "made_files": [str(path) for path in self.files.overlay],
            "exited": self.exited,
            "endless": self.endless,
            "started": self.started,
            "cwd": str(self.files.cwd),
            "failure": failure,
        }

    def _config_file(self) -> str:
        text = self.request.get("text")
        if text is None:
            return str(self.folder / self.name)
        path = self.scratch / "config"
        with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
            file.write(text)
        self.shown_as[str(path)] = self.name
        return str(path)

    def _evaluate_file(self, path: str) -> dict[str, Any] | None:
        import tkinter

        try:
            self.file_commands.hidden("source", path)
        except tkinter.TclError as error:
            if self.exited is not None or self.endless:
                return None
            if self.aborted is not None:
                return {"message": self.aborted, "file": self.name, "line": None, "limit": False}
            return self._failure(str(error))
        return None

    def _failure(self, message: str) -> dict[str, Any]:
        inner_message, inner_info = self.file_commands.failed
        info = inner_info if inner_message == message else str(self.tcl.eval("set ::errorInfo"))
        frames = FRAME.findall(info)
        file, line = (frames[0][0], int(frames[0][1])) if frames else (self.name, None)
        return {
            "message": message,
            "file": self.shown_as.get(file, file),
            "line": line,
            "limit": "limit exceeded" in message,
            "command": executing(info),
        }


def executing(info: str) -> str:
    """The command named by a Tcl stack trace as being executed, first line only."""
    match = re.search(r'(?:while executing|invoked from within)\n"(.*)', info)
    return match.group(1).removesuffix('"')[:200] if match else ""


def limit_process(memory_bytes: int, time_limit_s: float) -> None:
    try:
        import resource
    except ImportError:
        return
    for kind, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, math.ceil(time_limit_s) + 1),
        (resource.RLIMIT_FSIZE, 64_000_000),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (value, value))


def main() -> NoReturn:
    request = json.loads(sys.stdin.buffer.read())
    limit_process(request["memory_bytes"], request["time_limit_s"])
    try:
        reply = Evaluator(request).evaluate()
    except ImportError as error:
        reply = {"missing": str(error)}
    # ASCII only: escapes keep lone surrogates and odd bytes harmless.
    sys.stdout.write(json.dumps(reply))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
