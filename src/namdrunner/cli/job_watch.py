"""job watch."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from namdrunner.cli.job_show import describe_progress
from namdrunner.cli.options import JobId, Json
from namdrunner.cli.output import clean, duration, say, write_json
from namdrunner.cli.session import open_client
from namdrunner.client import Client
from namdrunner.client.documents import JobDocument
from namdrunner.errors import ConflictError, InterruptedOperationError, NotConnectedError

INTERVAL_S = 1.0
PLAIN_INTERVAL_S = 10.0
PATIENCE_S = 90.0
"""How long a lost connection may stay lost: the server reconnects by itself after short interruptions."""

_BEFORE_SUBMISSION = ("CREATED", "UPLOADING", "READY")
FINAL = ("COMPLETED", "FAILED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "PREEMPTED", "CANCELLED")


def watch(
    job: JobId,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0, help="Give up after so many seconds (exit status 1).")
    ] = None,
    as_json: Json = False,
) -> int:
    """Follow a job until it has ended: exit status 0 when it completed, 1 otherwise.

    The watching can be left with Ctrl-C at any time; the job goes on.
    """
    with open_client() as client:
        try:
            document = watch_job(client, job, timeout_s=timeout)
        except KeyboardInterrupt:
            raise InterruptedOperationError(
                "No longer watching; the job goes on.",
                code="left-running",
                remedy=f"namdrunner job watch {job}",
            ) from None
    if as_json:
        write_json(document)
    elif document["status"] != "COMPLETED":
        say(" ".join(filter(None, (f"Job {job}: {document['status']}.", document["reason"], document["remedy"]))))
    else:
        say(f"Job {job} is COMPLETED. Fetch its results: namdrunner job download {job} --to DIR")
    return 0 if document["status"] == "COMPLETED" else 1


def watch_job(client: Client, job: str, *, timeout_s: float | None = None) -> JobDocument:
    """The document of the job at its end. Raises NotConnectedError when nobody can know how it goes on."""
    end = None if timeout_s is None else time.monotonic() + timeout_s
    unconnected, line = Unconnected(), StatusLine()
    try:
        while True:
            document = client.jobs.get(job)
            line.show(document)
            if document["status"] in FINAL:
                return document
            check_submitted(client, document)
            unconnected.check(client, document["cluster"])
            if end is not None and time.monotonic() > end:
                raise _too_long(document)
            time.sleep(INTERVAL_S)
    finally:
        line.close()


def check_submitted(client: Client, document: JobDocument) -> None:
    """A job nobody has submitted would be watched for ever."""
    if document["status"] not in _BEFORE_SUBMISSION:
        return
    if any(t["state"] == "running" and t["job"] in (document["id"], None) for t in client.tasks.list()):
        return
    raise ConflictError(
        f"The job has not been submitted ({document['status']}).",
        code="job-not-submitted",
        remedy=f"Submit it: namdrunner job submit {document['id']}",
    )


class Unconnected:
    """How long a cluster has been without a connection."""

    def __init__(self) -> None:
        self._first = True
        self._since: float | None = None

    def check(self, client: Client, cluster: str) -> None:
        """Raises NotConnectedError when it never was connected here, or is away for too long."""
        first, self._first = self._first, False
        if client.clusters.get(cluster)["state"] in ("connected", "connecting"):
            self._since = None
            return
        self._since = self._since or time.monotonic()
        if first or time.monotonic() - self._since > PATIENCE_S:
            raise _not_connected(cluster)


def _not_connected(cluster: str) -> NotConnectedError:
    return NotConnectedError(
        f"The cluster '{cluster}' is not connected, so the job cannot be followed.",
        remedy=f"Connect it: namdrunner cluster connect {cluster}",
        context={"cluster": cluster},
    )


def _too_long(document: JobDocument) -> ConflictError:
    return ConflictError(
        f"The job has not ended yet ({document['status']}).",
        code="watch-timeout",
        remedy=f"Go on watching: namdrunner job watch {document['id']}",
        context={"status": document["status"]},
    )


class StatusLine:
    """One line on stderr that is rewritten on a terminal; elsewhere a line per state, and one now and then."""

    def __init__(self) -> None:
        self.shown = 0
        self._last = ""
        self._status = ""
        self._next = 0.0
        self._tty = sys.stderr.isatty()

    def show(self, document: JobDocument) -> None:
        self.shown += 1
        progress = document["progress"]
        speed = progress["ns_per_day"] if progress else None
        left = progress["eta_s"] if progress else None
        parts = [
            document["status"],
            document["queue_reason"] if document["status"] == "PENDING" else "",
            describe_progress(progress),
            f"{speed:.3g} ns/day" if speed else "",
            f"{duration(left)} left" if left and document["status"] == "RUNNING" else "",
        ]
        text = clean("  ".join(part for part in parts if part))
        now = time.monotonic()
        if text == self._last or not (self._tty or document["status"] != self._status or now >= self._next):
            return
        self._last, self._status, self._next = text, document["status"], now + PLAIN_INTERVAL_S
        if self._tty:
            sys.stderr.write(f"\r\x1b[2K{text}")
            sys.stderr.flush()
        else:
            say(text)

    def close(self) -> None:
        if self._tty and self._last:
            sys.stderr.write("\n")
