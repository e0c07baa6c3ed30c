from __future__ import annotations

from namdrunner.services.performance import speeds

LINE = "TIMING: {}  CPU: 4.36, 0.0086/step  Wall: 4.40, {}/step, 0.05 hours remaining, 0.5 MB of memory in use.\n"


def test_speed_is_of_dynamics_only() -> None:
    log = (
        "TCL: Minimizing for 100 steps\n"
        + LINE.format(100, "0.5")
        + "TCL: Running for 500 steps\n"
        + LINE.format(500, "0.00875785")
        + LINE.format(600, "1e-3")
        + LINE.format(700, "0")
    )
    assert speeds(log.encode(), 2.0) == [(500, 19.730870), (600, 172.8)]


def test_a_log_without_timing_lines() -> None:
    assert speeds(b"", 2.0) == []
    assert speeds(b"TIMING: 500  CPU: 4.3\n", 2.0) == []
