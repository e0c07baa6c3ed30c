"""The remote command that makes a job's folder out of another's: linked or copied there, nothing sent again."""

from __future__ import annotations

import shlex
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from namdrunner.jobs.frames import prologue, sections

_SCRIPT = r"""
words() { LC_ALL=C tr -c '\40-\176' ' ' <<<"$1" | cut -c1-500; }
failed() { frame failed "$1"; words "$2"; [ -n "$made" ] && rm -rf -- "$CHILD"; frame end; exit 0; }
made=
mkdir -p -- "${CHILD%/*}" 2>/dev/null
e=$(mkdir -- "$CHILD" 2>&1) || { [ -e "$CHILD" ] && failed exists "$e"; failed write "$e"; }
made=1
cd -- "$CHILD" || failed write "the folder cannot be entered"
e=$(mkdir -p input_files outputs logs 2>&1) || failed write "$e"
take() {  # bytes, source, name below input_files
  local target=input_files/$3 size
  size=$(stat -L -c %s -- "$2" 2>/dev/null) || failed missing "$2"
  [ "$size" = "$1" ] || failed changed "$2"
  e=$(mkdir -p -- "${target%/*}" 2>&1) || failed write "$e"
  ln -- "$2" "$target" 2>/dev/null && return
  e=$(cp --preserve=timestamps -- "$2" "$target" 2>&1) || failed write "$e"
  [ "$(stat -c %s -- "$target")" = "$1" ] || failed write "$target did not arrive whole"
}
keep() {  # bytes, name: what comes on standard input
  e=$(mkdir -p -- "$(dirname -- "$2")" 2>&1) || failed write "$e"
  base64 -d >"$2" && [ "$(stat -c %s -- "$2")" = "$1" ] || failed write "$2 could not be written whole"
}
"""


@dataclass(frozen=True)
class Take:
    """A file of the new job: ``source`` is an absolute path on the cluster, ``name`` is below ``input_files/``."""

    source: str
    name: str
    size: int


@dataclass(frozen=True)
class MadeReply:
    """``problem``: '' when the folder is whole, else ``exists``, ``write``, ``missing``, ``changed`` or ``cut``."""

    problem: str
    words: str = ""


def build_make_script(child: str, takes: Sequence[Take], texts: Mapping[str, bytes], nonce: str) -> str:
    """A bash program for ``bash -s``. ``texts`` by path below the job's folder, in the order in which to write them."""
    lines = [f"CHILD={shlex.quote(child)}", prologue(nonce), _SCRIPT]
    lines += [f"take {take.size} {shlex.quote(take.source)} {shlex.quote(take.name)}" for take in takes]
    for name, content in texts.items():
        encoded = b64encode(content).decode()
        rows = "\n".join(encoded[start : start + 76] for start in range(0, len(encoded), 76))
        lines.append(f"keep {len(content)} {shlex.quote(name)} <<'E-{nonce}'\n{rows}\nE-{nonce}")
    lines.append("frame made; frame end")
    return "\n".join(lines) + "\n"


def parse_make_reply(reply: bytes, nonce: str) -> MadeReply:
    """What became of the folder; after a failure nothing of it is left."""
    for words, body in sections(reply, nonce):
        match words:
            case ["made"]:
                return MadeReply("")
            case ["failed", problem]:
                return MadeReply(problem, body.decode("utf-8", "replace").strip())
            case _:
                continue
    return MadeReply("cut")
