"""The local database, looked after: where it is, backed up, restored, emptied. Nothing here touches a cluster."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from namdrunner.errors import ConflictError, InputError
from namdrunner.paths import Folders
from namdrunner.services.tasks import TaskService
from namdrunner.store.clusters import ClusterRepository, StoredCluster
from namdrunner.store.database import Database
from namdrunner.store.jobs import JobQuery, JobRepository


class StorageService:
    """``forget`` empties the local list of jobs only: a sync restores it from the clusters."""

    def __init__(self, folders: Folders, database: Database, tasks: TaskService) -> None:
        self._folders = folders
        self._database = database
        self._tasks = tasks
        self._clusters = ClusterRepository(database)
        self._jobs = JobRepository(database)

    def describe(self) -> dict[str, Any]:
        path = self._folders.database
        _, total = self._jobs.page(JobQuery(limit=0))
        aside = self._database.set_aside
        return {
            "path": str(path),
            "bytes": path.stat().st_size,
            "jobs": total,
            "clusters": len(self._clusters.list()),
            "backups": [str(p) for p in sorted(self._folder.glob("*.sqlite"))] if self._folder.is_dir() else [],
            "set_aside": str(aside) if aside else None,
        }

    @property
    def _folder(self) -> Path:
        return self._folders.data / "backups"

    def backup(self, to: str | None = None) -> dict[str, Any]:
        """A consistent copy, in the data folder unless ``to`` says where. Never overwrites."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        target = Path(to).expanduser() if to else self._folder / f"namdrunner-{stamp}.sqlite"
        if not target.is_absolute():
            raise InputError(f"'{to}' is not an absolute path.", code="path-relative", remedy="Give a full path.")
        if target.exists():
            raise ConflictError(f"{target} exists.", code="file-exists", remedy="Give another name.")
        self._database.backup(target)
        return {"backup": str(target), "bytes": target.stat().st_size}

    def restore(self, source: str) -> dict[str, Any]:
        self._check_idle()
        kept = self._database.restore(Path(source).expanduser())
        return {"restored": source, "previous": str(kept)}

    def reset(self) -> dict[str, Any]:
        """Forget everything local: jobs, clusters, settings. The clusters and what is on them stay as they are."""
        self._check_idle()
        kept = self._database.reset()
        self.remember_clusters()
        return {"previous": str(kept)}

    def forget_jobs(self) -> dict[str, Any]:
        """Empty the local list of jobs. Their folders on the clusters are not touched; a sync restores the list."""
        self._check_idle()
        kept = self.backup()["backup"]
        page, total = self._jobs.page(JobQuery(limit=1_000_000))
        for job in page:
            self._jobs.delete(job.id)
        return {"forgotten": total, "previous": kept}

    def _check_idle(self) -> None:
        busy = [t.kind for t in self._tasks.list() if t.state == "running"]
        if busy:
            raise ConflictError(
                f"Something is under way ({', '.join(busy)}).",
                code="server-busy",
                remedy="Wait for it to end, or cancel it.",
                retryable=True,
            )

    # The clusters are also kept in a small readable file: with it, a damaged database can be rebuilt by a sync.

    def remember_clusters(self) -> None:
        path = self._clusters_file
        text = json.dumps([asdict(c) | {"resolved": {}} for c in self._clusters.list()], indent=2)
        part = path.with_suffix(".part")
        part.write_text(text, encoding="utf-8")
        part.chmod(0o600)
        part.replace(path)

    def recall_clusters(self) -> int:
        """After a damaged database was set aside: the clusters as they were; returns how many."""
        try:
            known = json.loads(self._clusters_file.read_text(encoding="utf-8"))
            clusters = [StoredCluster(**entry) for entry in known]
        except (OSError, ValueError, TypeError):
            return 0
        for cluster in clusters:
            self._clusters.add(cluster)
        return len(clusters)

    @property
    def _clusters_file(self) -> Path:
        return self._folders.data / "clusters.json"
