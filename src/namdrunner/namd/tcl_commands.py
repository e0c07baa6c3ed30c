"""Tables of the commands that an evaluated config meets: NAMD's own, the hidden ones, the imitated ones."""

from __future__ import annotations

import re

MAX_RUNS = 20_000
MAX_EVENTS = 100_000
MAX_VALUE_BYTES = 16_000_000
MAX_CHANGED_BYTES = 4096
MAX_SOURCE_DEPTH = 40
VIRTUAL_SECONDS_PER_RUN = 3600

# Commands that a config must not have even in a safe interpreter: they wait, nest or escape the limits.
HIDDEN = ("interp", "vwait", "fileevent", "fcopy", "zlib", "load", "unload", "socket", "chan")

# Only these may be read from the environment; the cluster sets them, so a stand-in value is given.
ENVIRONMENT = {
    "HOME": "/home/user",
    "USER": "user",
    "LOGNAME": "user",
    "TMPDIR": "/tmp",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "PWD": "/tmp",
    "SHELL": "/bin/bash",
    "HOSTNAME": "node",
    "LANG": "C",
    "SLURM_JOB_ID": "1",
    "SLURM_JOBID": "1",
    "SLURM_JOB_NAME": "job",
    "SLURM_NTASKS": "1",
    "SLURM_CPUS_PER_TASK": "1",
    "SLURM_NNODES": "1",
    "SLURM_JOB_NUM_NODES": "1",
    "SLURM_JOB_NODELIST": "node",
    "SLURM_JOB_PARTITION": "partition",
    "SLURM_SUBMIT_DIR": "/tmp",
    "SLURM_PROCID": "0",
    "SLURM_ARRAY_JOB_ID": "1",
    "SLURM_ARRAY_TASK_ID": "1",
    "SLURM_RESTART_COUNT": "0",
}

# Clusters run Linux, whatever the config is checked on.
PLATFORM = {"os": "Linux", "osVersion": "5.14", "machine": "x86_64", "platform": "unix", "user": "user"}

# What NAMD says of a run whose length is no multiple of stepspercycle; a script can catch it.
UNEVEN_RUN = "number of steps must be a multiple of stepsPerCycle"

# Commands of NAMD's script interface that need the simulation to exist (they trigger start-up).
SIMULATION_COMMANDS = [
    "output",
    "measure",
    "checkpoint",
    "revert",
    "reinitvels",
    "rescalevels",
    "rescalesolutecharges",
    "reloadCharges",
    "updateGridScale",
    "reloadGridforceGrid",
    "consForceConfig",
    "coorfile",
    "move",
    "moveallby",
    "checkpointStore",
    "checkpointLoad",
    "checkpointSwap",
    "checkpointFree",
    "colvarvalue",
    "colvarbias",
    "colvarfreq",
    "cv",
    "startup",
    "reloadStructure",
]
EXACT_ARGUMENTS = {"reinitvels": 1, "rescalevels": 1, "reloadCharges": 1, "checkpoint": 0, "revert": 0}
SIMPLE_COMMANDS = {
    "callback": "",
    "print": "",
    "numPes": "1",
    "numNodes": "1",
    "numPhysicalNodes": "1",
    "numReplicas": "1",
    "myReplica": "0",
    "replicaBarrier": "",
    "replicaSend": "",
    "replicaRecv": "",
    "replicaSendrecv": "",
    "replicaEval": "",
    "replicaYield": "",
    "python": "",
    "stdout": "",
}

PRELUDE = """
proc vecadd {a args} {
  foreach b $args { set s {}; foreach x $a y $b { lappend s [expr {$x + $y}] }; set a $s }
  return $a
}
proc vecsub {a b} { set s {}; foreach x $a y $b { lappend s [expr {$x - $y}] }; return $s }
proc vecscale {a b} {
  if {[llength $a] == 1} { set c $a; set v $b } else { set c $b; set v $a }
  set s {}; foreach x $v { lappend s [expr {$c * $x}] }; return $s
}
"""

PURE_FILE = frozenset(
    ["dirname", "extension", "join", "nativename", "normalize", "pathtype", "rootname", "separator", "split", "tail"]
)
ASKING_FILE = frozenset(
    ["atime", "executable", "exists", "isdirectory", "isfile", "mtime", "owned", "readable", "size", "type", "writable"]
)

INTEGER = re.compile(r"([+-]?)(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|[0-9]+)")
FRAME = re.compile(r'\(file "((?:[^"\\]|\\.)*)" line (\d+)\)')
# ASCII only: a non-breaking space is part of a name for NAMD, not a separator.
BLANK = " \t\n\r\v\f"
