"""A place where accidents can happen: a home, a config, a real Slurm cluster, and a look at what is true there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.sample import write_config
from tests.integration.slurm_cluster import SlurmCluster

STUB = Path(__file__).parent / "stub_namd.sh"
PROFILE = """
version = 1
name = "faults"
default_account = "chemistry"
polling_floor_s = 1
polling_ceiling_s = 2
sync_now_interval_s = 0

[[partitions]]
name = "cpu"
cores_per_node = 8
default = true
recipe = "stub"

[[recipes]]
name = "stub"
binary = "{binary}"
pe_flag = ""
"""
REPOSITORY = Path(__file__).resolve().parent.parent.parent


@dataclass
class Scene:
    """``home`` is one person's state; ``config`` what the jobs run; ``slurm`` the cluster."""

    root: Path
    slurm: SlurmCluster
    name: str

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def project(self) -> Path:
        return self.root_on_cluster / "project"

    @property
    def root_on_cluster(self) -> Path:
        return Path(str(self.slurm.project_root)) / self.name

    def prepare(self, *, seconds: float = 0.3, megabytes: int = 0) -> None:
        """Folders of its own on the cluster, so that what is there belongs to this scene alone."""
        for part in ("project", "scratch", "bin"):
            folder = self.root_on_cluster / part
            folder.mkdir(parents=True)
            shutil.chown(folder, self.slurm.user)
        shutil.chown(self.root_on_cluster, self.slurm.user)
        binary = self.root_on_cluster / "bin" / "namd3"
        shutil.copy(STUB, binary)
        binary.chmod(0o755)
        profile = self.root / "faults.toml"
        profile.write_text(PROFILE.format(binary=binary), "utf-8")
        self.config = write_config(self.root / "system", steps=40, minimize=0)
        text = self.config.read_text("utf-8").replace("minimize        0\n", "")
        memory = f"set megabytes {megabytes}\n" if megabytes else ""
        self.config.write_text(f"set seconds {seconds}\n{memory}{text}", "utf-8")
        self.drive(
            "add",
            json.dumps(
                {
                    "host": self.slurm.host,
                    "port": self.slurm.port,
                    "user": self.slurm.user,
                    "identity_file": str(self.slurm.key_file),
                    "profile": str(profile),
                    "project_root": str(self.project),
                    "scratch_root": str(self.root_on_cluster / "scratch"),
                }
            ),
        )

    def drive(self, action: str, *words: str, check: bool = True) -> Any:
        """One action of the driver; ``None`` when it was killed."""
        kept = {"PATH", "LANG", "TMPDIR", "TZ", "LD_LIBRARY_PATH"}
        environment = {n: v for n, v in os.environ.items() if n in kept} | {"HOME": str(self.root)}
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.driver", str(self.home), action, *words],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode == -9:
            return None
        assert done.returncode == 0 or not check, f"{action} {words}: {done.stderr[-3000:]}"
        return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None

    def settle(self, goal: str = "submitted") -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = self.drive("settle", goal)["outcome"]
        return jobs

    def create(self, **resources: object) -> str:
        """Create and submit a job; its Slurm id."""
        said = self.drive("create", self.name, str(self.config), "--resources", json.dumps(resources))
        assert said["outcome"]["state"] == "done", said
        return str(said["outcome"]["result"]["job"]["slurm_ids"][0])

    # What is true on the cluster, without NAMDRunner's help

    def slurm_jobs(self) -> list[str]:
        """Ids of every job that Slurm ever took for this scene, by its unique name."""
        command = f"sacct -n -X -P --name={self.name} -S now-1days -o JobID; squeue -h -t all --name={self.name} -o %A"
        done = self.slurm.user_command(command)
        return sorted({line for line in done.stdout.split() if line.isdigit()}, key=int)

    def folders(self) -> list[str]:
        parent = self.project / "namdrunner_jobs"
        return sorted(p.name for p in parent.iterdir()) if parent.is_dir() else []

    def scratch_folders(self) -> list[str]:
        parent = self.root_on_cluster / "scratch" / "namdrunner_jobs"
        return sorted(p.name for p in parent.iterdir()) if parent.is_dir() else []


def check_once(scene: Scene, jobs: list[dict[str, Any]], tally: Counter[str], *, made: int) -> None:
    """Each job known here exists once in Slurm and once as a folder, and nothing else does."""
    in_slurm = scene.slurm_jobs()
    known = sorted(i for job in jobs for i in job["slurm_ids"])
    tally["duplicates"] += max(0, len(in_slurm) - len(jobs))
    tally["lost"] += len(set(in_slurm) - set(known)) + abs(len(scene.folders()) - len(jobs))
    tally["wrong states"] += sum(1 for job in jobs if job["status"] in ("UNKNOWN", "SUBMIT_UNKNOWN", "FAILED"))
    assert len(jobs) <= made
    assert sorted(known) == sorted(in_slurm), (known, in_slurm, jobs)
    assert scene.folders() == sorted(job["id"] for job in jobs)
    assert all(job["status"] not in ("UNKNOWN", "SUBMIT_UNKNOWN", "FAILED") for job in jobs), jobs
