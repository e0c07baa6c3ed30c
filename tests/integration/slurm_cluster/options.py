"""What may differ from one test cluster to another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClusterOptions:
    """``min_job_age_s``: how long slurmctld remembers a job that ended (Slurm's own default is 300).

    ``memory_cgroups`` makes too much memory end in OUT_OF_MEMORY, as on most sites; it needs a writable cgroup v1
    memory controller. Without it slurmd polls, and such a job ends FAILED with signal 9.
    ``enforce_at_submission`` off lets sbatch accept jobs beyond the partition's limits, which then stay PENDING.
    ``slurm_lines`` and ``sshd_lines`` are added to slurm.conf and put first in sshd_config (sshd takes the first).
    """

    min_job_age_s: int = 300
    memory_cgroups: bool = False
    enforce_at_submission: bool = True
    slurm_lines: tuple[str, ...] = ()
    sshd_lines: tuple[str, ...] = ()
