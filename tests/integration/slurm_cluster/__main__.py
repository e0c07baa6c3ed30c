"""``python -m tests.integration.slurm_cluster up|down|ssh``: the test cluster by hand."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.integration.slurm_cluster import records
from tests.integration.slurm_cluster.boot import start_cluster
from tests.integration.slurm_cluster.layout import PREFIX, Layout
from tests.integration.slurm_cluster.options import ClusterOptions
from tests.integration.slurm_cluster.processes import ClusterError


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.integration.slurm_cluster", description=__doc__)
    parser.add_argument("--name", default="hand", help="name of the cluster; several may run side by side")
    actions = parser.add_subparsers(dest="action", required=True)
    start = actions.add_parser("up", help="start it; it goes on until `down`")
    start.add_argument("--memory-cgroups", action="store_true", help="make too much memory end in OUT_OF_MEMORY")
    actions.add_parser("down", help="end it and remove all of it")
    actions.add_parser("list", help="which clusters run on this machine")
    shell = actions.add_parser("ssh", help="run a command there as its user, or open a shell")
    shell.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args(argv)
    try:
        if arguments.action == "up":
            return up(arguments.name, ClusterOptions(memory_cgroups=arguments.memory_cgroups))
        if arguments.action == "list":
            return show()
        return ssh(arguments.name, arguments.command) if arguments.action == "ssh" else down(arguments.name)
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1


def _parents() -> set[Path]:
    return {Path(tempfile.gettempdir()).resolve(), Path("/tmp")}


def _find(name: str) -> tuple[Layout, records.Record]:
    for parent in _parents():
        for layout, record in records.clusters(parent):
            if layout.root.name == f"{PREFIX}{name}":
                return layout, record
    raise ClusterError(f"no test cluster {name!r} runs here")


def up(name: str, options: ClusterOptions) -> int:
    began = time.monotonic()
    cluster = start_cluster(options, name=name)
    print(f"up after {time.monotonic() - began:.1f} s in {cluster.layout.root}")
    print(f"host 127.0.0.1  port {cluster.port}  user {cluster.user}  password {cluster.password}")
    print(f"key {cluster.key_file}")
    print(f"project root {cluster.project_root}  scratch root {cluster.scratch_root}")
    print(f"export SLURM_CONF={cluster.layout.slurm_conf}")
    sys.stdout.flush()
    os._exit(0)  # the daemons go on; nothing of theirs may be waited for or closed here


def down(name: str) -> int:
    records.take_down(*_find(name))
    return 0


def show() -> int:
    for parent in _parents():
        for layout, record in records.clusters(parent):
            kept = "kept" if record.owner is None else f"of process {record.owner.pid}"
            print(f"{layout.root.name.removeprefix(PREFIX)}  port {record.port}  user {record.user}  {kept}")
    return 0


def ssh(name: str, command: list[str]) -> int:
    layout, record = _find(name)
    options = ["UserKnownHostsFile=/dev/null", "StrictHostKeyChecking=no", "LogLevel=ERROR", "IdentitiesOnly=yes"]
    key = ["-i", str(layout.ssh / "id_ed25519")]
    flags = [word for option in options for word in ("-o", option)]
    os.execvp("ssh", ["ssh", *flags, *key, "-p", str(record.port), f"{record.user}@127.0.0.1", *command])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
