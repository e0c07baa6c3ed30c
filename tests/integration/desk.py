"""A person at a desk: the command line as processes, with a home of its own and the server that belongs to it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from tests.integration.environments import Cluster

JOB_KEYS = {
    "id", "name", "cluster", "status", "slurm_ids", "template", "values", "resources", "created_at", "submitted_at",
    "started_at", "ended_at", "exit_code", "progress", "evidence", "diagnosis", "inputs", "outputs", "parent",
    "children", "project_dir", "scratch_dir",
}  # fmt: skip
"""Keys of ``job show --json`` that scripts rely on."""

FINAL = {"COMPLETED", "FAILED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "PREEMPTED", "CANCELLED"}


@dataclass(frozen=True)
class Outcome:
    """One command that ended."""

    words: tuple[str, ...]
    status: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.stdout)

    @property
    def error(self) -> dict[str, Any]:
        """The error object; a failure has words for the person and no traceback."""
        found: dict[str, Any] = self.document["error"]
        assert found["message"], self
        assert "Traceback" not in self.stderr, self.stderr
        return found


class Desk:
    """``home`` is NAMDRUNNER_HOME and HOME: no file of the person who runs the tests is read."""

    def __init__(self, home: Path, cluster: Cluster, name: str = "here") -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.cluster = cluster
        self.name = name
        kept = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "SYSTEMROOT", "TZ")
        self.environment = {n: os.environ[n] for n in kept if n in os.environ}
        self.environment |= {"NAMDRUNNER_HOME": str(home / "namdrunner"), "HOME": str(home), "NO_COLOR": "1"}

    def run(self, *words: str, stdin: str = "", timeout_s: float = 120.0) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "namdrunner", *words],
            env=self.environment,
            cwd=self.home,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        return Outcome(words, done.returncode, done.stdout, done.stderr)

    def ask(self, *words: str, stdin: str = "", timeout_s: float = 120.0) -> Any:
        """Run with ``--json``; the command has to succeed."""
        outcome = self.run(*words, "--json", stdin=stdin, timeout_s=timeout_s)
        assert outcome.status == 0, self._story(outcome)
        return outcome.document

    def refused(self, *words: str, status: int, stdin: str = "") -> dict[str, Any]:
        """Run with ``--json``; the error object of a command that has to fail with ``status``."""
        outcome = self.run(*words, "--json", stdin=stdin)
        assert outcome.status == status, self._story(outcome)
        return outcome.error

    def _story(self, outcome: Outcome) -> str:
        """What went wrong, with the server's own account where it is at fault."""
        log = self.home / "namdrunner" / "state" / "server.log"
        tail = log.read_text("utf-8", "replace")[-4000:] if "internal-error" in outcome.stdout and log.exists() else ""
        return f"{' '.join(outcome.words)}: {outcome.status}\n{outcome.stdout}\n{outcome.stderr}\n{tail}"

    # -- the cluster ------------------------------------------------------------------------------------------

    def add(self, *options: str) -> Any:
        c = self.cluster
        return self.ask(
            "cluster", "add", self.name, "--host", c.host, "--port", str(c.port), "--user", c.user,
            "--profile", c.profile, "--project-root", c.project_root, "--scratch-root", c.scratch_root, *options,
        )  # fmt: skip

    def connect(self) -> Any:
        """By password; with a key where the cluster was added with one."""
        words = ["cluster", "connect", self.name, "--accept-host-key", self.cluster.host_key_fingerprint]
        return self.ask(*words, "--password-stdin", stdin=f"{self.cluster.password}\n")

    # -- jobs -------------------------------------------------------------------------------------------------

    def create(self, name: str, config: Path, *options: str) -> str:
        """Create a job from a config; its id."""
        words = ["job", "create", name, "--cluster", self.name, "--config", str(config)]
        return str(self.ask(*words, *_with_cores(options))["id"])

    def show(self, job: str) -> Any:
        return self.ask("job", "show", job)

    def sync(self) -> Any:
        return self.ask("job", "sync")

    def wait(self, job: str, condition: Callable[[Any], object], timeout_s: float = 90.0) -> Any:
        """Sync until the job's document fulfils the condition; the document."""
        end = time.monotonic() + timeout_s
        final = False
        while True:
            self.sync()
            document = self.show(job)
            if condition(document):
                return document
            if document["status"] in FINAL:  # little changes any more
                end = end if final else min(end, time.monotonic() + 10.0)
                final = True
            assert time.monotonic() < end, f"waited too long: {_summary(document)}"
            time.sleep(1.0)

    def wait_status(self, job: str, *states: str, timeout_s: float = 90.0) -> Any:
        def reached(document: Any) -> bool:
            status = document["status"]
            assert status in states or status not in FINAL, f"ended otherwise: {_summary(document)}{self._logs(job)}"
            return status in states

        return self.wait(job, reached, timeout_s)

    def watch(self, job: str, status: str = "COMPLETED") -> Any:
        """``job watch`` to the job's end, which has to be the given one; the document."""
        outcome = self.run("job", "watch", job, "--timeout", "280", "--json", timeout_s=320)
        assert outcome.status == (0 if status == "COMPLETED" else 1), self._story(outcome) + self._logs(job)
        document = outcome.document
        assert document["status"] == status, _summary(document) + self._logs(job)
        return document

    def _logs(self, job: str) -> str:
        """The ends of all logs on the cluster, for the one who reads why a test failed."""
        folder = f"{self.cluster.project_root}/namdrunner_jobs/{job}/logs"
        return "\n" + self.cluster.shell(f"cd {folder} && tail -n 12 namd.* slurm-*").stdout

    # -- the server -------------------------------------------------------------------------------------------

    @property
    def server_file(self) -> dict[str, Any]:
        """Where the server listens, and its token: what every client reads."""
        document: dict[str, Any] = json.loads((self.home / "namdrunner" / "state" / "server.json").read_text())
        return document

    def kill_server(self) -> None:
        """As a crash or the power would."""
        process = psutil.Process(int(self.server_file["pid"]))
        process.kill()
        with contextlib.suppress(psutil.NoSuchProcess):
            process.wait(10)

    def close(self) -> None:
        self.run("stop")


def _with_cores(options: Sequence[str]) -> list[str]:
    """Two cores and ten minutes unless the test says otherwise."""
    words = list(options)
    if "--cores" not in words:
        words += ["--cores", "2"]
    if "--walltime" not in words:
        words += ["--walltime", "00:10:00"]
    return words


def _summary(document: Any) -> str:
    keys = ("id", "status", "reason", "queue_reason", "slurm_ids", "progress", "exit_code", "evidence", "diagnosis")
    return json.dumps({key: document.get(key) for key in keys}, indent=1)


@contextlib.contextmanager
def connected_desk(home: Path, cluster: Cluster, *options: str) -> Iterator[Desk]:
    desk = Desk(home, cluster)
    try:
        desk.add(*options)
        desk.connect()
        yield desk
    finally:
        desk.close()
