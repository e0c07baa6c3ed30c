"""The server's log file: bounded, private, and without secrets."""

from __future__ import annotations

import logging
import os
import re
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

_MAX_BYTES = 2 * 1024**2
_FILES = 3
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_SECRETS = re.compile(
    r"(?i)(bearer\s+|(?:token|password|passphrase|secret|answers?)[\"']?\s*[=:]\s*[\"'\[]*)[^\s&\"'\],}]+"
)


class Redact(logging.Filter):
    """Last line of defence: what looks like a secret, and the server's own token, is blotted out."""

    def __init__(self, *secrets: str) -> None:
        super().__init__()
        self._secrets = [secret for secret in secrets if secret]

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = self.clean(record.getMessage())
        record.args = ()
        if record.exc_info and not record.exc_text:
            record.exc_text = self.clean(logging.Formatter().formatException(record.exc_info))
        return True

    def clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "[redacted]")
        return _SECRETS.sub(r"\1[redacted]", text)


class _PrivateFile(RotatingFileHandler):
    """Created readable by the owner only, also after each rotation."""

    def _open(self):  # type: ignore[no-untyped-def]
        descriptor = os.open(self.baseFilename, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, self.mode, encoding=self.encoding, errors=self.errors)


def start_logging(path: Path, token: str, *, level: int = logging.INFO) -> None:
    """Send all logs to ``path``; warnings also to stderr where a person is watching."""
    redact = Redact(token)
    handlers: list[logging.Handler] = [
        _PrivateFile(path, maxBytes=_MAX_BYTES, backupCount=_FILES, encoding="utf-8", errors="backslashreplace")
    ]
    if sys.stderr is not None and sys.stderr.isatty():
        watched = logging.StreamHandler()
        watched.setLevel(logging.WARNING)
        handlers.append(watched)
    root = logging.getLogger()
    for handler in handlers:
        handler.setFormatter(logging.Formatter(_FORMAT))
        handler.addFilter(redact)
        root.addHandler(handler)
    root.setLevel(level)
    # Chatty at INFO about every packet and request; what matters of it is in the activity log.
    for name in ("asyncssh", "uvicorn", "alembic", "sqlalchemy", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


def stop_logging() -> None:
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, _PrivateFile):
            root.removeHandler(handler)
            handler.close()
