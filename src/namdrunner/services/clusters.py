"""Clusters: known, connected, tested, forgotten."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from namdrunner.errors import ConflictError, InputError, NamdrunnerError, NotFoundError
from namdrunner.jobs.folders import PARENT
from namdrunner.paths import Folders
from namdrunner.remote.connections import ConnectionManager
from namdrunner.remote.values import ConnectionSpec, ConnectionState, ConnectionStatus, Session
from namdrunner.services.cluster_check import check_cluster
from namdrunner.services.documents import cluster_document
from namdrunner.services.events import EventBus
from namdrunner.services.looks import Looks
from namdrunner.services.tasks import Task, TaskHandle, TaskService
from namdrunner.slurm.geometry import choose_recipe, uses_gpus
from namdrunner.slurm.profile import ClusterProfile
from namdrunner.slurm.profile_toml import profile_text
from namdrunner.slurm.profiles import load_profile, parse_profile
from namdrunner.store.clusters import ClusterRepository, StoredCluster
from namdrunner.store.jobs import JobRepository

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
_HOST = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9._:-]{0,252}$")
_USER = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9._@\\-]{0,62}$")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_ROOT = re.compile(r"^[^\0\n\r`;|&<>()'\"\\*?\[\]]+$")


@dataclass(frozen=True)
class ClusterInput:
    """What a person gives to add a cluster; what is empty comes from the profile or from ~/.ssh/config."""

    name: str
    host: str
    port: int | None = None
    user: str | None = None
    identity_file: str | None = None
    profile: str = "generic"
    project_root: str = ""
    scratch_root: str = ""


AfterConnect = Callable[[str], Awaitable[None]]


class ClusterService:
    """The clusters of this server; ``after_connect`` is told of each cluster that has just been connected."""

    def __init__(
        self,
        folders: Folders,
        repository: ClusterRepository,
        jobs: JobRepository,
        connections: ConnectionManager,
        tasks: TaskService,
        events: EventBus,
    ) -> None:
        self._folders = folders
        self._repository = repository
        self._jobs = jobs
        self._connections = connections
        self._tasks = tasks
        self._events = events
        self.looks = Looks()
        self.after_connect: AfterConnect | None = None
        self.on_change: Callable[[], None] | None = None
        self.paced: Callable[[ClusterProfile], ClusterProfile] = lambda profile: profile
        """The profile with the pauses between looks that the person wants."""
        self.drift: Callable[[str], list[dict[str, Any]]] = lambda _: []
        """What the last look found the profile to say wrongly."""

    # What is known

    def add(self, given: ClusterInput) -> dict[str, Any]:
        """Raises InputError for a field that cannot be used, ConflictError when the name is taken."""
        return self.add_stored(StoredCluster(**dataclasses.asdict(given)))

    def add_stored(self, cluster: StoredCluster) -> dict[str, Any]:
        self._check(cluster)
        self._repository.add(cluster)
        self._changed(cluster.name)
        return self.get(cluster.name)

    def edit(self, name: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Change fields of a cluster; a connection made with other settings is not touched until the next connect."""
        old = self._repository.get(name)
        allowed = {f.name for f in dataclasses.fields(ClusterInput)} - {"name"}
        unknown = set(changes) - allowed
        if unknown:
            raise InputError(
                f"A cluster has no field {', '.join(sorted(unknown))}.",
                code="cluster-field-unknown",
                remedy="The fields are " + ", ".join(sorted(allowed)) + ".",
            )
        cluster = dataclasses.replace(old, **changes)
        self._check(cluster)
        moved = (cluster.project_root, cluster.scratch_root, cluster.profile, cluster.host, cluster.user) != (
            old.project_root, old.scratch_root, old.profile, old.host, old.user
        )  # fmt: skip
        self._repository.save(dataclasses.replace(cluster, resolved={}) if moved else cluster)
        self._changed(name)
        return self.get(name)

    def list(self) -> list[dict[str, Any]]:
        return [self._document(cluster) for cluster in self._repository.list()]

    def get(self, name: str) -> dict[str, Any]:
        return self._document(self._repository.get(name))

    async def remove(self, name: str) -> dict[str, Any]:
        """Forget a cluster and the local records of its jobs; nothing on the cluster is touched.

        Raises ConflictError (``cluster-in-use``) while jobs of it are active.
        """
        active = [job.id for job in self._jobs.active(name)]
        if active:
            raise ConflictError(
                f"{len(active)} job(s) on '{name}' are still under way.",
                code="cluster-in-use",
                remedy="Cancel them or wait for their end, then remove the cluster.",
                context={"jobs": active[:20]},
            )
        self._repository.get(name)
        await self._connections.disconnect(name)
        forgotten = self._repository.remove(name)
        self._changed(name)
        return {"removed": name, "jobs_forgotten": forgotten}

    def stored(self, name: str) -> StoredCluster:
        return self._repository.get(name)

    def profile(self, name: str) -> ClusterProfile:
        return self._profile(self._repository.get(name).profile)

    def save_own_profile(self, name: str, profile: ClusterProfile) -> dict[str, Any]:
        """Give the cluster a profile of its own, kept in a file of NAMDRunner's; the one it had is not touched."""
        cluster = self._repository.get(name)
        own = f"own-{name}"
        self.write_profile(own, profile.model_copy(update={"name": own}))
        return self.edit(name, {"profile": own}) if cluster.profile != own else self._told(name)

    def write_profile(self, name: str, profile: ClusterProfile) -> None:
        """Keep a profile under a name, checked once more as it will be read; a file half written is never seen.

        Raises InputError (``profile-invalid``, ``profile-name-invalid``).
        """
        _require(_NAME.match(name) and not name.endswith(".toml"), "profile-name-invalid",
                 f"'{name}' cannot be a profile's name.", "Use letters, digits, dots, dashes.")  # fmt: skip
        text = profile_text(profile)
        parse_profile(text, source=name)
        self._folders.profiles.mkdir(parents=True, exist_ok=True)
        part = self._folders.profiles / f".{name}.{os.getpid()}.part"
        part.write_text(text, encoding="utf-8")
        part.replace(self._folders.profiles / f"{name}.toml")

    def _told(self, name: str) -> dict[str, Any]:
        self._changed(name)
        return self.get(name)

    def pace(self, name: str) -> ClusterProfile:
        """The profile for how often to ask: careful values where it cannot be read, so that jobs are followed."""
        try:
            return self.paced(self.profile(name))
        except (InputError, NotFoundError):
            return self.paced(ClusterProfile())

    def roots(self, name: str) -> tuple[str, str] | None:
        """Project and scratch root as absolute paths on the cluster; ``None`` before it was ever connected."""
        resolved = self._repository.get(name).resolved
        project, scratch = resolved.get("project_root"), resolved.get("scratch_root")
        return (str(project), str(scratch)) if project and scratch else None

    async def find_roots(self, name: str) -> tuple[str, str]:
        """The roots; asked for on the cluster where they were changed since it was connected.

        Raises NotConnectedError, InputError (``root-unresolved``).
        """
        self.session(name)
        if self.roots(name) is None:
            await self._resolve_roots(self._repository.get(name))
        project, scratch = self.roots(name) or ("", "")
        return project, scratch

    # The connection

    def start_connect(self, name: str) -> Task:
        """Begin to connect; a connect that is under way for the cluster already is returned instead."""
        cluster = self._repository.get(name)
        running = self._tasks.running("connect", cluster=name)
        if running is not None:
            return running

        async def connect(handle: TaskHandle) -> dict[str, Any]:
            handle.say(f"Connecting to {cluster.host}")
            try:
                await self._connections.connect(self._spec(cluster))
            except asyncio.CancelledError:
                # The login is shared and would go on waiting for an answer that nobody is asked for any more.
                await self._connections.disconnect(name)
                raise
            try:
                await self._resolve_roots(cluster)
            except NamdrunnerError:
                await self._connections.disconnect(name)
                raise
            if self.after_connect is not None:
                await self.after_connect(name)
            return {"cluster": self.get(name)}

        return self._tasks.start("connect", connect, cluster=name)

    async def disconnect(self, name: str) -> dict[str, Any]:
        self._repository.get(name)
        running = self._tasks.running("connect", cluster=name)
        if running is not None:
            await self._tasks.cancel(running.id)
        await self._connections.disconnect(name)
        return self.get(name)

    async def forget_host_key(self, name: str) -> dict[str, Any]:
        """Remove the cluster's key from NAMDRunner's own list; the next connection asks whether to trust the new one.

        Only ever on a person's request. What the person's own known_hosts files say stays.
        """
        removed = await self._connections.forget_host_key(self._spec(self._repository.get(name)))
        return {"cluster": name, "removed": removed}

    def session(self, name: str) -> Session:
        """Raises NotConnectedError, or NotFoundError for a cluster that is not known."""
        self._repository.get(name)
        return self._connections.session(name)

    def connected(self, name: str) -> bool:
        status = self._connections.status(name)
        return status is not None and status.state is ConnectionState.CONNECTED

    def statuses(self) -> dict[str, ConnectionStatus]:
        return {status.cluster: status for status in self._connections.statuses()}

    async def test(self, name: str) -> dict[str, Any]:
        """Look at everything a job will need; each check has a sentence and, where it failed, a remedy."""
        project, scratch = await self.find_roots(name)
        checks = await check_cluster(self.session(name), self.profile(name), project, scratch)
        return {"cluster": name, "ok": all(c["ok"] for c in checks), "checks": checks}

    async def namd(self, name: str, recipe: str | None = None) -> dict[str, Any]:
        """Whether a recipe's NAMD (the first's, unless named) is there; ``looked`` is False without a connection."""
        profile = self.profile(name)
        chosen = choose_recipe(profile, None, recipe)
        document = {"recipe": chosen.name, "namd_version": chosen.namd_version, "gpu": uses_gpus(chosen)}
        if not self.connected(name):
            return document | {"looked": False, "findings": []}
        findings = await self.looks.namd(self.session(name), name, chosen)
        return document | {"looked": True, "findings": list(findings)}

    # Inside

    def _spec(self, cluster: StoredCluster) -> ConnectionSpec:
        return ConnectionSpec(
            cluster=cluster.name,
            host=cluster.host,
            port=cluster.port,
            user=cluster.user,
            identity_file=Path(cluster.identity_file).expanduser() if cluster.identity_file else None,
            known_hosts=self._folders.known_hosts,
        )

    async def _resolve_roots(self, cluster: StoredCluster) -> None:
        """Fill in the variables of the roots with the cluster's own values, and make the jobs' folder."""
        profile = self._profile(cluster.profile)
        roots = {
            "project_root": cluster.project_root or profile.project_root,
            "scratch_root": cluster.scratch_root or profile.scratch_root,
        }
        names = sorted({a or b for root in roots.values() for a, b in _VARIABLE.findall(root)} | {"HOME"})
        nonce = secrets.token_hex(8)
        words = " ".join(f'"${{{name}-}}"' for name in names)
        script = f"printf '{nonce}\\0%s' \"$(id -un)\"; printf '\\0%s' {words}; printf '\\0{nonce}'\n"
        reply = await self._connections.session(cluster.name).run(
            "bash -l -s", stdin=script.encode(), timeout_s=60, check=True, label="ask for HOME and the roots"
        )
        body = reply.stdout.partition(nonce.encode() + b"\0")[2].partition(b"\0" + nonce.encode())[0]
        user, *values = body.decode("utf-8", "replace").split("\0")
        known = dict(zip(names, values, strict=False)) | {"USER": user, "LOGNAME": user}
        resolved = {key: _fill_in(root, known) for key, root in roots.items()}
        stored = self._repository.get(cluster.name)
        self._repository.save(dataclasses.replace(stored, resolved=resolved | {"user": user}))

    def _profile(self, name: str) -> ClusterProfile:
        own = self._folders.profiles / f"{name}.toml"
        return load_profile(own if own.is_file() else _profile_reference(name))

    def _check(self, cluster: StoredCluster) -> None:
        _require(_NAME.match(cluster.name), "cluster-name-invalid", f"'{cluster.name}' cannot be a cluster's name.",
                 "Use up to 63 letters, digits, dots, dashes, underscores; begin with a letter or digit.")  # fmt: skip
        _require(_HOST.match(cluster.host), "host-invalid", f"'{cluster.host}' is not a host name.",
                 "Give the name of the login node, or a Host entry of ~/.ssh/config.")  # fmt: skip
        _require(cluster.port is None or 0 < cluster.port < 65536, "port-invalid", f"There is no port {cluster.port}.",
                 "Give a number from 1 to 65535; SSH's own is 22.")  # fmt: skip
        _require(cluster.user is None or _USER.match(cluster.user), "user-invalid",
                 f"'{cluster.user}' is not a user name.", "Give your user name on the cluster.")  # fmt: skip
        if cluster.identity_file:
            _require(Path(cluster.identity_file).expanduser().is_file(), "identity-not-found",
                     f"There is no key file {cluster.identity_file}.", "Give the path of a private key.")  # fmt: skip
        for root in (cluster.project_root, cluster.scratch_root):
            _require(not root or _usable_root(root), "root-invalid", f"'{root}' is not a folder on the cluster.",
                     "Give an absolute path without '..'; $USER, $HOME and the like are filled in there.")  # fmt: skip
        self._profile(cluster.profile)

    def _document(self, cluster: StoredCluster) -> dict[str, Any]:
        status = self._connections.status(cluster.name)
        try:
            document = cluster_document(cluster, self._profile(cluster.profile), status)
            return document | {"drift": self.drift(cluster.name)}
        except NamdrunnerError as error:
            # The file of a profile of one's own may be gone or damaged; the cluster must still be seen and mended.
            document = cluster_document(cluster, ClusterProfile(), status)
            return document | {"reason": document["reason"] or error.message}

    def _changed(self, name: str) -> None:
        if self.on_change is not None:
            self.on_change()
        self._events.publish("cluster.updated", {"name": name})


def _profile_reference(name: str) -> str | Path:
    return Path(name).expanduser() if "/" in name or name.endswith(".toml") else name


def _fill_in(root: str, known: dict[str, str]) -> str:
    """Raises InputError (``root-unresolved``) when a variable has no value there or the result is no absolute path."""
    missing = [a or b for a, b in _VARIABLE.findall(root) if not known.get(a or b)]
    text = _VARIABLE.sub(lambda match: known.get(match.group(1) or match.group(2), ""), root)
    if text == "~" or text.startswith("~/"):
        text = known.get("HOME", "") + text[1:]
    if missing or not text.startswith("/") or ".." in text.split("/"):
        detail = f"${missing[0]} is not set there" if missing else "it is not an absolute path"
        raise InputError(
            f"The folder '{root}' cannot be found on the cluster: {detail}.",
            code="root-unresolved",
            remedy="Give the project and scratch roots as absolute paths with 'namdrunner cluster edit'.",
            context={"root": root, "folder": PARENT},
        )
    return text.rstrip("/") or "/"


def _usable_root(root: str) -> bool:
    return bool(_ROOT.match(root)) and root[0] in "/$~" and ".." not in root.split("/")


def _require(condition: object, code: str, message: str, remedy: str) -> None:
    if not condition:
        raise InputError(message, code=code, remedy=remedy)
