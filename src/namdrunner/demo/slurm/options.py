"""Command-line options in the way of getopt_long, and sbatch's options in scripts (``#SBATCH``) and environment."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class Refusal(Exception):
    """A command that ends at once: what it prints on standard error, and its exit status."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.text = text if text.endswith("\n") else text + "\n"
        self.status = status


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True)
class OptionTable:
    """Options of one command: ``values`` take one, ``optional`` may (``--export-file[=x]``), ``flags`` take none.

    Keys are long names; ``short`` maps letters to long names.
    """

    command: str
    values: frozenset[str]
    flags: frozenset[str]
    short: Mapping[str, str]
    optional: frozenset[str] = frozenset()
    usage_status: int = 1

    @property
    def known(self) -> frozenset[str]:
        return self.values | self.flags | self.optional


@dataclass
class Parsed:
    options: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)

    def __contains__(self, name: str) -> bool:
        return name in self.options

    def get(self, name: str, default: str = "") -> str:
        return self.options.get(name, default)


def parse(table: OptionTable, words: Sequence[str], *, permute: bool = True) -> Parsed:
    """Read ``words``. ``permute``: options may follow arguments (not for sbatch, whose script ends them).

    Raises Refusal in getopt's words for what the table does not have.
    """
    parsed = Parsed()
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word == "--":
            parsed.arguments += queue
            break
        if word.startswith("--"):
            _long(table, word, queue, parsed)
        elif word.startswith("-") and word != "-":
            _short(table, word, queue, parsed)
        else:
            parsed.arguments.append(word)
            if not permute:
                parsed.arguments += queue
                break
    return parsed


def _refuse(table: OptionTable, problem: str) -> Refusal:
    return Refusal(f'{table.command}: {problem}\nTry "{table.command} --help" for more information', table.usage_status)


def _long(table: OptionTable, word: str, queue: list[str], parsed: Parsed) -> None:
    name, equals, value = word[2:].partition("=")
    if name not in table.known:
        candidates = sorted(n for n in table.known if n.startswith(name))
        if not candidates:
            raise _refuse(table, f"unrecognized option '{word}'")
        if len(candidates) > 1:
            choices = " ".join(f"'--{c}'" for c in candidates)
            raise _refuse(table, f"option '{word}' is ambiguous; possibilities: {choices}")
        name = candidates[0]
    if name in table.flags:
        if equals:
            raise _refuse(table, f"option '--{name}' doesn't allow an argument")
        parsed.options[name] = ""
    elif equals or name in table.optional:
        parsed.options[name] = value
    elif queue:
        parsed.options[name] = queue.pop(0)
    else:
        raise _refuse(table, f"option '--{name}' requires an argument")


def _short(table: OptionTable, word: str, queue: list[str], parsed: Parsed) -> None:
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        name = table.short.get(letter)
        if name is None:
            raise _refuse(table, f"invalid option -- '{letter}'")
        if name in table.flags:
            parsed.options[name] = ""
        elif name in table.optional:
            parsed.options[name] = letters
            return
        elif letters:
            parsed.options[name] = letters.removeprefix("=")
            return
        elif queue:
            parsed.options[name] = queue.pop(0)
            return
        else:
            raise _refuse(table, f"option requires an argument -- '{letter}'")


_SBATCH_VALUES = (
    "account acctg-freq array batch bb bbf begin chdir cluster-constraint clusters comment constraint"
    " core-spec cores-per-socket cpu-freq cpus-per-gpu cpus-per-task deadline delay-boot dependency distribution"
    " error exclude export export-file extra-node-info gid gpu-bind gpu-freq gpus gpus-per-node"
    " gpus-per-socket gpus-per-task gres gres-flags hint input job-name kill-on-invalid-dep licenses mail-type"
    " mail-user mcs-label mem mem-bind mem-per-cpu mem-per-gpu mincpus network nodefile nodelist nodes ntasks"
    " ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket open-mode output partition power"
    " priority profile qos reservation signal sockets-per-node switches thread-spec threads-per-core time"
    " time-min tmp uid wait-all-nodes wckey wrap"
)
_SBATCH_FLAGS = (
    "contiguous help hold ignore-pbs no-kill no-requeue overcommit oversubscribe parsable quiet reboot"
    " requeue spread-job test-only usage use-min-nodes verbose version wait"
)

SBATCH = OptionTable(
    command="sbatch",
    usage_status=255,
    values=names(_SBATCH_VALUES),
    flags=names(_SBATCH_FLAGS),
    optional=frozenset({"exclusive", "get-user-env", "nice", "propagate"}),
    short={
        "A": "account", "a": "array", "b": "begin", "D": "chdir", "C": "constraint", "c": "cpus-per-task",
        "d": "dependency", "m": "distribution", "e": "error", "x": "exclude", "B": "extra-node-info",
        "h": "help", "H": "hold", "i": "input", "J": "job-name", "k": "no-kill", "L": "licenses", "M": "clusters",
        "w": "nodelist", "N": "nodes", "n": "ntasks", "o": "output", "O": "overcommit", "s": "oversubscribe",
        "p": "partition", "q": "qos", "Q": "quiet", "S": "core-spec", "t": "time", "F": "nodefile", "v": "verbose",
        "V": "version", "W": "wait", "G": "gpus",
    },
)  # fmt: skip

_FROM_ENVIRONMENT = {
    "SBATCH_ACCOUNT": "account",
    "SBATCH_PARTITION": "partition",
    "SBATCH_QOS": "qos",
    "SBATCH_TIMELIMIT": "time",
    "SBATCH_JOB_NAME": "job-name",
    "SBATCH_OUTPUT": "output",
    "SBATCH_ERROR": "error",
    "SBATCH_EXPORT": "export",
    "SBATCH_OPEN_MODE": "open-mode",
    "SBATCH_SIGNAL": "signal",
    "SBATCH_MEM_PER_NODE": "mem",
}


def script_words(script: str) -> list[str]:
    """Words of the ``#SBATCH`` lines above the first command. Slurm ignores those that come later."""
    words: list[str] = []
    for line in script.splitlines():
        stripped = line.strip()
        if stripped.startswith("#SBATCH"):
            words += _words(stripped[len("#SBATCH") :])
        elif stripped and not stripped.startswith("#"):
            break
    return words


def _words(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = "#"
    try:
        return list(lexer)
    except ValueError:
        return text.split()


def sbatch_options(command_line: Parsed, script: str, environment: Mapping[str, str]) -> dict[str, str]:
    """All options that hold: the script's, overridden by the environment's, overridden by the command line's."""
    merged = dict(parse(SBATCH, script_words(script)).options)
    for variable, name in _FROM_ENVIRONMENT.items():
        if environment.get(variable):
            merged[name] = environment[variable]
    merged.update(command_line.options)
    return merged
