"""Times and memory as the demo's Slurm commands read and write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from namdrunner.demo.slurm.model import compress
from namdrunner.demo.slurm.scontrol import expand_names
from namdrunner.demo.slurm.units import (
    Calendar,
    format_long,
    format_memory,
    format_short,
    parse_memory_mb,
    parse_time_limit,
)

MOMENT = datetime(2026, 11, 22, 15, 4, 5, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5", 300), ("1:30", 120), ("04:00:00", 14400), ("1-2", 93600), ("1-02:03", 93780), ("0:00:01", 60),
     ("5x", None), ("", None), ("1-", None), ("0", 0)],
)  # fmt: skip
def test_time_limits_are_whole_minutes(text: str, seconds: int | None) -> None:
    assert parse_time_limit(text) == seconds


def test_durations_are_written_as_squeue_and_as_sacct_do() -> None:
    assert [format_short(s) for s in (0, 11, 1200, 3600, 604800)] == ["0:00", "0:11", "20:00", "1:00:00", "7-00:00:00"]
    assert [format_long(s) for s in (0, 11, 3600, 604800)] == ["00:00:00", "00:00:11", "01:00:00", "7-00:00:00"]


@pytest.mark.parametrize(
    ("megabytes", "text"),
    [(100, "100M"), (3840, "3840M"), (7680, "7.50G"), (15360, "15G"), (65536, "64G"), (262144, "256G"), (0, "0M")],
)
def test_memory_is_written_as_real_slurm_wrote_it(megabytes: int, text: str) -> None:
    assert format_memory(megabytes) == text


@pytest.mark.parametrize(
    ("text", "megabytes"), [("64", 64), ("16G", 16384), ("3800MB", 3800), ("1T", 1048576), ("1K", 1), ("12Q", None)]
)
def test_memory_without_a_unit_is_megabytes(text: str, megabytes: int | None) -> None:
    assert parse_memory_mb(text) == megabytes


def test_points_in_time_follow_zone_and_format_of_the_caller() -> None:
    assert Calendar.of({"TZ": "UTC0"}).write(MOMENT, "N/A") == "2026-11-22T15:04:05"
    assert Calendar.of({"TZ": "UTC0", "SLURM_TIME_FORMAT": "%s"}).write(MOMENT, "N/A") == str(int(MOMENT))
    assert Calendar.of({"TZ": "America/Denver"}).write(MOMENT, "N/A") == "2026-11-22T08:04:05"
    assert Calendar.of({"TZ": "nonsense/zone"}).zone is None
    assert Calendar.of({}).write(None, "Unknown") == "Unknown"


@pytest.mark.parametrize(
    ("text", "offset"),
    [("now", 0), ("now-2hours", -7200), ("now+1day", 86400), ("2026-11-22T15:04", -5), ("15:03:05", -60),
     ("2026-11-22", -54245), ("tomorrow", 32155)],
)  # fmt: skip
def test_points_in_time_are_read_in_the_callers_zone(text: str, offset: int) -> None:
    assert Calendar.of({"TZ": "UTC"}).read(text, MOMENT) == MOMENT + offset


def test_a_time_that_is_none_is_not_guessed() -> None:
    assert Calendar().read("yesterday-ish", MOMENT) is None


def test_node_names_fold_and_unfold() -> None:
    assert compress(("c1", "c2", "c4", "login")) == "login,c[1-2,4]"
    assert compress(("d1",)) == "d1"
    assert compress(()) == ""
    assert expand_names("c[1-2,4],login") == ["c1", "c2", "c4", "login"]
