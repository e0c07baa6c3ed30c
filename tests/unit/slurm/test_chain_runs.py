"""Jobs that continue themselves: the generated script, run by bash with a NAMD and an sbatch that do as told."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.slurm.cluster_folder import JobFolders

from namdrunner.slurm.script import ChainSpec, build_job_script

GRID = "echo 'FATAL ERROR: Periodic cell has become too small for original patch grid!'\nexit 1\n"
XSC = "#$LABELS step a_x a_y a_z o_x o_y o_z\\n%s 10 0 0 0 0 0\\n"


class Chain:
    """A first job of a chain; ``sbatch`` and ``squeue`` are scripts that a test may replace."""

    def __init__(self, folder: Path) -> None:
        self.job = JobFolders(folder / "cluster")
        self.home = self.job.project.parent / ".chains" / self.job.job_id
        self.home.mkdir(parents=True)
        self.child = self.job.project.parent / f"{self.job.job_id}-2"
        (self.home / "overlay.in").write_text("from 987654321002 step 987654321001 .segNRCHAINSEG seed 987654321007\n")
        (self.home / "job_info.in").write_text(
            '{"id": "NRCHAINID", "parent": "NRCHAINPARENT", "token": "NRCHAINTOKEN", "number": 987654321003, '
            '"segment": 987654321006, "xsc": [987654321004, "NRCHAINSHAXSC"], '
            '"coor": [987654321008, "NRCHAINSHACOOR"], '
            '"overlay": [987654321005, "NRCHAINSHAOVERLAY"], "at": "NRCHAINAT", "why": "NRCHAINCLASS"}'
        )
        (self.home / "job.in").write_text("#!/bin/bash\n# NRCHAINID\n")
        self.source = folder / "source"
        self.source.mkdir()
        self.sets(("out.restart", 700), ("out.restart.old", 500))
        self.sbatch("echo 4712")
        self.job.set_namd(self.namd(GRID))

    def namd(self, end: str) -> str:
        return f"cp -p {self.source}/* outputs/\necho 'ENERGY: 700 1'\n{end}"

    def sets(self, *stems: tuple[str, int]) -> None:
        for stem, step in stems:
            base, end = (stem.removesuffix(".old"), ".old") if stem.endswith(".old") else (stem, "")
            text = XSC.replace("\\n", "\n") % step
            (self.source / f"{base}.xsc{end}").write_text(text)
            for part in ("coor", "vel"):
                (self.source / f"{base}.{part}{end}").write_bytes(struct.pack("<i6d", 2, *[1.5] * 6))

    def sbatch(self, body: str) -> None:
        bin_folder = self.job.namd.parent
        for name, text in (("sbatch", body), ("squeue", "cat queue 2>/dev/null; true")):
            (bin_folder / name).write_text(f"#!/bin/bash\ncd {bin_folder}\n{text}\n")
            (bin_folder / name).chmod(0o755)

    def spec(self, **changes: object) -> ChainSpec:
        made = ChainSpec(
            home=str(self.home),
            base=self.job.job_id,
            number=1,
            segment=1,
            started=0,
            until=5000,
            max_jobs=3,
            seconds=0,
            walltime_s=3600,
            cycle=20,
            overlay="namdrunner_continue.tcl",
            colvars=False,
            submit=f"{self.job.namd.parent}/sbatch NRCHAINNEXT NRNEXTTOKEN",
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    def run(self, **changes: object) -> str:
        recipe = {"setup": (f"export PATH={self.job.namd.parent}:/usr/bin:/bin",)}  # profiles set it anew
        spec = self.job.spec(clean_stop=True, chain=self.spec(**changes), recipe=recipe)
        _, output = self.job.run(spec)
        return output

    def last_event(self) -> str:
        return (self.home / "events").read_text().splitlines()[-1].split("\t", 2)[2]


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path)


def test_the_successor_is_complete_and_submitted_once(chain: Chain) -> None:
    output = chain.run()
    receipt = json.loads((chain.child / "receipt").read_text())
    attempt = json.loads((chain.child / "attempt").read_text())
    info = json.loads((chain.child / "job_info.json").read_text())
    assert (receipt["slurm_id"], receipt["token"]) == ("4712", attempt["token"]), output
    assert (info["id"], info["parent"], info["token"]) == (chain.child.name, chain.job.job_id, receipt["token"])
    assert (info["number"], info["segment"], info["why"]) == (2, 2, "patch-grid")
    start = chain.child / "input_files" / "namdrunner_restart"
    assert info["coor"][0] == (start / "start.coor").stat().st_size == 52
    assert info["xsc"][0] == (start / "start.xsc").stat().st_size
    overlay = chain.child / "input_files" / "namdrunner_continue.tcl"
    assert overlay.read_text() == "from 700 step 700 .seg002 seed 1\n"
    assert info["overlay"][0] == overlay.stat().st_size
    assert (chain.child / "input_files" / "ala.psf").stat().st_ino == (
        chain.job.project / "input_files" / "ala.psf"
    ).stat().st_ino
    assert "continued after patch-grid" in chain.last_event()
    shutil.rmtree(chain.job.project)  # the child is complete in itself
    assert (start / "start.vel").read_bytes() == struct.pack("<i6d", 2, *[1.5] * 6)


def test_a_damaged_set_is_passed_over(chain: Chain) -> None:
    (chain.source / "out.restart.vel").write_bytes(struct.pack("<i6d", 2, 1, 2, 3, 4, float("nan"), 6))
    chain.run()
    assert "from step 500" in chain.last_event()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"number": 3}, "3 segments were allowed"),
        ({"started": 700}, "did not advance"),
        ({"seconds": 3599}, "cost more than was allowed"),
    ],
)
def test_limits_end_a_chain(chain: Chain, changes: dict[str, object], words: str) -> None:
    chain.run(**changes)
    assert words in chain.last_event()
    assert not chain.child.exists()


def test_what_going_on_would_not_mend_ends_a_chain(chain: Chain) -> None:
    chain.job.set_namd(chain.namd("echo 'ERROR: Atoms moving too fast'\nexit 1\n"))
    chain.run()
    assert "nothing that going on would mend" in chain.last_event()
    assert not chain.child.exists()


def test_a_chain_that_was_asked_to_stop_and_one_that_is_done(chain: Chain) -> None:
    (chain.home / "stop").touch()
    chain.run()
    assert chain.last_event() == "ends: it was asked to"
    done = "echo 'WRITING VELOCITIES TO OUTPUT FILE AT STEP 5000'\necho 'End of program'\n"
    chain.job.set_namd(chain.namd(done))
    chain.run()
    assert chain.last_event() == "done: step 5000"
    assert not chain.child.exists()


def test_sbatch_that_took_the_job_and_did_not_answer_is_not_asked_again(chain: Chain) -> None:
    chain.sbatch('echo x >>calls\necho "4713 $2" >queue\necho "Socket timed out on send/recv operation" >&2\nexit 1')
    chain.run()
    assert json.loads((chain.child / "receipt").read_text())["slurm_id"] == "4713"
    assert (chain.job.namd.parent / "calls").read_text() == "x\n"


def test_a_requeued_job_whose_successor_exists_does_nothing(chain: Chain) -> None:
    chain.run()
    before = (chain.job.project / "result.json").read_text()
    output = chain.run()
    assert "its successor is" in output
    assert (chain.job.project / "result.json").read_text() == before
    assert not (chain.job.project / "outputs" / "earlier_run_1").exists()


def test_shellcheck_finds_nothing_in_the_script_of_a_chain(chain: Chain, tmp_path: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    script = tmp_path / "job.sbatch"
    script.write_text(build_job_script(chain.job.spec(clean_stop=True, chain=chain.spec())))
    checked = subprocess.run(["shellcheck", "--shell=bash", str(script)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert "#SBATCH --requeue" in script.read_text()
