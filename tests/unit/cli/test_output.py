"""Tables in terminals of every width."""

from __future__ import annotations

import re
import sys

import pytest

from namdrunner.cli.output import table

COLUMNS = ("id", "name", "status", "cluster", "empty", "submitted")
ROWS = [["production_run_1795390372349", "a name of some length", "RUNNING", "alpine", "", "2026-11-22 23:32:52"]]


def lines_at(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    table(COLUMNS, ROWS)
    return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()


def test_a_wide_terminal_shows_every_column(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = lines_at(140, monkeypatch, capsys)
    assert any("empty" in line for line in lines)
    assert any("production_run_1795390372349" in line and "2026-11-22 23:32:52" in line for line in lines)


@pytest.mark.parametrize("width", [100, 80, 60, 40])
def test_the_id_stays_whole_in_a_narrow_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At 80 columns it was broken over five lines, so that it could not be copied."""
    lines = lines_at(width, monkeypatch, capsys)
    assert any("production_run_1795390372349" in line for line in lines)
    assert not any("empty" in line for line in lines)
    assert all(len(line) <= width for line in lines)
    assert len(lines) < 10
