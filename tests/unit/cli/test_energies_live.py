"""job energies --follow: every row once, until the job has ended."""

from __future__ import annotations

import io
import queue
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from tests.unit.server.fakes import job_row

from namdrunner.cli import energies_live
from namdrunner.cli.energies_live import CsvRows, LiveView, follow, follow_rows, sparkline
from namdrunner.client import Event
from namdrunner.errors import ConflictError, InterruptedOperationError, NotConnectedError

JOB = "sample_0000000000001"
COLUMNS = ["TS", "TEMP", "TOTAL"]


class Cluster:
    """A server whose job goes on by one scene each time it is asked how it stands."""

    def __init__(self, *scenes: tuple[str, list[int]], connected: bool = True) -> None:
        self.scenes = list(scenes)
        self.rows: list[list[float]] = []
        self.told: queue.Queue[Event] = queue.Queue()
        self.state = "connected" if connected else "disconnected"
        self.jobs = SimpleNamespace(get=self.get, energies=self.energies)
        self.clusters = SimpleNamespace(get=lambda name: {"state": self.state})
        self.tasks = SimpleNamespace(list=list)
        self.asked: list[dict[str, Any]] = []
        self.names = 0

    def get(self, job: str) -> dict[str, Any]:
        if self.names == 0:
            self.names = 1
            return job_row()
        status, steps = self.scenes.pop(0)
        self.rows = [[float(step), 300.0 + step, -1000.0 - step] for step in steps]
        self.told.put(Event(1, "job.energies", {"id": JOB, "anew": False}))
        return job_row(status=status) | {"remedy": ""}

    def energies(self, job: str, *, points: int | None = None, after: int = 0) -> dict[str, Any]:
        self.asked.append({"points": points, "after": after})
        return {"columns": COLUMNS, "rows": self.rows[after:], "total_rows": len(self.rows), "complete": False}

    def events(self) -> Iterator[Event]:
        while True:
            yield self.told.get()


class Rows:
    def __init__(self) -> None:
        self.steps: list[float | None] = []
        self.anew = 0

    def show(self, job: Any, columns: Any, rows: Any, *, anew: bool) -> None:
        self.anew += anew
        self.steps += [row[0] for row in rows]


def test_every_row_comes_once_and_the_end_of_the_job_is_the_end() -> None:
    cluster = Cluster(("PENDING", []), ("RUNNING", [0, 10]), ("RUNNING", [0, 10, 20]), ("COMPLETED", [0, 10, 20, 30]))
    rows = Rows()
    document = follow_rows(cluster, JOB, [rows], points=None)  # type: ignore[arg-type]
    assert (document["status"], rows.steps, rows.anew) == ("COMPLETED", [0, 10, 20, 30], 0)
    assert [asked["after"] for asked in cluster.asked] == [0, 0, 2, 3]


def test_a_run_that_is_started_again_is_shown_from_its_beginning() -> None:
    cluster = Cluster(("RUNNING", [0, 10, 20]), ("RUNNING", [0, 10]), ("FAILED", [0, 10, 20]))
    rows = Rows()
    follow_rows(cluster, JOB, [rows], points=None)  # type: ignore[arg-type]
    assert (rows.steps, rows.anew) == ([0, 10, 20, 0, 10, 20], 1)


def test_a_job_that_nobody_submitted_or_can_ask_about_is_not_waited_for() -> None:
    with pytest.raises(ConflictError, match="not been submitted"):
        follow_rows(Cluster(("READY", [])), JOB, [], points=None)  # type: ignore[arg-type]
    with pytest.raises(NotConnectedError):
        follow_rows(Cluster(("RUNNING", []), connected=False), JOB, [], points=None)  # type: ignore[arg-type]


def test_rows_are_plain_lines_without_a_terminal_and_csv_in_a_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    scenes = (("RUNNING", [0]), ("COMPLETED", [0, 10]))
    follow(Cluster(*scenes), JOB, None)  # type: ignore[arg-type]
    captured = capfd.readouterr()
    lines = [line.split() for line in captured.out.splitlines()]
    assert lines == [COLUMNS, ["0", "300.0000", "-1000.0000"], ["10", "310.0000", "-1010.0000"]]
    assert "RUNNING" in captured.err
    assert "COMPLETED" in captured.err
    file = tmp_path / "energies.csv"
    follow(Cluster(*scenes), JOB, file)  # type: ignore[arg-type]
    assert file.read_text() == "TS,TEMP,TOTAL\n0.0,300.0,-1000.0\n10.0,310.0,-1010.0\n"
    assert capfd.readouterr().out == ""


def test_ctrl_c_leaves_the_job_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(energies_live, "follow_rows", interrupted)
    with pytest.raises(InterruptedOperationError) as error:
        follow(Cluster(), JOB, None)  # type: ignore[arg-type]
    assert error.value.exit_status == 5


def test_the_live_view_shows_last_values_their_course_speed_and_time_left() -> None:
    view, stream = LiveView(), io.StringIO()
    job: Any = job_row()
    view.take(job, COLUMNS, [[float(i), 300.0 + i, -1000.0] for i in range(100)], anew=False)
    Console(file=stream, width=100).print(view.drawn(job))
    shown = stream.getvalue()
    assert "500 / 1000 (50 %)" in shown
    assert [line.split()[:2] for line in shown.splitlines()[1:5]] == [
        ["TOTAL", "-1,000.00"],
        ["TEMP", "399.00"],
        ["ns/day", "12.5"],
        ["time", "left"],
    ]
    assert "00:01:00" in shown
    assert "PRESSURE" not in shown


def test_the_live_view_stays_small_and_begins_anew() -> None:
    view = LiveView()
    job: Any = job_row()
    view.take(job, COLUMNS, [[float(i), 1.0, 2.0] for i in range(20_000)], anew=False)
    assert len(view.rows) <= 4 * energies_live.FIRST_POINTS
    assert view.rows[-1][0] == 19_999
    view.take(job, COLUMNS, [[0.0, 1.0, 2.0]], anew=True)
    assert len(view.rows) == 1


@pytest.mark.parametrize(
    ("series", "width", "drawn"),
    [
        ([], 4, ""),
        ([5.0], 4, "▅"),
        ([1.0, 1.0, 1.0], 4, "▅▅▅"),
        ([0.0, 1.0, 2.0, 3.0], 4, "▁▃▆█"),
        ([0.0, 0.0, None, 8.0, 8.0], 2, "▁█"),
    ],
)
def test_sparklines(series: list[float | None], width: int, drawn: str) -> None:
    assert sparkline(series, width) == drawn


def test_csv_has_one_header_and_none_before_the_columns_are_known() -> None:
    written: list[str] = []
    view = CsvRows(written.append)
    job: Any = job_row()
    view.show(job, [], [], anew=False)
    view.show(job, ["TS"], [[1.0]], anew=False)
    view.show(job, ["TS"], [[2.0]], anew=True)
    assert written == ["TS\n1.0\n", "2.0\n"]
