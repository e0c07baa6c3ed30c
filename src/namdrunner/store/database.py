"""Opening the database: settings of SQLite, integrity, migration with a backup before it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session, sessionmaker

from namdrunner.errors import InputError, InternalError, NotFoundError

HEAD = "0001"
"""Newest migration; a test compares it with the scripts."""


class Database:
    """One SQLite file. ``set_aside`` names the damaged file that was moved away on opening, when there was one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set_aside: Path | None = _set_damaged_aside(path)
        self._open()

    def _open(self) -> None:
        _migrate(self.path)
        self.engine = _engine(self.path)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits at the end and rolls back on any error."""
        with self._sessions.begin() as session:
            yield session

    def backup(self, target: Path) -> Path:
        """A consistent copy through SQLite's online backup, while the database is in use."""
        copy_database(self.path, target)
        return target

    def restore(self, source: Path) -> Path:
        """Put a backup in the place of the database; returns where the present one was kept.

        Raises NotFoundError (``backup-not-found``), InputError (``backup-invalid``); the database then stays as it is.
        """
        _check_backup(source)
        kept = self._keep_copy("before-restore")
        self.engine.dispose()
        copy_database(source, self.path)
        self._open()
        return kept

    def reset(self) -> Path:
        """Begin with an empty database; returns where the present one was kept."""
        kept = self._keep_copy("before-reset")
        self.engine.dispose()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self._open()
        return kept

    def _keep_copy(self, why: str) -> Path:
        return self.backup(self.path.with_name(f"{self.path.stem}.{why}-{_stamp()}.sqlite"))

    def close(self) -> None:
        self.engine.dispose()


def copy_database(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(source) as origin, sqlite3.connect(target) as copy:
        origin.backup(copy)
    origin.close()
    copy.close()
    target.chmod(0o600)


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30, "check_same_thread": False})
    event.listen(engine, "connect", _configure)
    return engine


def _configure(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=30000", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _set_damaged_aside(path: Path) -> Path | None:
    """Move a file that is not a whole SQLite database out of the way; the cluster can rebuild its content."""
    if not path.exists():
        return None
    try:
        connection = sqlite3.connect(path)
        try:
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
        if verdict == ("ok",):
            return None
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            return None
    aside = path.with_name(f"{path.name}.damaged-{_stamp()}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + suffix))
    return aside


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def _check_backup(source: Path) -> None:
    if not source.is_file():
        raise NotFoundError(f"There is no backup {source}.", code="backup-not-found", remedy="Check the path.")
    try:
        connection = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
        try:
            whole = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
            version = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        finally:
            connection.close()
    except sqlite3.DatabaseError:
        whole, version = False, None
    if not whole or version is None or version[0] > HEAD:
        raise InputError(
            f"{source} is not a whole database of this NAMDRunner.",
            code="backup-invalid",
            remedy="Give a file made by 'namdrunner database backup'.",
            context={"file": str(source)},
        )


def _version(path: Path) -> str | None:
    if not path.exists():
        return None
    connection = sqlite3.connect(path)
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        return None
    finally:
        connection.close()
    return row[0] if row else None


def _migrate(path: Path) -> None:
    version = _version(path)
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise InternalError(
            "The database was written by a newer NAMDRunner.",
            code="database-too-new",
            remedy="Update NAMDRunner, or restore a backup made with this version.",
            context={"found": version, "known": HEAD, "path": str(path)},
        )
    if version is not None:
        copy_database(path, path.with_name(f"{path.stem}.before-{HEAD}.sqlite"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)

    from alembic import command  # imported only when there is something to migrate: it is large
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "namdrunner.store:migrations")
    engine = _engine(path)
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()
