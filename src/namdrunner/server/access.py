"""Who may talk to the server: only this person's programs and the browser pages the server itself delivered.

Three walls, each enough against its attack: the Host header (DNS rebinding), Origin and Sec-Fetch-Site
(pages of other sites and of other local ports), and a secret (other users of this machine).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from namdrunner.errors import ConnectionFailedError
from namdrunner.server.pages import locked_page
from namdrunner.server.problems import problem_response
from namdrunner.server.tickets import Tickets

SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

# Served without a secret: they hold none, and the page that says "locked" needs them.
_PUBLIC_PREFIXES = ("/static/", "/assets/")
_PUBLIC_PATHS = frozenset({"/open", "/favicon.svg", "/favicon.ico"})
_API_PREFIX = "/api/"


def cookie_name(port: int) -> str:
    """Browsers share cookies between the ports of a host; the name keeps two servers apart."""
    return f"namdrunner_session_{port}"


class SecurityHeaders:
    """Outermost: every response, refusals included, carries the headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, with_headers)


class AccessControl:
    """Refuses with 403 what comes from elsewhere and with 401 what brings no secret."""

    def __init__(self, app: ASGIApp, *, token: str, port: int, tickets: Tickets) -> None:
        self.app = app
        self._token = token.encode()
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self._origins = frozenset(f"http://{host}" for host in self._hosts)
        self._cookie = cookie_name(port)
        self._tickets = tickets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "not offered"})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        foreign = self._foreign(scope, headers)
        if foreign is not None:
            await problem_response(foreign, 403)(scope, receive, send)
        elif self._is_public(scope["path"]) or self._has_secret(scope, headers):
            await self.app(scope, receive, send)
        elif scope["path"].startswith(_API_PREFIX):
            challenge = {"WWW-Authenticate": 'Bearer realm="namdrunner"'}
            await problem_response(_locked(), 401, challenge)(scope, receive, send)
        else:
            await locked_page()(scope, receive, send)

    def _foreign(self, scope: Scope, headers: Headers) -> ConnectionFailedError | None:
        if headers.getlist("host") not in [[host] for host in self._hosts]:
            return _refused("host-not-allowed", "The request was addressed to another host name.")
        origin = headers.get("origin")
        if origin is not None and origin not in self._origins:
            return _refused("origin-not-allowed", "The request came from a page of another site.")
        site = headers.get("sec-fetch-site", "same-origin")
        if scope["path"].startswith(_API_PREFIX) and site not in ("same-origin", "none"):
            return _refused("origin-not-allowed", "The request came from a page of another site.")
        return None

    def _has_secret(self, scope: Scope, headers: Headers) -> bool:
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return secrets.compare_digest(credentials.strip().encode(), self._token)
        if not self._tickets.knows(self.session(headers)):
            return False
        # A cookie is sent by the browser unasked: what changes something has to show where it comes from.
        safe = scope["method"] in ("GET", "HEAD", "OPTIONS")
        return safe or "origin" in headers or headers.get("sec-fetch-site") == "same-origin"

    def session(self, headers: Headers) -> str:
        return session_of(headers, self._cookie)

    @staticmethod
    def _is_public(path: str) -> bool:
        return path in _PUBLIC_PATHS or path.startswith(_PUBLIC_PREFIXES)


def session_of(headers: Headers, cookie: str) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(cookie)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _refused(code: str, message: str) -> ConnectionFailedError:
    return ConnectionFailedError(
        message,
        code=code,
        remedy="Open NAMDRunner with the command `namdrunner`, at the address it shows.",
        retryable=False,
    )


def _locked() -> ConnectionFailedError:
    return ConnectionFailedError(
        "The request does not carry the server's token.",
        code="token-missing",
        remedy="Run `namdrunner` to open the UI; programs find the token in server.json (see `namdrunner status`).",
        retryable=False,
    )
