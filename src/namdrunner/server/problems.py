"""Every failure leaves the server as an RFC 9457 problem document with the fields of the error object."""

from __future__ import annotations

import json
import logging
import secrets
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from namdrunner.errors import InputError, InternalError, NamdrunnerError, NotFoundError, UsageError

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger(__name__)


class Problem(BaseModel):
    """RFC 9457, extended by what a person needs: the sentence, what to do, whether trying again can help."""

    type: str = Field(examples=["urn:namdrunner:problem:not-connected"])
    title: str
    status: int
    detail: str
    code: str
    kind: str
    message: str
    remedy: str
    retryable: bool
    context: dict[str, Any]


def problem_document(error: NamdrunnerError, status: int | None = None) -> dict[str, Any]:
    document = error.document()
    return {
        "type": f"urn:namdrunner:problem:{error.code}",
        "title": error.code.replace("-", " ").capitalize(),
        "status": status or error.http_status,
        "detail": error.message,
        **document,
    }


def problem_response(
    error: NamdrunnerError, status: int | None = None, headers: dict[str, str] | None = None
) -> Response:
    document = problem_document(error, status)
    return ProblemResponse(document, document["status"], media_type=MEDIA_TYPE, headers=headers)


class ProblemResponse(JSONResponse):
    """An error may quote a file name that is not UTF-8: saying so must not fail for that."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def install_problem_handlers(app: FastAPI) -> None:
    app.add_exception_handler(NamdrunnerError, _own_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)


async def _own_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, NamdrunnerError)
    return problem_response(error)


async def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # Only where and why: the value itself may be a password.
    errors = [{"field": _field(e["loc"]), "message": str(e["msg"])} for e in error.errors()]
    first = errors[0] if errors else {"field": "", "message": "the request is not valid"}
    where = f"'{first['field']}': " if first["field"] else ""
    return problem_response(
        InputError(
            f"The request is not valid: {where}{first['message']}.",
            code="invalid-request",
            remedy="Correct the named field.",
            context={"errors": errors},
        )
    )


def _field(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location if part not in ("body", "query", "path"))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem_response(_translated(error, request), error.status_code, dict(error.headers or {}))


def _translated(error: HTTPException, request: Request) -> NamdrunnerError:
    if error.status_code == 404:
        return NotFoundError(
            f"There is nothing at {request.url.path}.",
            code="no-such-path",
            remedy="See /api/v1/openapi.json.",
        )
    if error.status_code == 405:
        return UsageError(
            f"{request.method} is not possible at {request.url.path}.",
            code="method-not-allowed",
            remedy="See /api/v1/openapi.json.",
        )
    if error.status_code == 413:
        return too_large()
    return UsageError(str(error.detail), code="bad-request")


def too_large() -> InputError:
    return InputError(
        "The request is larger than a document can be.",
        code="request-too-large",
        remedy="Send files as uploads, not inside the request.",
    )


class UnexpectedErrors:
    """Innermost middleware: what nobody foresaw is logged with an id, and only the id is told."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except NamdrunnerError as error:
            if started:
                raise
            await problem_response(error)(scope, receive, send)
        except Exception:
            identifier = secrets.token_hex(4)
            log.exception("fault %s in %s %s", identifier, scope.get("method"), scope.get("path"))
            if started:
                raise
            await problem_response(internal_fault(identifier))(scope, receive, send)


def internal_fault(identifier: str) -> InternalError:
    return InternalError(
        "Something went wrong inside NAMDRunner.",
        remedy=f"The details are in the server's log under {identifier}; please report them.",
        context={"fault": identifier},
    )
