"""A job's script as a local process: its folder, its files, its environment."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from namdrunner.demo.slurm.model import Job, Site, compress
from namdrunner.demo.slurm.processes import signal_group, signal_one

BAD_FILES = (0, 53)
"""Exit code and signal that Slurm records where the work folder or the output file cannot be had."""


def expand(pattern: str, job: Job) -> str:
    """The absolute path of ``slurm-%j.out``: ``%j %A %x %u %N %%`` and a width as in ``%4j``; ``\\`` forbids it."""
    if "\\" in pattern:
        path = pattern.replace("\\", "")
    else:
        node = job.node_names[0] if job.node_names else ""
        fields = {"j": str(job.id), "A": str(job.id), "J": str(job.id), "x": job.name, "u": job.user,
                  "N": node, "n": "0", "t": "0", "s": "batch", "a": "4294967294", "%": "%"}  # fmt: skip

        def replace(match: re.Match[str]) -> str:
            width, letter = match.groups()
            text = fields.get(letter, match.group(0))
            return text.zfill(min(int(width), 10)) if width and text.isdigit() else text

        path = re.sub(r"%(\d*)([jAJxuNntsa%])", replace, pattern)
    return path if path.startswith("/") else f"{job.order.workdir}/{path}"


def job_environment(job: Job, site: Site) -> dict[str, str]:
    """The ``SLURM_*`` variables of a batch script, as listed in the documentation of sbatch."""
    order = job.order
    per_node = str(order.cpus_per_node)
    nodes = len(job.node_names)
    tasks_here = order.tasks_per_node if nodes > 1 else order.tasks
    repeat = f"(x{nodes})" if nodes > 1 else ""
    nodelist = compress(job.node_names)
    values = {
        "SLURMD_NODENAME": job.node_names[0],
        "SLURM_CLUSTER_NAME": site.cluster,
        "SLURM_CPUS_ON_NODE": per_node,
        "SLURM_GTIDS": "0",
        "SLURM_JOBID": str(job.id),
        "SLURM_JOB_ID": str(job.id),
        "SLURM_JOB_ACCOUNT": order.account,
        "SLURM_JOB_COMMENT": job.comment,
        "SLURM_JOB_CPUS_PER_NODE": per_node + repeat,
        "SLURM_JOB_GID": str(os.getgid()),
        "SLURM_JOB_NAME": job.name,
        "SLURM_JOB_NODELIST": nodelist,
        "SLURM_JOB_NUM_NODES": str(nodes),
        "SLURM_JOB_PARTITION": order.partition,
        "SLURM_JOB_QOS": order.qos,
        "SLURM_JOB_UID": str(job.uid),
        "SLURM_JOB_USER": job.user,
        "SLURM_JOB_START_TIME": str(int(job.start or 0)),
        "SLURM_JOB_END_TIME": str(int((job.start or 0) + job.time_limit_s)),
        "SLURM_LOCALID": "0",
        "SLURM_NNODES": str(nodes),
        "SLURM_NODEID": "0",
        "SLURM_NODELIST": nodelist,
        "SLURM_NPROCS": str(order.tasks),
        "SLURM_NTASKS": str(order.tasks),
        "SLURM_PROCID": "0",
        "SLURM_SUBMIT_DIR": order.workdir,
        "SLURM_SUBMIT_HOST": "login",
        "SLURM_TASKS_PER_NODE": f"{tasks_here}{repeat}",
        "SLURM_TOPOLOGY_ADDR": job.node_names[0],
        "SLURM_TOPOLOGY_ADDR_PATTERN": "node",
    }
    if order.cpus_per_task > 1:
        values["SLURM_CPUS_PER_TASK"] = str(order.cpus_per_task)
    if order.memory_per_cpu:
        values["SLURM_MEM_PER_CPU"] = str(order.memory_mb // order.cpus_per_node)
    else:
        values["SLURM_MEM_PER_NODE"] = str(order.memory_mb)
    if job.restarts:
        values["SLURM_RESTART_COUNT"] = str(job.restarts)
    return values


@dataclass
class RunningScript:
    """The process of a batch script. ``wait`` gives exit code and signal, one of which is zero."""

    process: asyncio.subprocess.Process

    def signal_all(self, number: int) -> None:
        signal_group(self.process.pid, number)

    def signal_batch(self, number: int) -> None:
        signal_one(self.process.pid, number)

    async def wait(self) -> tuple[int, int]:
        status = await self.process.wait()
        return (status, 0) if status >= 0 else (0, -status)


async def start(job: Job, site: Site, spool: Path, base_environment: dict[str, str]) -> RunningScript | None:
    """Start the script; ``None`` where its folder or its files cannot be had (exit ``BAD_FILES``)."""
    order = job.order
    if not Path(order.workdir).is_dir():
        return None
    folder = spool / f"job{job.id:05d}"
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "slurm_script"
    script.write_bytes(order.script)
    script.chmod(0o700)
    environment = {**base_environment, **order.environment, **job_environment(job, site)}
    environment["SLURM_TASK_PID"] = "0"
    files: list[int] = []
    try:
        files.append(os.open(expand(order.input, job), os.O_RDONLY))
        mode = os.O_APPEND if order.append or job.restarts else os.O_TRUNC
        output, error = expand(order.output, job), expand(order.error, job)
        files.append(os.open(output, os.O_WRONLY | os.O_CREAT | mode, 0o666 & ~order.umask))
        if error == output:
            files.append(os.dup(files[1]))
        else:
            files.append(os.open(error, os.O_WRONLY | os.O_CREAT | mode, 0o666 & ~order.umask))
        process = await asyncio.create_subprocess_exec(
            str(script),
            *order.arguments,
            stdin=files[0],
            stdout=files[1],
            stderr=files[2],
            cwd=order.workdir,
            env=environment,
            umask=order.umask,
            start_new_session=True,
        )
    except OSError:
        return None
    finally:
        for descriptor in files:
            with contextlib.suppress(OSError):
                os.close(descriptor)
    return RunningScript(process)


def forget(job: Job, spool: Path) -> None:
    """Remove what was kept for the job's start."""
    folder = spool / f"job{job.id:05d}"
    (folder / "slurm_script").unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def say(job: Job, why: str, now: float) -> None:
    """What slurmstepd adds to the job's standard error when it ends a job."""
    when = datetime.fromtimestamp(int(now)).astimezone().strftime("%Y-%m-%dT%H:%M:%S")
    line = f"slurmstepd: error: *** JOB {job.id} ON {job.node_names[0]} CANCELLED AT {when}{why} ***\n"
    with contextlib.suppress(OSError), Path(expand(job.order.error, job)).open("a", encoding="utf-8") as file:
        file.write(line)


TERMINATE = (signal.SIGCONT, signal.SIGTERM)
