"""Short looks at a connected cluster that planning a job asks for; answers are kept for a while."""

from __future__ import annotations

import re
import secrets
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from namdrunner.errors import ClusterError, NamdrunnerError
from namdrunner.jobs.frames import prologue, sections
from namdrunner.remote.values import Session
from namdrunner.services.cluster_check import environment_script
from namdrunner.services.forecast import Space
from namdrunner.slurm.commands import try_only_stdin_command
from namdrunner.slurm.profile import LaunchRecipe
from namdrunner.slurm.refusals import refusal
from namdrunner.slurm.resources import format_walltime

SPACE_KEPT_S = 60.0
NAMD_KEPT_S = 600.0
PATIENCE_S = 20.0
"""A filesystem or a module that hangs must not hold up planning."""

_DF = re.compile(r"^(.*?)\s+\d+\s+\d+\s+(-?\d+)\s+\S+\s+(/.*)$")
_SPACE = r"""
for root in "$PROJECT" "$SCRATCH"; do
  d=$root; while [ -n "$d" ] && [ ! -d "$d" ]; do d=${d%/*}; done
  frame space; df -Pk -- "${d:-/}" 2>/dev/null </dev/null | tail -n 1
done
frame end
"""


@dataclass
class Looks:
    """``clock`` in seconds; what was seen is kept per cluster and question, failures too."""

    clock: Callable[[], float] = time.monotonic
    _seen: dict[tuple[Any, ...], tuple[float, Any]] = field(default_factory=dict)

    async def space(self, session: Session, cluster: str, roots: tuple[str, str]) -> tuple[Space, ...]:
        """Free space of the project and the scratch root; nothing where the cluster does not say."""
        key = ("space", cluster, roots)
        kept = self._kept(key, SPACE_KEPT_S)
        if kept is None:
            kept = self._keep(key, await _space(session, roots))
        return tuple(kept)

    async def namd(self, session: Session, cluster: str, recipe: LaunchRecipe) -> tuple[dict[str, Any], ...]:
        """Findings about the modules and the binary of a recipe, as the login node has them."""
        key = ("namd", cluster, recipe.model_dump_json())
        kept = self._kept(key, NAMD_KEPT_S)
        if kept is None:
            kept = self._keep(key, await _namd(session, recipe))
        return tuple(kept)

    def _kept(self, key: tuple[Any, ...], for_s: float) -> Any:
        at, value = self._seen.get(key, (0.0, None))
        return value if value is not None and self.clock() - at < for_s else None

    def _keep(self, key: tuple[Any, ...], value: Any) -> Any:
        self._seen[key] = (self.clock(), value)
        return value


async def _space(session: Session, roots: tuple[str, str]) -> list[Space]:
    nonce = secrets.token_hex(16)
    values = f"PROJECT={shlex.quote(roots[0])}\nSCRATCH={shlex.quote(roots[1])}\n"
    try:
        reply = await session.run(
            "bash -s",
            stdin=f"{values}{prologue(nonce)}{_SPACE}".encode(),
            timeout_s=PATIENCE_S,
            label="ask for free space",
        )
    except NamdrunnerError:
        return []
    lines = [b.decode("utf-8", "replace").strip() for w, b in sections(reply.stdout, nonce) if w == ["space"]]
    return [space for root, line in zip(roots, lines, strict=False) if (space := _df(root, line)) is not None]


def _df(root: str, line: str) -> Space | None:
    match = _DF.match(line)
    if match is None:
        return None
    return Space(root, f"{match.group(1)} {match.group(3)}", max(int(match.group(2)), 0) * 1024)


async def _namd(session: Session, recipe: LaunchRecipe) -> list[dict[str, Any]]:
    nonce = secrets.token_hex(16)
    script = f"{prologue(nonce)}\nframe namd\n"
    script += f"bounded {PATIENCE_S:.0f} bash -l -c {shlex.quote(environment_script(recipe))} 2>&1 </dev/null\n"
    script += "frame status $?\n"
    try:
        reply = await session.run(
            "bash -s", stdin=script.encode(), timeout_s=PATIENCE_S + 10, label=f"look for {recipe.binary}"
        )
    except NamdrunnerError:
        return []
    text, status = "", ""
    for words, body in sections(reply.stdout, nonce):
        if words == ["namd"]:
            text = body.decode("utf-8", "replace").strip()
        elif words[0] == "status":
            status = words[1]
    lines = text.splitlines()
    # 124: it took too long. Some sites have modules on compute nodes only: that says nothing about the job.
    if status in ("", "124") or (lines[-1:] and lines[-1].startswith("/")) or "module: command not found" in text:
        return []
    words_of_site = " ".join(lines[-3:])[:400]
    if status == "3":
        modules = ", ".join(recipe.modules)
        return [
            _finding(
                "module-missing",
                f"The modules of the recipe '{recipe.name}' ({modules}) cannot be loaded on the login node"
                f"{f': {words_of_site}' if words_of_site else '.'}",
                "Correct them in the cluster's profile; 'module spider namd' on the cluster lists what there is.",
            )
        ]
    return [
        _finding(
            "namd-missing",
            f"{recipe.binary} is not found on the login node in the environment of the recipe '{recipe.name}'"
            f"{f': {words_of_site}' if words_of_site else '.'}",
            "Correct the binary or the modules in the cluster's profile.",
        )
    ]


async def try_submission(session: Session, script: str) -> list[dict[str, Any]]:
    """What Slurm says to the script without taking it (sbatch --test-only). Raises what a connection may raise."""
    command = f"date +%FT%T; {try_only_stdin_command()}"
    reply = await session.run(command, stdin=script.encode(), timeout_s=60, label="sbatch --test-only")
    if reply.exit_status == 0:
        return _start_estimate(reply.text, reply.error_text)
    error: ClusterError = refusal(reply.error_text, reply.exit_status)
    if error.context.get("ambiguous"):
        return []
    return [_finding(error.code, f"Slurm would refuse the job: {error.message}", error.remedy, "error")]


_START = re.compile(r"to start at (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)")


def _start_estimate(clock: str, said: str) -> list[dict[str, Any]]:
    """When the job would start, by Slurm's own words; both times are the cluster's."""
    found = _START.search(said)
    try:
        start = datetime.fromisoformat(found.group(1)) if found else None
        now = datetime.fromisoformat(clock.split()[-1]) if clock.split() else None
    except ValueError:
        return []
    if start is None or now is None:
        return []
    wait_s = max((start - now).total_seconds(), 0.0)
    when = "at once" if wait_s < 60 else f"in about {format_walltime(round(wait_s / 60) * 60)}"
    says = f"As the queue is now, Slurm would start the job {when}."
    return [_finding("start-estimate", says, "It may change with every job that comes or ends.", "advice")]


def _finding(code: str, message: str, remedy: str, severity: str = "warning") -> dict[str, Any]:
    return {
        "code": code,
        "severity": severity,
        "message": message,
        "remedy": remedy,
        "keyword": None,
        "file": None,
        "line": None,
        "about": "cluster",
    }
