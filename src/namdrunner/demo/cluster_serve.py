"""One demo cluster from its start to its end: scheduler, stand-ins' socket, SSH server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from namdrunner.demo import cluster_folders
from namdrunner.demo.cluster import ClusterFacts
from namdrunner.demo.cluster_folders import USER, ClusterFolders
from namdrunner.demo.slurm import accounts
from namdrunner.demo.slurm.model import Site
from namdrunner.demo.slurm.processes import MARK, kill_marked, signal_group
from namdrunner.demo.slurm.scheduler import Scheduler
from namdrunner.demo.slurm.service import Service


async def serve(root: Path, site: Site, *, port: int, keep: bool, ready: Callable[[ClusterFacts], None]) -> None:
    """Run until asked to stop; then end every process, and remove the folder unless it is to be kept."""
    stop = asyncio.Event()
    _stop_on_signals(stop)
    folders = cluster_folders.prepare(root)
    marks = {MARK: secrets.token_hex(16)}
    try:
        await _serve(folders, site, port, keep, marks, ready, stop)
    finally:
        kill_marked(marks)
        folders.address.unlink(missing_ok=True)
        if not keep:
            cluster_folders.remove(folders)


async def _serve(
    folders: ClusterFolders,
    site: Site,
    port: int,
    keep: bool,
    marks: dict[str, str],
    ready: Callable[[ClusterFacts], None],
    stop: asyncio.Event,
) -> None:
    from namdrunner.demo import cluster_ssh

    environment = cluster_folders.shell_environment(folders, marks)
    scheduler = Scheduler(site, spool=folders.spool, base_environment=environment)
    accounts.restore(scheduler, folders.accounts)
    token = secrets.token_hex(24)
    service = Service(scheduler, token)
    _write_private(folders.address, f"{await service.start()} {token}\n")
    host_key, client_key = cluster_ssh.make_keys(folders)
    door = cluster_ssh.Door(folders, _password(folders), client_key, environment)
    acceptor = await cluster_ssh.listen(door, host_key, port)
    scheduling = asyncio.create_task(scheduler.run())
    ready(
        ClusterFacts(
            host="127.0.0.1",
            port=acceptor.get_port(),
            user=USER,
            password=door.password,
            identity_file=str(folders.settings / "client_ed25519_key"),
            host_key=host_key.export_public_key().decode().strip(),
            host_key_fingerprint=host_key.get_fingerprint(),
            root=str(folders.root),
            home=str(folders.home),
            project_root=str(folders.projects),
            scratch_root=str(folders.scratch),
            partition=site.default_partition.name,
            profile="demo",
            pid=os.getpid(),
        )
    )
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, scheduling}, return_when=asyncio.FIRST_COMPLETED)
    failure = scheduling.exception() if scheduling.done() else None
    scheduling.cancel()
    stopping.cancel()
    await scheduler.close()
    acceptor.close()
    for leader in door.running:
        signal_group(leader, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(acceptor.wait_closed(), 2)
    await service.close()
    if keep:
        accounts.save(scheduler, folders.accounts)
    if failure is not None:
        raise failure


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)

    def wait_for_eof() -> None:
        # Not sys.stdin: a thread inside its lock makes the interpreter abort at exit.
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop may be closed already
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait_for_eof, daemon=True).start()


def _password(folders: ClusterFolders) -> str:
    path = folders.settings / "password"
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(12))
    return path.read_text("utf-8").strip()


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")
