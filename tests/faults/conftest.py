"""Fixtures of the fault suite, and the account it gives at its end."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import FAULTS
from tests.faults.accidents import Scene
from tests.integration.slurm_cluster import SlurmCluster


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-fault", action="store_true", help="strike at every await point, not at some of them")


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Counter[str]:
    return request.config.stash[FAULTS]


@pytest.fixture
def scene(slurm_cluster: SlurmCluster, tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """Makes scenes; each has its own folders and job name on the session's cluster."""
    made: list[Scene] = []

    def make(**options: float) -> Scene:
        name = f"fault-{uuid.uuid4().hex[:10]}"
        root = tmp_path / name
        root.mkdir()
        new = Scene(root, slurm_cluster, name)
        new.prepare(**options)
        made.append(new)
        return new

    yield make
    for old in made:
        for job in old.slurm_jobs():
            slurm_cluster.user_command(f"scancel {job}")
