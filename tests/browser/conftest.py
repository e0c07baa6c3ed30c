"""Fixtures of the browser tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser.chromium import Chromium, find_chromium
from tests.conftest import not_available


@pytest.fixture(scope="session")
def chromium_program() -> str:
    program = find_chromium()
    if program is None:
        not_available("Chromium is not installed")
    return program


@pytest.fixture
def chromium(chromium_program: str, tmp_path: Path) -> Iterator[Chromium]:
    """A browser with an empty profile."""
    profile = tmp_path / "chromium"
    profile.mkdir()
    with Chromium(chromium_program, profile) as browser:
        yield browser
