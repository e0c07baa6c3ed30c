"""The server itself: is it there, what does it do, stop it, let a browser in."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, status

import namdrunner
from namdrunner.server.context import Context
from namdrunner.server.schemas import system as schema
from namdrunner.server.schemas.base import Done

router = APIRouter(tags=["system"])


@router.get("/ping", response_model=schema.Ping)
async def ping() -> Any:
    """Proof that this server answers and accepts the token."""
    return {"pid": os.getpid(), "version": namdrunner.__version__}


@router.get("/status", response_model=schema.StatusDocument)
async def get_status(context: Context) -> Any:
    """What runs, since when, which connections."""
    return context.application.status()


@router.get("/activity", response_model=schema.ActivityList)
async def list_activity(
    context: Context, cluster: str | None = None, limit: Annotated[int, Query(ge=1, le=2000)] = 200
) -> Any:
    """The last commands and transfers, newest last."""
    return {"activity": context.application.activity.entries(cluster=cluster, limit=limit)}


@router.get("/limits", response_model=schema.LimitsList)
async def list_limits(context: Context) -> Any:
    """How busy the connection to each cluster is, against what a good guest asks for."""
    limits = context.application.connections.limits()
    return {"limits": [{"cluster": cluster} | found for cluster, found in limits.items()]}


@router.post("/stop", response_model=Done, status_code=status.HTTP_202_ACCEPTED)
async def stop_server(context: Context) -> Any:
    """End the server cleanly; jobs on the clusters go on."""
    context.request_stop()
    return Done()


@router.post("/tickets", response_model=schema.OpenTicket, status_code=status.HTTP_201_CREATED)
async def create_ticket(body: schema.TicketRequest, context: Context) -> Any:
    """An address that logs one browser in, once, within ten minutes."""
    from urllib.parse import urlencode

    ticket, expires_at = context.tickets.issue()
    query = urlencode({"token": ticket, "page": body.page})
    expiry = datetime.fromtimestamp(expires_at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"url": f"{context.origin}/open?{query}", "expires_at": expiry}
