"""Failures are problem documents, whatever failed."""

from __future__ import annotations

import json
import logging

import httpx
import pytest

from namdrunner.errors import InputError
from namdrunner.server.problems import problem_response

FIELDS = {"type", "title", "status", "detail", "code", "kind", "message", "remedy", "retryable", "context"}


def check(answer: httpx.Response, status: int, code: str) -> dict[str, object]:
    document = answer.json()
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(document) == FIELDS
    assert document["status"] == status
    assert document["code"] == code
    assert document["message"]
    return dict(document)


async def test_an_error_of_the_tree(http: httpx.AsyncClient) -> None:
    document = check(await http.get("/api/v1/jobs/nothing"), 404, "job-not-found")
    assert document["kind"] == "not-found"
    assert document["remedy"] == "See job list."


async def test_an_error_with_its_own_status(http: httpx.AsyncClient) -> None:
    await http.post("/api/v1/clusters", json={"name": "a", "host": "h"})
    document = check(await http.post("/api/v1/clusters/a/test"), 409, "not-connected")
    assert document["context"] == {"cluster": "a"}


async def test_a_request_that_is_not_valid_names_the_field_but_not_the_value(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/v1/prompts/x", json={"answers": {"secret": "hunter2"}})
    document = check(answer, 422, "invalid-request")
    assert "answers" in str(document["message"])
    assert "hunter2" not in answer.text


async def test_a_misspelled_field_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/v1/clusters", json={"name": "a", "host": "h", "usr": "me"})
    check(answer, 422, "invalid-request")


async def test_json_that_is_none(http: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    check(await http.post("/api/v1/clusters", content=b"{nonsense", headers=headers), 422, "invalid-request")


async def test_unknown_paths_and_methods(http: httpx.AsyncClient) -> None:
    check(await http.get("/api/v1/nothing"), 404, "no-such-path")
    check(await http.put("/api/v1/jobs"), 405, "method-not-allowed")


async def test_what_nobody_foresaw_is_logged_and_not_told(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = await http.get("/api/v1/jobs/broken")
    document = check(answer, 500, "internal-error")
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    fault = document["context"]["fault"]  # type: ignore[index]
    assert fault in caplog.text
    assert fault in str(document["remedy"])


async def test_a_body_that_announces_too_much(http: httpx.AsyncClient) -> None:
    check(await http.post("/api/v1/templates/validate", json={"text": "x" * 9_000_000}), 413, "request-too-large")


async def test_a_body_that_grows_too_large_unannounced(http: httpx.AsyncClient) -> None:
    async def endless():  # type: ignore[no-untyped-def]
        for _ in range(10):
            yield b" " * 1_000_000

    headers = {"Content-Type": "application/json"}
    answer = await http.post("/api/v1/templates/validate", content=endless(), headers=headers)
    check(answer, 413, "request-too-large")


def test_a_problem_may_quote_a_name_that_is_not_utf8() -> None:
    """Answering with it failed, so that the person saw an internal error."""
    answer = problem_response(InputError("There is no file caf\udce9."))
    assert answer.status_code == 422
    assert b"caf\\udce9" in answer.body
    assert json.loads(answer.body)["message"].startswith("There is no file caf")
