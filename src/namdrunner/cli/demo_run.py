"""The demonstration: demo cluster, server and sample job together, and all of it gone afterwards."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NoReturn

from namdrunner.cli.connecting import connect_cluster
from namdrunner.cli.job_watch import StatusLine
from namdrunner.cli.output import say, write_text
from namdrunner.cli.prompting import Answers
from namdrunner.cli.session import follow
from namdrunner.client import Client
from namdrunner.client.documents import Energies, JobDocument
from namdrunner.client.launch import server_command
from namdrunner.client.presence import ServerFile, find_server
from namdrunner.demo.cluster import ClusterFacts, DemoCluster
from namdrunner.errors import ClusterError, ConnectionFailedError, InputError
from namdrunner.jobs.state import JobState
from namdrunner.paths import HOME_VARIABLE, Folders

CLUSTER = "demo"
SERVER_TIMEOUT_S = 30.0
JOB_TIMEOUT_S = 1800.0
SYNC_INTERVAL_S = 1.0


class DemoRun:
    """A context manager; on leaving, every process it started has ended and, unless ``keep``, the folder is gone."""

    def __init__(self, *, keep: bool = False) -> None:
        self._keep = keep
        self._began = time.monotonic()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> DemoRun:
        _check_openmm()
        with contextlib.ExitStack() as stack:
            stack.enter_context(_terminate_as_interrupt())
            self.folder = Path(tempfile.mkdtemp(prefix="namdrunner-demo-"))
            if not self._keep:
                stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            say("Starting the demo cluster and a server of its own.")
            cluster = DemoCluster(self.folder / "cluster", keep=True)
            stack.callback(cluster.stop)
            cluster.start()
            self.client = stack.enter_context(_server(self.folder / "home"))
            self._connect(cluster.facts)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def start_job(self) -> JobDocument:
        """Create and submit the sample job."""
        from namdrunner.demo.sample import sample_job

        say("Building the sample system.")
        sample = sample_job(self.folder / "sample")
        request = {
            "name": sample.name,
            "cluster": CLUSTER,
            "template": sample.template,
            "values": dict(sample.values),
            "files": {key: [str(path) for path in paths] for key, paths in sample.files.items()},
            "resources": {"cores": min(2, os.cpu_count() or 1), "walltime": "00:30:00"},
            "submit": True,
        }
        result = follow(self.client, self.client.jobs.create(request))
        return self.client.jobs.get(result["job"]["id"])

    def follow(self, job: JobDocument) -> JobDocument:
        """The job at its end; the demo cluster is asked every second, which a real one never is."""
        line = StatusLine()
        end = time.monotonic() + JOB_TIMEOUT_S
        try:
            while not JobState(job["status"]).final:
                if time.monotonic() > end:
                    raise _too_slow(job)
                time.sleep(SYNC_INTERVAL_S)
                self.client.wait(self.client.jobs.sync(job=job["id"]))
                job = self.client.jobs.get(job["id"])
                line.show(job)
        finally:
            line.close()
        return job

    def summary(self, job: JobDocument) -> dict[str, Any]:
        """What came of it, after everything it wrote was brought home and verified."""
        files: list[dict[str, Any]] = []
        if job["status"] == JobState.COMPLETED.value:
            task = self.client.jobs.download(job["id"], to=self.folder / "results")
            files = follow(self.client, task)["files"]
        return {
            "id": job["id"],
            "status": job["status"],
            "reason": job["reason"],
            "steps": job["progress"]["step"],
            "ns_per_day": job["progress"]["ns_per_day"],
            "mean_temperature_k": mean_temperature(self.client.jobs.energies(job["id"])),
            "files": [self._brought_home(file) for file in files],
            "folder": str(self.folder) if self._keep else None,
            "seconds": round(time.monotonic() - self._began, 1),
        }

    def _brought_home(self, file: dict[str, Any]) -> dict[str, Any]:
        """Its path only where it stays."""
        kept = {key: file[key] for key in ("name", "bytes", "sha256")}
        return {**kept, "path": file["path"] if self._keep else None}

    def _connect(self, facts: ClusterFacts) -> None:
        self.client.clusters.add(
            CLUSTER,
            facts.host,
            port=facts.port,
            user=facts.user,
            profile=facts.profile,
            project_root=facts.project_root,
            scratch_root=facts.scratch_root,
        )
        answers = Answers(secrets=[facts.password], host_keys=[facts.host_key_fingerprint], interactive=False)
        connect_cluster(self.client, CLUSTER, answers)


def mean_temperature(energies: Energies) -> float | None:
    """Kelvin, over the rows of dynamics; minimisation has no temperature and prints 0."""
    if "TEMP" not in energies["columns"]:
        return None
    column = energies["columns"].index("TEMP")
    values = [value for row in energies["rows"] if (value := row[column])]
    return sum(values) / len(values) if values else None


def open_page(run: DemoRun) -> None:
    from namdrunner.cli.opening import open_browser

    url = run.client.open_ticket()["url"]
    if not open_browser(url):
        say("Open this address in a browser (it works once, within ten minutes):")
        write_text(url + "\n")


def until_interrupted() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(3600)


@contextlib.contextmanager
def _server(home: Path) -> Iterator[Client]:
    """A server of the demo's own that cannot outlive it: it ends when its standard input does."""
    folders = Folders.below(home).ensure()
    log = (folders.state / "server-start.log").open("wb")
    process = subprocess.Popen(
        server_command("--end-with-stdin"),
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        cwd=folders.state,
        env={**os.environ, HOME_VARIABLE: str(home)},
        start_new_session=True,
    )
    try:
        with log, Client(_wait_for_server(process, folders)) as client:
            yield client
    finally:
        _end(process)


def _wait_for_server(process: subprocess.Popen[bytes], folders: Folders) -> ServerFile:
    end = time.monotonic() + SERVER_TIMEOUT_S
    while time.monotonic() < end and process.poll() is None:
        found = find_server(folders)
        if found is not None:
            return found
        time.sleep(0.05)
    tail = (folders.state / "server-start.log").read_text(encoding="utf-8", errors="replace")[-2000:]
    raise ConnectionFailedError(
        f"The server of the demo did not start. {tail}".strip(),
        code="server-start-failed",
        remedy="Run `namdrunner doctor`.",
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    """SIGTERM cleans up like Ctrl-C."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread() or sys.platform == "win32":
        yield
        return
    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _check_openmm() -> None:
    if importlib.util.find_spec("openmm") is None:
        raise InputError(
            "The demo computes with OpenMM, which is not installed.",
            code="openmm-missing",
            remedy="Install it with `pip install 'namdrunner[demo]'`.",
        )


def _too_slow(job: JobDocument) -> ClusterError:
    return ClusterError(
        f"The demo job has not ended within {JOB_TIMEOUT_S / 60:.0f} minutes ({job['status']}).",
        code="demo-too-slow",
        remedy="Look at it with --keep and `namdrunner demo` without --headless.",
    )
