"""When each daemon can be used, which is later than when its process is there."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from typing import TYPE_CHECKING

from tests.integration.slurm_cluster.layout import NODES, Layout
from tests.integration.slurm_cluster.processes import ClusterError, clean_environment, wait_until

if TYPE_CHECKING:
    from tests.integration.slurm_cluster.cluster import SlurmCluster

_USABLE = {"idle", "mixed", "allocated", "completing"}


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def succeeds(*command: str) -> bool:
    return (
        subprocess.run(command, env=clean_environment(), capture_output=True, stdin=subprocess.DEVNULL).returncode == 0
    )


def munge_ready(layout: Layout) -> bool:
    return layout.munge_socket.exists() and succeeds("munge", "-n", "-S", str(layout.munge_socket))


def database_ready(layout: Layout) -> bool:
    return layout.database_socket.exists() and succeeds(
        "mariadb-admin", "--no-defaults", "-S", str(layout.database_socket), "-u", "root", "ping"
    )


def wait_ready(cluster: SlurmCluster, name: str, timeout_s: float = 60.0) -> None:
    """Wait for one daemon by its name; nodes are resumed when Slurm had given them up."""
    checks = {
        "munged": lambda: munge_ready(cluster.layout),
        "mariadbd": lambda: database_ready(cluster.layout),
        "slurmdbd": lambda: answers(cluster.ports.slurmdbd),
        "slurmctld": lambda: _controller_up(cluster),
        "sshd": lambda: answers(cluster.port),
    }
    check = checks.get(name) or (lambda: _nodes_usable(cluster, (name.removeprefix("slurmd-"),)))
    wait_until(check, name, timeout_s, cluster.daemons[name])


def wait_nodes(cluster: SlurmCluster, timeout_s: float = 60.0) -> None:
    wait_until(lambda: _nodes_usable(cluster, NODES), "all nodes", timeout_s, cluster.daemons["slurmctld"])


def _controller_up(cluster: SlurmCluster) -> bool:
    try:
        return "is UP" in cluster.scontrol("ping")
    except ClusterError:
        return False


def _nodes_usable(cluster: SlurmCluster, nodes: tuple[str, ...]) -> bool:
    listed = cluster.root_command("sinfo", "-h", "-N", "-n", ",".join(nodes), "-o", "%N %T")
    states = dict(line.split() for line in listed.splitlines())
    for node, state in states.items():
        # A trailing * means that the node does not answer: resuming it now would only mark it down again.
        if state in ("down", "drained", "draining", "inval"):
            with contextlib.suppress(ClusterError):  # its state may have changed since it was listed
                cluster.scontrol("update", f"nodename={node}", "state=resume")
    return len(states) == len(nodes) and all(state in _USABLE for state in states.values())
