"""Discovery: what a connected cluster says of itself, against its profile, taken over line by line."""

from __future__ import annotations

import json
import logging
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from namdrunner.errors import InputError, NamdrunnerError, NotFoundError
from namdrunner.paths import Folders
from namdrunner.services.clusters import ClusterService
from namdrunner.services.discovery_read import candidates, read_facts, read_probes
from namdrunner.services.discovery_script import build_facts_script, build_probe_script, compute_launcher
from namdrunner.services.documents import rfc3339
from namdrunner.services.events import EventBus
from namdrunner.services.tasks import Task, TaskHandle, TaskService
from namdrunner.slurm.discovery import ClusterFacts, FoundPartition
from namdrunner.slurm.discovery_diff import Difference, apply_differences, differences

log = logging.getLogger(__name__)

DRIFT_EVERY = timedelta(days=1)
FACTS_TIMEOUT_S = 420.0
PROBE_TIMEOUT_S = 900.0


class DiscoveryService:
    """``now`` is the clock; the last result of each cluster is kept in a file beside the database."""

    def __init__(
        self,
        folders: Folders,
        clusters: ClusterService,
        tasks: TaskService,
        events: EventBus,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder = folders.data / "discovery"
        self._clusters = clusters
        self._tasks = tasks
        self._events = events
        self._now = now

    def start(self, name: str, *, apply: Sequence[str] | None = None) -> Task:
        """Discover as a task (``result``: the document). ``apply``: keys to take over; empty for all that can be.

        One that is under way for the cluster is returned instead. Raises NotConnectedError, NotFoundError.
        """
        self._clusters.session(name)
        running = self._tasks.running("discover", cluster=name)
        if running is not None:
            return running

        async def work(handle: TaskHandle) -> dict[str, Any]:
            document = await self.discover(name, handle.say)
            if apply is not None:
                keys = [*apply] or [d["key"] for d in document["differences"] if d["applicable"]]
                document = self.apply(name, keys) | {"applied": keys}
            return document

        return self._tasks.start("discover", work, cluster=name)

    async def discover(self, name: str, say: Callable[[str], object] = lambda _: None) -> dict[str, Any]:
        """Ask the cluster (two commands) and compare. What it does not answer becomes a note."""
        profile = self._clusters.profile(name)
        project, scratch = await self._clusters.find_roots(name)
        session = self._clusters.session(name)
        nonce = secrets.token_hex(16)
        say("Asking Slurm, the file systems and the modules")
        script = build_facts_script(profile, nonce, project_root=project, scratch_root=scratch)
        reply = await session.run("bash -s", stdin=script.encode(), timeout_s=FACTS_TIMEOUT_S, label="discover")
        facts = read_facts(reply.stdout, nonce)
        asked = candidates(facts, [recipe.modules for recipe in profile.recipes])
        say(f"Looking at {len(asked)} places where NAMD may be")
        runs = profile.policies.login_node_runs
        probes = build_probe_script(asked, nonce, run=True, launcher="" if runs else compute_launcher(profile))
        found = await session.run("bash -s", stdin=probes.encode(), timeout_s=PROBE_TIMEOUT_S, label="look for NAMD")
        facts = replace(facts, namd=read_probes(found.stdout, nonce, asked))
        facts = facts.with_note(*_build_notes(facts))
        lines = differences(facts, profile)
        document = facts_document(facts) | {
            "cluster": name,
            "profile": self._clusters.stored(name).profile,
            "discovered_at": rfc3339(self._now()),
            "differences": [asdict(line) for line in lines],
            "applied": [],
        }
        self._write(name, {"result": document, "looked_at": document["discovered_at"], "drift": []})
        self._events.publish("cluster.updated", {"name": name})
        return document

    def last(self, name: str) -> dict[str, Any]:
        """The last result. Raises NotFoundError (``not-discovered``)."""
        self._clusters.stored(name)
        result = self._read(name).get("result")
        if not isinstance(result, dict):
            raise NotFoundError(
                f"'{name}' has not been discovered yet.",
                code="not-discovered",
                remedy=f"Connect it and run 'namdrunner cluster discover {name}'.",
            )
        return result

    def apply(self, name: str, keys: Sequence[str]) -> dict[str, Any]:
        """Take chosen lines of the last result into the cluster's own profile; the result without them.

        Raises NotFoundError, InputError (``difference-unknown``, ``difference-not-applicable``, ``profile-invalid``).
        """
        result = self.last(name)
        lines = {entry["key"]: Difference(**entry) for entry in result["differences"]}
        unknown = [key for key in keys if key not in lines]
        if unknown:
            raise InputError(
                f"The discovery of '{name}' has no line '{unknown[0]}'.",
                code="difference-unknown",
                remedy=f"Choose from: {', '.join(lines) or 'nothing, the profile agrees with the cluster'}.",
                context={"keys": unknown[:20]},
            )
        # Recipes first: new partitions take one of them.
        chosen = sorted((lines[key] for key in keys), key=lambda line: not line.key.startswith("recipes."))
        profile = self._clusters.profile(name)
        for line in chosen:
            profile = apply_differences(profile, [line], self._now().date().isoformat())
        self._clusters.save_own_profile(name, profile)
        left = [entry for entry in result["differences"] if entry["key"] not in set(keys)]
        document = result | {
            "differences": left,
            "applied": [*dict.fromkeys([*result.get("applied", []), *keys])],
            "profile": self._clusters.stored(name).profile,
        }
        self._write(name, self._read(name) | {"result": document, "drift": []})
        return document

    # Drift

    def drift_due(self, name: str) -> bool:
        """Whether a look whether the profile still holds is due: at most once a day, never at the first connection."""
        state = self._read(name)
        try:
            return self._now() - datetime.fromisoformat(str(state["looked_at"])) >= DRIFT_EVERY
        except (KeyError, ValueError, TypeError):
            self._write(name, state | {"looked_at": rfc3339(self._now())})
            return False

    async def notice_drift(self, name: str) -> None:
        """Compare partitions, QoS and accounts with the profile; what it finds shows as a notice at the cluster."""
        try:
            await self._look(name, self._read(name), self._now())
        except NamdrunnerError as error:
            log.info("no look for drift at %s: %s", name, error.message)

    async def _look(self, name: str, state: dict[str, Any], now: datetime) -> None:
        profile = self._clusters.profile(name)
        if not profile.partitions:
            self._write(name, state | {"looked_at": rfc3339(now)})
            return
        nonce = secrets.token_hex(16)
        script = build_facts_script(profile, nonce, project_root="", scratch_root="", whole=False)
        session = self._clusters.session(name)
        reply = await session.run("bash -s", stdin=script.encode(), timeout_s=FACTS_TIMEOUT_S, label="look for drift")
        lines = differences(read_facts(reply.stdout, nonce), profile)
        # Only what the profile says wrongly: a fact it leaves out does no harm.
        drift = [asdict(line) for line in lines if line.kind != "added"]
        self._write(name, state | {"looked_at": rfc3339(now), "drift": drift})
        if drift:
            self._events.publish("cluster.drift", {"name": name, "differences": len(drift)})
            self._events.publish("cluster.updated", {"name": name})

    def drift(self, name: str) -> list[dict[str, Any]]:
        """Facts of the profile that the cluster contradicted when it was last looked at."""
        found = self._read(name).get("drift")
        return found if isinstance(found, list) else []

    # Files

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _read(self, name: str) -> dict[str, Any]:
        try:
            document = json.loads(self._path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    def _write(self, name: str, document: dict[str, Any]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._path(name).with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(document), encoding="utf-8")
        part.replace(self._path(name))


def _build_notes(facts: ClusterFacts) -> list[str]:
    quiet = [b for b in facts.namd if b.problem]
    if not quiet:
        return []
    names = "; ".join(f"{' '.join(b.modules) or b.path}: {b.problem}" for b in quiet[:5])
    return [f"Not every NAMD could be looked at. {names}."]


def facts_document(facts: ClusterFacts) -> dict[str, Any]:
    """Facts as the JSON contract has them."""
    return {
        "partitions": [_partition_document(p) for p in facts.partitions],
        "gres": _gres(facts),
        "qos": [
            q.limits.model_dump(mode="json")
            | {
                "allowed": q.allowed,
                "priority": q.priority,
                "flags": list(q.flags),
                "group_limits": dict(q.group_limits),
            }
            for q in facts.qos
        ],
        "accounts": [asdict(a) | {"limits": dict(a.limits)} for a in facts.accounts],
        "reservations": [asdict(r) for r in facts.reservations],
        "file_systems": [asdict(f) for f in facts.file_systems],
        "quota_text": facts.quota_text,
        "module_system": facts.module_system,
        "modules": [asdict(m) for m in facts.modules],
        "namd": [asdict(b) for b in facts.namd],
        "mpi": {"modules": list(facts.mpi), "srun_plugins": list(facts.mpi_plugins)},
        "limits": facts.limits,
        "slurm_version": facts.slurm_version,
        "cluster_name": facts.cluster_name,
        "notes": list(facts.notes),
    }


def _partition_document(found: FoundPartition) -> dict[str, Any]:
    usual = found.usual
    return asdict(found) | {
        "billing_weights": dict(found.billing_weights),
        "nodes": found.nodes,
        "idle_nodes": sum(shape.idle for shape in found.shapes),
        "cores_per_node": usual.cores if usual else None,
        "memory_per_node_bytes": usual.memory_bytes if usual else None,
        "gpus": [gpu.model_dump(mode="json") for gpu in found.gpus()],
    }


def _gres(facts: ClusterFacts) -> list[dict[str, Any]]:
    """Each kind of generic resource once, with the partitions that have it and how many there are in all of each."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for partition in facts.partitions:
        for shape in partition.shapes:
            for gres in shape.gres:
                entry = found.setdefault(
                    (gres.name, gres.type),
                    {"name": gres.name, "type": gres.type, "mig": gres.mig, "per_node": 0, "partitions": {}},
                )
                entry["per_node"] = max(entry["per_node"], gres.count)
                total = entry["partitions"].get(partition.name, 0)
                entry["partitions"][partition.name] = total + gres.count * shape.nodes
    return list(found.values())
