"""Fixtures of the whole suite. This is the one place that finds the folder of real data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


def find_shared_data() -> Path | None:
    candidates = [os.environ.get("NAMDRUNNER_SHARED_DATA"), REPOSITORY.parent / "shared" / "data"]
    for candidate in candidates:
        if candidate and (Path(candidate) / "MANIFEST.md").is_file():
            return Path(candidate)
    return None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real systems, logs and Slurm outputs; tests that need them are skipped, in words, where it is absent."""
    folder = find_shared_data()
    if folder is None:
        pytest.skip("the folder of real data is absent (set NAMDRUNNER_SHARED_DATA)")
    return folder
