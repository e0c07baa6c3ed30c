"""Fixtures of the whole suite. This is the one place that finds the folder of real data."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.integration.slurm_cluster import SlurmCluster

# How long an example takes says how busy the machine is. In CI the examples are the same every time.
settings.register_profile(
    "steady", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")

REPOSITORY = Path(__file__).resolve().parent.parent

MUST_RUN_VARIABLE = "NAMDRUNNER_TESTS_MUST_RUN"

NEEDS = {
    "slurm": "a real Slurm cluster and sshd",
    "browser": "Chromium",
    "demo": "the OpenMM engine",
    "shared_data": "the folder of real data",
}
"""What the tests with each marker cannot do without, as the summary at the end words it."""


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


def not_available(reason: str) -> NoReturn:
    """Skip what cannot run on this machine; where everything has to run, as in CI, it is a failure."""
    if os.environ.get(MUST_RUN_VARIABLE):
        pytest.fail(f"{reason} ({MUST_RUN_VARIABLE} is set)")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def slurm_cluster() -> Iterator[SlurmCluster]:
    """The session's Slurm cluster and sshd. Whoever breaks it (``stopped``, ``paused`` ...) leaves it whole again."""
    from tests.integration.slurm_cluster import missing_reason, start_cluster

    reason = missing_reason()
    if reason:
        not_available(f"no Slurm cluster can be started: {reason}")
    with start_cluster() as cluster:
        yield cluster


CLUSTERS = ("tests/integration/", "tests/faults/", "tests/browser/test_real_cluster.py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """How processes share the suite (``-n 2``): one has all that runs on clusters, which mostly waits.

    The other goes through the rest, a file at a time; what is left at the end is shared.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Scheduler(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return "clusters" if nodeid.startswith(CLUSTERS) else nodeid.partition("::")[0]

    return Scheduler(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not item.nodeid.startswith(CLUSTERS))  # the longest part is begun first


FAULTS = pytest.StashKey[Counter[str]]()
"""What the fault suite injected and found; a process that ran a part of the suite hands its account over."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FAULTS] = Counter()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        faults = session.config.stash[FAULTS]
        session.config.workeroutput["faults"] = dict(faults)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    faults: Counter[str] = node.config.stash[FAULTS]
    faults.update(getattr(node, "workeroutput", {}).get("faults", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What the fault suite did, and how many tests did not run, for want of what and why."""
    faults = config.stash[FAULTS]
    if faults["injected"]:
        found = ", ".join(f"{faults[word]} {word}" for word in ("duplicates", "lost", "wrong states"))
        terminalreporter.write_line(f"Faults of jobs: {faults['injected']} injected, {found}.")
    skipped = terminalreporter.stats.get("skipped", [])
    groups: Counter[tuple[str, str]] = Counter()
    for report in skipped:
        need = next((words for marker, words in NEEDS.items() if marker in report.keywords), "something else")
        groups[need, _reason(report)] += 1
    if not groups:
        return
    parts = [f"{count} for want of {need} ({reason})" for (need, reason), count in groups.items()]
    terminalreporter.write_line(f"Did not run: {sum(groups.values())} tests: {'; '.join(parts)}.", yellow=True)


def _reason(report: pytest.TestReport) -> str:
    words = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return words.removeprefix("Skipped: ").strip().splitlines()[0][:160]
