"""Tcl's file commands for an evaluated config: ``source open close puts file glob cd pwd exec`` on a `FileView`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from namdrunner.namd.tcl_commands import ASKING_FILE, MAX_SOURCE_DEPTH, PURE_FILE
from namdrunner.namd.tcl_files import MAX_FILE_BYTES, MAX_SOURCE_BYTES, FileView, Refused
from namdrunner.namd.tcl_programs import imitate, split_pipeline


class FileCommands:
    """The commands, bound to one interpreter; ``written_by_now`` tells whether NAMD would have written a file yet."""

    def __init__(
        self,
        tcl: Any,
        files: FileView,
        problem: Callable[[str, str], None],
        written_by_now: Callable[[str], bool],
        shown_as: dict[str, str],
    ) -> None:
        self.tcl = tcl
        self.files = files
        self._problem = problem
        self._written_by_now = written_by_now
        self.shown_as = shown_as
        self.depth = 0
        self.failed = ("", "")
        self.discarding: set[str] = set()

    def table(self) -> Mapping[str, Callable[..., str]]:
        return {
            "source": self._source,
            "open": self._open,
            "close": self._close,
            "puts": self._puts,
            "flush": self._flush,
            "file": self._file,
            "glob": self._glob,
            "cd": self._cd,
            "pwd": self._pwd,
            "exec": self._exec,
        }

    def hidden(self, command: str, *args: str) -> str:
        """Run a command that the script itself cannot call."""
        return str(self.tcl.call("interp", "invokehidden", "child", command, *args))

    def _source(self, *args: str) -> str:
        if len(args) not in (1, 3):
            raise Refused('wrong # args: should be "source ?-encoding name? fileName"')
        real = str(self.files.readable(args[-1], "read file", MAX_SOURCE_BYTES))
        if self.depth >= MAX_SOURCE_DEPTH:
            raise Refused("too many nested evaluations (infinite loop?)")
        self.depth += 1
        try:
            self.shown_as.setdefault(real, str(self.files.absolute(args[-1])))
            return self.hidden("source", real)
        except Exception as error:
            # The trace of the innermost file is lost on the way out through Python.
            if str(error) != self.failed[0]:
                self.failed = (str(error), str(self.tcl.eval("set ::errorInfo")))
            raise
        finally:
            self.depth -= 1

    def _open(self, *args: str) -> str:
        if not 1 <= len(args) <= 3:
            raise Refused('wrong # args: should be "open fileName ?access? ?permissions?"')
        name, access = args[0], (args[1] if len(args) > 1 else "r").strip()
        if name.lstrip().startswith("|"):
            self._problem("exec-not-run", f"open {name!r} starts a program; programs are not run here")
            raise Refused(f'couldn\'t execute "{name.lstrip("| ")}": programs are not run while a config is checked')
        if access.upper() in ("R", "RB", "RDONLY"):
            return self.hidden("open", str(self.files.readable(name, "open", MAX_FILE_BYTES)), "r")
        self._problem("write-not-done", f'opening "{name}" for writing: nothing is written while a config is checked')
        append = access.lower().startswith("a") or "APPEND" in access.upper()
        channel = self.hidden("open", str(self.files.private_copy(name)), "a" if append else "w")
        self.discarding.add(channel)
        return channel

    def _close(self, *args: str) -> str:
        self.discarding.discard(args[0] if args else "")
        return self.hidden("namdrunner_close", *args)

    def _puts(self, *args: str) -> str:
        words = [word for word in args if word != "-nonewline"]
        if len(words) == 2 and words[0] not in ("stdout", "stderr"):
            if words[0] not in self.discarding:
                raise Refused(f'can not find channel named "{words[0]}"')
            self.hidden("namdrunner_puts", *args)
        elif not 1 <= len(words) <= 2:
            raise Refused('wrong # args: should be "puts ?-nonewline? ?channelId? string"')
        return ""

    def _flush(self, *args: str) -> str:
        if len(args) != 1:
            raise Refused('wrong # args: should be "flush channelId"')
        return "" if args[0] in ("stdout", "stderr") else self.hidden("namdrunner_flush", *args)

    def _file(self, *args: str) -> str:
        if not args:
            raise Refused('wrong # args: should be "file subcommand ?arg ...?"')
        verb, rest = args[0], args[1:]
        if any(word.startswith("~") for word in rest):
            raise Refused("the home folder is not available to a config")
        if verb in PURE_FILE:
            return str(self.tcl.call("file", verb, *rest))
        if verb in ASKING_FILE and rest:
            return self._ask_file(verb, rest[0])
        if verb == "mkdir":
            for word in rest:
                self.files.make_folder(word)
            return ""
        if verb in ("delete", "copy", "rename"):
            self._problem("write-not-done", f"file {verb}: nothing is changed while a config is checked")
            self._change_files(verb, [word for word in rest if not word.startswith("-")])
            return ""
        raise Refused(f"file {verb} is not available while a config is checked")

    def _ask_file(self, verb: str, name: str) -> str:
        if verb in ("exists", "isdirectory", "writable") and self.files.absolute(name) in self.files.made_folders:
            return "1"
        path = self.files.question(verb, name)
        return "0" if path is None else str(self.tcl.call("file", verb, str(path)))

    def _change_files(self, verb: str, words: list[str]) -> None:
        if verb == "delete":
            for word in words:
                self.files.forget(word)
            return
        for word in words[:-1]:
            if not self._written_by_now(word):
                self.files.copy(word, words[-1], {"copy": "copying", "rename": "renaming"}[verb])

    def _glob(self, *args: str) -> str:
        previous = Path.cwd()
        os.chdir(self.files.cwd)
        try:
            found = self.tcl.splitlist(self.tcl.call("glob", *args))
        finally:
            os.chdir(previous)
        allowed = [name for name in found if self.files.inside(self.files.absolute(name))]
        return str(self.tcl.eval("list " + " ".join("{" + name + "}" for name in allowed)))

    def _cd(self, *args: str) -> str:
        if args:
            self.files.change_folder(args[0])
        return ""

    def _pwd(self, *_: str) -> str:
        return str(self.files.cwd)

    def _check_program(self, name: str) -> None:
        """A program beside the config that is not there is not there for NAMD either."""
        if name.startswith(("./", "../")) and not self.files.exists(name):
            raise Refused(f'couldn\'t execute "{name}": no such file or directory')

    def _exec(self, *args: str) -> str:
        stages, source, target = split_pipeline(args)
        try:
            text = "" if source is None else self.files.text(source)
            for words in stages:
                text = imitate(words, text, self.files.text, self.files.make_folder)
        except NotImplementedError:
            self._check_program(stages[0][0] if stages[0] else "")
            self._problem(
                "exec-not-run", f"exec {' '.join(args)[:200]}: programs are not run while a config is checked"
            )
            return ""
        if target is None:
            return text.rstrip("\n")
        private = self.files.private_copy(target)
        private.write_text(text, encoding="utf-8")
        self.shown_as[str(private)] = str(self.files.absolute(target))
        return ""
