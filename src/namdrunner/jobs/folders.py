"""Where a job lives on a cluster, and which paths may ever be touched for it."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from pathlib import PurePosixPath

from namdrunner.errors import InputError

PARENT = "namdrunner_jobs"
MAX_NAME = 200
_ID = re.compile(r"^[a-z0-9][a-z0-9-]{0,47}_[0-9]{13}(?:-[0-9]{1,4})?$")


def check_name(name: str) -> str:
    """A job's name as people see it: any one line of text. Raises InputError (``job-name-invalid``)."""
    name = name.strip()
    problem = ""
    if not name:
        problem = "is empty"
    elif len(name) > MAX_NAME:
        problem = f"has {len(name)} characters; {MAX_NAME} are allowed"
    elif any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name):
        problem = "has a line break or another control character"
    if problem:
        raise InputError(
            f"The job's name {problem}.",
            code="job-name-invalid",
            remedy="Give a short name on one line; letters of any language, spaces and signs are fine.",
        )
    return name


def slug(name: str) -> str:
    """Lower-case ASCII letters, digits and dashes, at most 48, for folders and ids; ``job`` when nothing is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:48].strip("-") or "job"


def new_job_id(name: str, now: datetime) -> str:
    """``{slug}_{UTC milliseconds}``."""
    return f"{slug(name)}_{int(now.astimezone(UTC).timestamp() * 1000):013d}"


def is_job_id(text: str) -> bool:
    return _ID.match(text) is not None


def job_folder(root: str, job_id: str) -> str:
    """``{root}/namdrunner_jobs/{job_id}``. Raises InputError (``path-unsafe``) for anything that is not that."""
    path = PurePosixPath(root)
    if not is_job_id(job_id) or not path.is_absolute() or ".." in path.parts or "\0" in root or "\n" in root:
        raise InputError(
            f"'{root}' with '{job_id}' does not make a folder for a job.",
            code="path-unsafe",
            remedy="Give an absolute path as the cluster's project and scratch root.",
        )
    return str(path / PARENT / job_id)


def inside(folder: str, relative: str) -> PurePosixPath:
    """``relative`` below ``folder``. Raises InputError (``path-outside-job``) when it would leave it."""
    part = PurePosixPath(relative)
    if part.is_absolute() or ".." in part.parts or not part.parts or "\0" in relative:
        raise InputError(
            f"'{relative}' lies outside the job's folder.",
            code="path-outside-job",
            remedy="Only files of the job itself can be used here.",
            context={"path": relative},
        )
    return PurePosixPath(folder) / part
