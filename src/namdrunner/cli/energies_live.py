"""job energies --follow: rows as they come in, in a live view on a terminal, as plain lines elsewhere."""

from __future__ import annotations

import csv
import io
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from namdrunner.cli.job_show import describe_progress
from namdrunner.cli.job_watch import FINAL, StatusLine, Unconnected, check_submitted
from namdrunner.cli.output import clean, duration, write_text
from namdrunner.client import Client
from namdrunner.client.documents import JobDocument
from namdrunner.errors import ConnectionFailedError, InterruptedOperationError

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

IDLE_S = 10.0
"""Longest pause between two looks; events make them shorter."""
FIRST_POINTS = 2000
SHOWN = ("TOTAL", "TEMP", "PRESSURE", "VOLUME")
WIDTH = 40
_BLOCKS, _ASCII = "▁▂▃▄▅▆▇█", "_.-:=+*#"

Row = Sequence[float | None]


class View(Protocol):
    """Where rows go; ``anew``: they begin another log, of a run that was started again."""

    def show(self, job: JobDocument, columns: Sequence[str], rows: Sequence[Row], *, anew: bool) -> None: ...


def follow(client: Client, job: str, csv_file: Path | None) -> JobDocument:
    """Show energies until the job has ended; its document then. Raises InterruptedOperationError upon Ctrl-C."""
    try:
        with ExitStack() as stack:
            views: list[View] = []
            if csv_file is not None and str(csv_file) != "-":
                stream = stack.enter_context(csv_file.open("w", encoding="utf-8", newline=""))
                views.append(CsvRows(stream.write, flush=stream.flush))
            elif csv_file is not None:
                views.append(CsvRows(write_text))
            live = sys.stdout.isatty() and str(csv_file) != "-"
            if live:
                views.append(stack.enter_context(LiveView()))
            else:
                views.append(stack.enter_context(PlainView(rows=csv_file is None)))
            return follow_rows(client, job, views, points=FIRST_POINTS if live and csv_file is None else None)
    except KeyboardInterrupt:
        raise InterruptedOperationError(
            "No longer following; the job goes on.",
            code="left-running",
            remedy=f"namdrunner job energies {job} --follow",
        ) from None


def follow_rows(client: Client, job: str, views: Sequence[View], *, points: int | None) -> JobDocument:
    """Give every row to the views once, in order; ``points`` thins those that are there at the beginning."""
    job = client.jobs.get(job)["id"]
    known, unconnected = 0, Unconnected()
    last: Row | None = None
    with Listener(client, job) as listener:
        while True:
            anew = listener.take_anew()
            # The job before its rows: one that has ended has all of them.
            document = client.jobs.get(job)
            found = client.jobs.energies(job, after=0 if anew else known, points=None if known else points)
            if found["total_rows"] < known and not anew:
                anew, found = True, client.jobs.energies(job)
            rows = found["rows"]
            if anew and last is not None and len(rows) >= known and rows[known - 1] == last:
                anew, rows = False, rows[known:]  # told of late: they were shown already
            for view in views:
                view.show(document, found["columns"], rows, anew=anew and known > 0)
            thinned = len(found["rows"]) == points and not known
            last = None if thinned else rows[-1] if rows else last
            known = found["total_rows"]
            if document["status"] in FINAL:
                return document
            check_submitted(client, document)
            unconnected.check(client, document["cluster"])
            listener.wait(IDLE_S)


class Listener:
    """Wakes whoever waits when something about a job is told by the server."""

    def __init__(self, client: Client, job: str) -> None:
        self._client = client
        self._job = job
        self._news: queue.Queue[ConnectionFailedError | None] = queue.Queue()
        self._anew = threading.Event()
        self._closed = threading.Event()

    def __enter__(self) -> Listener:
        threading.Thread(target=self._listen, daemon=True, name="events").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()

    def wait(self, timeout_s: float) -> None:
        """Until there is news or the time is over. Raises ConnectionFailedError when the server is gone."""
        try:
            failure = self._news.get(timeout=timeout_s)
            while failure is None:
                failure = self._news.get_nowait()
        except queue.Empty:
            return
        raise failure

    def take_anew(self) -> bool:
        """Whether another log has begun since this was last asked."""
        anew = self._anew.is_set()
        self._anew.clear()
        return anew

    def _listen(self) -> None:
        try:
            for event in self._client.events():
                if self._closed.is_set():
                    return
                if event.kind == "job.energies" and event.data.get("id") == self._job and event.data.get("anew"):
                    self._anew.set()
                if event.kind == "reset" or event.data.get("id") == self._job:
                    self._news.put(None)
        except ConnectionFailedError as error:
            self._news.put(error)


class CsvRows:
    """A header and the rows, as CSV."""

    def __init__(self, write: Callable[[str], object], *, flush: Callable[[], None] = lambda: None) -> None:
        self._write, self._flush = write, flush
        self._begun = False

    def show(self, job: JobDocument, columns: Sequence[str], rows: Sequence[Row], *, anew: bool) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if columns and not self._begun:
            self._begun = True
            writer.writerow(columns)
        writer.writerows(rows)
        if text.getvalue():
            self._write(text.getvalue())
            self._flush()


class PlainView:
    """Aligned rows on stdout, the job's progress on stderr."""

    def __init__(self, *, rows: bool) -> None:
        self._rows = rows
        self._columns: Sequence[str] = ()
        self._status = StatusLine()

    def __enter__(self) -> PlainView:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.close()

    def show(self, job: JobDocument, columns: Sequence[str], rows: Sequence[Row], *, anew: bool) -> None:
        self._status.show(job)
        if not self._rows:
            return
        if columns and (anew or list(columns) != list(self._columns)):
            self._columns = columns
            write_text(" ".join(name.rjust(10 if i == 0 else 15) for i, name in enumerate(columns)) + "\n")
        write_text("".join(_line(row) for row in rows))


def _line(row: Row) -> str:
    cells = ["" if value is None else f"{value:.4f}" for value in row[1:]]
    first = "" if not row or row[0] is None else f"{row[0]:.0f}"
    return " ".join([first.rjust(10), *(cell.rjust(15) for cell in cells)]) + "\n"


class LiveView:
    """The last values with their course so far, drawn over itself."""

    def __init__(self) -> None:
        self.columns: Sequence[str] = ()
        self.rows: list[Row] = []
        self.speeds: list[float] = []
        self._live: Live | None = None

    def __enter__(self) -> LiveView:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(), auto_refresh=False)
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, job: JobDocument, columns: Sequence[str], rows: Sequence[Row], *, anew: bool) -> None:
        self.take(job, columns, rows, anew=anew)
        if self._live is not None:
            plain = not self._live.console.encoding.lower().startswith("utf")
            self._live.update(self.drawn(job, blocks=_ASCII if plain else _BLOCKS), refresh=True)

    def take(self, job: JobDocument, columns: Sequence[str], rows: Sequence[Row], *, anew: bool) -> None:
        if anew or (columns and list(columns) != list(self.columns)):
            self.columns, self.rows = columns, []
        self.rows += rows
        while len(self.rows) > 4 * FIRST_POINTS:
            self.rows = self.rows[1::2]
        speed = job["progress"]["ns_per_day"] if job["progress"] else None
        if speed and (rows or not self.speeds):
            self.speeds.append(speed)

    def drawn(self, job: JobDocument, *, blocks: str = _BLOCKS) -> RenderableType:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        progress = job["progress"]
        head = "  ".join(filter(None, (job["id"], job["status"], job["queue_reason"], describe_progress(progress))))
        grid = Table.grid(padding=(0, 2))
        grid.add_column()
        grid.add_column(justify="right")
        grid.add_column(no_wrap=True)
        for name in SHOWN:
            if name in self.columns:
                index = list(self.columns).index(name)
                series = [row[index] for row in self.rows]
                last = series[-1] if series else None
                text = "" if last is None else f"{last:,.2f}"
                grid.add_row(name, text, Text(sparkline(series, WIDTH, blocks), style="cyan"))
        if progress and progress["ns_per_day"]:
            drawn = Text(sparkline(self.speeds, WIDTH, blocks), style="cyan")
            grid.add_row("ns/day", f"{progress['ns_per_day']:.3g}", drawn)
        if progress and progress["eta_s"] and job["status"] == "RUNNING":
            grid.add_row("time left", duration(progress["eta_s"]), "")
        note = "" if self.rows else "NAMD has written no energies yet."
        return Group(Text(clean(head), style="bold"), grid, *([Text(note)] if note else []))


def sparkline(series: Row, width: int, blocks: str = _BLOCKS) -> str:
    """The course of a series in at most ``width`` characters, each the mean of neighbours, from lowest to highest."""
    values = [value for value in series if value is not None]
    count = min(width, len(values))
    parts = [values[i * len(values) // count : (i + 1) * len(values) // count] for i in range(count)]
    means = [sum(part) / len(part) for part in parts]
    if not means:
        return ""
    low, high = min(means), max(means)
    if high <= low:
        return blocks[len(blocks) // 2] * count
    return "".join(blocks[min(int((mean - low) / (high - low) * len(blocks)), len(blocks) - 1)] for mean in means)
