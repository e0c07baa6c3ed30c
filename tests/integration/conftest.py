"""Fixtures of the suites that run on a cluster: each test with ``cluster`` runs on the demo and on real Slurm."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from tests.conftest import not_available
from tests.integration.desk import Desk, connected_desk
from tests.integration.environments import Cluster, demo_cluster, real_cluster

CLUSTERS = [
    pytest.param("demo", marks=pytest.mark.demo),
    pytest.param("slurm", marks=pytest.mark.slurm),
]


@pytest.fixture(scope="module", params=CLUSTERS)
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if find_spec("openmm") is None:
        not_available("OpenMM is not installed")
    if request.param == "slurm":
        yield real_cluster(request.getfixturevalue("slurm_cluster"))
        return
    with demo_cluster(tmp_path_factory.mktemp("cluster") / "demo") as running:
        yield running


@pytest.fixture(scope="module")
def shared_desk(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with connected_desk(tmp_path_factory.mktemp("desk"), cluster) as desk:
        yield desk


@pytest.fixture
def desk(shared_desk: Desk) -> Iterator[Desk]:
    """A connected desk that the tests of one module share; no job of one test is left to the next."""
    yield shared_desk
    shared_desk.cluster.clear()
