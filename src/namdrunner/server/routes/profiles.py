"""The cluster profiles to choose from."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, status

from namdrunner.server.context import Context
from namdrunner.server.schemas.base import Done
from namdrunner.server.schemas.clusters import ProfileList
from namdrunner.server.schemas.discovery import ProfileDocument, ProfileImport

router = APIRouter(prefix="/profiles", tags=["clusters"])


@router.get("", response_model=ProfileList)
async def get_profiles(context: Context) -> Any:
    """Those that come with NAMDRunner and the person's own; a cluster may also name a profile's file."""
    return {"profiles": context.application.profiles.list()}


@router.post("", response_model=ProfileDocument, status_code=status.HTTP_201_CREATED)
async def import_profile(body: ProfileImport, context: Context) -> Any:
    """Check a profile's text and keep it; ``runs`` names the shell lines in it."""
    return context.application.profiles.import_text(body.text, name=body.name, replace=body.replace)


@router.delete("/{name}", response_model=Done)
async def delete_profile(name: str, context: Context) -> Any:
    """Delete one of the person's own that no cluster uses."""
    context.application.profiles.remove(name)
    return Done()
