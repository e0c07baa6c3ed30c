"""Everything that one server process owns, put together."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from namdrunner import __version__
from namdrunner.jobs.state import JobState
from namdrunner.paths import Folders
from namdrunner.remote.connections import ConnectionManager
from namdrunner.remote.values import ConnectionStatus
from namdrunner.services.activity import ActivityLog
from namdrunner.services.clusters import ClusterService
from namdrunner.services.context import Context
from namdrunner.services.continuing import ContinueService
from namdrunner.services.discovery import DiscoveryService
from namdrunner.services.documents import rfc3339
from namdrunner.services.events import EventBus
from namdrunner.services.jobs import JobService
from namdrunner.services.polling import Poller
from namdrunner.services.profiles import ProfileService
from namdrunner.services.prompts import PromptService
from namdrunner.services.resource_help import ResourceHelp
from namdrunner.services.settings import Settings, SettingsService
from namdrunner.services.settings_bundle import BundleService
from namdrunner.services.storage import StorageService
from namdrunner.services.submit import settled
from namdrunner.services.tasks import TaskHandle, TaskService
from namdrunner.services.templates import TemplateService
from namdrunner.store.clusters import ClusterRepository
from namdrunner.store.database import Database
from namdrunner.store.jobs import JobQuery, JobRepository, with_status
from namdrunner.store.logs import LogRepository


class Application:
    """Opened once per process; closed once."""

    def __init__(self, folders: Folders) -> None:
        self.folders = folders
        self.started_at = datetime.now(UTC)
        self.database = Database(folders.database)
        self.events = EventBus()
        self.tasks = TaskService(self.events)
        self.prompts = PromptService(self.events)
        self.activity = ActivityLog(self.events)
        self.settings = SettingsService(folders)
        self.connections = ConnectionManager(
            self.prompts, self._connection_changed, self.activity.add, limits=self.settings.current().limits()
        )
        self.settings.on_change = self._settings_changed
        jobs = JobRepository(self.database)
        self.clusters = ClusterService(
            folders, ClusterRepository(self.database), jobs, self.connections, self.tasks, self.events
        )
        self.clusters.paced = lambda profile: self.settings.current().paced(profile)
        self.templates = TemplateService(folders, uses=lambda ident: jobs.page(JobQuery(template=ident, limit=0))[1])
        self.bundles = BundleService(folders, self.settings, self.clusters, self.templates)
        self.context = Context(
            folders=folders,
            jobs=jobs,
            logs=LogRepository(self.database),
            clusters=self.clusters,
            tasks=self.tasks,
            events=self.events,
        )
        self.resource_help = ResourceHelp(self.context)
        self.storage = StorageService(folders, self.database, self.tasks)
        self.clusters.on_change = self.storage.remember_clusters
        self.poller = Poller(self.context)
        self.jobs = JobService(self.context, self.templates, self.poller)
        self.continuing = ContinueService(self.context, self.templates, self.poller, self.jobs.resolve)
        self.profiles = ProfileService(folders, self.clusters)
        self.discovery = DiscoveryService(folders, self.clusters, self.tasks, self.events)
        self.clusters.drift = self.discovery.drift
        self.clusters.after_connect = self._after_connect

    @classmethod
    async def open(cls, folders: Folders) -> Application:
        """Open the database (migrated, damage set aside) and settle what the last server left half-way."""
        application = cls(folders.ensure())
        if application.database.set_aside is not None:
            application.storage.recall_clusters()
        application._settle()
        return application

    async def close(self) -> None:
        """Stop the work, close the connections, close the database. What was interrupted is resumed another time."""
        await self.poller.close()
        await self.tasks.close()
        await self.connections.close()
        self.events.close()
        self.database.close()

    def status(self) -> dict[str, Any]:
        counts = self.context.jobs.counts()
        active = sum(count for state, count in counts.items() if JobState(state).active)
        path = self.folders.database
        aside = self.database.set_aside
        return {
            "version": __version__,
            "pid": os.getpid(),
            "started_at": rfc3339(self.started_at),
            "uptime_s": (datetime.now(UTC) - self.started_at).total_seconds(),
            "connections": [_connection_document(s) for s in self.connections.statuses()],
            "jobs": counts,
            "active_jobs": active,
            "tasks_running": sum(1 for t in self.tasks.list() if t.state == "running"),
            "prompts_pending": len(self.prompts.pending()),
            "database": {
                "path": str(path),
                "bytes": path.stat().st_size if path.exists() else 0,
                "set_aside": str(aside) if aside else None,
            },
        }

    def _settings_changed(self, settings: Settings) -> None:
        self.connections.use_limits(settings.limits())
        self.events.publish("settings.changed", {"values": dict(settings.values)})

    def _connection_changed(self, status: ConnectionStatus) -> None:
        self.events.publish("connection.changed", _connection_document(status))
        # At the very first connection the roots are not known yet: polling then begins after the connect.
        if status.state.value != "connected":
            self.poller.stop(status.cluster)
        elif self.clusters.roots(status.cluster) is not None:
            self.poller.start(status.cluster)

    async def _after_connect(self, cluster: str) -> None:
        self.poller.start(cluster)

        async def look(_: TaskHandle) -> None:
            await self.discovery.notice_drift(cluster)

        if self.discovery.drift_due(cluster):
            self.tasks.start("drift", look, cluster=cluster)

    def _settle(self) -> None:
        """Submissions and uploads that were under way when the last server ended."""
        states = (JobState.SUBMITTING, JobState.CREATED, JobState.UPLOADING)
        jobs, _ = self.context.jobs.page(JobQuery(states=states, limit=10_000))
        for job in jobs:
            if job.state is JobState.SUBMITTING:
                self.context.jobs.save(settled(job))
            elif not job.status.reason:
                says = "Its upload was interrupted."
                remedy = "Submit the job to resume its upload, or delete it."
                self.context.jobs.save(with_status(job, reason=says, remedy=remedy), says=says)


def _connection_document(status: ConnectionStatus) -> dict[str, Any]:
    return {
        "cluster": status.cluster,
        "state": status.state.value,
        "since": rfc3339(datetime.fromtimestamp(status.since, UTC)),
        "reason": status.reason,
        "host": status.host,
        "port": status.port,
        "user": status.user,
    }
