"""The cluster settings in the browser: the lines of a discovery taken over, a profile edited, imported, duplicated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from tests.browser.accessibility import violations
from tests.browser.chromium import Chromium

from namdrunner.client import Client, stop_server
from namdrunner.paths import Folders
from namdrunner.services.discovery import facts_document
from namdrunner.slurm.discovery import (
    Account,
    ClusterFacts,
    FoundPartition,
    FoundQos,
    Gres,
    Module,
    NamdBuild,
    NodeShape,
)
from namdrunner.slurm.discovery_diff import differences
from namdrunner.slurm.profile import Qos
from namdrunner.slurm.profiles import load_profile
from namdrunner.store.clusters import ClusterRepository, StoredCluster
from namdrunner.store.database import Database

pytestmark = pytest.mark.browser

GPUS = (Gres("gpu", "h200", 4), Gres("gpu", "h200_1g.18gb", 7, mig=True))
FACTS = ClusterFacts(
    slurm_version="24.05.4",
    module_system="Lmod 8.7",
    partitions=(
        FoundPartition("cpu", default=True, max_walltime_s=86400, shapes=(NodeShape(120, 128, idle=7),)),
        FoundPartition("gpu", max_walltime_s=172800, shapes=(NodeShape(20, 64, gres=GPUS, idle=2),)),
        FoundPartition("old", state="INACTIVE", shapes=(NodeShape(3, 24),)),
    ),
    qos=(FoundQos(Qos(name="normal", max_walltime_s=86400), allowed=True, priority=10),),
    accounts=(Account("lab-ada", default=True, fair_share=0.42),),
    modules=(Module("namd/3.0.1-cuda"),),
    namd=(NamdBuild(("namd/3.0.1-cuda",), "namd3", "/opt/namd3", "3.0.1", "Linux-x86_64", "multicore-cuda"),),
    answered=frozenset({"partitions", "qos", "accounts", "modules"}),
    notes=("Your fair share could not be asked for: the command is not there.",),
)  # fmt: skip


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Client]:
    """A server with one cluster that was discovered: it needs no connection to look at what was found."""
    folders = Folders.below(tmp_path / "home").ensure()
    database = Database(folders.database)
    ClusterRepository(database).add(StoredCluster("hpc", "login.example.org", user="ada"))
    database.close()
    lines = [asdict(line) for line in differences(FACTS, load_profile("generic"))]
    result = facts_document(FACTS) | {
        "cluster": "hpc", "profile": "generic", "discovered_at": "2026-11-22T12:00:00.000Z", "differences": lines,
        "applied": [],
    }  # fmt: skip
    drift = [{"key": "partitions.cpu.nodes", "message": "'cpu', nodes: 120; the profile says 100.", "kind": "changed"}]
    (folders.data / "discovery").mkdir()
    state = {"result": result, "looked_at": result["discovered_at"], "drift": drift}
    (folders.data / "discovery" / "hpc.json").write_text(json.dumps(state))
    with Client.connect(folders) as connected:
        yield connected
        stop_server(connected.server, force=True)


def tick(chromium: Chromium, key: str) -> None:
    """Tick the line of the discovery with this key."""
    find = f"[...document.querySelectorAll('.line')].find(e => e.innerText.includes({json.dumps(key)}))"
    chromium.wait_for(f"Boolean({find})")
    chromium.evaluate(f"{find}.querySelector('input').click()")


def test_lines_of_a_discovery_are_taken_over_one_by_one(served: Client, chromium: Chromium) -> None:
    chromium.emulate(1280, 720)
    chromium.open(served.open_ticket("/settings/clusters")["url"])
    chromium.wait_for_text("no longer agrees with the cluster")
    chromium.press_button("Discover")
    chromium.wait_for_text("Slurm 24.05.4, Lmod 8.7")
    chromium.wait_for_text("NAMD 3.0.1 (multicore-cuda) is there")
    assert "'old'" not in chromium.text(), "a partition that takes no jobs is not suggested"
    assert violations(chromium) == []
    tick(chromium, "partitions.cpu")
    tick(chromium, "recipes.namd-3.0.1-cuda")
    chromium.press_button("Take over 2 lines")
    chromium.wait_for_text("taken into the profile")
    chromium.wait_for_text("profile own-hpc")
    cluster = served.clusters.get("hpc")
    assert [p["name"] for p in cluster["partitions"]] == ["cpu"]
    left = {line["key"] for line in served.clusters.discovery("hpc")["differences"]}
    assert "partitions.cpu" not in left
    assert "partitions.gpu" in left
    chromium.emulate(1920, 1080, "dark")
    chromium.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
    assert violations(chromium) == []


def test_a_profile_is_edited_exported_imported_and_duplicated(
    served: Client, chromium: Chromium, tmp_path: Path
) -> None:
    chromium.open(served.open_ticket("/settings/clusters")["url"])
    chromium.press_button("Profile")
    label = "Partitions, QoS, launch recipes, policies and presets (TOML)"
    chromium.wait_for("document.querySelector('textarea')?.value.includes('Any Slurm cluster')")
    text = str(served.clusters.profile("hpc")["text"])
    chromium.fill(label, "broken = [")
    chromium.press_button("Save profile")
    chromium.wait_for_text("cannot be used")
    assert violations(chromium) == []
    chromium.fill(label, "purge_days = 60\n" + text)
    chromium.press_button("Save profile")
    chromium.wait_for_text("is saved")
    assert served.clusters.get("hpc")["purge_days"] == 60
    chromium.fill("Scratch is purged after (days)", "30")
    chromium.press_button("Save facts")
    chromium.wait_for("document.querySelector('textarea').value.includes('purge_days = 30')")
    chromium.fill("Duplicate as", "hpc-two")
    chromium.press_button("Duplicate")
    chromium.wait_for_text("hpc-two")
    assert served.clusters.get("hpc-two")["purge_days"] == 30
    file = tmp_path / "shared.toml"
    file.write_text('version = 1\nname = "shared"\n[[recipes]]\nname = "cpu"\nsetup = ["source /etc/profile"]\n')
    chromium.choose_files("input[type=file]", [file])
    chromium.wait_for_text("Jobs with it will run these lines")
    chromium.wait_for_text("source /etc/profile")
