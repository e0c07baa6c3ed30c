"""The remote commands that look at a job's restart files where they are: sizes, first bytes, cells, the log's words.

Nothing is copied. The values of the files are looked at by a second command, for the set that is to be used.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from namdrunner.jobs.frames import prologue, sections

MAX_FILES = 400
"""The newest files that are looked at."""
SMALL_INPUT = 65536
"""Inputs up to this many bytes are read along, where asked for: scripts that a config sources."""
SCAN_WHOLE = 256 * 1024 * 1024
SCAN_ENDS = 64 * 1024 * 1024
"""Of larger files so many bytes of the beginning and of the end are looked at."""

_LOOK = r"""
frame config; head -c 4194304 "$PROJECT/config.namd" 2>/dev/null
n=0
look() {
  local root=$1 line size rest time path head
  [ -d "$root" ] || return 0
  while IFS= read -r -d '' line; do
    time=${line%%$'\t'*} rest=${line#*$'\t'}
    size=${rest%%$'\t'*} path=${rest#*$'\t'}
    n=$((n + 1))
    head=$(od -An -v -tx1 -N4 -- "$root/$path" 2>/dev/null | tr -d ' \n')
    frame file "$n" "$2" "$size" "$time" "${head:--}"
    printf '%s' "$path"
    case $path in
      *.xsc | *.xsc.old | *.xsc.BAK) frame text "$n"; head -c 8192 -- "$root/$path" ;;
      *.state | *.state.old) frame text "$n"; head -c 2048 -- "$root/$path" ;;
    esac
  done < <(find "$root" -maxdepth 8 -type f \( -name '*.coor' -o -name '*.vel' -o -name '*.xsc' \
      -o -name '*.coor.old' -o -name '*.vel.old' -o -name '*.xsc.old' -o -name '*.coor.BAK' -o -name '*.vel.BAK' \
      -o -name '*.xsc.BAK' -o -name '*.colvars.state' -o -name '*.colvars.state.old' \) \
      -printf '%T@\t%s\t%P\0' 2>/dev/null | LC_ALL=C sort -z -r -n | head -z -n "$MAX")
}
look "$PROJECT/outputs" outputs
look "$RUN" run
if [ -f "$PROJECT/logs/namd.log" ]; then
  p='^WRITING (EXTENDED SYSTEM|COORDINATES|VELOCITIES) TO (RESTART|OUTPUT) '
  w=$(grep -aE "$p" "$PROJECT/logs/namd.log" 2>/dev/null)
  frame log "$(printf '%s\n' "$w" | wc -l)"; printf '%s\n' "$w" | tail -n 300
fi
for i in "${INPUTS[@]}"; do
  frame input; printf '%s\n' "$i"; head -c "$SMALL" -- "$PROJECT/input_files/$i" 2>/dev/null
done
frame end
"""

_SCAN = r"""
hex() { od -An -v -tx8 -w2048 2>/dev/null; }
bad() { grep -m1 -cE ' [7f]ff[0-9a-f]{13}'; }
scan() {
  local size odd=0
  size=$(stat -L -c %s -- "$2" 2>/dev/null) || { frame scan "$1" missing 0 -; return; }
  if [ -z "$3" ]; then
    odd=-
  elif [ "$size" -le "$WHOLE" ]; then
    odd=$(tail -c +5 -- "$2" | hex | bad)
  else
    odd=$({ head -c $((ENDS + 4)) -- "$2" | tail -c +5; tail -c "$ENDS" -- "$2"; } | hex | bad)
  fi
  frame scan "$1" "$odd" "$size" "$(sha256sum <"$2" | cut -d ' ' -f 1)"
}
"""


@dataclass(frozen=True)
class ListedFile:
    """A file of the listing. ``root``: ``outputs`` (of the project folder) or ``run``; ``path`` below it."""

    root: str
    path: str
    size: int
    modified_at: float
    head: bytes
    text: str = ""


@dataclass(frozen=True)
class Look:
    """What the first command saw. ``log``: WRITING lines, the last of ``log_lines``; ``inputs``: texts by name."""

    config: str = ""
    files: tuple[ListedFile, ...] = ()
    log: tuple[str, ...] = ()
    log_lines: int = 0
    inputs: dict[str, bytes] = field(default_factory=dict)
    complete: bool = False


@dataclass(frozen=True)
class Scan:
    """A file's values and digest; ``finite`` None where it was not looked for, ``size`` 0 where the file is gone."""

    finite: bool | None
    size: int
    sha256: str


def build_look_script(project_dir: str, run_dir: str, nonce: str, *, inputs: Sequence[str] = ()) -> str:
    """A bash program for ``bash -s``; ``inputs`` are names below ``input_files/`` whose texts are wanted, too."""
    return "\n".join(
        (
            f"PROJECT={shlex.quote(project_dir)} RUN={shlex.quote(run_dir)}",
            f"INPUTS=({' '.join(shlex.quote(name) for name in inputs)})",
            f"MAX={MAX_FILES} SMALL={SMALL_INPUT}",
            prologue(nonce),
            _LOOK,
        )
    )


def build_scan_script(files: Sequence[tuple[str, bool]], nonce: str) -> str:
    """A bash program for ``bash -s``: absolute paths, and whether the values (little-endian doubles) are looked at."""
    # Side by side, each reply in a file of its own, so that the sections do not mix.
    lines = ["d=$(mktemp -d) || exit 1; trap 'rm -rf -- \"$d\"' EXIT"]
    for number, (path, values) in enumerate(files):
        how = "values" if values else "''"
        lines.append(f'scan {number} {shlex.quote(path)} {how} >"$d/{number}" &')
    lines += ["wait", 'cat "$d"/*', "frame end"]
    return "\n".join((f"WHOLE={SCAN_WHOLE} ENDS={SCAN_ENDS}", prologue(nonce), _SCAN, *lines)) + "\n"


def parse_look_reply(reply: bytes, nonce: str) -> Look:
    """Sections that are not whole are left out."""
    files: dict[str, ListedFile] = {}
    config, log_lines, complete = "", 0, False
    log: tuple[str, ...] = ()
    inputs: dict[str, bytes] = {}
    for words, body in sections(reply, nonce):
        match words:
            case ["config"]:
                config = body.decode("utf-8", "surrogateescape")
            case ["file", number, root, size, time, head]:
                path = body.decode("utf-8", "surrogateescape")
                first = b"" if head == "-" else bytes.fromhex(head)
                files[number] = ListedFile(root, path, int(size), float(time), first)
            case ["text", number] if number in files:
                known = files[number]
                text = body.decode("latin-1")
                files[number] = ListedFile(known.root, known.path, known.size, known.modified_at, known.head, text)
            case ["log", count]:
                log, log_lines = tuple(body.decode("utf-8", "replace").splitlines()), int(count)
            case ["input"]:
                name, _, content = body.partition(b"\n")
                inputs[name.decode("utf-8", "surrogateescape")] = content
            case ["end"]:
                complete = True
            case _:
                continue
    return Look(config, tuple(files.values()), log, log_lines, inputs, complete)


def parse_scan_reply(reply: bytes, nonce: str) -> dict[int, Scan]:
    """By the number of the file in the request."""
    found = {}
    for words, _ in sections(reply, nonce):
        match words:
            case ["scan", number, odd, size, digest]:
                finite = None if odd in ("-", "missing") else odd.strip() == "0"
                found[int(number)] = Scan(finite, int(size), "" if digest == "-" else digest)
            case _:
                continue
    return found
