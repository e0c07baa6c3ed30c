"""Where on this computer a job's files are too: what was downloaded, and what the inputs were made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from namdrunner.jobs.record import InputFile, OutputFile
from namdrunner.paths import Folders
from namdrunner.remote.transfer.digest import DigestCache
from namdrunner.remote.values import TransferredFile
from namdrunner.store.jobs import StoredJob


class LocalCopies:
    """Remembers downloads per job; a copy counts only while it is what the cluster has, as far as is known."""

    def __init__(self, folders: Folders) -> None:
        self._folder = folders.cache / "copies"
        self._digests = DigestCache()

    def remember(self, job_id: str, arrived: dict[str, TransferredFile]) -> None:
        """Files of the job by the names they are listed under, and where they went."""
        known = self._read(job_id)
        for name, file in arrived.items():
            modified = Path(file.target).stat().st_mtime_ns
            known[name] = {"path": file.target, "bytes": file.bytes, "modified_ns": modified, "sha256": file.sha256}
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(job_id)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(known), encoding="utf-8")
        part.replace(path)

    def output(self, job_id: str, file: OutputFile) -> Path | None:
        """A downloaded copy that nobody touched since, of the file as it was last seen on the cluster."""
        entry = self._read(job_id).get(file.name)
        if not isinstance(entry, dict) or entry.get("bytes") != file.bytes:
            return None
        if file.sha256 is not None and entry.get("sha256") != file.sha256:
            return None
        path = Path(str(entry.get("path")))
        return path if _is_untouched(path, file.bytes, entry.get("modified_ns")) else None

    async def input(self, file: InputFile) -> Path | None:
        """The file an input was made from, where it still holds the same bytes."""
        path = Path(file.source)
        try:
            if not file.source or not path.is_absolute() or path.stat().st_size != file.bytes or not path.is_file():
                return None
            return path if await self._digests.of(path) == file.sha256 else None
        except (OSError, ValueError):
            return None

    async def names(self, job: StoredJob) -> list[str]:
        """Names of the job's files that can be read without the cluster."""
        inputs = [f"input_files/{i.name}" for i in job.record.inputs if await self.input(i) is not None]
        known = self._read(job.id)
        return [*inputs, *(o.name for o in job.status.outputs if o.name in known and self.output(job.id, o))]

    async def find(self, job: StoredJob, name: str) -> Path | None:
        """A local copy of a file of the job by the name it is listed under."""
        inputs = {f"input_files/{i.name}": i for i in job.record.inputs}
        if name in inputs:
            return await self.input(inputs[name])
        output = next((o for o in job.status.outputs if o.name == name), None)
        return self.output(job.id, output) if output is not None else None

    def _read(self, job_id: str) -> dict[str, Any]:
        try:
            known = json.loads(self._path(job_id).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _path(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.json"


def _is_untouched(path: Path, size: int, modified_ns: object) -> bool:
    try:
        stat = path.stat()
    except (OSError, ValueError):
        return False
    return stat.st_size == size and stat.st_mtime_ns == modified_ns
