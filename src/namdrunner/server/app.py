"""The application factory: routes, walls around them, and the errors they answer with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.gzip import GZipMiddleware

import namdrunner
from namdrunner.paths import Folders
from namdrunner.server import pages
from namdrunner.server.access import AccessControl, SecurityHeaders
from namdrunner.server.context import ServerContext
from namdrunner.server.limits import BodyLimit
from namdrunner.server.problems import MEDIA_TYPE, Problem, UnexpectedErrors, install_problem_handlers
from namdrunner.server.routes import (
    check,
    clusters,
    continuing,
    discovery,
    events,
    files,
    jobs,
    profiles,
    settings,
    storage,
    structures,
    system,
    tasks,
    templates,
    uploads,
)

if TYPE_CHECKING:
    from namdrunner.services.application import Application

API = "/api/v1"


def create_app(
    application: Application,
    token: str,
    *,
    port: int,
    folders: Folders | None = None,
    request_stop: Callable[[], None] | None = None,
) -> FastAPI:
    """The ASGI application over ``application``, which the caller opened and closes.

    ``token`` is what programs send as a bearer; ``port`` is the one it is served on: requests addressed to
    another are refused. ``request_stop`` is called by ``POST /api/v1/stop``.
    """
    app = FastAPI(
        title="NAMDRunner",
        version=namdrunner.__version__,
        description="Run NAMD on a Slurm cluster. Errors are RFC 9457 problem documents.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # the interactive pages load scripts from another site
        redoc_url=None,
        generate_unique_id_function=_operation_id,
    )
    context = ServerContext(application=application, folders=folders or Folders.default(), port=port)
    if request_stop is not None:
        context.request_stop = request_stop
    app.state.context = context
    install_problem_handlers(app)
    app.include_router(_api())
    app.mount("/static", pages.RevalidatedFiles(directory=pages.STATIC), name="static")
    if pages.ui_is_built():
        app.mount("/assets", pages.CachedFiles(directory=pages.UI / "assets", check_dir=False), name="assets")
    app.include_router(pages.router)
    # Added last stands outermost.
    app.add_middleware(UnexpectedErrors)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.add_middleware(BodyLimit)
    app.add_middleware(AccessControl, token=token, port=port, tickets=context.tickets)
    app.add_middleware(SecurityHeaders)
    return app


def _api() -> APIRouter:
    api = APIRouter(prefix=API, responses={"default": {"model": Problem, "content": {MEDIA_TYPE: {}}}})
    for module in (
        system,
        events,
        clusters,
        discovery,
        profiles,
        jobs,
        continuing,
        structures,
        templates,
        check,
        files,
        uploads,
        storage,
        settings,
    ):
        api.include_router(module.router)
    api.include_router(tasks.tasks)
    api.include_router(tasks.prompts)
    return api


def _operation_id(route: APIRoute) -> str:
    """The name a generated client gives the call: ``listJobs`` of ``list_jobs``."""
    head, *rest = route.name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document without a running server, for generating clients."""
    app = create_app(None, "", port=0, folders=Folders.below(pages.STATIC))  # type: ignore[arg-type]
    return app.openapi()
