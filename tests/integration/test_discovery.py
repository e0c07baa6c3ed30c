"""Discovery on a live cluster: exactly what is there, against the profile, taken over line by line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.desk import Desk
from tests.integration.sample import write_config
from tests.integration.slurm_cluster import SlurmCluster
from tests.integration.slurm_cluster import configuration as texts
from tests.integration.slurm_cluster.packages import ENVIRONMENT_MODULES

BUILDS = {
    ("namd/3.0-demo",): ("3.0-demo", "multicore"),
    ("gcc/13.2.0", "openmpi/5.0.6", "namd/3.0.1_cpu"): ("3.0.1", "mpi-smp"),
    ("gcc/13.2.0", "openmpi/5.0.6", "namd/3.0.1_gpu"): ("3.0.1", "multicore-cuda"),
}
MODULES = {"gcc/13.2.0", "openmpi/5.0.6", "namd/3.0-demo", "namd/3.0.1_cpu", "namd/3.0.1_gpu"}


ON_SLURM = pytest.mark.parametrize("cluster", [pytest.param("slurm", marks=pytest.mark.slurm)], indirect=True)
ON_THE_DEMO = pytest.mark.parametrize("cluster", [pytest.param("demo", marks=pytest.mark.demo)], indirect=True)


@pytest.fixture
def real(desk: Desk) -> Iterator[Desk]:
    yield desk
    desk.ask("cluster", "edit", desk.name, "--profile", desk.cluster.profile)


@ON_SLURM
def test_it_lists_exactly_what_the_cluster_has(real: Desk) -> None:
    found = real.ask("cluster", "discover", real.name)
    assert {p["name"] for p in found["partitions"]} == set(texts.PARTITIONS)
    states = {p["name"]: p["state"] for p in found["partitions"]}
    assert (states["cpu"], states["halted"], states["retired"]) == ("UP", "DOWN", "INACTIVE")
    assert {q["name"] for q in found["qos"]} == set(texts.QOS)
    assert {(g["type"], g["mig"], g["partitions"]["gpu"]) for g in found["gres"]} == {
        ("a100", False, 2 * texts.GPUS_PER_NODE),
        (texts.SLICES, True, texts.SLICES_ON_G2),
    }
    assert [(a["name"], a["default"]) for a in found["accounts"]] == [(texts.ACCOUNT, True)]
    assert {m["name"] for m in found["modules"] if not m["name"].startswith("Core/")} == MODULES
    assert {tuple(b["modules"]): (b["version"], b["kind"]) for b in found["namd"]} == BUILDS
    assert found["slurm_version"]
    assert found["module_system"].startswith("Lmod")
    assert found["mpi"]["modules"] == ["openmpi/5.0.6"]
    assert found["limits"]["EnforcePartLimits"] == "ALL"
    assert found["notes"] == []
    keys = {d["key"] for d in found["differences"]}
    assert {"partitions.gpu.gpus", "recipes.namd-3.0.1_gpu"} <= keys
    assert not {k for k in keys if k.startswith(("partitions.closed", "partitions.halted", "partitions.retired"))}


@ON_SLURM
def test_lines_are_taken_over_and_a_job_can_use_them(real: Desk, tmp_path: Path) -> None:
    real.ask("cluster", "edit", real.name, "--profile", "generic")
    one = real.ask("cluster", "discover", real.name, "partitions.cpu", "--apply")
    assert one["applied"] == ["partitions.cpu"]
    shown = real.ask("cluster", "show", real.name)
    assert ([p["name"] for p in shown["partitions"]], shown["profile"]) == (["cpu"], f"own-{real.name}")
    real.refused("cluster", "discover", real.name, "partitions.nosuch", "--apply", status=1)
    everything = real.ask("cluster", "discover", real.name, "--apply")
    assert everything["differences"] == []
    again = real.ask("cluster", "discover", real.name)
    assert again["differences"] == []
    config = write_config(tmp_path / "s", steps=40)
    words = ["job", "create", "x", "--cluster", real.name, "--config", str(config), "--cores", "2", "--walltime", "1h"]
    plan = real.ask(*words, "--partition", "cpu", "--qos", "normal", "--dry-run", "--ask-cluster")
    assert [f for f in plan["findings"] if f["severity"] == "error"] == []
    text = real.ask("cluster", "export", real.name)["text"]
    assert "the cluster itself" in text


@ON_SLURM
def test_another_module_system(real: Desk, slurm_cluster: SlurmCluster) -> None:
    if not ENVIRONMENT_MODULES.exists():
        pytest.skip("environment-modules is not unpacked (scripts/system_packages.py does it)")
    with slurm_cluster.environment_modules():
        found = real.ask("cluster", "discover", real.name)
    assert "Modules" in found["module_system"]
    assert {m["name"] for m in found["modules"]} == set(texts.tcl_modulefiles(slurm_cluster.layout))
    assert {(tuple(b["modules"]), b["binary"], b["version"], b["kind"]) for b in found["namd"]} == {
        (("namd/2.14-multicore",), "namd2", "2.14", "multicore"),
        (("namd/3.0.1-mpi",), "namd3", "3.0.1", "mpi-smp"),
    }


@ON_SLURM
def test_without_accounting_it_says_so_and_finds_the_rest(real: Desk, slurm_cluster: SlurmCluster) -> None:
    with slurm_cluster.stopped("slurmdbd"):
        found = real.ask("cluster", "discover", real.name)
    assert {p["name"] for p in found["partitions"]} == set(texts.PARTITIONS)
    assert found["qos"] == []
    assert any("QoS" in note and "could not be asked for" in note for note in found["notes"])
    assert not [d for d in found["differences"] if d["key"].startswith("qos.") or d["key"] == "default_account"]


def test_three_signals_for_the_start_of_a_job(desk: Desk) -> None:
    from namdrunner.client import Client
    from namdrunner.paths import Folders

    request = {"name": "x", "cluster": desk.name, "resources": {"cores": 2, "walltime": "10"}}
    with Client.connect(Folders.below(desk.home / "namdrunner"), start=False) as client:
        signals = {s["name"]: s for s in client.clusters.expected_start(request)["signals"]}
    assert [*signals] == ["idle", "test-only", "history"]
    if desk.cluster.kind == "slurm":
        assert (signals["idle"]["known"], signals["idle"]["wait_s"]) == (True, 0.0)
        assert signals["test-only"]["start_at"] is not None
    assert all(s["message"] for s in signals.values())


@ON_THE_DEMO
def test_the_demonstration_answers_too(desk: Desk) -> None:
    found = desk.ask("cluster", "discover", desk.name)
    assert "cpu" in {p["name"] for p in found["partitions"]}
    assert [b["version"] for b in found["namd"]]
