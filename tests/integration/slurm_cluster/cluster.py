"""The running cluster: how to reach it, and how to break and mend it on purpose."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import psutil
from tests.integration.slurm_cluster import records
from tests.integration.slurm_cluster.layout import NODES, Layout, Ports
from tests.integration.slurm_cluster.options import ClusterOptions
from tests.integration.slurm_cluster.packages import ENVIRONMENT_MODULES
from tests.integration.slurm_cluster.processes import (
    ClusterError,
    Daemon,
    clean_environment,
    end,
    processes_with_variable,
    wait_until,
)
from tests.integration.slurm_cluster.readiness import wait_ready
from tests.integration.slurm_cluster.user import TestUser, remove_user, run_as

PROFILE = Path(__file__).parent.parent / "profiles" / "testbed.toml"


@dataclass
class SlurmCluster:
    """A cluster of seven nodes of 8 claimed cores with accounting and QoS, reached over SSH on 127.0.0.1.

    Nodes c1-c4 (partition ``cpu``, the default), g1-g2 with three GPUs ``a100`` that are not there
    (g2 with two slices of one, too), m1 (``highmem``).
    ``daemons`` are called munged, mariadbd, slurmdbd, slurmctld, slurmd-NODE and sshd.
    """

    layout: Layout
    ports: Ports
    test_user: TestUser
    options: ClusterOptions
    daemons: dict[str, Daemon]

    host = "127.0.0.1"
    profile: Path = PROFILE

    # How to reach it.

    @property
    def port(self) -> int:
        return self.ports.sshd

    @property
    def user(self) -> str:
        return self.test_user.name

    @property
    def password(self) -> str:
        return self.test_user.password

    @property
    def key_file(self) -> Path:
        """Private key without a passphrase that the cluster accepts."""
        return self.test_user.key

    @property
    def host_key(self) -> str:
        """Public host key, as one line for a known_hosts file."""
        kind, key, *_ = (self.layout.ssh / "host_ed25519.pub").read_text().split()
        return f"[{self.host}]:{self.port} {kind} {key}"

    @property
    def project_root(self) -> PurePosixPath:
        return PurePosixPath(self.layout.root / "projects" / self.user)

    @property
    def scratch_root(self) -> PurePosixPath:
        return PurePosixPath(self.layout.root / "scratch" / self.user)

    # How to look at it.

    def root_command(self, *command: str, timeout_s: float = 60.0) -> str:
        """Run a Slurm command as root and return what it printed, e.g. ``root_command("scontrol", "ping")``."""
        done = subprocess.run(
            command,
            env={**clean_environment(), "SLURM_CONF": str(self.layout.slurm_conf)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
        if done.returncode != 0:
            raise ClusterError(f"{' '.join(command)}: status {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def scontrol(self, *arguments: str) -> str:
        return self.root_command("scontrol", *arguments)

    def user_command(self, command: str, *, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a line in a login shell of the test user, without SSH."""
        return run_as(self.test_user, ["bash", "-lc", command], environment={}, timeout_s=timeout_s)

    def wait_for_job(self, job_id: str, states: tuple[str, ...], timeout_s: float = 60.0) -> str:
        """Wait until accounting gives the job one of the states (``COMPLETED``, ``CANCELLED`` ...), and return it."""
        state = ""

        def reached() -> bool:
            nonlocal state
            rows = self.root_command("sacct", "-n", "-X", "-P", "-j", job_id, "--format=State").splitlines()
            state = rows[-1].split()[0] if rows and rows[-1].strip() else ""
            return state in states

        wait_until(reached, f"job {job_id} to be {' or '.join(states)} (it is {state or 'unknown'})", timeout_s)
        return state

    @contextlib.contextmanager
    def environment_modules(self) -> Iterator[None]:
        """Inside the ``with`` block login shells of the user have environment-modules in place of Lmod."""
        chosen = self.test_user.home / ".module_system"
        chosen.write_text(
            "unset -f module ml 2>/dev/null; unset LMOD_CMD LMOD_VERSION LMOD_PKG LMOD_DIR BASH_ENV\n"
            f"export MODULEPATH={self.layout.tcl_modules}\n"
            f'module() {{ eval "$(tclsh {ENVIRONMENT_MODULES} bash "$@")"; }}; export -f module\n'
        )
        chosen.chmod(0o644)
        try:
            yield
        finally:
            chosen.unlink()

    # How to break and mend it.

    def stop_daemon(self, name: str) -> None:
        self.daemons[name].stop()
        self._save()

    def kill_daemon(self, name: str) -> None:
        self.daemons[name].kill()
        self._save()

    def start_daemon(self, name: str) -> None:
        """Start it again and wait until it answers; a node is also made usable."""
        self.daemons[name].start()
        self._save()
        wait_ready(self, name)

    @contextlib.contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """The daemon is down inside the ``with`` block."""
        self.stop_daemon(name)
        try:
            yield
        finally:
            self.start_daemon(name)

    @contextlib.contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """The daemon hangs inside the ``with`` block: it takes connections and does not answer."""
        self.daemons[name].pause()
        try:
            yield
        finally:
            self.daemons[name].resume()

    def node_down(self, node: str) -> None:
        """Power off one node: its daemon and the jobs on it are killed, and slurmctld is told."""
        self.kill_daemon(f"slurmd-{node}")
        for stepd in self._step_daemons(node):
            # The step daemon first: it would report that its job failed.
            for process in (stepd, *stepd.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        self.scontrol("update", f"nodename={node}", "state=down", "reason=test")

    def node_up(self, node: str) -> None:
        self.start_daemon(f"slurmd-{node}")

    def drop_connections(self) -> int:
        """End every open SSH connection as a network fault would; returns how many there were."""
        record = self.daemons["sshd"].record
        listener = record.find() if record else None
        sessions = listener.children() if listener else []
        for process in sessions:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        return len(sessions)

    def clear_jobs(self, timeout_s: float = 20.0) -> None:
        """Cancel all jobs of the test user and wait until none is left in the queue."""
        self.root_command("scancel", "-u", self.user)
        wait_until(lambda: not self.root_command("squeue", "-h", "-u", self.user).strip(), "the queue", timeout_s)

    def processes(self) -> list[psutil.Process]:
        """Everything that runs with this cluster's configuration: its commands, jobs and their step daemons."""
        return list(processes_with_variable("SLURM_CONF", str(self.layout.slurm_conf)))

    def _step_daemons(self, node: str) -> list[psutil.Process]:
        """The step daemons of one node, known by the socket that each keeps in the node's spool folder."""
        spool = str(self.layout.spool / node)
        found = []
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                sockets = process.net_connections("unix") if process.name() == "slurmstepd" else []
                if any(str(socket.laddr).startswith(f"{spool}/") for socket in sockets):
                    found.append(process)
        return found

    # How to end it.

    def stop(self) -> None:
        """End all processes, remove the user and the folder. Safe to call twice."""
        with contextlib.suppress(ClusterError, subprocess.TimeoutExpired, OSError):
            if self.daemons["slurmctld"].running:
                self.root_command("scancel", "-u", self.user, timeout_s=10)
        self.drop_connections()
        for name in ("sshd", *(f"slurmd-{node}" for node in NODES), "slurmctld", "slurmdbd", "mariadbd", "munged"):
            if name in self.daemons:
                # Nothing of it is kept, so nothing has to be written down in order first.
                self.daemons[name].kill()
        end(self.processes(), grace_s=1)
        remove_user(self.user)
        records.remove_folder(self.layout)

    def __enter__(self) -> SlurmCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _save(self) -> None:
        records.update_processes(self.layout, self.daemons)
