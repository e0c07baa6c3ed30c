"""What a cluster says of itself, its profile, and what it suggests for a job."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, status
from fastapi.responses import PlainTextResponse

from namdrunner.server.context import Context
from namdrunner.server.schemas import discovery as schema
from namdrunner.server.schemas.clusters import ClusterDocument
from namdrunner.server.schemas.tasks import TaskDocument
from namdrunner.services.suggestion import System

router = APIRouter(prefix="/clusters", tags=["clusters"])


@router.post("/{name}/discovery", response_model=TaskDocument, status_code=status.HTTP_202_ACCEPTED)
async def discover_cluster(name: str, context: Context, body: schema.DiscoverRequest | None = None) -> Any:
    """Ask the connected cluster about itself; the task's result is the discovery."""
    apply = body.apply if body else None
    keys = None if apply is None else [] if apply == ["all"] else apply
    return context.application.discovery.start(name, apply=keys).document()


@router.get("/{name}/discovery", response_model=schema.Discovery)
async def get_discovery(name: str, context: Context) -> Any:
    """The last discovery; works without a connection."""
    return context.application.discovery.last(name)


@router.post("/{name}/discovery/apply", response_model=schema.Discovery)
async def apply_discovery(name: str, body: schema.ApplyRequest, context: Context) -> Any:
    """Take chosen lines into the cluster's own profile; answers with the lines that are left."""
    return context.application.discovery.apply(name, body.keys)


@router.get("/{name}/profile", response_model=schema.ProfileDocument)
async def get_cluster_profile(name: str, context: Context) -> Any:
    return context.application.profiles.of_cluster(name)


@router.put("/{name}/profile", response_model=schema.ProfileDocument)
async def save_cluster_profile(name: str, body: schema.ProfileText, context: Context) -> Any:
    """Give the cluster a profile of its own: a whole text, or single facts changed."""
    profiles = context.application.profiles
    if body.text is not None:
        return profiles.save_for_cluster(name, body.text)
    return profiles.change_for_cluster(name, body.set or {})


@router.get("/{name}/export", response_model=schema.ExportedProfile)
async def export_cluster(name: str, context: Context, as_json: bool = False) -> Any:
    """The profile with how the cluster is reached, as a TOML file (or as JSON); nothing in it is secret."""
    text = context.application.profiles.export(name)
    if as_json:
        return {"name": name, "text": text}
    return PlainTextResponse(
        text,
        media_type="application/toml",
        headers={"Content-Disposition": f'attachment; filename="{name}.toml"'},
    )


@router.post("/{name}/duplicate", response_model=ClusterDocument, status_code=status.HTTP_201_CREATED)
async def duplicate_cluster(name: str, body: schema.NewName, context: Context) -> Any:
    """Another cluster reached in the same way, with a copy of the profile."""
    return context.application.profiles.duplicate(name, body.name)


@router.post("/{name}/suggestion", response_model=schema.Suggestion)
async def suggest_resources(name: str, body: schema.SuggestRequest, context: Context) -> Any:
    """Resources for a system, each with its reason; needs no connection."""
    return context.application.resource_help.suggest(name, System(**body.model_dump()))
