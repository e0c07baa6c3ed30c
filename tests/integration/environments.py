"""The clusters that the life-cycle suite runs on: the demo cluster and real Slurm, described alike."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.integration.slurm_cluster import SlurmCluster

Shell = Callable[[str], "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Cluster:
    """How to reach a cluster, and ``shell``: a login shell on it that does not go through NAMDRunner or SSH."""

    kind: Literal["demo", "slurm"]
    host: str
    port: int
    user: str
    password: str
    key_file: Path
    host_key_fingerprint: str
    project_root: str
    scratch_root: str
    profile: str
    partition: str
    full: tuple[str, ...]
    """``job create`` options of a job that leaves no core free on the nodes it can run on."""
    shell: Shell

    def lines(self, command: str) -> list[str]:
        """What a command says, by line; it has to succeed."""
        done = self.shell(command)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def queue(self) -> list[str]:
        """Slurm's ids of the jobs that wait or run."""
        return self.lines("squeue -h -o %A")

    def states(self, slurm_id: str) -> list[str]:
        """States of all runs of a job, as Slurm's accounting has them."""
        return [line.split()[0] for line in self.lines(f"sacct -n -X -P -D -j {slurm_id} -o State") if line]

    def clear(self, timeout_s: float = 60.0) -> None:
        """Cancel everything and wait for an empty queue."""
        end = time.monotonic() + timeout_s
        while queue := self.queue():
            self.shell(f"scancel {' '.join(queue)}")
            assert time.monotonic() < end, f"jobs do not end: {queue}"
            time.sleep(0.5)


@contextmanager
def demo_cluster(root: Path) -> Iterator[Cluster]:
    """A demo cluster below ``root``."""
    from namdrunner.demo.cluster import DemoCluster

    with DemoCluster(root) as running:
        facts = running.facts
        environment = {
            "HOME": facts.home,
            "USER": facts.user,
            "LOGNAME": facts.user,
            "PATH": f"{facts.root}/bin:/usr/local/bin:/usr/bin:/bin",
        }

        def shell(command: str) -> subprocess.CompletedProcess[str]:
            words = ["bash", "-lc", command]
            return subprocess.run(
                words, env=environment, cwd=facts.home, capture_output=True, text=True, timeout=60, check=False
            )

        yield Cluster(
            kind="demo",
            host=facts.host,
            port=facts.port,
            user=facts.user,
            password=facts.password,
            key_file=Path(facts.identity_file),
            host_key_fingerprint=facts.host_key_fingerprint,
            project_root=facts.project_root,
            scratch_root=facts.scratch_root,
            profile=facts.profile,
            partition=facts.partition,
            full=("--cores", "4"),
            shell=shell,
        )


def real_cluster(slurm: SlurmCluster) -> Cluster:
    """The session's real Slurm cluster and sshd, as the suite sees it."""
    import asyncssh

    key = asyncssh.import_public_key(slurm.host_key.split(" ", 1)[1])
    return Cluster(
        kind="slurm",
        host=slurm.host,
        port=slurm.port,
        user=slurm.user,
        password=slurm.password,
        key_file=slurm.key_file,
        host_key_fingerprint=key.get_fingerprint(),
        project_root=str(slurm.project_root),
        scratch_root=str(slurm.scratch_root),
        profile=str(slurm.profile),
        partition="cpu",
        full=("--partition", "highmem", "--qos", "mem", "--cores", "8"),
        shell=lambda command: slurm.user_command(command),
    )
