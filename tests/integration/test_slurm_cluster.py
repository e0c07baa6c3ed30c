"""The test cluster itself: what other tests take for granted about it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import asyncssh
import pytest
from tests.integration.slurm_cluster import SlurmCluster, records
from tests.integration.slurm_cluster.configuration import ACCOUNT, PARTITIONS, QOS
from tests.integration.slurm_cluster.layout import PREFIX, Layout
from tests.integration.slurm_cluster.processes import ClusterError, ProcessRecord
from tests.integration.slurm_cluster.user import remove_user

from namdrunner.slurm.profile import ClusterProfile


def connection(cluster: SlurmCluster, tmp_path: Path, **options: object) -> asyncssh.SSHClientConnection:
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"{cluster.host_key}\n")
    return asyncssh.connect(
        cluster.host,
        cluster.port,
        username=cluster.user,
        known_hosts=str(known_hosts),
        config=[],
        agent_path=None,
        **options,
    )


@pytest.mark.slurm
@pytest.mark.parametrize("how", ["key", "password"])
async def test_the_user_gets_in_by_key_and_by_password(slurm_cluster: SlurmCluster, tmp_path: Path, how: str) -> None:
    options = (
        {"client_keys": [str(slurm_cluster.key_file)], "preferred_auth": "publickey"}
        if how == "key"
        else {"client_keys": [], "password": slurm_cluster.password, "preferred_auth": "password"}
    )
    async with connection(slurm_cluster, tmp_path, **options) as ssh:
        done = await ssh.run("id -un; sinfo -h -o %R | sort -u", check=True)
        assert isinstance(done.stdout, str)
        assert done.stdout.split() == [slurm_cluster.user, *sorted(PARTITIONS)]


@pytest.mark.slurm
def test_a_job_finds_namd_behind_its_module_and_reaches_accounting(slurm_cluster: SlurmCluster) -> None:
    script = "#!/bin/bash -l\nmodule load namd/3.0-demo && command -v namd3\n"
    submitted = slurm_cluster.user_command(
        f"cd $HOME && sbatch --parsable -o found.txt -t 1 --comment token-1 <<'END'\n{script}END"
    )
    assert submitted.returncode == 0, submitted.stderr
    job = submitted.stdout.strip()
    assert slurm_cluster.wait_for_job(job, ("COMPLETED", "FAILED")) == "COMPLETED"
    written = (slurm_cluster.test_user.home / "found.txt").read_text().strip()
    assert written == str(slurm_cluster.layout.software / "namd" / "bin" / "namd3")
    account, comment = slurm_cluster.root_command(
        "sacct", "-n", "-X", "-P", "-j", job, "--format=Account,Comment"
    ).split("|")
    assert (account, comment.strip()) == (ACCOUNT, "token-1")


@pytest.mark.slurm
def test_a_node_that_lost_power_fails_its_job_and_comes_back(slurm_cluster: SlurmCluster) -> None:
    submitted = slurm_cluster.user_command("cd $HOME && sbatch --parsable --no-requeue -w c4 -t 1 --wrap 'sleep 100'")
    job = submitted.stdout.strip()
    slurm_cluster.wait_for_job(job, ("RUNNING",))
    slurm_cluster.node_down("c4")
    try:
        assert slurm_cluster.wait_for_job(job, ("NODE_FAIL", "COMPLETED", "FAILED", "CANCELLED")) == "NODE_FAIL"
    finally:
        slurm_cluster.node_up("c4")
    assert "idle" in slurm_cluster.root_command("sinfo", "-h", "-n", "c4", "-p", "cpu", "-o", "%T")


@pytest.mark.slurm
async def test_daemons_can_be_stopped_and_hung_and_are_whole_afterwards(
    slurm_cluster: SlurmCluster, tmp_path: Path
) -> None:
    with slurm_cluster.stopped("sshd"), pytest.raises(ConnectionRefusedError):
        async with connection(slurm_cluster, tmp_path, client_keys=[str(slurm_cluster.key_file)]):
            pass
    async with connection(slurm_cluster, tmp_path, client_keys=[str(slurm_cluster.key_file)]) as ssh:
        with slurm_cluster.paused("slurmctld"):
            done = await ssh.run("timeout 1 squeue")
            assert done.exit_status == 124, "a hung slurmctld must not answer"
        assert (await ssh.run("squeue -h")).exit_status == 0
        assert slurm_cluster.drop_connections() >= 1
        with pytest.raises((asyncssh.Error, OSError)):
            await ssh.run("true", check=True)


def test_the_profile_of_the_tests_names_what_the_cluster_has() -> None:
    import tomllib

    profile = ClusterProfile.model_validate(tomllib.loads(SlurmCluster.profile.read_text()))
    assert {partition.name for partition in profile.partitions} <= set(PARTITIONS)
    assert {qos.name for qos in profile.qos} == set(QOS)
    recipes = {recipe.name for recipe in profile.recipes}
    assert {partition.recipe for partition in profile.partitions} <= recipes


def test_a_cluster_whose_test_run_crashed_is_cleaned_up_and_no_other(tmp_path: Path) -> None:
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    ended = subprocess.Popen([sys.executable, "-c", ""])
    owner = ProcessRecord.of(ended.pid)
    ended.wait()
    abandoned, kept = (Layout(tmp_path / f"{PREFIX}{name}") for name in ("abandoned", "kept"))
    for layout in (abandoned, kept):
        layout.root.mkdir()
        records.write(layout, "nrtest000000", 1, kept=True)
    daemon = ProcessRecord.of(left.pid)
    records.save_owner(abandoned, owner, {"daemon": daemon})
    assert records.remove_abandoned(tmp_path) == [abandoned.root]
    left.wait(timeout=10)
    assert daemon.find() is None
    assert not abandoned.root.exists()
    assert kept.root.is_dir()


def test_only_users_of_test_clusters_are_removed() -> None:
    with pytest.raises(ClusterError, match="not a user of a test cluster"):
        remove_user("root")
