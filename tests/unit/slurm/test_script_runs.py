"""Generated job scripts, run by bash with a NAMD that does what the test tells it to."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.slurm.cluster_folder import LOG, WRITES, JobFolders


@pytest.fixture
def job(tmp_path: Path) -> JobFolders:
    return JobFolders(tmp_path / "it's a $HOME `x` folder")


def test_a_job_that_succeeds(job: JobFolders) -> None:
    status, output = job.run()
    result = job.result()
    assert status == 0, output
    assert (result.stage, result.exit_code, result.staged_out) == ("done", 0, True)
    assert (result.last_step, result.final_output_step) == (100, 100)
    assert result.end_of_program
    assert not result.fatal_error
    assert (result.job_id, result.token, result.slurm_job_id) == (job.job_id, "tok-1", "4711")
    assert (result.files, result.error, result.signal) == (2, "", "")
    assert (job.project / "outputs" / "out.dcd").read_text() == "dcd\n"
    assert "End of program" in (job.project / "logs" / "namd.log").read_text()
    assert not job.scratch.exists()
    assert sorted(p.name for p in (job.project / "logs").iterdir()) == ["inventory.tsv", "namd.err", "namd.log"]


def test_namd_gets_its_arguments_in_the_configs_folder(job: JobFolders) -> None:
    job.set_namd('pwd; printf "arg %s\\n" "$@"; cat\n' + LOG)
    spec = job.spec(inputs_dir=".", config="step 5/-x.conf", output_dirs=())
    status, output = job.run(spec)
    log = (job.project / "logs" / "namd.log").read_text()
    assert status == 0, output
    assert log.splitlines()[:3] == [f"{job.scratch}/step 5", "arg +p2", "arg ./-x.conf"]


def test_every_new_or_changed_file_comes_home(job: JobFolders) -> None:
    odd = ["a b.txt", "tab\there", "new\nline", "$HOME", "'q'\"", "100%", "sub/deep er/x", "-dash"]
    writes = "".join(f"echo x > outputs/{quoted(name)}\n" for name in odd)
    job.set_namd(
        "mkdir -p 'outputs/sub/deep er'; : > outputs/empty\n"
        + writes
        + "cp outputs/$'tab\\there' top; echo other > empty\n"
        "echo changed >> input_files/ala.psf; ln -s top link\n" + LOG
    )
    job.run()
    outputs = job.project / "outputs"
    found = {str(p.relative_to(outputs)) for p in outputs.rglob("*") if p.is_file()}
    assert {*odd, "empty", "top", "run_folder/empty", "input_files/ala.psf"} == found
    assert (outputs / "run_folder" / "empty").read_text() == "other\n"
    assert (outputs / "empty").read_text() == ""
    assert job.result().files == len(found)


def test_the_inventory_names_every_file_once(job: JobFolders) -> None:
    job.set_namd("printf 'a\\tb' > $'outputs/t\\tn\\n%'\n" + WRITES + LOG)
    job.run()
    lines = (job.project / "logs" / "inventory.tsv").read_text().splitlines()
    rows = {
        urllib.parse.unquote(path): (int(size), int(time), digest) for size, time, digest, path in map(split, lines)
    }
    assert set(rows) == {"outputs/out.dcd", "outputs/out.coor", "outputs/t\tn\n%", "logs/namd.log", "logs/namd.err"}
    for path, (size, time, digest) in rows.items():
        file = job.project / path
        assert size == file.stat().st_size
        assert time == int(file.stat().st_mtime)
        assert digest == hashlib.sha256(file.read_bytes()).hexdigest()


def test_exit_status_zero_is_no_success(job: JobFolders) -> None:
    job.set_namd("echo 'ERROR: Atoms moving too fast'\n" + LOG)
    status, _ = job.run()
    result = job.result()
    assert status == 1
    assert result.fatal_error
    assert result.exit_code == 0
    assert result.staged_out


def test_a_fatal_error_keeps_namds_status_and_what_was_written(job: JobFolders) -> None:
    job.set_namd(WRITES + "echo 'FATAL ERROR: no'; kill -ABRT $$\n")
    status, _ = job.run()
    result = job.result()
    assert status == 134
    assert (result.exit_code, result.fatal_error, result.end_of_program) == (134, True, False)
    assert (job.project / "outputs" / "out.dcd").exists()


@pytest.mark.parametrize("name", ["USR1", "TERM", "INT"])
def test_a_signal_stops_namd_and_brings_results_home(job: JobFolders, name: str) -> None:
    job.set_namd(WRITES + "echo 'ENERGY: 7 1'; : > outputs/ready; sleep 60 & wait\n")
    process = job.start()
    job.wait_for(job.scratch / "outputs" / "ready", process)
    os.kill(process.pid, getattr(signal, f"SIG{name}"))
    output, _ = process.communicate(timeout=20)
    result = job.result()
    assert (result.signal, result.exit_code, result.staged_out) == (name, 143, True), output
    assert result.last_step == 7
    assert process.returncode == 143
    assert (job.project / "outputs" / "out.coor").exists()


def test_namd_that_ends_well_after_the_signal_is_not_called_killed(job: JobFolders) -> None:
    job.set_namd("trap 'echo stopping; " + "exit 0' TERM\n" + LOG + ": > outputs/ready\nsleep 60 & wait\n")
    process = job.start()
    job.wait_for(job.scratch / "outputs" / "ready", process)
    os.kill(process.pid, signal.SIGUSR1)
    process.communicate(timeout=20)
    assert job.result().exit_code == 0


def test_cancelled_before_namd_started(job: JobFolders) -> None:
    spec = job.spec(recipe={"setup": ("touch ready; for i in $(seq 100); do sleep 0.1; done",)})
    process = job.start(spec)
    job.wait_for(job.project / "ready", process)
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=20)
    result = job.result()
    assert (result.stage, result.exit_code, result.signal) == ("setup", None, "TERM")
    assert "before NAMD started" in result.error


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({"setup": ("unset -f module",), "modules": ("namd/3.0",)}, "no 'module' command"),
        (
            {"setup": ('module() { echo "Lmod: unknown \\"$2\\"" >&2; return 1; }',), "modules": ("namd/9",)},
            'unknown "namd/9"',
        ),
        (
            {"setup": ("module() { echo \"ERROR: Unable to locate a modulefile for 'x'\" >&2; }",), "modules": ("x",)},
            "Unable to locate a modulefile",
        ),
        ({"binary": "namd3-nosuch"}, "'namd3-nosuch' was not found"),
        ({"launcher": "charmrun"}, "launcher 'charmrun' was not found"),
    ],
)
def test_an_environment_that_is_not_there(job: JobFolders, recipe: dict[str, object], words: str) -> None:
    status, _ = job.run(job.spec(recipe=recipe))
    result = job.result()
    assert status != 0
    assert (result.stage, result.exit_code, result.staged_out) == ("setup", None, False)
    assert words in result.error
    assert result.error.count("\n") == 0


def test_modules_and_environment_reach_namd(job: JobFolders) -> None:
    setup = 'module() { echo "loaded $*"; export LOADED="$LOADED $2"; }'
    recipe = {
        "setup": (setup,),
        "module_purge": True,
        "modules": ("gcc/14", "namd/3"),
        "environment": {"A": "$LOADED-x", "B": '$(date) `id` "q" $'},
        "unset_environment": ("GONE",),
    }
    job.set_namd('echo "A=$A"; echo "B=$B"; echo "GONE=$GONE"\n' + LOG)
    job.run(job.spec(recipe=recipe), environment={"GONE": "here"})
    log = (job.project / "logs" / "namd.log").read_text().splitlines()
    assert log[:3] == ["A=  gcc/14 namd/3-x", 'B=$(date) `id` "q" $', "GONE="]


def test_a_binary_that_cannot_be_executed(job: JobFolders) -> None:
    job.namd.write_text("#!/no/such/interpreter\n")
    status, _ = job.run()
    assert status in {126, 127}
    assert "could not be executed" in job.result().error or "not found" in job.result().error


@pytest.mark.parametrize("change", ["missing", "short"])
def test_inputs_are_checked_before_namd_starts(job: JobFolders, change: str) -> None:
    file = job.project / "input_files" / "par all.prm"
    file.unlink() if change == "missing" else file.write_text("P")
    status, _ = job.run()
    result = job.result()
    assert status == 1
    assert (result.stage, result.exit_code) == ("stage-in", None)
    assert "par all.prm" in result.error
    assert not job.scratch.exists()


def test_staging_none_works_in_the_project_folder(job: JobFolders) -> None:
    job.set_namd("pwd\n" + LOG + WRITES)
    status, output = job.run(job.spec(recipe={"staging": "none"}))
    assert status == 0, output
    assert (job.project / "logs" / "namd.log").read_text().startswith(f"{job.project}/run\n")
    assert (job.project / "outputs" / "out.dcd").exists()
    assert not (job.project / "run").exists()
    assert not job.scratch.exists()


def test_a_requeued_job_keeps_what_the_first_run_left(job: JobFolders) -> None:
    job.set_namd("echo first; echo one > outputs/out.restart.coor; kill -KILL $(ps -o ppid= -p $PPID) $PPID; sleep 5\n")
    job.run()
    assert not (job.project / "result.json").exists()
    assert (job.scratch / "outputs" / "out.restart.coor").exists()
    job.set_namd("ls outputs; echo two > outputs/out.restart.coor\n" + LOG)
    status, output = job.run(environment={"SLURM_RESTART_COUNT": "1"})
    result = job.result()
    assert status == 0, output
    assert (result.restart_count, result.files) == (1, 1)
    outputs, logs = job.project / "outputs", job.project / "logs"
    assert (outputs / "earlier_run_1" / "out.restart.coor").read_text() == "one\n"
    assert (outputs / "out.restart.coor").read_text() == "two\n"
    assert (logs / "namd.1.log").read_text() == "first\n"
    assert (logs / "namd.log").read_text().startswith("Info: NAMD 3.0")


def test_a_job_submitted_again_overwrites_nothing(job: JobFolders) -> None:
    job.run()
    job.set_namd("echo second > outputs/out.dcd\n" + LOG)
    job.run()
    job.set_namd("echo third > outputs/out.dcd\n" + LOG)
    job.run()
    outputs = job.project / "outputs"
    assert [(outputs / d / "out.dcd").read_text() for d in ("earlier_run_1", "earlier_run_2", ".")] == [
        "dcd\n", "second\n", "third\n",
    ]  # fmt: skip
    assert (job.project / "logs" / "result.2.json").exists()
    assert job.result().files == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False
    ).returncode == 0  # fmt: skip
    if not mounted:
        pytest.skip("a small file system needs root and the right to mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_full_project_disk_keeps_scratch_and_still_reports(job: JobFolders, small_disk: Path) -> None:
    project = small_disk / job.job_id
    subprocess.run(["cp", "-a", str(job.project), str(small_disk)], check=True)
    job.project = project
    job.set_namd(
        "head -c 3000000 /dev/zero > outputs/big.dcd; echo small > outputs/out.restart.coor\n"
        + LOG
        + f"head -c 9000000 /dev/zero > '{small_disk}/fill' 2>/dev/null; exit 0\n"
    )
    status, output = job.run()
    result = job.result()
    assert status == 1, output
    assert (result.stage, result.staged_out, result.exit_code) == ("stage-out", False, 0)
    assert "1 of 2" in result.error
    assert "No space left" in result.error
    assert (job.scratch / "outputs" / "big.dcd").stat().st_size == 3000000
    assert (project / "outputs" / "out.restart.coor").read_text() == "small\n"
    assert not list(project.rglob(".namdrunner-part"))


def test_a_full_scratch_disk_is_said_and_left_clean(job: JobFolders, small_disk: Path) -> None:
    (job.project / "input_files" / "ala.psf").write_bytes(b"x" * 3_000_000)
    job.inputs["ala.psf"] = b"x" * 3_000_000
    job.scratch = small_disk / job.job_id
    status, _ = job.run()
    result = job.result()
    assert status == 1
    assert (result.stage, result.exit_code) == ("stage-in", None)
    assert "No space left" in result.error
    assert not job.scratch.exists()


def test_results_on_another_file_system_are_copied_and_verified(job: JobFolders, small_disk: Path) -> None:
    job.scratch = small_disk / job.job_id
    status, output = job.run()
    assert status == 0, output
    assert (job.project / "outputs" / "out.dcd").read_text() == "dcd\n"
    assert not job.scratch.exists()


def quoted(name: str) -> str:
    return "$'" + name.replace("\\", "\\\\").replace("'", "\\'").replace("\t", "\\t").replace("\n", "\\n") + "'"


def split(line: str) -> tuple[str, str, str, str]:
    size, time, digest, path = line.split("\t")
    return size, time, digest, path


STOPPING = (
    ": > outputs/ready\n"
    'while [ ! -e "$NAMDRUNNER_STOP_FILE" ]; do sleep 0.1; done\n'
    "echo 'TCL: NAMDRunner: stopping at step 40, as asked.'\n"
)


def test_namd_is_asked_to_stop_before_the_time_limit(job: JobFolders) -> None:
    job.set_namd(STOPPING + WRITES + LOG)
    process = job.start(job.spec(clean_stop=True))
    job.wait_for(job.scratch / "outputs" / "ready", process)
    os.kill(process.pid, signal.SIGUSR1)
    output, _ = process.communicate(timeout=20)
    result = job.result()
    assert (result.signal, result.exit_code, result.staged_out) == ("USR1", 0, True), output
    assert process.returncode == 85  # what depends on the job does not start
    assert "NAMD is asked to stop" in output
    assert not (job.project / "outputs" / "namdrunner_stop").exists()


def test_a_cancel_does_not_wait_for_a_clean_stop(job: JobFolders) -> None:
    job.set_namd(
        ': > outputs/ready\nwhile [ ! -e "$NAMDRUNNER_STOP_FILE" ]; do sleep 0.1; done\n'
        ": > outputs/asked\nsleep 60 & wait\n"
    )
    process = job.start(job.spec(clean_stop=True))
    job.wait_for(job.scratch / "outputs" / "ready", process)
    os.kill(process.pid, signal.SIGUSR1)
    job.wait_for(job.scratch / "outputs" / "asked", process)
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=20)
    assert job.result().exit_code == 143
