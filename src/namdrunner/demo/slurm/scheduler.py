"""The demo's controller: queues orders, starts them where they fit, ends them, and keeps the accounts."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from namdrunner.demo.slurm import runner
from namdrunner.demo.slurm.model import Dependency, Job, Order, Run, Site, State
from namdrunner.demo.slurm.processes import MARK, kill_marked, marked, signal_one

_TICK_S = 0.25
_GOODBYE = {State.TIMEOUT: " DUE TO TIME LIMIT", State.REQUEUED: " DUE TO JOB REQUEUE"}


class Scheduler:
    """First come, first served within a QOS's priority; a job that does not fit holds back those behind it.

    ``base_environment`` is what every job starts from; ``mark`` its value of the variable that marks our processes.
    """

    def __init__(
        self,
        site: Site,
        *,
        spool: Path,
        base_environment: dict[str, str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.site = site
        self.clock = clock
        self.jobs: dict[int, Job] = {}
        """Jobs the controller remembers: all active ones, and those that ended lately."""
        self.accounts: dict[int, Job] = {}
        """Every job there ever was, as the accounting database keeps them."""
        self.next_id = 1
        self.started_at = clock()
        self._spool = spool
        self._base_environment = base_environment
        self._scripts: dict[int, runner.RunningScript] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._closing = False

    # -- what commands ask for -------------------------------------------------------------------------------

    def submit(self, order: Order) -> Job:
        job = Job(
            id=self.next_id,
            order=order,
            user=self.site.user,
            uid=self.site.uid,
            state=State.PENDING,
            reason="None",
            submit=self.clock(),
            priority=self._priority(order),
            name=order.name,
            comment=order.comment,
            time_limit_s=order.time_limit_s,
            hold=order.hold,
            begin=order.begin,
            dependencies=order.dependencies,
        )
        self.next_id += 1
        self.jobs[job.id] = self.accounts[job.id] = job
        self._wake.set()
        return job

    def cancel(self, job: Job, uid: int) -> bool:
        """End a job by the user's wish; False where it had ended already."""
        if job.state is State.PENDING:
            job.cancelled_by = uid
            self._finish(job, State.CANCELLED)
            return True
        if job.state is not State.RUNNING:
            return False
        job.cancelled_by = uid
        self._terminate(job, State.CANCELLED)
        return True

    def signal(self, job: Job, number: int, *, batch: bool, full: bool) -> bool:
        """Send a signal: to the batch script, to everything, or (as by default in Slurm) to job steps alone."""
        script = self._scripts.get(job.id)
        if job.state is not State.RUNNING or script is None:
            return False
        if full:
            script.signal_all(number)
        elif batch:
            script.signal_batch(number)
        else:
            self._signal_steps(job, number)
        return True

    def hold(self, job: Job) -> None:
        if job.state is State.PENDING:
            job.hold, job.reason = True, "JobHeldUser"

    def release(self, job: Job) -> None:
        job.hold = False
        if job.state is State.PENDING:
            job.reason, job.begin = "None", None
            self._wake.set()

    def requeue(self, job: Job, *, hold: bool = False) -> None:
        """Back to the queue, under the same id; the run so far becomes a line of accounting."""
        job.hold_after_requeue = hold
        if job.state is State.RUNNING:
            self._terminate(job, State.REQUEUED)
        elif not job.state.active:
            job.runs.append(job.as_run())
            self._back_to_queue(job)

    def fail_node(self, name: str) -> None:
        """A node goes away with all that runs on it; jobs that may be requeued are."""
        for job in list(self.jobs.values()):
            if job.state is State.RUNNING and name in job.node_names:
                script = self._scripts.get(job.id)
                job.ending = State.NODE_FAIL
                if script:
                    script.signal_all(signal.SIGKILL)

    # -- the life of the scheduler ---------------------------------------------------------------------------

    async def run(self) -> None:
        """Schedule for ever: at once when something happens, and on a slow beat while anything is active."""
        idle_s = min(5.0, self.site.min_job_age_s)
        while True:
            self._pass()
            active = any(j.state.active for j in self.jobs.values())
            try:
                await asyncio.wait_for(self._wake.wait(), _TICK_S if active else idle_s)
            except TimeoutError:
                continue
            self._wake.clear()

    async def close(self) -> None:
        """Take every process of every job along; what still ran is on record as NODE_FAIL."""
        self._closing = True
        for job in self.jobs.values():
            script = self._scripts.get(job.id)
            if script:
                job.ending = State.NODE_FAIL
                script.signal_all(signal.SIGKILL)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    def _pass(self) -> None:
        now = self.clock()
        for job in list(self.jobs.values()):
            if job.state is State.RUNNING:
                self._enforce(job, now)
            elif not job.state.active and job.end and now - job.end > self.site.min_job_age_s:
                del self.jobs[job.id]
        self._schedule(now)

    def _enforce(self, job: Job, now: float) -> None:
        if job.start is None or job.ending is not None:
            return
        left = job.start + job.time_limit_s - now
        warning = job.order.signal
        if warning and not job.warned and left <= warning.seconds:
            job.warned = True
            self.signal(job, warning.number, batch=warning.batch_only, full=False)
        if left <= 0:
            self._terminate(job, State.TIMEOUT)

    # -- starting ---------------------------------------------------------------------------------------------

    def _schedule(self, now: float) -> None:
        blocked: set[str] = set()
        pending = [j for j in self.jobs.values() if j.state is State.PENDING]
        for job in sorted(pending, key=lambda j: (-j.priority, j.id)):
            if not self._eligible(job, now):
                continue
            if job.order.partition in blocked:
                job.reason = "Priority"
                continue
            limit = self._limit_reached(job)
            if limit:
                job.reason = limit
                continue
            nodes = self._place(job)
            if nodes is None:
                job.reason = "Resources"
                blocked.add(job.order.partition)
                continue
            self._start(job, nodes, now)

    def _eligible(self, job: Job, now: float) -> bool:
        if job.hold:
            if not job.reason.startswith("job requeued"):
                job.reason = "JobHeldUser"
            return False
        if not self._dependencies_met(job):
            return False
        if job.begin is not None and job.begin > now:
            job.reason = "BeginTime"
            return False
        if job.eligible is None:
            job.eligible = max(job.submit, job.begin or 0)
        return True

    def _dependencies_met(self, job: Job) -> bool:
        """As Slurm: a job it no longer knows counts as done well, one that can never be met stays for ever."""
        if not job.dependencies or (job.state is not State.PENDING):
            return True
        job.dependencies = tuple(self._look_at(d, job) for d in job.dependencies)
        states = [d.state for d in job.dependencies]
        met = any if job.order.any_dependency else all
        if met(s == "done" for s in states):
            job.dependencies = ()
            return True
        hopeless = all if job.order.any_dependency else any
        if hopeless(s == "failed" for s in states):
            job.reason = "DependencyNeverSatisfied"
            if job.order.kill_on_invalid_dependency:
                self._finish(job, State.CANCELLED)
        else:
            job.reason = "Dependency"
        return False

    def _look_at(self, dependency: Dependency, job: Job) -> Dependency:
        if dependency.kind == "singleton":
            others = [o for o in self.jobs.values() if o.name == job.name and o.id < job.id and o.state.active]
            return replace(dependency, state="unfulfilled" if others else "done")
        other = self.jobs.get(dependency.job_id)
        if other is None or other is job:
            return replace(dependency, state="done")
        if dependency.kind == "after":
            met, hopeless = other.state is not State.PENDING, False
        else:
            over = not other.state.active
            well = other.state is State.COMPLETED
            met = over and (dependency.kind == "afterany" or well == (dependency.kind == "afterok"))
            hopeless = over and not met
        return replace(dependency, state="done" if met else "failed" if hopeless else "unfulfilled")

    def _limit_reached(self, job: Job) -> str:
        qos = self.site.find_qos(job.order.qos)
        if qos is None or qos.max_jobs_per_user is None:
            return ""
        running = [j for j in self.jobs.values() if j.order.qos == qos.name and j.state is State.RUNNING]
        return "QOSMaxJobsPerUserLimit" if len(running) >= qos.max_jobs_per_user else ""

    def used(self, node: str) -> tuple[int, int]:
        """Cores and megabytes taken on a node."""
        here = [j for j in self.jobs.values() if j.state in (State.RUNNING, State.COMPLETING)]
        here = [j for j in here if node in j.node_names]
        return sum(j.order.cpus_per_node for j in here), sum(j.order.memory_mb for j in here)

    def _place(self, job: Job) -> tuple[str, ...] | None:
        partition = self.site.partition(job.order.partition)
        if partition is None or partition.state != "up":
            return None
        fitting: list[str] = []
        for node in self.site.nodes_of(partition):
            cores, memory = self.used(node.name)
            if cores + job.order.cpus_per_node <= node.cores and memory + job.order.memory_mb <= node.memory_mb:
                fitting.append(node.name)
        return tuple(fitting[: job.order.nodes]) if len(fitting) >= job.order.nodes else None

    def _start(self, job: Job, nodes: tuple[str, ...], now: float) -> None:
        job.state, job.reason, job.node_names = State.RUNNING, "None", nodes
        job.start, job.end, job.warned, job.ending = now, None, False, None
        job.exit_code = job.exit_signal = 0
        task = asyncio.get_running_loop().create_task(self._live(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _live(self, job: Job) -> None:
        """One run of a job, from the start of its script to the end of its last process."""
        script = await runner.start(job, self.site, self._spool, self._base_environment)
        if script is None:
            code, number = runner.BAD_FILES
        else:
            self._scripts[job.id] = script
            if job.ending is not None:  # ended while it was being started
                script.signal_all(signal.SIGKILL)
            code, number = await script.wait()
            job.state = State.COMPLETING
            script.signal_all(signal.SIGKILL)
            if not self._closing:
                marks = {MARK: self._base_environment.get(MARK, ""), "SLURM_JOB_ID": str(job.id)}
                await asyncio.to_thread(kill_marked, marks)
                await asyncio.sleep(self.site.completing_s)
            self._scripts.pop(job.id, None)
        runner.forget(job, self._spool)
        self._close_run(job, code, number)
        self._wake.set()

    # -- ending -----------------------------------------------------------------------------------------------

    def _terminate(self, job: Job, ending: State) -> None:
        """SIGTERM to all of the job's processes, and SIGKILL when they do not heed it."""
        if job.ending is not None:
            return
        job.ending = ending
        script = self._scripts.get(job.id)
        if script is None:
            return
        runner.say(job, _GOODBYE.get(ending, ""), self.clock())
        for number in runner.TERMINATE:
            script.signal_all(number)

        def kill() -> None:
            if self._scripts.get(job.id) is script:
                script.signal_all(signal.SIGKILL)

        asyncio.get_running_loop().call_later(self.site.kill_wait_s, kill)

    def _signal_steps(self, job: Job, number: int) -> None:
        marks = {MARK: self._base_environment.get(MARK, ""), "SLURM_JOB_ID": str(job.id), "SLURM_STEP_ID": "0"}
        for pid in marked(marks):
            signal_one(pid, number)

    def _close_run(self, job: Job, code: int, number: int) -> None:
        ending, job.ending = job.ending, None
        if ending is State.REQUEUED or (ending is State.NODE_FAIL and job.order.requeue and not self._closing):
            job.end = self.clock()
            job.runs.append(replace(job.as_run(), state=ending))
            self._back_to_queue(job)
            return
        if ending is None:
            job.exit_code, job.exit_signal = code, number
            job.reason = "NonZeroExitCode" if code or number else "None"
            self._finish(job, State.FAILED if code or number else State.COMPLETED)
        else:
            job.reason = "TimeLimit" if ending is State.TIMEOUT else "None"
            self._finish(job, ending)

    def _finish(self, job: Job, state: State) -> None:
        job.state, job.end = state, self.clock()
        self._wake.set()

    def _back_to_queue(self, job: Job) -> None:
        now = self.clock()
        job.state, job.submit, job.eligible = State.PENDING, now, None
        job.start = job.end = job.cancelled_by = None
        job.node_names = ()
        job.exit_code = job.exit_signal = 0
        job.restarts += 1
        job.begin = now + self.site.requeue_delay_s
        job.reason = "BeginTime"
        self.jobs[job.id] = job
        if job.hold_after_requeue:
            job.hold, job.hold_after_requeue, job.reason = True, False, "job requeued in held state"
        self._wake.set()

    def _priority(self, order: Order) -> int:
        qos = self.site.find_qos(order.qos)
        return 1000 + (qos.priority if qos else 0)

    def account_rows(self, job: Job, *, duplicates: bool) -> list[Run]:
        """The runs that sacct shows: all of them, or only the last."""
        return [*job.runs, job.as_run()] if duplicates else [job.as_run()]
