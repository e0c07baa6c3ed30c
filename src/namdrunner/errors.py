"""Every failure a person can meet, as one tree.

    NamdrunnerError
    ├── UsageError                 wrong arguments                                    exit 2
    ├── NotFoundError              no such cluster, job, template, file               exit 1
    ├── ConflictError              the thing exists, or is in a state that forbids it exit 1
    ├── InputError                 a file, value or config that cannot be used        exit 1
    │   ├── ConfigError            a NAMD config that does not evaluate
    │   └── TemplateError          a template or its values
    ├── ConnectionFailedError      no connection, or it went away                     exit 3
    │   ├── NotConnectedError      the cluster has to be connected first
    │   ├── AuthenticationError    the server did not accept who we are
    │   └── HostKeyError           the host key is unknown, refused or has changed
    ├── ClusterError               the cluster answered, and refused or failed        exit 4
    │   ├── CommandError           a remote command failed
    │   ├── CommandTimeoutError    a remote command did not answer in time
    │   ├── SubmissionError        sbatch refused the job
    │   ├── QuotaError             disk full or quota reached on the cluster
    │   └── TransferError          a file did not arrive whole
    ├── BusyError                  asked too often, try again in a moment             exit 4
    ├── InterruptedOperationError  stopped half-way, can be resumed                   exit 5
    └── InternalError              a fault of ours                                    exit 1

Each carries ``code`` (stable, kebab-case), ``message`` (for the person), ``remedy`` (what to do),
``retryable`` (whether trying again can help) and ``context`` (facts, never a secret).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class NamdrunnerError(Exception):
    """Base of every error that is meant to be read by a person."""

    exit_status: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    default_code: ClassVar[str] = "internal-error"
    default_retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        remedy: str = "",
        retryable: bool | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.remedy = remedy
        self.retryable = self.default_retryable if retryable is None else retryable
        self.context: dict[str, Any] = dict(context or {})

    def document(self) -> dict[str, Any]:
        """The error object of the JSON contract; ``kind`` names the branch of the tree it belongs to."""
        return {
            "code": self.code,
            "kind": self.default_code,
            "message": self.message,
            "remedy": self.remedy,
            "retryable": self.retryable,
            "context": self.context,
        }


class UsageError(NamdrunnerError):
    exit_status = 2
    http_status = 400
    default_code = "wrong-usage"


class NotFoundError(NamdrunnerError):
    http_status = 404
    default_code = "not-found"


class ConflictError(NamdrunnerError):
    http_status = 409
    default_code = "conflict"


class InputError(NamdrunnerError):
    http_status = 422
    default_code = "invalid-input"


class ConfigError(InputError):
    """A NAMD config that does not evaluate; ``context`` has ``file`` and ``line`` where known."""

    default_code = "config-invalid"


class TemplateError(InputError):
    default_code = "template-invalid"


class ConnectionFailedError(NamdrunnerError):
    exit_status = 3
    http_status = 503
    default_code = "connection-failed"
    default_retryable = True


class NotConnectedError(ConnectionFailedError):
    http_status = 409
    default_code = "not-connected"
    default_retryable = False


class AuthenticationError(ConnectionFailedError):
    # Not 401: that status is the API's own "your token is missing", never the cluster's.
    http_status = 403
    default_code = "authentication-failed"
    default_retryable = False


class HostKeyError(ConnectionFailedError):
    http_status = 403
    default_code = "host-key-unknown"
    default_retryable = False


class ClusterError(NamdrunnerError):
    exit_status = 4
    http_status = 502
    default_code = "cluster-error"


class CommandError(ClusterError):
    default_code = "command-failed"


class CommandTimeoutError(ClusterError):
    http_status = 504
    default_code = "command-timeout"
    default_retryable = True


class SubmissionError(ClusterError):
    http_status = 422
    default_code = "submission-refused"


class QuotaError(ClusterError):
    http_status = 507
    default_code = "disk-full"


class TransferError(ClusterError):
    default_code = "transfer-failed"
    default_retryable = True


class BusyError(NamdrunnerError):
    exit_status = 4
    http_status = 429
    default_code = "too-many-requests"
    default_retryable = True


class InterruptedOperationError(NamdrunnerError):
    exit_status = 5
    http_status = 409
    default_code = "interrupted"
    default_retryable = True


class InternalError(NamdrunnerError):
    default_code = "internal-error"


_BY_NAME: dict[str, type[NamdrunnerError]] = {}


def _index(cls: type[NamdrunnerError]) -> None:
    _BY_NAME[cls.default_code] = cls
    for child in cls.__subclasses__():
        _index(child)


_index(NamdrunnerError)
_BY_NAME["internal-error"] = InternalError


def from_document(document: Mapping[str, Any], *, http_status: int | None = None) -> NamdrunnerError:
    """Rebuild an error from its JSON object (RFC 9457 problem or error object), for the client and the CLI.

    The class is chosen by ``kind`` (the class's default code) when present, else by ``code``, else by the HTTP status.
    """
    code = str(document.get("code", "internal-error"))
    cls = _BY_NAME.get(str(document.get("kind", code)))
    if cls is None:
        matches = [c for c in _BY_NAME.values() if http_status is not None and c.http_status == http_status]
        cls = matches[0] if matches else NamdrunnerError
    return cls(
        str(document.get("message") or document.get("detail") or document.get("title") or code),
        code=code,
        remedy=str(document.get("remedy", "")),
        retryable=bool(document.get("retryable", False)),
        context=document.get("context") or {},
    )
