from datetime import UTC, datetime, timedelta, timezone

import pytest

from namdrunner.slurm.times import parse_duration, parse_time, slurm_time


def test_seconds_and_utc_text_agree() -> None:
    assert (
        parse_time("1795384899") == parse_time("2026-11-22T22:01:39") == datetime(2026, 11, 22, 22, 1, 39, tzinfo=UTC)
    )


@pytest.mark.parametrize("text", ["", "N/A", "Unknown", "None", "0", "NONE", "yesterday", "9" * 40])
def test_no_time_yet(text: str) -> None:
    assert parse_time(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5:00", 300),
        ("20:00", 1200),
        ("01:02:03", 3723),
        ("7-00:00:00", 604800),
        ("UNLIMITED", None),
        ("INVALID", None),
    ],
)
def test_durations(text: str, seconds: int | None) -> None:
    assert parse_duration(text) == seconds


def test_times_are_sent_in_utc() -> None:
    denver = timezone(timedelta(hours=-7))
    assert slurm_time(datetime(2026, 11, 22, 15, 0, tzinfo=denver)) == "2026-11-22T22:00:00"
