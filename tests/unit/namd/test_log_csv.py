"""Energies as CSV: NAMD's digits, ETITLE's names, the order of the log."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from namdrunner.namd.log_csv import write_csv

from .log_samples import HEAD, LONG, SHORT, energy, run, title


def csv(text: str) -> list[list[str]]:
    stream = io.BytesIO()
    rows = write_csv(text.encode(), stream)
    lines = stream.getvalue().decode().splitlines()
    assert len(lines) == rows + 1
    return [line.split(",") for line in lines]


def test_header_and_rows() -> None:
    lines = csv(HEAD + run(0, 1000) + run(1000, 1100))
    assert tuple(lines[0]) == LONG
    assert [line[0] for line in lines[1:]] == [str(s) for s in [*range(0, 1001, 100), 1000, 1100]]
    assert lines[1][1:] == energy(0).split()[2:]


def test_damaged_rows_are_left_out_and_changed_columns_mapped() -> None:
    text = HEAD + title() + "\n" + energy(0) + "\n" + energy(10)[:50] + "\n" + title(SHORT) + "\n"
    lines = csv(text + energy(20, columns=SHORT) + "\n")
    assert [line[0] for line in lines] == ["TS", "0", "20"]
    assert lines[2][-5:] == [""] * 5


def test_a_log_without_energies_has_a_header_at_most() -> None:
    assert csv(HEAD + title() + "\n") == [list(LONG)]


@pytest.mark.shared_data
def test_a_real_log_is_copied_digit_by_digit(shared_data: Path) -> None:
    path = shared_data / "namd_logs/min_npt_3.0.log"
    stream = io.BytesIO()
    assert write_csv(path, stream) == 262
    words = [line.split()[1:] for line in path.read_text().splitlines() if line.startswith("ENERGY:")]
    assert stream.getvalue().decode().splitlines()[1:] == [",".join(line) for line in words]
