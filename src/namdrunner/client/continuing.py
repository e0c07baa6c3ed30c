"""Continuations, for programs: checkpoints, the continuation of a job, and the tree of jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from namdrunner.client import documents as d
from namdrunner.client.transport import Transport, path_of


class Continuing:
    def __init__(self, http: Transport) -> None:
        self._http = http

    def checkpoints(self, job: str) -> d.JsonObject:
        """Every restart set of a job, judged: ``{"chosen", "reason", "checkpoints": [...], ...}``."""
        return cast(d.JsonObject, self._http.get(path_of("jobs", job, "checkpoints")))

    def plan(self, job: str, request: Mapping[str, Any]) -> d.JsonObject:
        """What continuing would make: config, diff, job script, steps, suggestions, findings."""
        return cast(d.JsonObject, self._http.post(path_of("jobs", job, "continue", "plan"), dict(request)))

    def start(self, job: str, request: Mapping[str, Any]) -> d.TaskDocument:
        """Make the continuation; the task's result is ``{"job": JobDocument, "plan": ...}``.

        Keys of ``request``: checkpoint, steps, time, until_done, from_start, name, template, values, resources,
        suggested, submit, force.
        """
        return cast(d.TaskDocument, self._http.post(path_of("jobs", job, "continue"), dict(request)))

    def chain(self, job: str, *, stop: bool = False) -> d.JsonObject:
        """What a job that continues itself has done; ``stop``: it is to submit no further job."""
        if stop:
            return cast(d.JsonObject, self._http.post(path_of("jobs", job, "chain", "stop")))
        return cast(d.JsonObject, self._http.get(path_of("jobs", job, "chain")))

    def tree(self, job: str) -> d.JsonObject:
        """``{"root", "line", "jobs", "totals"}``."""
        return cast(d.JsonObject, self._http.get(path_of("jobs", job, "lineage")))

    def energies(self, job: str, *, points: int | None = None) -> d.JsonObject:
        """The energies of all segments as one series by step."""
        return cast(d.JsonObject, self._http.get(path_of("jobs", job, "chain", "energies"), {"points": points}))
