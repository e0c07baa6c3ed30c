"""Results of many jobs brought home together: one listing, one transfer, whatever their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from namdrunner.errors import ConnectionFailedError, NamdrunnerError, NotFoundError
from namdrunner.jobs.record import OutputFile
from namdrunner.remote.listing import encoded, parse_tree
from namdrunner.remote.shell import bash
from namdrunner.remote.values import DownloadItem, RemoteFile, Session
from namdrunner.services.context import Context
from namdrunner.services.files import is_result, local_path, matches, output_file, remote_path
from namdrunner.services.local_copies import LocalCopies
from namdrunner.services.result_stream import fetch_stream
from namdrunner.services.tasks import TaskHandle
from namdrunner.store.jobs import StoredJob, with_status

MOST_JOBS = 500
"""Listed by one command."""

# Input: folders, each ended by NUL. The folder's number, then type, size, time and path below it.
_LIST = r"""n=0; while IFS= read -r -d '' d; do
[ -d "$d" ] && LC_ALL=C find "$d" -mindepth 1 -printf "%y\0%s\0%T@\0./$n/%P\0"
n=$((n+1)); done"""


@dataclass(frozen=True)
class _Wanted:
    """The files of one job that are to be fetched, and all that there are."""

    job: StoredJob
    chosen: tuple[OutputFile, ...]
    outputs: tuple[OutputFile, ...]


async def download_many(
    context: Context,
    jobs: Sequence[StoredJob],
    patterns: Sequence[str],
    to: Path,
    handle: TaskHandle,
    copies: LocalCopies | None = None,
) -> tuple[list[dict[str, Any]], dict[str, NamdrunnerError]]:
    """Fetch results of jobs of one cluster to ``to``/{job id}/; what arrived of each, and why nothing did.

    Every file is verified by size and sha256. Raises ConnectionFailedError when the connection is lost for good.
    """
    session = context.session(jobs[0])
    refused: dict[str, NamdrunnerError] = {}
    wanted: list[_Wanted] = []
    for start in range(0, len(jobs), MOST_JOBS):
        portion = jobs[start : start + MOST_JOBS]
        for job, outputs in zip(portion, await _listed(session, portion), strict=True):
            chosen = tuple(o for o in outputs if matches(o.name, patterns))
            if chosen:
                wanted.append(_Wanted(job, chosen, outputs))
            else:
                refused[job.id] = _nothing(job, patterns)
    files, total = sum(len(w.chosen) for w in wanted), sum(o.bytes for w in wanted for o in w.chosen)
    handle.say(f"Downloading {files} files of {len(wanted)} jobs, {total / 1e6:.1f} MB")
    try:
        return await _fetch(context, session, wanted, to, handle, copies), refused
    except ConnectionFailedError:
        raise
    except NamdrunnerError as error:
        if len(wanted) == 1:
            return [], refused | {wanted[0].job.id: error}
    found: list[dict[str, Any]] = []
    for each in wanted:  # one of them spoils it for all: what is here already is not fetched again
        try:
            found += await _fetch(context, session, [each], to, handle, copies)
        except ConnectionFailedError:
            raise
        except NamdrunnerError as error:
            refused[each.job.id] = error
    return found, refused


async def _listed(session: Session, jobs: Sequence[StoredJob]) -> list[tuple[OutputFile, ...]]:
    folders = b"".join(encoded(job.record.project_dir) + b"\0" for job in jobs)
    label = f"list the results of {len(jobs)} jobs"
    reply = await session.run(bash(_LIST), stdin=folders, timeout_s=300, label=label, idempotent=True)
    found: list[list[OutputFile]] = [[] for _ in jobs]
    known = [{o.name: o for o in job.status.outputs} for job in jobs]
    for entry in parse_tree(reply.stdout):
        number, _, path = entry.path.removeprefix("./").partition("/")
        own = RemoteFile(path, entry.kind, entry.bytes, entry.modified_at)
        if is_result(own):
            found[int(number)].append(output_file(own, known[int(number)]))
    return [tuple(sorted(files, key=lambda o: o.name)) for files in found]


async def _fetch(
    context: Context,
    session: Session,
    wanted: Sequence[_Wanted],
    to: Path,
    handle: TaskHandle,
    copies: LocalCopies | None,
) -> list[dict[str, Any]]:
    items = [
        DownloadItem(remote_path(context, w.job, o.name), local_path(to / w.job.id, o.name), o.bytes, o.sha256)
        for w in wanted
        for o in w.chosen
    ]
    found = await fetch_stream(session, items, handle.progress, handle.control)
    missing = [item for item in items if item.target not in found]
    found |= {
        Path(file.target): file
        for file in await session.download(missing, progress=handle.progress, control=handle.control)
    }
    arrived = iter([found[item.target] for item in items])
    documents, changed = [], []
    for each in wanted:
        files = {o.name: next(arrived) for o in each.chosen}
        if copies is not None:
            copies.remember(each.job.id, files)
        outputs = tuple(
            o.model_copy(update={"sha256": files[o.name].sha256}) if o.name in files else o for o in each.outputs
        )
        changed.append((each.job.id, outputs))
        described = [
            {"name": name, "bytes": f.bytes, "sha256": f.sha256, "path": f.target, "skipped": f.skipped}
            for name, f in files.items()
        ]
        documents.append({"id": each.job.id, "to": str(to / each.job.id), "files": described})
    _remember(context, dict(changed))
    return documents


def _remember(context: Context, outputs: dict[str, tuple[OutputFile, ...]]) -> None:
    """The listing with its digests, in one transaction; a job that somebody works on has its own listing soon."""
    free = [job for job in context.jobs.get_many(list(outputs)) if not context.lock(job.id).locked()]
    context.jobs.save_many([with_status(job, outputs=outputs[job.id]) for job in free])


def _nothing(job: StoredJob, patterns: Sequence[str]) -> NotFoundError:
    what = f"match {', '.join(patterns)}" if patterns else "exist yet"
    return NotFoundError(
        f"No results of the job {job.id} {what}.",
        code="no-such-output",
        remedy=f"See 'namdrunner job files {job.id}' for what there is.",
    )
