"""What it costs to keep a list of jobs true, and the whole way of a job, beside a bare OpenSSH script in the same run.

Needs what the tests need for a real Slurm cluster on loopback: root, Debian's Slurm packages, OpenSSH.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from _report import PROGRAM, Report

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.integration.slurm_cluster import SlurmCluster, missing_reason, start_cluster  # noqa: E402

from namdrunner.client.presence import ServerFile, read_server_file  # noqa: E402
from namdrunner.jobs.folders import job_folder, new_job_id  # noqa: E402
from namdrunner.jobs.record import JobRecord, JobStatus, Submission  # noqa: E402
from namdrunner.jobs.state import JobState  # noqa: E402
from namdrunner.paths import Folders  # noqa: E402
from namdrunner.services.application import Application  # noqa: E402
from namdrunner.services.clusters import ClusterInput  # noqa: E402
from namdrunner.services.sync import sync_cluster  # noqa: E402
from namdrunner.slurm.resources import Resources  # noqa: E402
from namdrunner.store.jobs import StoredJob  # noqa: E402

SIZES = ((1, 1), (100, 100), (1_000, 900), (10_000, 900))
"""Jobs known and, of these, active; the cluster lets a user submit 1,000 at once."""
REPEATS = 5


class OpenSsh:
    """The bare way: OpenSSH over one multiplexed connection."""

    def __init__(self, cluster: SlurmCluster, folder: Path) -> None:
        self.words = [
            "-o", f"ControlPath={folder}/mux", "-o", "ControlMaster=auto", "-o", "ControlPersist=60",
            "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={folder}/known", "-o", "LogLevel=ERROR",
            "-o", "IdentitiesOnly=yes", "-i", str(cluster.key_file), "-p", str(cluster.port),
            f"{cluster.user}@{cluster.host}",
        ]  # fmt: skip

    def __call__(self, command: str, *, stdin: bytes | None = None) -> bytes:
        return subprocess.run(["ssh", *self.words, command], input=stdin, capture_output=True, check=True).stdout


def timed(action: object, *arguments: object) -> float:
    began = time.perf_counter()
    action(*arguments)  # type: ignore[operator]
    return time.perf_counter() - began


def record(number: int, roots: tuple[str, str], slurm_id: str) -> StoredJob:
    created = datetime.now(UTC) - timedelta(minutes=number)
    job_id = new_job_id(f"sweep {number}", created)
    submissions = (Submission(token="0" * 32, at=datetime.now(UTC), slurm_id=slurm_id),) if slurm_id else ()
    own = JobRecord(
        id=job_id,
        name=f"sweep {number}",
        cluster="here",
        created_at=created,
        resources=Resources(cores=1, walltime_s=3600),
        project_dir=job_folder(roots[0], job_id),
        scratch_dir=job_folder(roots[1], job_id),
        submissions=submissions,
    )
    state = JobState.PENDING if slurm_id else JobState.COMPLETED
    return StoredJob(own, JobStatus(state=state, submitted_at=created))


async def connected(folders: Folders, cluster: SlurmCluster, profile: str) -> Application:
    app = await Application.open(folders)
    if not app.clusters.list():
        app.clusters.add(
            ClusterInput(
                "here", cluster.host, cluster.port, cluster.user, str(cluster.key_file), profile,
                str(cluster.project_root), str(cluster.scratch_root),
            )
        )  # fmt: skip
    app.clusters.after_connect = None
    app.poller.start = lambda _: None  # type: ignore[method-assign]
    task = app.clusters.start_connect("here")
    while task.state == "running":
        for prompt in app.prompts.pending():
            app.prompts.answer(prompt["id"], ["yes"])
        await asyncio.sleep(0.01)
    if task.error:
        raise RuntimeError(task.error["message"])
    return app


def held_jobs(cluster: SlurmCluster, count: int) -> list[str]:
    command = f"for n in $(seq {count}); do sbatch --parsable -H -t 10 --wrap true; done"
    return cluster.user_command(command, timeout_s=300).stdout.split()


async def cycles(cluster: SlurmCluster, folder: Path, report: Report) -> None:
    ssh = OpenSsh(cluster, folder)
    ids = held_jobs(cluster, max(active for _, active in SIZES))
    queue = "env SLURM_TIME_FORMAT=%s squeue -h -t all -u $(id -un) -o '%i|%T|%V|%S|%e|%k|%j|%r'"
    bare_command = f"{queue}; sacct -n -X -P -j {ids[0]} --format=JobID,State,ExitCode,Start,End"
    for known, active in SIZES:
        folders = Folders.below(folder / f"home-{known}")
        app = await connected(folders, cluster, "generic")
        roots = app.clusters.roots("here")
        assert roots is not None
        made = [(record(number, roots, ids[number] if number < active else ""), {}) for number in range(known)]
        for start in range(0, known, 500):
            app.context.jobs.add_many(made[start : start + 500])
        await sync_cluster(app.context, "here")
        process, before = psutil.Process(), len(app.activity.entries(limit=10_000))
        cpu = sum(process.cpu_times()[:2])
        times = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            await sync_cluster(app.context, "here")
            times.append(time.perf_counter() - began)
        cpu = (sum(process.cpu_times()[:2]) - cpu) / REPEATS
        commands = (len(app.activity.entries(limit=10_000)) - before) / REPEATS
        ssh("true")
        bare = statistics.median(timed(ssh, bare_command) for _ in range(REPEATS))
        what = f"sync, {known} jobs known, {active} active"
        report.line(f"{what}: remote commands", commands, 1, "")
        report.line(f"{what}: time", statistics.median(times), 1.3 * bare, "s")
        report.note(f"{what}: CPU of the server", cpu, "s")
        report.note(f"{what}: resident memory", process.memory_info().rss / 1e6, "MB")
        await app.close()
    few = ids[:100]
    one_by_one = timed(lambda: [ssh(f"squeue -h -j {job} -o %T") for job in few])
    report.note("asking for 100 jobs one by one over a shared connection", one_by_one, "s")
    cluster.user_command("scancel -u $(id -un)")


@contextlib.contextmanager
def server(folders: Folders) -> Iterator[ServerFile]:
    environment = {"NAMDRUNNER_HOME": str(folders.data.parent), "PATH": "/usr/bin:/bin", "HOME": str(folders.data)}
    process = subprocess.Popen([PROGRAM, "serve", "--no-browser"], env=environment, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while (found := read_server_file(folders.server_file)) is None and time.monotonic() < deadline:
            time.sleep(0.1)
        assert found is not None
        yield found
    finally:
        process.terminate()
        process.wait(20)


def pages(folders: Folders, report: Report) -> None:
    """A page of 200 of 10,000 jobs, filtered and sorted in SQL, over HTTP."""
    with server(folders) as found:
        times = []
        for number in range(60):
            connection = http.client.HTTPConnection("127.0.0.1", found.port, timeout=30)
            began = time.perf_counter()
            path = f"/api/v1/jobs?status=COMPLETED&sort=-name&limit=200&offset={number * 100}"
            connection.request("GET", path, headers={"Authorization": f"Bearer {found.token}"})
            body = json.loads(connection.getresponse().read())
            times.append(time.perf_counter() - began)
            connection.close()
            assert len(body["jobs"]) == 200
        report.line("page of 200 among 10,000 jobs, 95th percentile", sorted(times)[56] * 1000, 50, "ms")


STUB = r"""#!/bin/bash
echo "Info: NAMD 3.0 for Linux-x86_64-multicore"; echo "TCL: Running for 40 steps"
mkdir -p results; head -c 15000000 /dev/urandom >results/equil.dcd; sleep 1
for kind in coor vel xsc; do echo x >results/equil.$kind; done
echo "WRITING VELOCITIES TO OUTPUT FILE AT STEP 40"; echo "WallClock: 1"; echo "End of program"
"""


async def whole_way(
    cluster: SlurmCluster, folder: Path, report: Report, count: int, limits: tuple[float, float]
) -> None:
    """``count`` jobs with small inputs and 15 MB of results each: submitted, and all results here."""
    from tests.integration.sample import write_config

    from namdrunner.services.job_request import JobRequest

    shared = Path(str(cluster.project_root)) / f"way-{count}"
    shared.mkdir()
    binary = shared / "namd3"
    binary.write_text(STUB)
    binary.chmod(0o755)
    profile = folder / f"way-{count}.toml"
    profile.write_text(
        'version = 1\nname = "way"\nsync_now_interval_s = 0\n[[partitions]]\nname = "cpu"\ncores_per_node = 8\n'
        f'default = true\nrecipe = "stub"\n[[recipes]]\nname = "stub"\nbinary = "{binary}"\npe_flag = ""\n'
    )
    config = write_config(folder / f"system-{count}", steps=40, minimize=0)
    config.write_text(config.read_text().replace("minimize        0\n", ""))

    bare_submitted, bare_done = bare_way(cluster, folder, config, binary, count)

    logins = logins_so_far(cluster)
    app = await connected(Folders.below(folder / f"way-home-{count}"), cluster, str(profile))
    request = {"name": "way", "cluster": "here", "config": str(config), "submit": True, "force": True,
               "resources": {"cores": 1, "walltime": "00:05:00"}}  # fmt: skip
    began = time.perf_counter()
    requests = [JobRequest.model_validate(request | {"name": f"way {n}"}) for n in range(count)]
    task = await app.jobs.start_create_many(requests)
    await app.tasks.wait(task.id)
    submitted = time.perf_counter() - began
    assert task.result is not None, task.error
    waiting = {job["id"] for job in task.result["jobs"]}
    target = folder / f"results-{count}"
    fetching = []
    while waiting:  # what has ended is fetched while the rest goes on, with "sync now" each second
        turn = time.perf_counter()
        await app.poller.sync_now("here")
        ended = [job["id"] for job in app.jobs.list(status=["COMPLETED"])["jobs"] if job["id"] in waiting]
        if ended:
            fetching.append(app.jobs.batches.start_download(ended, ["*.dcd"], str(target)))
            waiting.difference_update(ended)
        if waiting:
            await asyncio.sleep(max(0.0, turn + 1 - time.perf_counter()))
    for task in fetching:
        await app.tasks.wait(task.id)
    done = time.perf_counter() - began
    assert len(list(target.glob("*/outputs/**/*.dcd"))) == count, [task.error for task in fetching]
    await app.close()
    limit = 0.5 if count == 1 else limits[0] * bare_submitted
    report.line(f"{count} job(s): all submitted, bare script {bare_submitted:.2f} s", submitted, limit, "s")
    report.line(f"{count} job(s): all results here, bare script {bare_done:.2f} s", done, limits[1] * bare_done, "s")
    report.line(f"{count} job(s): logins", logins_so_far(cluster) - logins, 1, "")


def logins_so_far(cluster: SlurmCluster) -> int:
    return (cluster.layout.log / "sshd.log").read_text("utf-8", "replace").count("Accepted ")


def bare_way(cluster: SlurmCluster, folder: Path, config: Path, binary: Path, count: int) -> tuple[float, float]:
    """One multiplexed connection, one tar stream up, a loop of sbatch, squeue each second, one tar stream down."""
    ssh = OpenSsh(cluster, folder)
    ssh("true")
    base = f"{cluster.project_root}/bare-{count}"
    script = f"#!/bin/bash\n{binary} equil.namd\n"
    began = time.perf_counter()
    archive = subprocess.run(["tar", "-cf", "-", "-C", str(config.parent.parent), "."], capture_output=True, check=True)
    submit = (
        f"mkdir -p {base}/0 && tar -xf - -C {base}/0 && cd {base} && printf %s {shlex.quote(script)} >0/job.sh && "
        f"for n in $(seq 1 {count - 1}); do cp -r 0 $n; done; "
        f"for n in $(seq 0 {count - 1}); do (cd $n && sbatch --parsable -t 5 -J bare{count} job.sh); done"
    )
    ssh(submit, stdin=archive.stdout)
    submitted = time.perf_counter() - began
    while ssh(f"squeue -h -n bare{count}").strip():
        time.sleep(1)
    data = ssh(f"tar -cf - -C {base} .")
    target = folder / f"bare-{count}"
    target.mkdir()
    subprocess.run(["tar", "-xf", "-", "-C", str(target)], input=data, check=True)
    return submitted, time.perf_counter() - began


def main() -> int:
    reason = missing_reason()
    if reason:
        print(f"Not measured: {reason}")
        return 0
    report = Report()
    with tempfile.TemporaryDirectory() as name, start_cluster() as cluster:
        folder = Path(name)
        asyncio.run(cycles(cluster, folder, report))
        database = folder / f"home-{SIZES[-1][0]}"
        pages(Folders.below(database), report)
        asyncio.run(whole_way(cluster, folder, report, 1, (1.2, 1.15)))
        asyncio.run(whole_way(cluster, folder, report, 50, (1.2, 1.1)))
    return report.status


if __name__ == "__main__":
    sys.exit(main())
