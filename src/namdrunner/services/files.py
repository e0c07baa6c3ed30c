"""A job's files on the cluster: listed, read, downloaded."""

from __future__ import annotations

import fnmatch
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from namdrunner.errors import InputError, NotFoundError
from namdrunner.jobs.folders import inside
from namdrunner.jobs.record import OutputFile
from namdrunner.jobs.state import JobState
from namdrunner.remote.values import DownloadItem, RemoteFile
from namdrunner.services.context import Context
from namdrunner.services.documents import input_document, output_document
from namdrunner.services.local_copies import LocalCopies
from namdrunner.services.script_spec import script_spec
from namdrunner.services.tasks import TaskHandle
from namdrunner.store.jobs import StoredJob, with_status

RESULTS = ("outputs/", "logs/")
PLAIN = ("config.namd", "job.sbatch", "job_info.json", "result.json", "receipt")


async def list_files(context: Context, job_id: str, copies: LocalCopies | None = None) -> dict[str, Any]:
    """Inputs as uploaded, results as they are now (from the cluster when connected, else as last seen).

    ``local``: names of the files that can be read here while the cluster is not connected.
    """
    job = context.jobs.get(job_id)
    live = context.clusters.connected(job.record.cluster)
    if live:
        job = await refresh_outputs(context, job)
    return {
        "inputs": [input_document(i) for i in job.record.inputs],
        "outputs": [output_document(o) for o in job.status.outputs],
        "live": live,
        "local": [] if live or copies is None else await copies.names(job),
    }


async def refresh_outputs(context: Context, job: StoredJob) -> StoredJob:
    """List the job's results on the cluster; digests that are known already are kept while size and time agree."""
    project = PurePosixPath(job.record.project_dir)
    entries = await context.session(job).list_tree(project)
    known = {o.name: o for o in job.status.outputs}
    found = [output_file(entry, known) for entry in entries if is_result(entry)]
    if job.state is JobState.RUNNING:
        scratch = await context.session(job).list_tree(PurePosixPath(_run_dir(context, job)))
        inputs = {_scratch_name(job, i.name) for i in job.record.inputs} | {job.record.run.config}
        found += [
            output_file(RemoteFile(f"scratch/{e.path}", e.kind, e.bytes, e.modified_at), known)
            for e in scratch
            if e.kind == "file" and e.path not in inputs
        ]
    outputs = tuple(sorted(found, key=lambda o: o.name))
    if outputs != job.status.outputs:
        async with context.lock(job.id):
            job = with_status(context.jobs.get(job.id), outputs=outputs)
            context.jobs.save(job)
    return job


def _scratch_name(job: StoredJob, name: str) -> str:
    return str(PurePosixPath(job.record.run.inputs_dir) / name)


def is_result(entry: RemoteFile) -> bool:
    return entry.kind == "file" and (entry.path.startswith(RESULTS) or entry.path in PLAIN)


def output_file(entry: RemoteFile, known: dict[str, OutputFile]) -> OutputFile:
    old = known.get(entry.path)
    modified = datetime.fromtimestamp(entry.modified_at, UTC)
    same = old is not None and old.bytes == entry.bytes and abs((old.modified_at - modified).total_seconds()) < 2
    return OutputFile(
        name=entry.path, bytes=entry.bytes, modified_at=modified, sha256=old.sha256 if same and old else None
    )


async def download(
    context: Context,
    job_id: str,
    patterns: Sequence[str],
    to: Path,
    handle: TaskHandle,
    copies: LocalCopies | None = None,
) -> dict[str, Any]:
    """Fetch results to a local folder, keeping their paths; every file is verified by size and sha256.

    Without patterns: everything in ``outputs/`` and ``logs/``. A pattern matches a whole path or a file name
    (``*.dcd``, ``outputs/*.coor``, ``config.namd``). Raises NotFoundError (``no-such-output``), InputError.
    """
    check_target(to)
    job = await refresh_outputs(context, context.jobs.get(job_id))
    chosen = [o for o in job.status.outputs if matches(o.name, patterns)]
    if not chosen:
        what = f"match {', '.join(patterns)}" if patterns else "exist yet"
        raise NotFoundError(
            f"No results of the job {what}.",
            code="no-such-output",
            remedy=f"See 'namdrunner job files {job_id}' for what there is.",
        )
    count = "1 file" if len(chosen) == 1 else f"{len(chosen)} files"
    handle.say(f"Downloading {count}, {sum(o.bytes for o in chosen) / 1e6:.1f} MB")
    items = [DownloadItem(remote_path(context, job, o.name), local_path(to, o.name), o.bytes, o.sha256) for o in chosen]
    arrived = await context.session(job).download(items, progress=handle.progress)
    await _remember_digests(context, job_id, {o.name: f.sha256 for o, f in zip(chosen, arrived, strict=True)})
    if copies is not None:
        copies.remember(job_id, {o.name: f for o, f in zip(chosen, arrived, strict=True)})
    return {
        "to": str(to),
        "files": [
            {"name": o.name, "bytes": f.bytes, "sha256": f.sha256, "path": f.target, "skipped": f.skipped}
            for o, f in zip(chosen, arrived, strict=True)
        ],
    }


def check_target(to: Path) -> None:
    """Raises InputError (``path-relative``, ``not-a-folder``)."""
    if not to.is_absolute():
        raise InputError(f"'{to}' is not an absolute path.", code="path-relative", remedy="Give a full path.")
    if to.exists() and not to.is_dir():
        raise InputError(f"{to} is a file.", code="not-a-folder", remedy="Give a folder to download to.")


def matches(name: str, patterns: Sequence[str]) -> bool:
    if not patterns:
        return name.startswith(RESULTS)
    return any(fnmatch.fnmatchcase(name, p) or fnmatch.fnmatchcase(PurePosixPath(name).name, p) for p in patterns)


def _run_dir(context: Context, job: StoredJob) -> str:
    return script_spec(job.record, context.clusters.profile(job.record.cluster)).run_dir


def remote_path(context: Context, job: StoredJob, name: str) -> PurePosixPath:
    if name.startswith("scratch/"):
        return inside(_run_dir(context, job), name.removeprefix("scratch/"))
    return inside(job.record.project_dir, name)


def local_path(to: Path, name: str) -> Path:
    """Below ``to``; names that the local file system could take for something else are refused."""
    relative = inside("/x", name).relative_to("/x")
    return to.joinpath(*relative.parts)


async def _remember_digests(context: Context, job_id: str, digests: dict[str, str]) -> None:
    async with context.lock(job_id):
        job = context.jobs.get(job_id)
        outputs = tuple(
            o.model_copy(update={"sha256": digests[o.name]}) if o.name in digests else o for o in job.status.outputs
        )
        context.jobs.save(with_status(job, outputs=outputs))


LOG_READ_BYTES = 1024 * 1024

_READ_LOG = r"""
cd "$folder" 2>/dev/null && s=$(stat -L -c %s "$name" 2>/dev/null) || { echo 0 0; exit 0; }
[ "$from" -lt 0 ] && from=$((s > limit ? s - limit : 0))
[ "$from" -gt "$s" ] && from=0
echo "$from" "$s"
tail -c +$((from + 1)) "$name" | head -c "$limit"
"""


async def read_log(context: Context, job_id: str, which: str, offset: int | None) -> dict[str, Any]:
    """Text of a log from a byte offset (``None``: the end of it), from the cluster when connected, else as kept.

    ``which``: ``namd`` or ``slurm``. ``offset`` in the reply is where the next call goes on.
    """
    if which not in ("namd", "slurm"):
        raise NotFoundError(f"There is no log '{which}'.", code="log-unknown", remedy="Ask for namd or slurm.")
    job = context.jobs.get(job_id)
    if context.clusters.connected(job.record.cluster) and not (job.state.final and _kept_whole(context, job_id, which)):
        return await _read_remote_log(context, job, which, offset)
    position, content = context.logs.position(job_id, which), context.logs.content(job_id, which)
    # Offsets of a thinned log do not match its bytes: such a log is given from its beginning.
    exact = position.kept == position.end - position.start
    first = 0 if offset is None or not exact else min(max(offset - position.start, 0), len(content))
    if offset is None:
        first = max(0, len(content) - LOG_READ_BYTES)
    start = position.start + first if exact else position.start
    return _log_document(content[first:], start, position.end, position.end, position.complete)


def _kept_whole(context: Context, job_id: str, which: str) -> bool:
    return context.logs.position(job_id, which).whole


async def _read_remote_log(context: Context, job: StoredJob, which: str, offset: int | None) -> dict[str, Any]:
    name = "namd.log" if which == "namd" else f"slurm-{job.slurm_id}.out"
    values = {"folder": f"{job.record.project_dir}/logs", "name": name, "limit": str(LOG_READ_BYTES)}
    values["from"] = "-1" if offset is None else str(int(offset))
    script = "\n".join(f"{key}={shlex.quote(value)}" for key, value in values.items()) + _READ_LOG
    reply = await context.session(job).run("bash -s", stdin=script.encode(), timeout_s=60, label=f"read {name}")
    head, _, body = reply.stdout.partition(b"\n")
    first, size = (int(word) for word in head.split())
    return _log_document(body, first, first + len(body), size, job.state.final)


def _log_document(text: bytes, start: int, end: int, size: int, complete: bool) -> dict[str, Any]:
    return {
        "text": text.decode("utf-8", "replace"),
        "start": start,
        "offset": end,
        "bytes": size,
        "complete": complete and end >= size,
    }
