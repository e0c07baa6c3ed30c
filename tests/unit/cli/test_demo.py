"""The demonstration, as far as it needs no processes."""

from __future__ import annotations

import pytest
from tests.unit.cli.conftest import Run

from namdrunner.cli.demo_run import mean_temperature


def test_minimisation_does_not_count_for_the_temperature() -> None:
    rows: list[list[float | None]] = [[0, 0.0], [1, None], [2, 299.0], [3, 301.0]]
    assert mean_temperature({"columns": ["TS", "TEMP"], "rows": rows, "complete": True}) == 300.0
    assert mean_temperature({"columns": ["TS"], "rows": [], "complete": True}) is None
    assert mean_temperature({"columns": ["TS", "TEMP"], "rows": [], "complete": True}) is None


def test_without_openmm_it_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    ran = run("demo", "--headless", "--json")
    assert (ran.status, ran.json["error"]["code"]) == (1, "openmm-missing")
    assert "namdrunner[demo]" in ran.json["error"]["remedy"]
