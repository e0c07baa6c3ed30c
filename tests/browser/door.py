"""Another door to the real Slurm cluster: an sshd that asks its questions one by one, behind a bad network."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import asyncssh
from tests.faults.proxy import Proxy
from tests.faults.sshd import free_port

if TYPE_CHECKING:
    from tests.integration.slurm_cluster import SlurmCluster


class Door:
    """Lets the cluster's user in by keyboard-interactive only. ``port`` leads through a proxy that can be cut."""

    def __init__(self, slurm: SlurmCluster, folder: Path) -> None:
        from tests.integration.slurm_cluster.configuration import sshd_config
        from tests.integration.slurm_cluster.processes import Daemon

        self._folder = folder
        self._inner = free_port()
        text = sshd_config(slurm.layout, self._inner, slurm.user, slurm.options)
        kept = [line for line in text.splitlines() if not line.startswith(("HostKey ", "PidFile "))]
        only = ["PasswordAuthentication no", "PubkeyAuthentication no", f"HostKey {folder}/host", "PidFile none"]
        config = folder / "sshd_config"
        config.write_text("\n".join([*only, *kept]) + "\n")
        self.rotate_host_key()
        self._daemon = Daemon("sshd", ("sshd", "-D", "-e", "-f", str(config)), folder / "sshd.log")
        self._proxy = Proxy(self._inner)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")

    @property
    def port(self) -> int:
        return self._proxy.port

    @property
    def fingerprint(self) -> str:
        return asyncssh.read_public_key(str(self._folder / "host.pub")).get_fingerprint()

    @property
    def public_key(self) -> str:
        return (self._folder / "host.pub").read_text().strip()

    def rotate_host_key(self) -> None:
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(str(self._folder / "host"))
        key.write_public_key(str(self._folder / "host.pub"))
        (self._folder / "host").chmod(0o600)

    def start(self) -> None:
        from tests.integration.slurm_cluster.processes import wait_until
        from tests.integration.slurm_cluster.readiness import answers

        self._daemon.start()
        wait_until(lambda: answers(self._inner), "the second sshd", 30, self._daemon)

    def stop(self) -> None:
        self.cut()
        self._daemon.stop()

    def throttle(self, bytes_per_s: float | None) -> None:
        self._do(lambda: setattr(self._proxy, "bytes_per_s", bytes_per_s))

    def cut(self) -> None:
        """Every connection breaks."""
        self._do(self._proxy.cut)

    def _do(self, action: Callable[[], object]) -> None:
        async def inside() -> None:
            action()

        asyncio.run_coroutine_threadsafe(inside(), self._loop).result(10)

    @contextlib.contextmanager
    def opened(self) -> Iterator[Door]:
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._proxy.start(), self._loop).result(10)
            self.start()
            yield self
        finally:
            self._daemon.stop()
            asyncio.run_coroutine_threadsafe(self._proxy.stop(), self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()
