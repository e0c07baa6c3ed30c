"""A real Slurm cluster and a real sshd on this machine's loopback, as plain processes in one temporary folder.

Used by the tests through the fixture ``slurm_cluster`` and by hand through
``python -m tests.integration.slurm_cluster up``.
"""

from tests.integration.slurm_cluster.boot import start_cluster
from tests.integration.slurm_cluster.cluster import SlurmCluster
from tests.integration.slurm_cluster.options import ClusterOptions
from tests.integration.slurm_cluster.packages import missing_reason

__all__ = ["ClusterOptions", "SlurmCluster", "missing_reason", "start_cluster"]
