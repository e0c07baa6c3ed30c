"""What a job will need on a cluster, looked at in one command."""

from __future__ import annotations

import secrets
import shlex
from typing import Any

from namdrunner.jobs.folders import PARENT
from namdrunner.jobs.frames import prologue, sections
from namdrunner.remote.values import Session
from namdrunner.slurm.profile import ClusterProfile, LaunchRecipe

_SCRIPT = r"""
for tool in sbatch squeue scancel sacct sinfo; do
  command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
frame tools; printf '%s' "$missing"
frame version; sinfo --version 2>&1 </dev/null
frame controller; bounded 20 scontrol ping 2>&1 </dev/null; frame controller-status $?
for root in "$PROJECT" "$SCRATCH"; do
  frame folder "$root"
  mkdir -p "$root/$PARENT" 2>&1 && : 2>&1 >"$root/$PARENT/.probe.$$" && rm -f "$root/$PARENT/.probe.$$" && echo writable
  frame space "$root"; df -Pk "$root" 2>/dev/null | awk 'NR==2 {print $4}'
done
"""


async def check_cluster(
    session: Session, profile: ClusterProfile, project_root: str, scratch_root: str
) -> list[dict[str, Any]]:
    """Slurm's commands and controller, both roots, each recipe's binary: ``{name, ok, message, remedy}`` each."""
    nonce = secrets.token_hex(16)
    values = {"PROJECT": project_root, "SCRATCH": scratch_root, "PARENT": PARENT}
    script = "\n".join(f"{k}={shlex.quote(v)}" for k, v in values.items())
    script += f"\n{prologue(nonce)}{_SCRIPT}"
    for index, recipe in enumerate(profile.recipes):
        look = shlex.quote(environment_script(recipe))
        script += f"frame recipe {index}; bounded 60 bash -l -c {look} 2>&1 </dev/null\n"
    reply = await session.run("bash -s", stdin=script.encode(), timeout_s=180, label="test the cluster")
    checks: list[dict[str, Any]] = []
    for words, body in sections(reply.stdout, nonce):
        text = body.decode("utf-8", "replace").strip()
        check = _judge(words, text, profile)
        if check is not None:
            checks.append(check)
    return checks


def environment_script(recipe: LaunchRecipe) -> str:
    """The recipe's set-up, and where its binary then is; the last line is the path."""
    lines = [*recipe.setup]
    if recipe.module_purge:
        lines.append("module purge")
    lines += [f"module use {shlex.quote(path)}" for path in recipe.module_use]
    lines += [f"module load {shlex.quote(module)} || exit 3" for module in recipe.modules]
    lines.append(f"command -v {shlex.quote(recipe.binary)}")
    return "\n".join(lines)


def _judge(words: list[str], text: str, profile: ClusterProfile) -> dict[str, Any] | None:
    match words:
        case ["tools"]:
            return _check(
                "slurm-commands",
                not text,
                "Slurm's commands are found." if not text else f"Not found: {text}.",
                "Ask the cluster's support how Slurm is made available in a login shell.",
            )
        case ["version"]:
            return _check("slurm-version", text.startswith("slurm"), text or "No answer from sinfo.", "")
        case ["controller"]:
            up = " is UP" in text
            message = "Slurm's controller answers." if up else text or "No answer."
            return _check("slurm-controller", up, message, "Wait, or look at the cluster's status page.")
        case ["folder", *root]:
            ok = text.endswith("writable")
            name = " ".join(root)
            message = f"{name} can be written." if ok else f"{name} cannot be written: {text}"
            return _check("folder", ok, message, "Give another root with 'namdrunner cluster edit'.")
        case ["space", *root]:
            free = int(text) * 1024 if text.isdigit() else None
            if free is None:
                return None
            ok = free > 1024**3
            return _check("space", ok, f"{free / 1e9:.1f} GB free below {' '.join(root)}.", "Free some space.")
        case ["recipe", index]:
            recipe = profile.recipes[int(index)]
            found = text.splitlines()[-1:] or [""]
            ok = found[0].startswith("/")
            message = f"{recipe.binary} is {found[0]}." if ok else f"{recipe.binary} is not found: {text[-500:]}"
            remedy = "Correct the modules of the recipe in the cluster's profile ('module spider namd' lists them)."
            return _check(f"recipe {recipe.name}", ok, message, remedy)
        case _:
            return None


def _check(name: str, ok: bool, message: str, remedy: str) -> dict[str, Any]:
    return {"name": name, "ok": ok, "message": message, "remedy": "" if ok else remedy}
