"""Start of the cluster, in the order in which its parts need each other."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.integration.slurm_cluster import configuration as texts
from tests.integration.slurm_cluster import records
from tests.integration.slurm_cluster.cluster import SlurmCluster
from tests.integration.slurm_cluster.engine import install_engine
from tests.integration.slurm_cluster.layout import NODES, Layout, Ports, new_root
from tests.integration.slurm_cluster.options import ClusterOptions
from tests.integration.slurm_cluster.packages import missing_reason
from tests.integration.slurm_cluster.processes import ClusterError, Daemon, clean_environment, tail
from tests.integration.slurm_cluster.readiness import wait_nodes, wait_ready
from tests.integration.slurm_cluster.user import create_user


def start_cluster(options: ClusterOptions | None = None, *, name: str = "") -> SlurmCluster:
    """Start everything and wait until jobs can be submitted (10-15 s).

    ``name`` gives the folder a fixed name and keeps the cluster when this process ends. Raises ClusterError.
    """
    reason = missing_reason()
    if reason:
        raise ClusterError(f"the test cluster cannot be started: {reason}")
    options = options or ClusterOptions()
    try:
        layout = Layout(new_root(name))
    except FileExistsError as error:
        raise ClusterError(f"there is a cluster of this name already: {error.filename}") from None
    records.remove_abandoned(layout.root.parent)
    host = loopback_host_name()
    _make_folders(layout)
    user = create_user(layout.root, texts.profile(layout))
    cluster = SlurmCluster(layout, Ports.free(), user, options, _daemons(layout))
    try:
        records.write(layout, user.name, cluster.port, kept=bool(name))
        _write_configuration(cluster, host)
        _start(cluster)
    except BaseException:
        cluster.stop()
        raise
    return cluster


def loopback_host_name() -> str:
    """The short host name, which must resolve to loopback: Slurm's daemons bind to what it resolves to."""
    host = socket.gethostname().split(".")[0]
    if not _resolves_to_loopback(host):
        with Path("/etc/hosts").open("a") as hosts:
            hosts.write(f"127.0.0.1 {host}\n")
    if not _resolves_to_loopback(host):
        raise ClusterError(f"the host name {host} does not resolve to 127.0.0.1")
    return host


def _resolves_to_loopback(host: str) -> bool:
    try:
        return socket.gethostbyname(host).startswith("127.")
    except OSError:
        return False


def _make_folders(layout: Layout) -> None:
    for folder in (layout.etc, layout.log, layout.run, layout.spool, layout.ssh, layout.devices, layout.software):
        folder.mkdir(mode=0o755)
    owned = {
        layout.munge: ("munge", 0o700),
        layout.munge_socket.parent: ("munge", 0o755),
        layout.database: ("mysql", 0o700),
        layout.database_socket.parent: ("mysql", 0o755),
        layout.run / "slurm": ("slurm", 0o755),
        layout.state: ("slurm", 0o755),
    }
    for folder, (owner, mode) in owned.items():
        folder.mkdir(mode=mode)
        shutil.chown(folder, owner, owner)
    # munged refuses a socket below a folder that another user may write to, so run/ itself stays root's.
    shutil.chown(layout.log, "slurm", "slurm")
    layout.log.chmod(0o777)  # three users write their logs here
    key = layout.munge / "key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    shutil.chown(key, "munge", "munge")


def _daemons(layout: Layout) -> dict[str, Daemon]:
    slurm = {"SLURM_CONF": str(layout.slurm_conf)}

    def log(name: str) -> Path:
        return layout.log / f"{name}.out"

    munge_options = {
        "key-file": layout.munge / "key",
        "socket": layout.munge_socket,
        "pid-file": layout.munge_socket.parent / "munged.pid",
        "log-file": layout.munge / "munged.log",
        "seed-file": layout.munge / "munged.seed",
        "num-threads": 4,
    }
    daemons = [
        Daemon(
            "munged",
            ("munged", "--foreground", *(f"--{option}={value}" for option, value in munge_options.items())),
            log("munged"),
            user="munge",
            before=lambda: _remove_left_socket(layout.munge_socket),
        ),
        Daemon("mariadbd", ("mariadbd", f"--defaults-file={layout.etc}/my.cnf"), layout.log / "mariadbd.log"),
        Daemon(
            "slurmdbd",
            ("slurmdbd", "-D"),
            log("slurmdbd"),
            user="slurm",
            environment={**slurm, "MYSQL_UNIX_PORT": str(layout.database_socket)},
        ),
        Daemon("slurmctld", ("slurmctld", "-D"), log("slurmctld"), user="slurm", environment=slurm),
        *(
            Daemon(f"slurmd-{node}", ("slurmd", "-D", "-N", node), log(f"slurmd-{node}"), environment=slurm)
            for node in NODES
        ),
        Daemon("sshd", ("sshd", "-D", "-f", f"{layout.etc}/sshd_config", "-E", f"{layout.log}/sshd.log"), log("sshd")),
    ]
    return {daemon.name: daemon for daemon in daemons}


def _remove_left_socket(path: Path) -> None:
    for left in path.parent.glob(f"{path.name}*"):
        left.unlink()


def _write_configuration(cluster: SlurmCluster, host: str) -> None:
    layout, ports, options = cluster.layout, cluster.ports, cluster.options
    files = {
        "slurm.conf": texts.slurm_conf(layout, ports, host, options),
        "slurmdbd.conf": texts.slurmdbd_conf(layout, ports, host),
        "gres.conf": texts.gres_conf(layout),
        "cgroup.conf": texts.cgroup_conf(),
        "my.cnf": texts.database_conf(layout),
        "sshd_config": texts.sshd_config(layout, ports.sshd, cluster.user, options),
    }
    for name, text in files.items():
        (layout.etc / name).write_text(text)
    (layout.etc / "slurmdbd.conf").chmod(0o600)
    shutil.chown(layout.etc / "slurmdbd.conf", "slurm", "slurm")
    for name, text in texts.modulefiles(layout).items():
        module = layout.modules / name
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(text)
    for name, text in texts.tcl_modulefiles(layout).items():
        module = layout.tcl_modules / name
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(text)
    for folder, (program, version, platform) in texts.NAMD_STUBS.items():
        stub = layout.software / folder / "bin" / program
        stub.parent.mkdir(parents=True)
        stub.write_text(texts.namd_stub(layout, version, platform))
        stub.chmod(0o755)
    for index in range(texts.GPUS_PER_NODE + texts.SLICES_ON_G2):
        # Slurm wants a device file for each GPU and never opens it: a second name of /dev/null will do.
        device = layout.devices / f"nvidia{index}"
        try:
            os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        except PermissionError:
            device.touch()
    for kind in ("ed25519", "rsa"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "test-host", "-f", layout.ssh / f"host_{kind}"], check=True
        )
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # built into sshd


def _start(cluster: SlurmCluster) -> None:
    daemons, layout = cluster.daemons, cluster.layout
    with ThreadPoolExecutor(1) as aside:
        engine = aside.submit(install_engine, layout.root / "runtime", layout.software, cluster.user)
        cluster.start_daemon("munged")
        cluster.start_daemon("sshd")
        _create_database(layout)
        cluster.start_daemon("mariadbd")
        _run("mariadb", "--no-defaults", "-S", str(layout.database_socket), "-u", "root", "-e", texts.database_setup())
        cluster.start_daemon("slurmdbd")
        _create_accounts(cluster)
        daemons["slurmctld"].start()
        for node in NODES:
            daemons[f"slurmd-{node}"].start()
        records.update_processes(layout, daemons)
        wait_ready(cluster, "slurmctld")
        wait_nodes(cluster)
        engine.result()


def _create_database(layout: Layout) -> None:
    _run(
        "mariadb-install-db",
        f"--defaults-file={layout.etc}/my.cnf",
        "--user=mysql",
        "--auth-root-authentication-method=socket",
        "--skip-test-db",
    )


def _create_accounts(cluster: SlurmCluster) -> None:
    done = subprocess.run(
        ["sacctmgr", "-i"],
        input=texts.accounting_commands(cluster.user),
        env={**clean_environment(), "SLURM_CONF": str(cluster.layout.slurm_conf)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    (cluster.layout.log / "accounts.log").write_text(done.stdout + done.stderr)
    # It goes on after a refusal and ends with status 0: only the result tells.
    query = ("show", "assoc", f"user={cluster.user}", "format=account,qos")
    written = cluster.root_command("sacctmgr", "-n", "-P", *query).strip()
    account, _, qos = written.partition("|")
    if account != texts.ACCOUNT or set(qos.split(",")) != set(texts.QOS):
        raise ClusterError(f"the accounts were not made: {written!r}\n{tail(cluster.layout.log / 'accounts.log')}")


def _run(*command: str) -> None:
    done = subprocess.run(command, env=clean_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise ClusterError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-1000:]}")
