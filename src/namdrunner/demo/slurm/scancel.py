"""The stand-in for scancel."""

from __future__ import annotations

from namdrunner.demo.slurm.call import VERSION, Call, Reply, job_ids
from namdrunner.demo.slurm.model import Job
from namdrunner.demo.slurm.options import OptionTable, Refusal, names, parse
from namdrunner.demo.slurm.squeue import known_users
from namdrunner.demo.slurm.submission import signal_number

_TABLE = OptionTable(
    command="scancel",
    values=names("signal user name state partition account qos nodelist clusters reservation wckey"),
    flags=names("batch full verbose quiet interactive hurry me version help usage cron ctld sibling"),
    short={
        "s": "signal", "u": "user", "n": "name", "t": "state", "p": "partition", "A": "account", "q": "qos",
        "b": "batch", "f": "full", "v": "verbose", "Q": "quiet", "i": "interactive", "V": "version",
        "w": "nodelist", "M": "clusters",
    },
)  # fmt: skip


async def run(call: Call) -> Reply:
    """Cancel or signal. As in Slurm, unknown and ended jobs are passed over in silence."""
    parsed = parse(_TABLE, call.arguments)
    if "version" in parsed:
        return Reply(f"slurm {VERSION}\n")
    filters = [n for n in ("user", "name", "state", "partition", "account", "qos", "me") if n in parsed]
    if not parsed.arguments and not filters:
        raise Refusal("scancel: error: No job identification provided")
    number = signal_number(parsed.get("signal")) if "signal" in parsed else None
    if "signal" in parsed and number is None:
        raise Refusal(f"scancel: error: Unknown job signal: {parsed.get('signal')}")
    errors: list[str] = []
    for word in parsed.arguments:
        if not job_ids(word):
            raise Refusal(f"scancel: error: Invalid job id {word}")
    for job, identity in _chosen(call, parsed.arguments, parsed.options):
        if "verbose" in parsed:
            errors.append(
                f"scancel: {'Signal ' + parsed.get('signal') + ' to' if number else 'Terminating'} job {identity}"
            )
        done = _act(call, job, number, batch="batch" in parsed, full="full" in parsed) if job else False
        if not done and "verbose" in parsed:
            what = "Job/step already completing or completed" if job else "Invalid job id specified"
            errors.append(f"scancel: error: Kill job error on job id {identity}: {what}")
    return Reply(stderr="".join(f"{line}\n" for line in errors))


def _chosen(call: Call, words: list[str], options: dict[str, str]) -> list[tuple[Job | None, int]]:
    jobs = call.scheduler.jobs
    if words:
        ids = [i for word in words for i in job_ids(word)]
        return [(jobs.get(i), i) for i in ids if jobs.get(i) is None or _matches(call, jobs[i], options)]
    return [(j, j.id) for j in list(jobs.values()) if j.state.active and _matches(call, j, options)]


def _matches(call: Call, job: Job, options: dict[str, str]) -> bool:
    facts = {"name": job.name, "partition": job.order.partition, "account": job.order.account, "qos": job.order.qos}
    if any(options[n] != text for n, text in facts.items() if n in options):
        return False
    if "user" in options and options["user"] not in known_users(call):
        return False
    return "state" not in options or options["state"].upper() in {job.state.name, job.state.value}


def _act(call: Call, job: Job, number: int | None, *, batch: bool, full: bool) -> bool:
    if number is None or (number == 9 and not batch and not full):
        return call.scheduler.cancel(job, call.scheduler.site.uid)
    return call.scheduler.signal(job, number, batch=batch, full=full)
