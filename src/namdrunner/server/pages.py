"""What a browser gets outside the API: the UI where it is built, else a plain status page, and the locked page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from namdrunner.server.context import Context, ServerContext

STATIC = Path(__file__).parent / "static"
UI = STATIC / "ui"

router = APIRouter(include_in_schema=False)


class CachedFiles(StaticFiles):
    """Files whose names carry their hash: a browser need never ask again."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


class RevalidatedFiles(StaticFiles):
    """Files that change with the version: kept, but asked about each time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def ui_is_built() -> bool:
    return (UI / "index.html").is_file()


def session_cookie(context: ServerContext) -> str:
    from namdrunner.server.access import cookie_name

    return cookie_name(context.port)


@router.get("/open")
async def open_in_browser(
    request: Request,
    context: Context,
    token: Annotated[str, Query()] = "",
    page: Annotated[str, Query()] = "/",
) -> Response:
    """Exchange a one-time ticket for the session cookie, then show the page without the ticket in its address."""
    from namdrunner.server.access import session_of

    target = local_path(page)
    session = context.tickets.redeem(token)
    if session is None:
        # A reload of the address: the ticket is gone, the session may well be there.
        known = context.tickets.knows(session_of(request.headers, session_cookie(context)))
        return RedirectResponse(target, 303) if known else locked_page()
    response = RedirectResponse(target, 303)
    response.set_cookie(session_cookie(context), session, httponly=True, samesite="strict", path="/")
    return response


def local_path(page: str) -> str:
    """``page`` when it is a path of ours, else ``/``: the address bar must never be led to another site."""
    parts = urlsplit(page)
    harmless = not parts.scheme and not parts.netloc and "\\" not in page and page.isprintable()
    return page if harmless and page.startswith("/") and not page.startswith("//") else "/"


@router.get("/{path:path}")
async def show_page(path: str) -> Response:
    """Every other address belongs to the UI, which finds its way by itself."""
    if path.startswith("api/"):
        from starlette.exceptions import HTTPException

        raise HTTPException(404)
    if not ui_is_built():
        return FileResponse(STATIC / "status.html", media_type="text/html") if not path else _missing()
    root_file = UI / path
    if path and "/" not in path and root_file.is_file():
        return FileResponse(root_file, headers={"Cache-Control": "no-cache"})
    return FileResponse(UI / "index.html", media_type="text/html", headers={"Cache-Control": "no-cache"})


def _missing() -> Response:
    return _message("There is nothing here", "The address is not known.", 404)


def locked_page() -> Response:
    """What somebody without a session sees; it tells nothing but how to get in."""
    return _message(
        "NAMDRunner is locked",
        "Open it with the command <code>namdrunner</code>: it logs this browser in.",
        401,
    )


def _message(title: str, sentence: str, status: int) -> Response:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width">'
        '<link rel="stylesheet" href="/static/status.css"></head>'
        f'<body><main class="message"><h1>{title}</h1><p>{sentence}</p></main></body></html>',
        status,
    )
