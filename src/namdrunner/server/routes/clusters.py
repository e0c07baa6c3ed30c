"""Clusters: register, connect, test, forget."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, status

from namdrunner.server.context import Context
from namdrunner.server.schemas.base import CheckList
from namdrunner.server.schemas.clusters import (
    ClusterAdd,
    ClusterChanges,
    ClusterDocument,
    ClusterList,
    ClusterNamd,
    ClusterRemoved,
    HostKeyForgotten,
)
from namdrunner.server.schemas.tasks import TaskDocument
from namdrunner.services.clusters import ClusterInput

router = APIRouter(prefix="/clusters", tags=["clusters"])


@router.get("", response_model=ClusterList)
async def list_clusters(context: Context) -> Any:
    """All registered clusters with the state of their connections."""
    return {"clusters": context.application.clusters.list()}


@router.post("", response_model=ClusterDocument, status_code=status.HTTP_201_CREATED)
async def add_cluster(body: ClusterAdd, context: Context) -> Any:
    """Register a cluster; nothing is contacted yet."""
    return context.application.clusters.add(ClusterInput(**body.model_dump(exclude_none=True)))


@router.get("/{name}", response_model=ClusterDocument)
async def get_cluster(name: str, context: Context) -> Any:
    return context.application.clusters.get(name)


@router.patch("/{name}", response_model=ClusterDocument)
async def edit_cluster(name: str, body: ClusterChanges, context: Context) -> Any:
    """Change the given fields; they hold from the next connection on."""
    return context.application.clusters.edit(name, body.model_dump(exclude_unset=True))


@router.delete("/{name}", response_model=ClusterRemoved)
async def remove_cluster(name: str, context: Context) -> Any:
    """Forget the cluster and its jobs here; nothing on it is touched."""
    return await context.application.clusters.remove(name)


@router.post("/{name}/connect", response_model=TaskDocument, status_code=status.HTTP_202_ACCEPTED)
async def connect_cluster(name: str, context: Context) -> Any:
    """Start connecting; questions of the cluster become prompts while the task runs."""
    return context.application.clusters.start_connect(name).document()


@router.post("/{name}/disconnect", response_model=ClusterDocument)
async def disconnect_cluster(name: str, context: Context) -> Any:
    return await context.application.clusters.disconnect(name)


@router.post("/{name}/forget-host-key", response_model=HostKeyForgotten)
async def forget_host_key(name: str, context: Context) -> Any:
    """Forget the host key that was trusted, after a person compared the new one; the next connect asks about it."""
    return await context.application.clusters.forget_host_key(name)


@router.get("/{name}/namd", response_model=ClusterNamd)
async def get_cluster_namd(name: str, context: Context, recipe: str | None = None) -> Any:
    """The NAMD that a launch recipe (the first unless named) starts, and whether it is found on the cluster.

    The answer of the cluster is kept for ten minutes; without a connection nothing is looked for.
    """
    return await context.application.clusters.namd(name, recipe)


@router.post("/{name}/test", response_model=CheckList)
async def test_cluster(name: str, context: Context) -> Any:
    """Check on the connected cluster what NAMDRunner needs of it."""
    return await context.application.clusters.test(name)
