"""Entry of the engine: arguments as NAMD takes them, exit status as NAMD 3.0 gives it."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from namdrunner.demo.engine.console import Console
from namdrunner.demo.engine.fatal import FatalError

VALUED_OPTIONS = ("+devices", "+pmepes", "+pemap", "+commap", "+ppn", "+stdout", "+idlepoll")
END = "[Partition 0][Node 0] End of program"


@dataclass
class Arguments:
    """The command line: configs, threads, and keywords given as `--keyword value`."""

    configs: list[str] = field(default_factory=list)
    threads: int = 1
    threads_given: bool = False
    keywords: dict[str, str] = field(default_factory=dict)


def parse(argv: Sequence[str]) -> Arguments:
    """Read NAMD's way of writing arguments; raises FatalError."""
    arguments = Arguments()
    words = iter(argv)
    for word in words:
        threads = re.fullmatch(r"\+{1,2}p(\d*)", word)
        if threads:
            count = threads.group(1) or next(words, "")
            if not count.isdigit() or int(count) < 1:
                raise FatalError(f"Invalid number of processors: {count}")
            arguments.threads, arguments.threads_given = int(count), True
        elif word in VALUED_OPTIONS:
            next(words, None)
        elif word.startswith("+"):
            continue
        elif word.startswith("--"):
            arguments.keywords[word[2:]] = next(words, "")
        else:
            arguments.configs.append(word)
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run a config; 0 when it came to its end, 1 after a fatal error."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # As NAMD: an interrupted run simply stops, its log simply ends.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    console = Console()
    try:
        _run(parse(sys.argv[1:] if argv is None else argv), console)
    except FatalError as error:
        for line in error.errors:
            console.line(f"ERROR: {line}")
        console.line(f"FATAL ERROR: {error.message}")
        sys.stderr.write(f"FATAL ERROR: {error.message}\n")
        console.line(END)
        return 1
    except BrokenPipeError:
        # The reader of the log went away; nothing can be said to it any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _run(arguments: Arguments, console: Console) -> None:
    begin, cpu = time.monotonic(), time.process_time()
    if not arguments.threads_given:
        console.line("Charm++> No provisioning arguments specified. Running with a single PE.")
    try:
        from namdrunner.demo.engine.banner import print_banner, print_config
        from namdrunner.demo.engine.clock import memory_mb
        from namdrunner.demo.engine.session import Session
    except ImportError as error:
        if (error.name or "").split(".")[0] != "openmm":
            raise
        raise FatalError("OpenMM is not installed; install NAMDRunner with its extra: namdrunner[demo].") from None
    print_banner(console, arguments.threads)
    if not arguments.configs:
        raise FatalError("No simulation config file specified on command line.")
    for config in arguments.configs:
        if not Path(config).is_file():
            raise FatalError(f"Unable to access config file {config}")
    paths = [Path(config).resolve() for config in arguments.configs]
    folder = paths[-1].parent
    os.chdir(folder)
    print_config(console, paths[-1].name, folder)
    Session(paths, console, arguments.threads, arguments.keywords).play()
    console.line("====================================================")
    console.line()
    console.line(
        f"WallClock: {time.monotonic() - begin:f}  CPUTime: {time.process_time() - cpu:f}  Memory: {memory_mb():f} MB"
    )
    console.line(END)
