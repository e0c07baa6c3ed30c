"""Names of unfinished files, and the words for what can go wrong with a transfer."""

from __future__ import annotations

import hashlib
import os
import secrets

from namdrunner.errors import InputError, QuotaError, TransferError

_LONGEST_NAME = 255


def part_name(name: str, key: str) -> str:
    """The hidden name under which ``name`` grows; ``key`` tells versions of the source apart."""
    short = hashlib.sha256(key.encode()).hexdigest()[:10]
    made = f".{name}.{short}.part"
    if len(os.fsencode(made)) > _LONGEST_NAME:
        made = f".{hashlib.sha256(os.fsencode(name)).hexdigest()[:40]}.{short}.part"
    return made


def staging_name() -> str:
    """A hidden folder in which many small files wait for their verification."""
    return f".nr-{secrets.token_hex(6)}.part"


def mismatch(target: str) -> TransferError:
    return TransferError(
        f"{target} did not arrive as it was sent: the checksums differ.",
        code="checksum-mismatch",
        remedy="Try again; if it happens again, the file is being changed or a disk or network is faulty.",
        context={"target": target},
    )


def not_confirmed(folder: str) -> TransferError:
    return TransferError(
        f"The cluster did not confirm that the files are in {folder}.",
        code="answer-incomplete",
        remedy="Look whether a command runs without anything else being printed or run: ssh HOST true.",
        context={"folder": folder},
    )


def changed(source: str) -> TransferError:
    return TransferError(
        f"{source} changed while it was transferred.",
        code="source-changed",
        remedy="Wait until whatever writes it has ended, and transfer it again.",
        context={"source": source},
    )


def unexpected(source: str, found: str, expected: str) -> TransferError:
    return TransferError(
        f"{source} is not the file it was recorded as: its content has changed since.",
        code="unexpected-content",
        remedy="Look at the file on the cluster; refresh the job's list of files if it was changed on purpose.",
        retryable=False,
        context={"source": source, "sha256": found, "expected_sha256": expected},
    )


def missing_remote(path: str) -> TransferError:
    return TransferError(
        f"{path} is not on the cluster.",
        code="remote-file-missing",
        remedy="Look at the job's files; it may have been deleted or not written yet.",
        retryable=False,
        context={"source": path},
    )


def missing_local(path: str, detail: str) -> InputError:
    return InputError(
        f"{path} cannot be read: {detail}.",
        code="file-unreadable",
        remedy="Check that the file exists and that you may read it.",
        context={"file": path},
    )


def no_space(where: str, needed: int, free: int, *, local: bool = False) -> QuotaError:
    place = "on this computer" if local else "on the cluster"
    return QuotaError(
        f"{needed} bytes are needed {place} in {where}, {free} are free.",
        code="local-disk-full" if local else "disk-full",
        remedy="Make room there, or choose another folder.",
        context={"folder": where, "needed_bytes": needed, "free_bytes": free},
    )
