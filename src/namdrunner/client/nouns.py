"""What can be asked of the server, noun by noun; each method is one request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from namdrunner.client import documents as d
from namdrunner.client.transport import Transport, path_of

Names = Mapping[str, object]
"""Variable names and their values."""


class _Noun:
    def __init__(self, transport: Transport) -> None:
        self._http = transport


class Clusters(_Noun):
    def list(self) -> list[d.ClusterDocument]:
        return cast("list[d.ClusterDocument]", self._http.get(path_of("clusters"))["clusters"])

    def get(self, name: str) -> d.ClusterDocument:
        """Raises NotFoundError."""
        return cast(d.ClusterDocument, self._http.get(path_of("clusters", name)))

    def add(
        self,
        name: str,
        host: str,
        *,
        port: int | None = None,
        user: str | None = None,
        identity_file: Path | None = None,
        profile: str | None = None,
        project_root: str | None = None,
        scratch_root: str | None = None,
    ) -> d.ClusterDocument:
        """Register a cluster; nothing is contacted yet. What is ``None`` comes from ~/.ssh/config or the profile."""
        body = {
            "name": name,
            "host": host,
            "port": port,
            "user": user,
            "identity_file": str(identity_file.expanduser().absolute()) if identity_file else None,
            "profile": profile,
            "project_root": project_root,
            "scratch_root": scratch_root,
        }
        return cast(d.ClusterDocument, self._http.post(path_of("clusters"), body))

    def edit(self, name: str, changes: Names) -> d.ClusterDocument:
        return cast(d.ClusterDocument, self._http.request("PATCH", path_of("clusters", name), body=dict(changes)))

    def remove(self, name: str) -> d.JsonObject:
        """Forget the cluster and its jobs here; nothing on it is touched."""
        return cast(d.JsonObject, self._http.request("DELETE", path_of("clusters", name)))

    def connect(self, name: str) -> d.TaskDocument:
        """Start connecting; questions of the cluster appear as prompts while the task runs."""
        return cast(d.TaskDocument, self._http.post(path_of("clusters", name, "connect")))

    def disconnect(self, name: str) -> d.ClusterDocument:
        return cast(d.ClusterDocument, self._http.post(path_of("clusters", name, "disconnect")))

    def namd(self, name: str, *, recipe: str | None = None) -> d.ClusterNamd:
        """The NAMD a recipe starts there (the first unless named), and findings where it is connected."""
        return cast(d.ClusterNamd, self._http.get(path_of("clusters", name, "namd"), {"recipe": recipe}))

    def discover(self, name: str, *, apply: Sequence[str] | None = None) -> d.TaskDocument:
        """Ask a connected cluster about itself; the task's result is the discovery.

        ``apply``: keys of lines to take into the cluster's profile, ``["all"]`` for all.
        """
        body = {"apply": None if apply is None else list(apply)}
        return cast(d.TaskDocument, self._http.post(path_of("clusters", name, "discovery"), body))

    def discovery(self, name: str) -> d.JsonObject:
        """The last discovery; raises NotFoundError."""
        return cast(d.JsonObject, self._http.get(path_of("clusters", name, "discovery")))

    def apply_discovery(self, name: str, keys: Sequence[str]) -> d.JsonObject:
        """Take lines of the last discovery into the cluster's own profile."""
        body = {"keys": list(keys)}
        return cast(d.JsonObject, self._http.post(path_of("clusters", name, "discovery", "apply"), body))

    def profile(self, name: str) -> d.JsonObject:
        """The profile as values (``profile``) and as TOML (``text``)."""
        return cast(d.JsonObject, self._http.get(path_of("clusters", name, "profile")))

    def save_profile(self, name: str, *, text: str | None = None, changes: Names | None = None) -> d.JsonObject:
        """Give the cluster a profile of its own: a whole text, or single facts by key."""
        body = {"text": text, "set": dict(changes) if changes else None}
        return cast(d.JsonObject, self._http.request("PUT", path_of("clusters", name, "profile"), body=body))

    def export(self, name: str) -> str:
        """Its profile, and how it is reached, as TOML."""
        document = cast(d.JsonObject, self._http.get(path_of("clusters", name, "export"), {"as_json": True}))
        return str(document["text"])

    def duplicate(self, name: str, new: str) -> d.ClusterDocument:
        body = {"name": new}
        return cast(d.ClusterDocument, self._http.post(path_of("clusters", name, "duplicate"), body))

    def import_profile(self, text: str, *, name: str | None = None, replace: bool = False) -> d.JsonObject:
        """Keep a profile; ``runs`` in the answer are the shell lines in it."""
        body = {"text": text, "name": name, "replace": replace}
        return cast(d.JsonObject, self._http.post(path_of("profiles"), body))

    def suggest(self, name: str, request: Names) -> d.JsonObject:
        """Resources for a system (``atoms``, ``simulated_ns``), each with its reason."""
        return cast(d.JsonObject, self._http.post(path_of("clusters", name, "suggestion"), dict(request)))

    def expected_start(self, request: Names) -> d.JsonObject:
        """When a job like this would start: signals kept apart. Keys of ``request`` as for ``jobs.create``."""
        return cast(d.JsonObject, self._http.post(path_of("jobs", "expected-start"), dict(request)))

    def test(self, name: str) -> d.CheckList:
        """Check what NAMDRunner needs of a connected cluster."""
        return cast(d.CheckList, self._http.post(path_of("clusters", name, "test")))


class Jobs(_Noun):
    def list(
        self,
        *,
        status: Sequence[str] = (),
        cluster: str | None = None,
        template: str | None = None,
        search: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> d.JobList:
        query = {
            "status": list(status) or None,
            "cluster": cluster,
            "template": template,
            "search": search,
            "sort": sort,
            "limit": limit,
            "offset": offset,
        }
        """A page of jobs (200 unless ``limit`` says otherwise), newest first unless ``sort`` names a field."""
        return cast(d.JobList, self._http.get(path_of("jobs"), query))

    def get(self, job: str) -> d.JobDocument:
        """Raises NotFoundError."""
        return cast(d.JobDocument, self._http.get(path_of("jobs", job)))

    def create(self, request: Names) -> d.TaskDocument:
        """Start creating a job; the task's result is ``{"job": JobDocument}``.

        Keys of ``request``: name, cluster, template, values, files, config, resources, preset, submit, force;
        local paths must be absolute. Raises what makes the job impossible, before anything is sent.
        """
        return cast(d.TaskDocument, self._http.post(path_of("jobs"), dict(request)))

    def dry_run(self, request: Names, *, ask_cluster: bool = False) -> d.DryRun:
        """Config, job script, files, findings and forecast of a job that is not created.

        ``ask_cluster``: Slurm is asked, too, whether it would take it; raises NotConnectedError.
        """
        query = {"ask_cluster": ask_cluster}
        return cast(d.DryRun, self._http.post(path_of("jobs", "dry-run"), dict(request), query=query))

    def submit(self, job: str) -> d.TaskDocument:
        return cast(d.TaskDocument, self._http.post(path_of("jobs", job, "submit")))

    def sync(self, *, job: str | None = None, cluster: str | None = None, jobs: Sequence[str] = ()) -> d.TaskDocument:
        """Ask the clusters now instead of at the next cycle."""
        body = {"job": job, "cluster": cluster, "jobs": list(jobs)}
        return cast(d.TaskDocument, self._http.post(path_of("jobs", "sync"), body))

    def logs(self, job: str, *, which: Literal["namd", "slurm"] = "namd", offset: int | None = None) -> d.LogText:
        """About 1 MB from byte ``offset`` on, ``None``: the last part; the reply's ``offset`` is where to go on."""
        return cast(d.LogText, self._http.get(path_of("jobs", job, "logs"), {"which": which, "offset": offset}))

    def files(self, job: str) -> d.JobFiles:
        return cast(d.JobFiles, self._http.get(path_of("jobs", job, "files")))

    def script(self, job: str) -> d.JobScript:
        """Config and job script as they were sent."""
        return cast(d.JobScript, self._http.get(path_of("jobs", job, "script")))

    def energies(self, job: str, *, points: int | None = None, after: int = 0) -> d.Energies:
        """Rows behind the first ``after``; more than ``points`` as means of so many buckets, with their limits."""
        query = {"points": points, "after": after}
        return cast(d.Energies, self._http.get(path_of("jobs", job, "energies"), query))

    def download(self, job: str, patterns: Sequence[str] = (), *, to: Path) -> d.TaskDocument:
        """Bring files home, verified by sha256; the task's result is ``{"files": [...]}``."""
        body = {"patterns": list(patterns), "to": str(to.expanduser().absolute())}
        return cast(d.TaskDocument, self._http.post(path_of("jobs", job, "download"), body))

    def cancel(self, job: str) -> d.TaskDocument:
        return cast(d.TaskDocument, self._http.post(path_of("jobs", job, "cancel")))

    def delete(self, job: str, *, keep_remote: bool = False) -> d.TaskDocument:
        """Cancel it if it runs, then delete it here and, unless told otherwise, on the cluster."""
        answer = self._http.request("DELETE", path_of("jobs", job), query={"keep_remote": keep_remote})
        return cast(d.TaskDocument, answer)

    # Several at once; the result of each task has "refused": {id: error} for those for which it was not done

    def create_many(self, requests: Sequence[Names]) -> d.TaskDocument:
        """Start creating jobs of one cluster together; the result is ``{"jobs": [JobDocument], "refused": {}}``."""
        return self._several("batch", {"jobs": [dict(request) for request in requests]})

    def submit_many(self, jobs: Sequence[str]) -> d.TaskDocument:
        """The task's result has ``jobs``, the documents."""
        return self._several("submit", {"jobs": list(jobs)})

    def cancel_many(self, jobs: Sequence[str]) -> d.TaskDocument:
        """The task's result has ``jobs``, the documents."""
        return self._several("cancel", {"jobs": list(jobs)})

    def delete_many(self, jobs: Sequence[str], *, keep_remote: bool = False) -> d.TaskDocument:
        """The task's result has ``deleted``, the ids."""
        return self._several("delete", {"jobs": list(jobs), "keep_remote": keep_remote})

    def download_many(self, jobs: Sequence[str], patterns: Sequence[str] = (), *, to: Path) -> d.TaskDocument:
        """Fetch to a folder of each job's id below ``to``; the result has ``jobs``: ``[{"id", "to", "files"}]``."""
        body = {"jobs": list(jobs), "patterns": list(patterns), "to": str(to.expanduser().absolute())}
        return self._several("download", body)

    def _several(self, action: str, body: d.JsonObject) -> d.TaskDocument:
        return cast(d.TaskDocument, self._http.post(path_of("jobs", action), body))


class Templates(_Noun):
    def list(self) -> list[d.TemplateSummary]:
        return cast("list[d.TemplateSummary]", self._http.get(path_of("templates"))["templates"])

    def get(self, template: str) -> d.JsonObject:
        return cast(d.JsonObject, self._http.get(path_of("templates", template)))

    def render(
        self, template: str, values: Names, files: Mapping[str, Sequence[str]] | None = None
    ) -> d.RenderedTemplate:
        body = {"values": dict(values), "files": {k: list(v) for k, v in (files or {}).items()}}
        return cast(d.RenderedTemplate, self._http.post(path_of("templates", template, "render"), body))

    def validate(self, text: str) -> d.TemplateValidation:
        return cast(d.TemplateValidation, self._http.post(path_of("templates", "validate"), {"text": text}))

    def save(self, text: str, *, replace: bool = False) -> d.JsonObject:
        return cast(d.JsonObject, self._http.post(path_of("templates"), {"text": text, "replace": replace}))

    def import_files(self, files: Names, *, replace: bool = False) -> d.JsonObject:
        body = {"files": dict(files), "replace": replace}
        return cast(d.JsonObject, self._http.post(path_of("templates", "import"), body))

    def history(self, template: str) -> d.JsonObject:
        return cast(d.JsonObject, self._http.get(path_of("templates", template, "history")))

    def diff(self, template: str, old: int | None = None, new: int | None = None) -> d.JsonObject:
        return cast(d.JsonObject, self._http.get(path_of("templates", template, "diff"), {"from": old, "to": new}))

    def restore(self, template: str, number: int | None = None) -> d.JsonObject:
        return cast(d.JsonObject, self._http.post(path_of("templates", template, "restore"), {"number": number}))

    def duplicate(self, template: str, new: str | None = None) -> d.JsonObject:
        return cast(d.JsonObject, self._http.post(path_of("templates", template, "duplicate"), {"id": new}))

    def delete(self, template: str, *, force: bool = False) -> None:
        """Raises ConflictError (``template-in-use``) when jobs were made with it and not ``force``."""
        self._http.request("DELETE", path_of("templates", template), query={"force": force})


class Prompts(_Noun):
    def list(self) -> list[d.PromptDocument]:
        return cast("list[d.PromptDocument]", self._http.get(path_of("prompts"))["prompts"])

    def answer(self, prompt: str, answers: Sequence[str]) -> None:
        self._http.post(path_of("prompts", prompt), {"answers": list(answers)})

    def decline(self, prompt: str) -> None:
        self._http.request("DELETE", path_of("prompts", prompt))


class Tasks(_Noun):
    def list(self) -> list[d.TaskDocument]:
        return cast("list[d.TaskDocument]", self._http.get(path_of("tasks"))["tasks"])

    def get(self, task: str, *, wait_s: float | None = None) -> d.TaskDocument:
        """With ``wait_s`` the answer comes when the task has ended, or after that time."""
        timeout_s = None if wait_s is None else wait_s + 30.0
        query: dict[str, Any] = {"wait_s": wait_s}
        return cast(d.TaskDocument, self._http.get(path_of("tasks", task), query, timeout_s=timeout_s))

    def cancel(self, task: str) -> d.TaskDocument:
        return cast(d.TaskDocument, self._http.request("DELETE", path_of("tasks", task)))

    def pause(self, task: str) -> d.TaskDocument:
        """Hold a transfer (``pausable``); ``resume`` or ``cancel`` it later."""
        return cast(d.TaskDocument, self._http.post(path_of("tasks", task, "pause")))

    def resume(self, task: str) -> d.TaskDocument:
        return cast(d.TaskDocument, self._http.post(path_of("tasks", task, "resume")))


class Storage(_Noun):
    """The local database; nothing here touches a cluster."""

    def show(self) -> d.JsonObject:
        """Path, size and backups."""
        return cast(d.JsonObject, self._http.get(path_of("storage")))

    def backup(self) -> d.JsonObject:
        """A consistent copy beside the database: ``{"backup", "bytes"}``."""
        return cast(d.JsonObject, self._http.post(path_of("storage", "backup")))

    def restore(self, backup: Path) -> d.JsonObject:
        """Put a backup in the place of the database, which is kept: ``{"restored", "previous"}``."""
        body = {"backup": str(backup.expanduser().absolute())}
        return cast(d.JsonObject, self._http.post(path_of("storage", "restore"), body))

    def reset(self) -> d.JsonObject:
        """Forget jobs and clusters; the database is kept: ``{"previous"}``."""
        return cast(d.JsonObject, self._http.post(path_of("storage", "reset")))

    def forget_jobs(self) -> d.JsonObject:
        """Empty the local list of jobs after a backup: ``{"forgotten", "previous"}``."""
        return cast(d.JsonObject, self._http.post(path_of("storage", "forget-jobs")))


class Settings(_Noun):
    def show(self) -> d.JsonObject:
        return cast(d.JsonObject, self._http.get(path_of("settings")))

    def change(self, changes: Names) -> d.JsonObject:
        """``None`` goes back to the default."""
        return cast(d.JsonObject, self._http.request("PATCH", path_of("settings"), body={"changes": dict(changes)}))

    def export(self) -> d.JsonObject:
        """Settings, clusters, profiles and templates; no secrets."""
        return cast(d.JsonObject, self._http.get(path_of("settings", "export")))

    def import_(self, text: str, *, replace: bool = False) -> d.JsonObject:
        body = {"text": text, "replace": replace}
        return cast(d.JsonObject, self._http.post(path_of("settings", "import"), body))
