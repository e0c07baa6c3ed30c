from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.unit.server.live import Live, live_server

from namdrunner.cli.main import main
from namdrunner.paths import HOME_VARIABLE, Folders


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout; anything else there fails."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return Folders.default().ensure()


@pytest.fixture
def run(home: Folders, capfd: pytest.CaptureFixture[str]) -> Run:
    """The command line in this process, with its exit status and what it wrote."""

    def call(*arguments: str) -> Ran:
        capfd.readouterr()
        status = main(arguments)
        captured = capfd.readouterr()
        return Ran(status, captured.out, captured.err)

    return call


@pytest.fixture
def live(home: Folders) -> Iterator[Live]:
    with live_server(home) as server:
        yield server
