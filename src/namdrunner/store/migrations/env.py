"""Alembic's environment: the connection is handed over by ``namdrunner.store.database.migrate``."""

from __future__ import annotations

from alembic import context

from namdrunner.store.tables import Table

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Table.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
