"""The demo cluster: an SSH server on loopback with a small scheduler behind it, in a folder of its own.

``python -m namdrunner.demo.cluster --root DIR`` runs one until SIGTERM or the end of its standard input, and takes
every process it started along. It is a demonstration: it has the manners of a Slurm cluster, not its scale.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from namdrunner.errors import ClusterError, NamdrunnerError


@dataclass(frozen=True)
class ClusterFacts:
    """How to reach a running demo cluster; printed as one line of JSON when it is ready.

    ``host_key`` is a line for known_hosts without the host, ``host_key_fingerprint`` its ``SHA256:...``;
    ``identity_file`` a private key that the server accepts.
    """

    host: str
    port: int
    user: str
    password: str
    identity_file: str
    host_key: str
    host_key_fingerprint: str
    root: str
    home: str
    project_root: str
    scratch_root: str
    partition: str
    profile: str
    pid: int


class DemoCluster:
    """A demo cluster in a process of its own; a context manager that starts and stops it.

    ``root`` is made where it is missing; ``None`` takes a new temporary folder. Without ``keep`` the folder goes away
    with the cluster.
    """

    def __init__(self, root: Path | None = None, *, port: int = 0, keep: bool = False, arguments: Sequence[str] = ()):
        self._root = root
        self._port = port
        self._keep = keep
        self._arguments = tuple(arguments)
        self._process: subprocess.Popen[str] | None = None
        self._facts: ClusterFacts | None = None
        self._drain: threading.Thread | None = None

    @property
    def facts(self) -> ClusterFacts:
        if self._facts is None:
            raise ClusterError("The demo cluster does not run.", code="demo-not-running", remedy="Start it first.")
        return self._facts

    def start(self, timeout_s: float = 30.0) -> ClusterFacts:
        """Start it and wait until it can be reached.

        Raises ClusterError (``demo-needs-bash``, ``demo-start-failed``).
        """
        check_platform()
        root = self._root or Path(tempfile.mkdtemp(prefix="namdrunner-demo-"))
        words = [sys.executable, "-m", "namdrunner.demo.cluster", "--root", str(root), "--port", str(self._port)]
        words += ["--keep"] if self._keep else []
        process = subprocess.Popen(
            [*words, *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._process = process
        assert process.stdout is not None
        timer = threading.Timer(timeout_s, process.kill)
        timer.start()
        line = process.stdout.readline()
        timer.cancel()
        if not line:
            _, errors = process.communicate()
            self._process = None
            raise ClusterError(
                f"The demo cluster did not start: {errors.strip().splitlines()[-1] if errors.strip() else 'no answer'}",
                code="demo-start-failed",
                remedy="Run 'python -m namdrunner.demo.cluster --root DIR' to see all it says.",
                context={"stderr": errors[-4000:]},
            )
        # Warnings of a long-lived cluster must not fill the pipe and stop it.
        self._drain = threading.Thread(target=_drain, args=(process,), daemon=True)
        self._drain.start()
        self._facts = ClusterFacts(**json.loads(line))
        return self._facts

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self, timeout_s: float = 15.0) -> None:
        """End the cluster and everything it started; returns when it is gone."""
        process, self._process, self._facts = self._process, None, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._drain is not None:
            self._drain.join(5)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()

    def __enter__(self) -> DemoCluster:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _drain(process: subprocess.Popen[str]) -> None:
    if process.stderr is not None:
        with process.stderr as stream:
            for _ in stream:
                pass


def check_platform() -> None:
    """Raises ClusterError (``demo-needs-bash``) where commands cannot run as they do on a cluster."""
    if os.name != "posix" or shutil.which("bash") is None:
        raise ClusterError(
            "The demo cluster runs its jobs as bash processes, which this system cannot do.",
            code="demo-needs-bash",
            remedy="On Windows, install WSL ('wsl --install') and run NAMDRunner inside it; elsewhere install bash.",
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run a demo cluster until SIGTERM, SIGINT or the end of standard input."""
    parser = argparse.ArgumentParser(prog="python -m namdrunner.demo.cluster", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of the cluster; new, empty or a demo's")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--keep", action="store_true", help="leave the folder, its keys and its accounting behind")
    parser.add_argument("--min-job-age", type=float, default=300.0, help="seconds an ended job stays in squeue -t all")
    parser.add_argument("--kill-wait", type=float, default=30.0, help="seconds from SIGTERM to SIGKILL")
    arguments = parser.parse_args(argv)
    try:
        check_platform()
        import asyncio

        from namdrunner.demo.cluster_serve import serve
        from namdrunner.demo.slurm.model import Site

        site = Site(min_job_age_s=arguments.min_job_age, kill_wait_s=arguments.kill_wait)
        asyncio.run(serve(arguments.root, site, port=arguments.port, keep=arguments.keep, ready=_announce))
    except NamdrunnerError as error:
        sys.stderr.write(f"{error.message} {error.remedy}\n")
        return error.exit_status
    return 0


def _announce(facts: ClusterFacts) -> None:
    sys.stdout.write(json.dumps(asdict(facts)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
