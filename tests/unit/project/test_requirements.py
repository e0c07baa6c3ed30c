"""The locked versions: complete, hashed, and without an address of any registry."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None
    return re.sub(r"[-_.]+", "-", match.group()).lower()


def blocks(lock: Path) -> list[str]:
    """Each requirement with its continuation lines."""
    lines = [line for line in lock.read_text().splitlines() if not line.startswith("#")]
    return [block for block in re.split(r"\n(?=\S)", "\n".join(lines)) if block.strip()]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_locked_version_is_exact_and_hashed_and_names_no_registry(lock: Path) -> None:
    for block in blocks(lock):
        assert re.match(r"\S+==\S+", block), block
        assert "--hash=sha256:" in block, block
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", lock.read_text())


@pytest.mark.parametrize(("lock", "extras"), [("demo.txt", ["demo"]), ("test.txt", ["demo", "test"])])
def test_what_the_project_asks_for_is_locked(lock: str, extras: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for extra in extras:
        wanted += project["project"]["optional-dependencies"][extra]
    locked = {name(block) for block in blocks(ROOT / "requirements" / lock)}
    assert {name(requirement) for requirement in wanted} <= locked, "run `make lock`"


def test_the_smaller_lock_agrees_with_the_larger() -> None:
    def versions(lock: str) -> set[str]:
        return {block.split()[0] for block in blocks(ROOT / "requirements" / lock)}

    assert versions("demo.txt") <= versions("test.txt")
