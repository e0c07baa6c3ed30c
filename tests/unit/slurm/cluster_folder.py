"""A job's folders as they are on a cluster, and a NAMD that does what a test tells it to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from namdrunner.jobs.result import JobResult, parse_result
from namdrunner.slurm.profile import ClusterProfile, LaunchRecipe
from namdrunner.slurm.resources import Resources
from namdrunner.slurm.script import JobScriptSpec, build_job_script

LOG = """echo 'Info: NAMD 3.0'
echo 'ENERGY:       0  1.0'
echo 'ENERGY:     100  1.0'
echo 'WRITING COORDINATES TO DCD FILE outputs/out.dcd AT STEP 100'
echo 'WRITING VELOCITIES TO OUTPUT FILE AT STEP 100'
echo 'End of program'
"""
WRITES = "echo dcd > outputs/out.dcd; echo coor > outputs/out.coor\n"


def _heed_interrupts() -> None:
    """A signal that is ignored when bash starts cannot be trapped, and a suite run in the background ignores SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass
class JobFolders:
    root: Path
    job_id: str = "ala_1795384899123"
    inputs: dict[str, bytes] = field(default_factory=lambda: {"ala.psf": b"PSF\n", "par all.prm": b"PRM\n"})

    def __post_init__(self) -> None:
        self.project = self.root / "projects" / self.job_id
        self.scratch = self.root / "scratch" / self.job_id
        for name, content in self.inputs.items():
            (self.project / "input_files" / name).parent.mkdir(parents=True, exist_ok=True)
            (self.project / "input_files" / name).write_bytes(content)
        (self.project / "config.namd").write_text("structure input_files/ala.psf\n")
        (self.project / "outputs").mkdir()
        self.namd = self.root.parent / "bin" / "namd3"  # $NAME in a recipe is expanded
        self.namd.parent.mkdir()
        self.set_namd(LOG + WRITES)

    def set_namd(self, body: str) -> None:
        self.namd.write_text("#!/bin/bash\n" + body)
        self.namd.chmod(0o755)

    def spec(self, **changes: object) -> JobScriptSpec:
        recipe = LaunchRecipe.model_validate({"name": "cpu", "binary": str(self.namd), **changes.pop("recipe", {})})  # type: ignore[dict-item]
        values: dict[str, object] = {
            "job_id": self.job_id,
            "name": "ala",
            "resources": Resources(cores=2, walltime_s=3600),
            "profile": ClusterProfile(),
            "recipe": recipe,
            "project_dir": str(self.project),
            "scratch_dir": str(self.scratch),
            "inputs": tuple((len(content), name) for name, content in self.inputs.items()),
        }
        return JobScriptSpec(**{**values, **changes})  # type: ignore[arg-type]

    def start(
        self, spec: JobScriptSpec | None = None, *, environment: dict[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Run the script as Slurm would: from the project folder, with the token as its argument."""
        script = self.project / "job.sbatch"
        script.write_text(build_job_script(spec or self.spec()))
        home = self.root / "home"
        home.mkdir(exist_ok=True)
        variables = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "SLURM_JOB_ID": "4711"}
        return subprocess.Popen(
            ["bash", "-l", str(script), "tok-1"],
            preexec_fn=_heed_interrupts,
            cwd=self.project,
            env={**variables, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, spec: JobScriptSpec | None = None, *, environment: dict[str, str] | None = None) -> tuple[int, str]:
        process = self.start(spec, environment=environment)
        try:
            output, _ = process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return process.returncode, output

    def result(self) -> JobResult:
        text = (self.project / "result.json").read_text()
        assert set(json.loads(text)) == set(JobResult.model_fields)
        return parse_result(text)

    def wait_for(self, path: Path, process: subprocess.Popen[str]) -> None:
        for _ in range(200):
            if path.exists():
                return
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.05)
        raise AssertionError(f"{path} did not appear")
