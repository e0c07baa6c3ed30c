"""The demo cluster as a process: reached over SSH and SFTP, it leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncssh
import psutil
import pytest

from namdrunner.demo import cluster as cluster_module
from namdrunner.demo.cluster import ClusterFacts, DemoCluster
from namdrunner.errors import ClusterError

pytestmark = [
    pytest.mark.demo,
    pytest.mark.skipif(os.name != "posix", reason="the demo cluster's jobs are POSIX processes"),
]


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterFacts]:
    with DemoCluster(tmp_path_factory.mktemp("demo") / "root", arguments=["--kill-wait", "1"]) as cluster:
        yield cluster.facts


@pytest.fixture
async def connection(facts: ClusterFacts) -> AsyncIterator[asyncssh.SSHClientConnection]:
    async with connect(facts, password=facts.password) as open_connection:
        yield open_connection


def connect(facts: ClusterFacts, **options: object) -> asyncssh.misc.ACMWrapper:  # type: ignore[type-arg]
    known = asyncssh.import_known_hosts(f"[{facts.host}]:{facts.port} {facts.host_key}\n")
    chosen = {"username": facts.user, "known_hosts": known, "config": None, "client_keys": None, **options}
    return asyncssh.connect(facts.host, facts.port, agent_path=None, **chosen)


async def run(connection: asyncssh.SSHClientConnection, command: str, status: int = 0) -> str:
    result = await connection.run(command)
    assert result.exit_status == status, result.stderr
    return str(result.stdout)


async def ended(connection: asyncssh.SSHClientConnection, job: str) -> str:
    """State and exit code by sacct, once the job has ended."""
    for _ in range(200):
        text = await run(connection, f"sacct -X -n -P -j {job.strip()} -o State,ExitCode")
        if not text.startswith(("PENDING", "RUNNING")):
            return text.strip()
        await asyncio.sleep(0.1)
    raise AssertionError(f"job {job} does not end: {text}")


async def test_a_generated_key_lets_in_and_a_wrong_password_does_not(facts: ClusterFacts) -> None:
    async with connect(facts, client_keys=[facts.identity_file]) as connection:
        assert await run(connection, "echo $USER $HOME") == f"demo {facts.home}\n"
    assert Path(facts.identity_file).stat().st_mode & 0o777 == 0o600
    with pytest.raises(asyncssh.PermissionDenied):
        async with connect(facts, password=facts.password + "x"):
            pass
    with pytest.raises(asyncssh.PermissionDenied):
        async with connect(facts, username="root", password=facts.password):
            pass


async def test_modules_exist_in_login_shells_only(connection: asyncssh.SSHClientConnection) -> None:
    await run(connection, "module list", status=127)
    text = await run(connection, "bash -lc 'module --redirect -t avail; module load namd && command -v namd3'")
    assert text.splitlines()[1:2] == ["namd/3.0-demo"]
    assert text.splitlines()[2].endswith("/software/namd/3.0-demo/bin/namd3")
    assert await run(connection, "bash -lc 'module --redirect -t spider namd'") == "namd/3.0-demo\n"
    emptied = "bash -lc 'module load namd; module purge; module --redirect list; command -v namd3'"
    assert await run(connection, emptied, status=1) == "No modules loaded\n"
    missing = await connection.run("bash -lc 'module load nosuch/1.0'")
    assert missing.exit_status == 1
    assert 'unknown:\n"nosuch/1.0"' in str(missing.stderr)


async def test_a_job_with_a_login_shell_has_modules_and_a_plain_one_has_not(
    connection: asyncssh.SSHClientConnection,
) -> None:
    for shebang, expected in (("#!/bin/bash -l", "function"), ("#!/bin/bash", "")):
        await run(connection, f"printf '{shebang}\\ntype -t module > kind\\ntrue\\n' > kind.sh")
        assert await ended(connection, await run(connection, "sbatch --parsable kind.sh")) == "COMPLETED|0:0"
        assert (await run(connection, "cat kind")).strip() == expected


async def test_srun_starts_as_many_tasks_as_asked_for(connection: asyncssh.SSHClientConnection) -> None:
    script = "srun -n 3 --exclusive bash -c 'echo task $SLURM_PROCID of $SLURM_NTASKS; exit $SLURM_PROCID'"
    await run(connection, f"cat > steps.sh <<'END'\n#!/bin/bash\n{script}\nEND")
    job = (await run(connection, "sbatch --parsable -n 3 -o steps.out steps.sh")).strip()
    assert await ended(connection, job) == "FAILED|2:0"
    text = await run(connection, "sort steps.out")
    assert text.splitlines() == [f"task {n} of 3" for n in range(3)]
    await run(connection, "srun hostname", status=1)


async def test_commands_are_answered_quickly(connection: asyncssh.SSHClientConnection) -> None:
    durations = []
    for _ in range(5):
        before = time.perf_counter()
        await run(connection, "squeue -h")
        durations.append(time.perf_counter() - before)
    assert min(durations) < 0.06


async def test_standard_input_and_a_script_on_it_arrive(connection: asyncssh.SSHClientConnection) -> None:
    data = os.urandom(3_000_000)
    result = await connection.run("sha256sum; cat >/dev/null", input=data, encoding=None)
    copied = await connection.run("cat", input=data, encoding=None)
    assert copied.stdout == data
    assert result.exit_status == 0
    submitted = await connection.run("sbatch --parsable -o in.out", input="#!/bin/sh\necho from standard input\n")
    assert await ended(connection, str(submitted.stdout)) == "COMPLETED|0:0"
    assert await run(connection, "cat in.out") == "from standard input\n"


async def test_a_signal_ends_a_command_and_what_it_started(connection: asyncssh.SSHClientConnection) -> None:
    process = await connection.create_process("sleep 300 & echo $!; wait")
    child = int(await process.stdout.readline())
    process.send_signal("TERM")
    await asyncio.wait_for(process.wait_closed(), 5)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


async def test_sftp_stays_below_the_root(
    connection: asyncssh.SSHClientConnection, facts: ClusterFacts, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(100_000))
    async with connection.start_sftp_client() as sftp:
        assert await sftp.realpath(".") == facts.home
        await sftp.put(str(source), f"{facts.project_root}/copy")
        assert Path(facts.project_root, "copy").read_bytes() == source.read_bytes()
        Path(facts.home, "way-out").symlink_to("/etc")
        Path(facts.home, "passwd").symlink_to("/etc/passwd")
        for path in ("/etc/passwd", f"{facts.root}/../x", f"{facts.home}/way-out/passwd", f"{facts.home}/passwd"):
            with pytest.raises(asyncssh.SFTPPermissionDenied):
                await sftp.open(path, "rb")
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await sftp.stat(f"{facts.home}/missing")


async def test_the_projects_own_commands_and_parsers_understand_it(connection: asyncssh.SSHClientConnection) -> None:
    from namdrunner.slurm.accounting import parse_sacct_reply
    from namdrunner.slurm.commands import sacct_command, sbatch_words, scancel_command, squeue_command
    from namdrunner.slurm.queue import parse_squeue_reply

    await run(connection, "printf '#!/bin/bash\\n#SBATCH -J ours\\nsleep 60\\n' > job.sbatch")
    home = (await run(connection, "pwd")).strip()
    job = (await run(connection, f"cd {home} && {sbatch_words('token-7')}")).strip()
    for command in (squeue_command([job]), squeue_command()):
        result = await connection.run(command)
        rows = parse_squeue_reply(str(result.stdout), str(result.stderr), result.exit_status or 0)
        row = next(r for r in rows if r.id == job)
        assert (row.name, row.comment, row.partition) == ("ours", "token-7", "cpu")
    await run(connection, scancel_command([job]))
    assert (await ended(connection, job)).startswith("CANCELLED by ")
    result = await connection.run(sacct_command([job]))
    (entry,) = parse_sacct_reply(str(result.stdout), str(result.stderr), result.exit_status or 0)
    assert (entry.state_text.split()[0], entry.comment) == ("CANCELLED", "token-7")


def _alive(mark: str) -> list[int]:
    from namdrunner.demo.slurm.processes import MARK, marked

    return [p for p in marked({MARK: mark}) if psutil.Process(p).status() != psutil.STATUS_ZOMBIE]


def _start(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@pytest.mark.parametrize("how", ["terminate", "end of input"])
async def test_its_end_takes_its_processes_along_and_nobody_elses(tmp_path: Path, how: str) -> None:
    bystander = _start("sleep", "60")
    try:
        process = _start(sys.executable, "-m", "namdrunner.demo.cluster", "--root", str(tmp_path / "root"))
        assert process.stdin is not None
        assert process.stdout is not None
        facts = ClusterFacts(**json.loads(process.stdout.readline()))
        async with connect(facts, password=facts.password) as connection:
            mark = (await run(connection, "echo $NAMDRUNNER_DEMO_CLUSTER")).strip()
            await run(connection, "sbatch --wrap 'sleep 61 & setsid sleep 62 & wait'")
            hanging = await connection.create_process("sleep 63")
            for _ in range(100):
                if len(_alive(mark)) >= 4:
                    break
                await asyncio.sleep(0.05)
            assert len(_alive(mark)) >= 4
            if how == "terminate":
                process.send_signal(signal.SIGTERM)
            else:
                process.stdin.close()
            assert await asyncio.to_thread(process.wait, 10) == 0
            hanging.close()
        assert _alive(mark) == []
        assert bystander.poll() is None
        assert not (tmp_path / "root").exists()
        process.stdout.close()
        process.stdin.close()
    finally:
        bystander.kill()
        for stream in (bystander.stdin, bystander.stdout):
            assert stream is not None
            stream.close()
        bystander.wait()


async def test_a_kept_cluster_has_the_same_keys_and_accounts_again(tmp_path: Path) -> None:
    with DemoCluster(tmp_path / "kept", keep=True) as first:
        before = first.facts
        async with connect(before, password=before.password) as connection:
            assert await ended(connection, await run(connection, "sbatch --parsable --wrap true")) == "COMPLETED|0:0"
    assert (tmp_path / "kept").is_dir()
    with DemoCluster(tmp_path / "kept", keep=True) as second:
        after = second.facts
        assert (after.host_key, after.password) == (before.host_key, before.password)
        async with connect(after, password=before.password) as connection:
            assert await ended(connection, "1") == "COMPLETED|0:0"
            assert await run(connection, "sbatch --parsable --wrap true") == "2\n"


def test_a_folder_with_other_files_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(ClusterError) as caught:
        DemoCluster(tmp_path).start()
    assert caught.value.code == "demo-start-failed"
    assert "holds other files" in caught.value.message
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_system_without_bash_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module.shutil, "which", lambda name: None)
    with pytest.raises(ClusterError) as caught:
        DemoCluster().start()
    assert caught.value.code == "demo-needs-bash"
    assert "WSL" in caught.value.remedy


def test_it_starts_within_a_second(tmp_path: Path) -> None:
    before = time.perf_counter()
    cluster = DemoCluster(tmp_path / "quick")
    try:
        cluster.start()
        assert time.perf_counter() - before < 1.0
        assert cluster.running
    finally:
        cluster.stop()
    with pytest.raises(ClusterError):
        _ = cluster.facts
