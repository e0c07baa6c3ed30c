"""The demonstration as a process: a whole job, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.demo, pytest.mark.skipif(os.name != "posix", reason="the demo cluster needs bash")]


def children_of(folder: Path) -> list[psutil.Process]:
    """Processes that work in or were told of the folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        words = " ".join(process.info["cmdline"] or []) + str((process.info["environ"] or {}).get("TMPDIR"))
        if str(folder) in words:
            found.append(process)
    return found


def test_interrupting_the_demo_ends_everything_it_started(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "namdrunner", "demo", "--headless"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stderr is not None
        for line in demo.stderr:
            if line.startswith("RUNNING"):
                break
        assert children_of(tmp_path)
        demo.send_signal(signal.SIGTERM)
        demo.communicate(timeout=60)
    assert demo.returncode == 5
    end = time.monotonic() + 20
    while children_of(tmp_path) and time.monotonic() < end:
        time.sleep(0.1)
    assert children_of(tmp_path) == []
    assert list(tmp_path.glob("namdrunner-demo-*")) == []


def test_the_demo_runs_a_job_to_its_end(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "namdrunner", "demo", "--headless", "--json", "--keep"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400)
    assert ran.returncode == 0, ran.stderr
    summary = json.loads(ran.stdout)
    assert summary["status"] == "COMPLETED"
    assert summary["steps"] > 0
    assert summary["ns_per_day"] > 0
    assert 250 < summary["mean_temperature_k"] < 350
    assert any(file["name"].endswith(".dcd") and file["bytes"] > 0 for file in summary["files"])
    for file in summary["files"]:
        assert Path(file["path"]).stat().st_size == file["bytes"]
    assert Path(summary["folder"]).is_relative_to(tmp_path)
    assert children_of(tmp_path) == []
