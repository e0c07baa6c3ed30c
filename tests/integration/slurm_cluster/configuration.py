"""The text of every configuration file of the test cluster. Nothing here touches the machine."""

from __future__ import annotations

from tests.integration.slurm_cluster.layout import NODES, Layout, Ports
from tests.integration.slurm_cluster.options import ClusterOptions

CLUSTER_NAME = "testbed"
DATABASE = "slurm_acct_db"
DATABASE_USER = "slurm"
DATABASE_PASSWORD = "only-on-this-socket"
CORES_PER_NODE = 8
GPUS_PER_NODE = 3
SLICES = "a100_1g.5gb"
SLICES_ON_G2 = 2
"""Slices of a GPU (MIG) beside the whole ones, on one node only."""

PARTITIONS = {
    "cpu": "Nodes=c[1-4] Default=YES DefaultTime=01:00:00 MaxTime=7-00:00:00 AllowQos=normal,long,low,lowcancel,tiny",
    "short": "Nodes=c[1-2] DefaultTime=00:30:00 MaxTime=01:00:00 MaxNodes=2 AllowQos=normal,testing",
    "gpu": "Nodes=g[1-2] DefaultTime=01:00:00 MaxTime=7-00:00:00 AllowQos=normal,long",
    "highmem": "Nodes=m1 DefaultTime=01:00:00 MaxTime=7-00:00:00 DefMemPerCPU=16384 AllowQos=mem",
    "closed": "Nodes=c1 MaxTime=1-00:00:00 AllowAccounts=physics",
    "halted": "Nodes=c1 MaxTime=1-00:00:00 State=DOWN",
    "retired": "Nodes=c1 MaxTime=1-00:00:00 State=INACTIVE",
}

QOS = {
    "normal": "Priority=100 MaxWall=1-00:00:00 MaxTRESPerUser=cpu=64 MaxSubmitJobsPerUser=1000 "
    "Preempt=low,lowcancel Flags=DenyOnLimit",
    "long": "Priority=50 MaxWall=7-00:00:00 MaxTRESPerUser=cpu=16 MaxJobsPerUser=2 GrpTRES=cpu=24",
    "mem": "Priority=100 MaxWall=7-00:00:00 MaxTRESPerUser=node=1",
    "testing": "Priority=500 MaxWall=01:00:00 MaxTRESPerUser=cpu=16 MaxJobsPerUser=1",
    "low": "Priority=0 MaxWall=1-00:00:00 PreemptMode=requeue",
    "lowcancel": "Priority=0 MaxWall=1-00:00:00 PreemptMode=cancel",
    "tiny": "Priority=100 MaxWall=00:10:00 MaxTRESPerJob=cpu=2 MaxTRESPerUser=cpu=4 MaxJobsPerUser=1 "
    "MaxSubmitJobsPerUser=3 GrpTRES=cpu=4",
}

ACCOUNT = "chemistry"
OTHER_ACCOUNT = "physics"


def accounting_commands(user: str) -> str:
    """Input of an interactive sacctmgr: one process, because each start of it costs a third of a second."""
    # "normal" comes with Slurm; a second "add" of what exists is an error that hides real ones.
    lines = [
        f"add cluster {CLUSTER_NAME}",
        f"add account {ACCOUNT} cluster={CLUSTER_NAME} Description=tests Organization=tests",
        f"add account {OTHER_ACCOUNT} cluster={CLUSTER_NAME} Description=tests Organization=tests",
        f"add qos {','.join(name for name in QOS if name != 'normal')}",
        # Those a QoS may preempt have to exist when it is modified.
        *(f"modify qos {name} set {limits}" for name, limits in QOS.items()),
        f"add user {user} cluster={CLUSTER_NAME} account={ACCOUNT} qos={','.join(QOS)} DefaultQOS=normal",
        "exit",
    ]
    return "".join(f"{line}\n" for line in lines)


def slurm_conf(layout: Layout, ports: Ports, host: str, options: ClusterOptions) -> str:
    if options.memory_cgroups:
        memory = ["TaskPlugin=task/cgroup"]  # together with OverMemoryKill slurmd would refuse to start
    else:
        memory = ["TaskPlugin=task/none", "JobAcctGatherParams=OverMemoryKill"]
    lines = [
        f"ClusterName={CLUSTER_NAME}",
        f"SlurmctldHost={host}(127.0.0.1)",
        "SlurmUser=slurm",
        "SlurmdUser=root",
        "AuthType=auth/munge",
        f"AuthInfo=socket={layout.munge_socket}",
        "CredType=cred/munge",
        # Bind what the host name resolves to (loopback), not every interface.
        "CommunicationParameters=NoCtldInAddrAny,NoInAddrAny",
        f"SlurmctldPort={ports.slurmctld}",
        f"SlurmctldPidFile={layout.run}/slurm/slurmctld.pid",
        f"SlurmctldLogFile={layout.log}/slurmctld.log",
        f"SlurmdPidFile={layout.run}/slurm/slurmd-%n.pid",
        f"SlurmdLogFile={layout.log}/slurmd-%n.log",
        f"SlurmdSpoolDir={layout.spool}/%n",
        f"StateSaveLocation={layout.state}",
        "SlurmctldDebug=info",
        "SlurmdDebug=info",
        "MpiDefault=none",
        "ProctrackType=proctrack/linuxproc",
        *memory,
        "JobAcctGatherType=jobacct_gather/linux",
        "JobAcctGatherFrequency=task=1",
        "SlurmdParameters=config_overrides",  # nodes claim more cores than this machine has
        "ReturnToService=2",
        "SlurmctldTimeout=60",
        "SlurmdTimeout=20",
        "KillWait=5",
        "InactiveLimit=0",
        f"MinJobAge={options.min_job_age_s}",
        "OverTimeLimit=0",
        "JobRequeue=1",
        f"EnforcePartLimits={'ALL' if options.enforce_at_submission else 'NO'}",
        "SchedulerType=sched/backfill",
        "SchedulerParameters=bf_interval=2,sched_interval=2,batch_sched_delay=0,bf_continue",
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_Core_Memory",
        "DefMemPerCPU=3840",
        "GresTypes=gpu",
        "PriorityType=priority/multifactor",
        "PriorityCalcPeriod=1",
        "PriorityWeightAge=1000",
        "PriorityWeightFairshare=10000",
        "PriorityWeightQOS=10000",
        "PreemptType=preempt/qos",
        "PreemptMode=REQUEUE",
        "AccountingStorageType=accounting_storage/slurmdbd",
        "AccountingStorageHost=127.0.0.1",
        f"AccountingStoragePort={ports.slurmdbd}",
        # The connection to slurmdbd ignores AuthInfo: without its socket here every call waits two seconds.
        f"AccountingStoragePass={layout.munge_socket}",
        "AccountingStorageEnforce=associations,limits,qos",
        f"AccountingStorageTRES=gres/gpu,gres/gpu:a100,gres/gpu:{SLICES}",
        "AccountingStoreFlags=job_comment,job_script",
        "JobCompType=jobcomp/none",
        *options.slurm_lines,
        *(_node(name, host, port) for name, port in zip(NODES, ports.slurmd, strict=True)),
        *(
            f"PartitionName={name} {words}" + ("" if "State=" in words else " State=UP")
            for name, words in PARTITIONS.items()
        ),
    ]
    return "".join(f"{line}\n" for line in lines)


def _node(name: str, host: str, port: int) -> str:
    kind = {
        "c": "RealMemory=65536 Feature=milan",
        "g": f"RealMemory=65536 Feature=a100 Gres=gpu:a100:{GPUS_PER_NODE}",
        "m": "RealMemory=262144 Feature=highmem",
    }[name[0]]
    if name == "g2":
        kind += f",gpu:{SLICES}:{SLICES_ON_G2}"
    shape = f"CPUs={CORES_PER_NODE} Boards=1 SocketsPerBoard=1 CoresPerSocket={CORES_PER_NODE} ThreadsPerCore=1"
    return f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} {shape} {kind} State=UNKNOWN"


def slurmdbd_conf(layout: Layout, ports: Ports, host: str) -> str:
    return f"""\
AuthType=auth/munge
AuthInfo=socket={layout.munge_socket}
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={ports.slurmdbd}
CommunicationParameters=NoInAddrAny
SlurmUser=slurm
DebugLevel=info
LogFile={layout.log}/slurmdbd.log
PidFile={layout.run}/slurm/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser={DATABASE_USER}
StoragePass={DATABASE_PASSWORD}
StorageLoc={DATABASE}
"""


def gres_conf(layout: Layout) -> str:
    last = GPUS_PER_NODE + SLICES_ON_G2 - 1
    return (
        f"NodeName=g[1-2] Name=gpu Type=a100 File={layout.devices}/nvidia[0-{GPUS_PER_NODE - 1}]\n"
        f"NodeName=g2 Name=gpu Type={SLICES} File={layout.devices}/nvidia[{GPUS_PER_NODE}-{last}]\n"
    )


def cgroup_conf() -> str:
    return (
        "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\nConstrainRAMSpace=yes\nConstrainSwapSpace=no\n"
        "ConstrainCores=no\nConstrainDevices=no\n"
    )


def database_conf(layout: Layout) -> str:
    """MariaDB without a network port; it may lose its last second, for the whole of it is thrown away."""
    return f"""\
[mysqld]
datadir={layout.database}
socket={layout.database_socket}
pid-file={layout.run}/mysql/mariadbd.pid
log-error={layout.log}/mariadbd.log
skip-networking
user=mysql
innodb_buffer_pool_size=128M
innodb_log_file_size=32M
innodb_lock_wait_timeout=900
innodb_flush_log_at_trx_commit=0
innodb_doublewrite=0
max_allowed_packet=64M
"""


def database_setup() -> str:
    return (
        f"CREATE DATABASE {DATABASE};"
        f"CREATE USER '{DATABASE_USER}'@'localhost' IDENTIFIED BY '{DATABASE_PASSWORD}';"
        f"GRANT ALL ON {DATABASE}.* TO '{DATABASE_USER}'@'localhost';"
    )


def sshd_config(layout: Layout, port: int, user: str, options: ClusterOptions) -> str:
    lines = [
        *options.sshd_lines,
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {layout.ssh}/host_ed25519",
        f"HostKey {layout.ssh}/host_rsa",
        f"PidFile {layout.run}/sshd.pid",
        f"AllowUsers {user}",
        "PermitRootLogin no",
        "PubkeyAuthentication yes",
        "PasswordAuthentication yes",
        "KbdInteractiveAuthentication yes",
        "UsePAM yes",
        "MaxStartups 100:30:200",
        "MaxSessions 50",
        "MaxAuthTries 6",
        "PrintMotd no",
        "X11Forwarding no",
        "UseDNS no",
        "Subsystem sftp internal-sftp",
        f"SetEnv SLURM_CONF={layout.slurm_conf}",
    ]
    return "".join(f"{line}\n" for line in lines)


def profile(layout: Layout) -> str:
    """The test user's ~/.profile; read by login shells only, as on most sites."""
    return (
        f"export SLURM_CONF={layout.slurm_conf}\n"
        # A test may choose another module system than the machine's own.
        "if [ -r ~/.module_system ]; then . ~/.module_system; return; fi\n"
        f"module use {layout.modules}/Core 2>/dev/null\n"
    )


def tcl_modulefiles(layout: Layout) -> dict[str, str]:
    """Module files for environment-modules, which knows no hierarchy and reads no Lua."""
    text = "#%Module1.0\nprepend-path PATH {}\n"
    return {
        "namd/2.14-multicore": text.format(f"{layout.software}/namd-2.14/bin"),
        "namd/3.0.1-mpi": text.format(f"{layout.software}/namd-3.0.1_cpu/bin"),
        "openmpi/4.1.6": text.format(f"{layout.software}/openmpi/bin"),
    }


NAMD_STUBS = {
    "namd-2.14": ("namd2", "2.14", "Linux-x86_64-multicore"),
    "namd-3.0.1_cpu": ("namd3", "3.0.1", "Linux-x86_64-mpi-smp"),
    "namd-3.0.1_gpu": ("namd3", "3.0.1", "Linux-x86_64-multicore-CUDA"),
}
"""Folder below the software: program, and the version and platform that its banner says."""


def namd_stub(layout: Layout, version: str, platform: str) -> str:
    """Started alone it says what it is and fails, as NAMD does; with a config it is the engine."""
    return (
        f'#!/bin/bash\n[ $# -gt 0 ] && exec {layout.software}/namd/bin/namd3 "$@"\n'
        f"echo 'Info: NAMD {version} for {platform}'\n"
        "echo 'FATAL ERROR: No simulation config file specified on command line.'\nexit 1\n"
    )


def modulefiles(layout: Layout) -> dict[str, str]:
    """Lua module files by path below the module tree: one NAMD that is there at once, one behind its compiler."""
    compiler, mpi = "gcc/13.2.0", "openmpi/5.0.6"
    return {
        "Core/namd/3.0-demo.lua": _module("namd", "3.0-demo", path=f"{layout.software}/namd/bin"),
        f"Core/{compiler}.lua": _module(
            "gcc", "13.2.0", family="compiler", opens=f"{layout.modules}/Compiler/{compiler}"
        ),
        f"Compiler/{compiler}/{mpi}.lua": _module(
            "openmpi", "5.0.6", family="mpi", opens=f"{layout.modules}/MPI/{compiler}/{mpi}"
        ),
        f"MPI/{compiler}/{mpi}/namd/3.0.1_cpu.lua": _module(
            "namd", "3.0.1_cpu", path=f"{layout.software}/namd-3.0.1_cpu/bin"
        ),
        f"MPI/{compiler}/{mpi}/namd/3.0.1_gpu.lua": _module(
            "namd", "3.0.1_gpu", path=f"{layout.software}/namd-3.0.1_gpu/bin"
        ),
    }


def _module(name: str, version: str, *, path: str = "", family: str = "", opens: str = "") -> str:
    lines = [f'whatis("Name: {name}")', f'whatis("Version: {version}")', 'whatis("Description: for tests only")']
    if family:
        lines.append(f'family("{family}")')
    if path:
        lines.append(f'prepend_path("PATH", "{path}")')
    if opens:
        lines.append(f'prepend_path("MODULEPATH", "{opens}")')
    return "".join(f"{line}\n" for line in lines)
