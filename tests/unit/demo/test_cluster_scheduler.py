"""The demo's scheduler with real processes: states, limits, signals, dependencies, requeueing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from namdrunner.demo.slurm import accounts
from namdrunner.demo.slurm.model import Job, Site, State
from namdrunner.demo.slurm.options import SBATCH, parse
from namdrunner.demo.slurm.processes import MARK
from namdrunner.demo.slurm.runner import expand
from namdrunner.demo.slurm.scheduler import Scheduler
from namdrunner.demo.slurm.submission import build_order

pytestmark = pytest.mark.skipif(os.name != "posix", reason="jobs of the demo cluster are POSIX processes")

SITE = replace(Site(), kill_wait_s=0.5, requeue_delay_s=0.1, completing_s=0.05)


def gone(pid: int) -> bool:
    """Ended; a zombie that nobody has collected counts."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Bench:
    """A running scheduler in a folder."""

    def __init__(self, folder: Path, site: Site = SITE) -> None:
        self.folder = folder
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), MARK: f"test-{folder.name}-{os.getpid()}"}
        self.scheduler = Scheduler(site, spool=folder / "spool", base_environment=environment)

    def submit(self, script: str, *options: str, limit_s: int | None = None, arguments: tuple[str, ...] = ()) -> Job:
        order = build_order(
            self.scheduler.site,
            parse(SBATCH, ["-n", "1", "-t", "5", *options]).options,
            script=f"#!/bin/bash\n{script}\n".encode(),
            arguments=arguments,
            command=str(self.folder / "job.sh"),
            submit_line="sbatch job.sh",
            cwd=str(self.folder),
            environment={},
            umask=0o022,
            now=self.scheduler.clock(),
        )
        return self.scheduler.submit(replace(order, time_limit_s=limit_s) if limit_s else order)

    async def until(self, condition: Callable[[], object], timeout_s: float = 10.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():  # noqa: ASYNC110 - nobody announces states
                await asyncio.sleep(0.02)

    async def ended(self, *jobs: Job) -> None:
        await self.until(lambda: all(not j.state.active for j in jobs))

    def log(self, job: Job) -> str:
        return Path(expand(job.order.output, job)).read_text("utf-8")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    running = asyncio.create_task(bench.scheduler.run())
    yield bench
    await bench.scheduler.close()
    running.cancel()


async def test_a_job_runs_and_leaves_its_output_and_exit_code(bench: Bench) -> None:
    job = bench.submit('echo "$SLURM_JOB_ID $SLURM_JOB_NAME $1 $PWD"', "-J", "first", arguments=("token",))
    bad = bench.submit("echo oops >&2; exit 3")
    await bench.ended(job, bad)
    assert (job.state, job.exit_code, job.node_names) == (State.COMPLETED, 0, ("d1",))
    assert bench.log(job) == f"{job.id} first token {bench.folder}\n"
    assert (bad.state, bad.exit_code, bad.reason) == (State.FAILED, 3, "NonZeroExitCode")
    assert bench.log(bad) == "oops\n"
    assert not list((bench.folder / "spool").glob("*"))


async def test_a_script_killed_by_a_signal_failed_with_that_signal(bench: Bench) -> None:
    job = bench.submit("kill -SEGV $$")
    await bench.ended(job)
    assert (job.state, job.exit_code, job.exit_signal) == (State.FAILED, 0, int(signal.SIGSEGV))


@pytest.mark.parametrize("options", [("-o", "/nonexistent/dir/x.out"), ("-D", "/nonexistent/d")])
async def test_bad_folders_fail_with_53_and_no_log(bench: Bench, options: tuple[str, str]) -> None:
    job = bench.submit("echo never", *options)
    await bench.ended(job)
    assert (job.state, job.exit_code, job.exit_signal) == (State.FAILED, 0, 53)


async def test_output_patterns_streams_and_append(bench: Bench) -> None:
    (bench.folder / "logs").mkdir()
    (bench.folder / "logs" / "all.err").write_text("before\n")
    options = ("-J", "n1", "-o", "logs/%x-%5j.out", "-e", "logs/all.err", "--open-mode=append")
    job = bench.submit("echo out; echo err >&2", *options)
    await bench.ended(job)
    assert (bench.folder / "logs" / f"n1-{job.id:05d}.out").read_text() == "out\n"
    assert (bench.folder / "logs" / "all.err").read_text() == "before\nerr\n"


async def test_jobs_wait_for_cores_and_for_their_turn(bench: Bench) -> None:
    large = bench.submit("sleep 0.6", "-n", "3")
    second = bench.submit("sleep 0.1", "-n", "2")
    third = bench.submit("true", "-n", "1")
    await bench.until(lambda: large.state is State.RUNNING)
    await bench.until(lambda: second.reason == "Resources")
    assert third.reason == "Priority"
    await bench.ended(large, second, third)
    assert second.start is not None
    assert large.end is not None
    assert second.start >= large.end - 0.1


async def test_memory_is_shared_out_too(bench: Bench) -> None:
    first = bench.submit("sleep 5", "--mem=6G")
    second = bench.submit("true", "--mem=6G")
    await bench.until(lambda: second.reason == "Resources")
    bench.scheduler.cancel(first, 1000)
    await bench.ended(second)
    assert second.state is State.COMPLETED


async def test_a_time_limit_ends_the_job_and_all_it_started(bench: Bench) -> None:
    job = bench.submit("sleep 60 & echo $! > child; wait", limit_s=1)
    await bench.ended(job)
    assert (job.state, job.exit_code, job.exit_signal) == (State.TIMEOUT, 0, 0)
    assert "DUE TO TIME LIMIT" in bench.log(job)
    child = int((bench.folder / "child").read_text())
    assert gone(child)


async def test_the_warning_signal_comes_before_the_limit_and_only_to_the_script(bench: Bench) -> None:
    script = "trap 'echo warned; exit 7' USR1\nsleep 30 &\nwait"
    job = bench.submit(script, "--signal=B:USR1@1", limit_s=3)
    await bench.ended(job)
    assert (job.state, job.exit_code) == (State.FAILED, 7)
    assert "warned" in bench.log(job)
    assert job.elapsed(0) < 3


async def test_a_job_that_ignores_sigterm_is_killed(bench: Bench) -> None:
    job = bench.submit("trap '' TERM\ntouch ready\nwhile true; do sleep 0.1; done")
    await bench.until(lambda: (bench.folder / "ready").exists())
    assert bench.scheduler.cancel(job, 1000)
    await bench.ended(job)
    assert (job.state, job.cancelled_by) == (State.CANCELLED, 1000)


async def test_cancel_lets_the_exit_trap_finish(bench: Bench) -> None:
    job = bench.submit("trap 'sleep 0.2; echo tidied; exit 1' TERM\ntouch ready\nsleep 30 & wait")
    await bench.until(lambda: (bench.folder / "ready").exists())
    bench.scheduler.cancel(job, 1000)
    await bench.ended(job)
    assert job.state is State.CANCELLED
    assert "tidied" in bench.log(job)


async def test_a_pending_job_is_cancelled_at_once(bench: Bench) -> None:
    job = bench.submit("true", "--hold")
    await bench.until(lambda: job.reason == "JobHeldUser")
    assert bench.scheduler.cancel(job, 1000)
    assert (job.state, job.start) == (State.CANCELLED, None)
    assert not bench.scheduler.cancel(job, 1000)


async def test_signals_reach_the_script_or_everything(bench: Bench) -> None:
    job = bench.submit("trap 'echo got' USR1\ntouch ready\nfor i in 1 2 3 4 5 6; do sleep 0.2; done; true")
    await bench.until(lambda: (bench.folder / "ready").exists())
    assert bench.scheduler.signal(job, signal.SIGUSR1, batch=True, full=False)
    await bench.ended(job)
    assert job.state is State.COMPLETED
    assert bench.log(job) == "got\n"
    assert not bench.scheduler.signal(job, signal.SIGUSR1, batch=True, full=False)


async def test_dependencies_hold_a_job_until_they_are_met(bench: Bench) -> None:
    good = bench.submit("sleep 0.3")
    bad = bench.submit("exit 1")
    after_good = bench.submit("true", f"-dafterok:{good.id}")
    after_bad = bench.submit("true", f"-dafterok:{bad.id}")
    killed = bench.submit("true", f"-dafterok:{bad.id}", "--kill-on-invalid-dep=yes")
    any_end = bench.submit("true", f"-dafterany:{bad.id}")
    purged = bench.submit("true", "-dafterok:99999")
    await bench.until(lambda: after_good.reason == "Dependency")
    await bench.ended(after_good, any_end, purged, killed)
    assert after_good.start is not None
    assert good.end is not None
    assert after_good.start >= good.end
    assert (after_bad.state, after_bad.reason) == (State.PENDING, "DependencyNeverSatisfied")
    assert killed.state is State.CANCELLED
    assert (any_end.state, purged.state) == (State.COMPLETED, State.COMPLETED)


async def test_hold_and_release(bench: Bench) -> None:
    job = bench.submit("true", "-H")
    await bench.until(lambda: job.reason == "JobHeldUser")
    bench.scheduler.release(job)
    await bench.ended(job)
    assert job.state is State.COMPLETED


async def test_a_requeued_job_runs_again_under_its_id(bench: Bench) -> None:
    job = bench.submit('echo "run ${SLURM_RESTART_COUNT:-0}"\n[ "${SLURM_RESTART_COUNT:-0}" = 1 ] || sleep 30')
    await bench.until(lambda: job.state is State.RUNNING and Path(expand(job.order.output, job)).exists())
    await asyncio.sleep(0.1)
    bench.scheduler.requeue(job)
    await bench.until(lambda: job.restarts == 1)
    await bench.ended(job)
    assert job.state is State.COMPLETED
    assert [r.state for r in bench.scheduler.account_rows(job, duplicates=True)] == [State.REQUEUED, State.COMPLETED]
    assert bench.log(job).splitlines()[0] == "run 0"
    assert bench.log(job).splitlines()[-1] == "run 1"


async def test_a_failed_node_requeues_its_jobs(bench: Bench) -> None:
    job = bench.submit('[ "${SLURM_RESTART_COUNT:-0}" = 1 ] || sleep 30')
    lost = bench.submit("sleep 30", "--no-requeue")
    await bench.until(lambda: job.state is State.RUNNING and lost.state is State.RUNNING)
    await asyncio.sleep(0.1)
    bench.scheduler.fail_node("d1")
    await bench.ended(job, lost)
    assert [r.state for r in job.runs] == [State.NODE_FAIL]
    assert (job.state, lost.state) == (State.COMPLETED, State.NODE_FAIL)


async def test_a_qos_limits_running_jobs(bench: Bench) -> None:
    jobs = [bench.submit("sleep 0.4", "--qos=long") for _ in range(3)]
    await bench.until(lambda: jobs[2].reason == "QOSMaxJobsPerUserLimit")
    await bench.ended(*jobs)
    assert [j.state for j in jobs] == [State.COMPLETED] * 3


async def test_what_a_job_left_behind_ends_with_it(bench: Bench) -> None:
    # A session of its own takes the child out of the script's process group.
    command = f'{sys.executable} -c \'import os,time; os.setsid(); open("up","w").close(); time.sleep(60)\''
    job = bench.submit(f"{command} & echo $! > child; while [ ! -e up ]; do sleep 0.05; done")
    await bench.ended(job)
    child = int((bench.folder / "child").read_text())
    assert gone(child)


async def test_ended_jobs_are_forgotten_by_the_queue_and_kept_by_the_accounts(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(SITE, min_job_age_s=0.2))
    running = asyncio.create_task(bench.scheduler.run())
    job = bench.submit("true")
    await bench.ended(job)
    await bench.until(lambda: job.id not in bench.scheduler.jobs)
    assert bench.scheduler.accounts[job.id] is job
    accounts.save(bench.scheduler, tmp_path / "accounts.json")
    later = Bench(tmp_path)
    accounts.restore(later.scheduler, tmp_path / "accounts.json")
    assert later.scheduler.next_id == job.id + 1
    restored = later.scheduler.accounts[job.id]
    assert (restored.state, restored.start, restored.order.script) == (State.COMPLETED, job.start, job.order.script)
    await bench.scheduler.close()
    running.cancel()
