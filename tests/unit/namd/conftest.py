"""Fixtures of the tests of what NAMD is."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

from namdrunner.namd import tcl
from namdrunner.namd.tcl_worker import Evaluator


@pytest.fixture
def quick_tcl(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluate configs in this process: for the many harmless ones, where a process each would take long."""

    def evaluate(request: tcl.TclRequest) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as scratch:
            document = {
                "name": request.name,
                "folder": str(request.folder),
                "roots": [str(root) for root in (request.root, *request.also)],
                "text": request.text,
                "time_limit_s": request.time_limit_s,
                "overrides": list(request.overrides),
                "defaults": dict(request.defaults or {}),
                "strict": request.strict,
                "scratch": scratch,
            }
            return Evaluator(document).evaluate()

    monkeypatch.setattr(tcl, "evaluate", evaluate)


@pytest.fixture
def water_job(tmp_path: Path) -> Path:
    """A job folder with the box of water in it."""
    from tests.unit.namd.water import write_system

    folder = tmp_path / "system" / "job"
    write_system(folder)
    return folder
