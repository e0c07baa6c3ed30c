"""The two remote commands of a discovery: what the cluster says of itself, and which NAMD its modules hold.

Each is one bash program whose reply comes in framed sections; every question has a time limit and a largest answer.
What is read from the cluster is never run: module names reach a shell only as quoted arguments of ``module``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from namdrunner.jobs.frames import prologue
from namdrunner.slurm.discovery_modules import MAX_NAMD_MODULES
from namdrunner.slurm.discovery_slurm import NODE_COLUMNS
from namdrunner.slurm.profile import ClusterProfile

PATIENCE_S = 30
MODULE_PATIENCE_S = 90
PROBE_PATIENCE_S = 45
LARGEST = 2 * 1024 * 1024
"""Bytes of one answer; the rest is cut off, and said to be."""

_ASK = r"""
ask() {
  local name=$1 rc; shift
  frame "$name"
  if command -v "$1" >/dev/null 2>&1; then
    bounded "$PATIENCE" "$@" 2>&1 </dev/null | head -c "$LARGEST"; rc=${PIPESTATUS[0]}
  else
    rc=127
  fi
  frame status "$name" "$rc"
}
"""

_SLURM = r"""
me=$(id -un)
ask version sinfo --version
ask config scontrol show config
ask partitions scontrol -o show partition
frame nodes
bounded "$PATIENCE" scontrol -o show nodes 2>/dev/null </dev/null | awk -v want="$COLUMNS_WANTED" '
  BEGIN { n = split(want, keys, ","); for (i = 1; i <= n; i++) is[keys[i]] = 1 }
  { split("", v); for (i = 1; i <= NF; i++) { at = index($i, "="); k = substr($i, 1, at - 1)
      if (at > 1 && (k in is) && !(k in v)) v[k] = substr($i, at + 1) }
    line = ""; for (i = 1; i <= n; i++) { x = v[keys[i]]; gsub(/\|/, "/", x); line = line (i > 1 ? "|" : "") x }
    if (("CPUTot" in v)) count[line]++ }
  END { for (line in count) print count[line] "|" line }' | head -c "$LARGEST"
ask sinfo sinfo -h -o '%P|%a|%l|%L|%D|%c|%z|%m|%G|%T'
ask qos sacctmgr -P show qos
ask associations sacctmgr -P show assoc user="$me"
ask default-account sacctmgr -n -P show user "$me" format=defaultaccount
"""

_MORE = r"""
ask shares sshare -P -U -l
ask reservations scontrol -o show reservation
ask mpi srun --mpi=list
for d in "$HOME" "$PROJECT" "$SCRATCH_ROOT"; do
  while [ -n "$d" ] && [ ! -d "$d" ]; do d=${d%/*}; done
  case " $seen " in *" $d "*) continue ;; esac
  seen="$seen $d"
  frame df "$d"; bounded "$PATIENCE" df -PkT -- "$d" 2>/dev/null </dev/null | tail -n 1 | head -c 2000
  if command -v lfs >/dev/null 2>&1 && [ "$(stat -f -c %T -- "$d" 2>/dev/null)" = lustre ]; then
    frame quota; bounded "$PATIENCE" lfs quota -u "$me" "$d" 2>/dev/null </dev/null | head -c 20000
  fi
done
if command -v quota >/dev/null 2>&1; then
  frame quota; bounded "$PATIENCE" quota -w 2>/dev/null </dev/null | head -c 20000
fi
if [ -n "$QUOTA" ]; then frame quota-text; bounded "$PATIENCE" bash -l -c "$QUOTA" 2>&1 </dev/null | head -c 20000; fi
"""

_INIT = r"""
frame() { printf "\n==%s %s\n" "$N" "$*"; }
if ! type module >/dev/null 2>&1; then
  for f in /etc/profile.d/lmod.sh /etc/profile.d/modules.sh /usr/share/lmod/lmod/init/bash \
    /usr/share/Modules/init/bash /usr/share/modules/init/bash; do
    [ -r "$f" ] && . "$f" >/dev/null 2>&1
    type module >/dev/null 2>&1 && break
  done
fi
export LMOD_PAGER=none MODULES_PAGER= LMOD_COLORIZE=no MODULES_COLOR=never
"""

_MODULES = r"""
frame module-system
if ! type module >/dev/null 2>&1; then exit 0; fi
if [ -n "$LMOD_CMD$LMOD_VERSION" ]; then
  echo "Lmod $LMOD_VERSION"
  list=$(module --redirect -t spider 2>&1 </dev/null | head -c "$LARGEST")
else
  module --version 2>&1 </dev/null | head -n 3
  list=$(module -t avail 2>&1 </dev/null | head -c "$LARGEST")
fi
frame modules; printf "%s\n" "$list"
[ -n "$LMOD_CMD$LMOD_VERSION" ] || exit 0
printf "%s\n" "$list" | grep -iE "(^|[/_.-])namd[^:]*$" | grep -E "^[A-Za-z0-9][A-Za-z0-9._+@/-]*[A-Za-z0-9]$" |
  sort -u | tail -n "$MOST" | while IFS= read -r name; do
    frame spider "$name"; module --redirect spider "$name" 2>&1 </dev/null | head -c 20000
  done
"""

_PROBE = r"""
for m in "$@"; do
  module load "$m" >/dev/null 2>&1 || { echo "problem=$m cannot be loaded"; exit 0; }
done
p=
for b in namd3 namd2; do p=$(command -v "$b" 2>/dev/null) && break; done
case $p in /*) echo "path=$p" ;; *) exit 0 ;; esac
ldd "$p" 2>/dev/null | awk "{ print \"library=\" \$1 }" | grep -E "mpi|cuda|cufft|hip|verbs|ucp" | head -n 20
t=$(grep -a -o -m 1 -E "(Linux|Darwin)-[A-Za-z0-9_]+(-[A-Za-z0-9_]+)*" -- "$p" 2>/dev/null | head -n 1)
echo "platform=$t"
[ "$RUN" = yes ] || { echo "problem=programs are not to be run here"; exit 0; }
d=$(mktemp -d) || exit 0
cd "$d" || exit 0
o=$(timeout -k 2 20 "$p" 2>&1 </dev/null | head -c 8000)
cd / && rm -rf -- "$d"
case $o in *"Info: NAMD "*) ;; *) echo "problem=it does not say its version when it is started alone" ;; esac
printf "output:\n%s\n" "$o"
"""


def build_facts_script(
    profile: ClusterProfile, nonce: str, *, project_root: str, scratch_root: str, whole: bool = True
) -> str:
    """The first command; without ``whole`` only what a look for drift needs (partitions, nodes, QoS, accounts)."""
    values = {
        "PATIENCE": str(PATIENCE_S),
        "LARGEST": str(LARGEST),
        "COLUMNS_WANTED": ",".join(NODE_COLUMNS),
        "PROJECT": project_root,
        "SCRATCH_ROOT": scratch_root,
        "QUOTA": profile.policies.quota_command,
    }
    lines = [f"{name}={shlex.quote(value)}" for name, value in values.items()]
    lines += [prologue(nonce), _ASK, _SLURM]
    if whole:
        lines += [_MORE, "export N LARGEST", f"export MOST={MAX_NAMD_MODULES}"]
        lines.append(f"bounded {MODULE_PATIENCE_S} bash -l -c {shlex.quote(_INIT + _MODULES)} 2>/dev/null </dev/null")
        lines.append("frame status modules $?")
    return "\n".join([*lines, "frame end"]) + "\n"


def build_probe_script(candidates: Sequence[Sequence[str]], nonce: str, *, run: bool = True, launcher: str = "") -> str:
    """The second command: what each set of modules holds. ``launcher`` (``srun ...``) runs the look elsewhere."""
    program = shlex.quote(_INIT + _PROBE)
    lines = [prologue(nonce), "export N", f"export RUN={'yes' if run else 'no'}"]
    for number, modules in enumerate(candidates):
        words = " ".join(shlex.quote(module) for module in modules)
        patience = PROBE_PATIENCE_S * (3 if launcher else 1)
        lines.append(f"frame probe {number}")
        lines.append(
            f"bounded {patience} {launcher} bash -l -c {program} probe {words} 2>/dev/null </dev/null | head -c 20000"
        )
    return "\n".join([*lines, "frame end"]) + "\n"


_WORD = re.compile(r"^[A-Za-z0-9._@/:+-]+$")


def compute_launcher(profile: ClusterProfile) -> str:
    """``srun`` on the default partition for a moment: where login nodes are not to run programs."""
    partition = next((p for p in profile.partitions if p.default), None)
    words = ["srun", "--immediate=60", "--nodes=1", "--ntasks=1", "--time=3", "--quiet", "--job-name=namdrunner-look"]
    if partition is not None:
        words.append(f"--partition={partition.name}")
        words += [f"--qos={partition.qos[0]}"] if partition.qos else []
    if profile.default_account:
        words.append(f"--account={profile.default_account}")
    return " ".join(shlex.quote(word) for word in words if _WORD.match(word.partition("=")[2] or "x"))
