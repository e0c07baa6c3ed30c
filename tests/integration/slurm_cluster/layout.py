"""Where everything of one cluster lies, and which ports it has."""

from __future__ import annotations

import random
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

PREFIX = "namdrunner-slurm-"

NODES = ("c1", "c2", "c3", "c4", "g1", "g2", "m1")


@dataclass(frozen=True)
class Layout:
    root: Path

    @property
    def etc(self) -> Path:
        return self.root / "etc"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def state(self) -> Path:
        """slurmctld's saved state."""
        return self.root / "state"

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    @property
    def database(self) -> Path:
        return self.root / "db"

    @property
    def munge(self) -> Path:
        return self.root / "munge"

    @property
    def ssh(self) -> Path:
        return self.root / "ssh"

    @property
    def devices(self) -> Path:
        return self.root / "dev"

    @property
    def modules(self) -> Path:
        return self.root / "modulefiles"

    @property
    def tcl_modules(self) -> Path:
        """Module files for environment-modules; those in ``modules`` are Lmod's."""
        return self.root / "modulefiles-tcl"

    @property
    def software(self) -> Path:
        return self.root / "software"

    @property
    def munge_socket(self) -> Path:
        return self.run / "munge" / "socket"

    @property
    def database_socket(self) -> Path:
        return self.run / "mysql" / "socket"

    @property
    def slurm_conf(self) -> Path:
        return self.etc / "slurm.conf"

    @property
    def record(self) -> Path:
        """Which processes, user and owner this cluster has; read by whoever cleans up."""
        return self.root / "cluster.json"


@dataclass(frozen=True)
class Ports:
    slurmctld: int
    slurmdbd: int
    sshd: int
    slurmd: tuple[int, ...]

    @classmethod
    def free(cls) -> Ports:
        first, second, third, *rest = free_ports(3 + len(NODES))
        return cls(first, second, third, tuple(rest))


def free_ports(count: int) -> list[int]:
    """Ports outside the range of outgoing connections, so that none is taken before its daemon starts."""
    chosen: list[int] = []
    for port in random.sample(range(20000, 32000), 4000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        chosen.append(port)
        if len(chosen) == count:
            return chosen
    raise RuntimeError("there are no free ports between 20000 and 32000")


def new_root(name: str = "") -> Path:
    """A folder that every user may enter: pytest's own temporary folders are closed to all but their owner."""
    parent = Path(tempfile.gettempdir()).resolve()
    # Unix sockets allow about 100 characters of path, and munged refuses one below a folder others may not enter.
    if len(str(parent)) > 40 or not all(p.stat().st_mode & 0o001 for p in (parent, *parent.parents)):
        parent = Path("/tmp")
    if name:
        root = parent / f"{PREFIX}{name}"
        root.mkdir()
    else:
        root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    root.chmod(0o755)
    return root
