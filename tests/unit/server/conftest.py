from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from tests.unit.server.fakes import FakeApplication

from namdrunner.paths import Folders
from namdrunner.server.app import create_app

TOKEN = "the-token-of-this-server"
PORT = 8620
BASE = f"http://127.0.0.1:{PORT}"


@pytest.fixture
def application() -> FakeApplication:
    return FakeApplication()


@pytest.fixture
def app(application: FakeApplication, tmp_path: Path) -> FastAPI:
    return create_app(application, TOKEN, port=PORT, folders=Folders.below(tmp_path).ensure())  # type: ignore[arg-type]


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who knows the address and nothing else."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        yield client


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A program of the person: it has the token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, headers=headers) as client:
        yield client


@pytest.fixture
async def browser(app: FastAPI, http: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that was let in by a ticket."""
    ticket = (await http.post("/api/v1/tickets", json={})).json()["url"]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        answer = await client.get(ticket)
        assert answer.status_code == 303
        yield client
