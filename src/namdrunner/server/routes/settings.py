"""Settings: looked at, changed, carried to another computer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from namdrunner.server.context import Context
from namdrunner.server.schemas import settings as schema
from namdrunner.services.settings_bundle import parse_bundle

router = APIRouter(prefix="/settings", tags=["settings"])


@router.get("", response_model=schema.SettingsDocument)
async def show_settings(context: Context) -> Any:
    """Every setting with its value, its meaning and what may be chosen."""
    return context.application.settings.describe()


@router.patch("", response_model=schema.SettingsDocument)
async def change_settings(body: schema.ChangeRequest, context: Context) -> Any:
    """Change several settings, all or none."""
    return context.application.settings.change(body.changes)


@router.get("/export", response_model=schema.SettingsExport)
async def export_settings(context: Context) -> Any:
    """Settings, clusters, profiles and templates in one document; no secrets."""
    return context.application.bundles.export()


@router.post("/import", response_model=schema.SettingsImported)
async def import_settings(body: schema.SettingsImportRequest, context: Context) -> Any:
    """Take over an exported document; it is checked before anything is changed."""
    document = await run_in_threadpool(parse_bundle, body.text)
    return context.application.bundles.import_(document, replace=body.replace)
