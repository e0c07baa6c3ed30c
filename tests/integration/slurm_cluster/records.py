"""What each cluster on this machine leaves in writing, so that a crashed test run can be cleaned up by the next."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.integration.slurm_cluster.layout import NODES, PREFIX, Layout
from tests.integration.slurm_cluster.processes import Daemon, ProcessRecord, end, processes_with_variable
from tests.integration.slurm_cluster.user import remove_user


@dataclass(frozen=True)
class Record:
    """``owner`` is the process the cluster must not outlive; ``None`` keeps it until it is taken down by hand."""

    user: str
    port: int
    owner: ProcessRecord | None
    processes: tuple[ProcessRecord, ...]


def write(layout: Layout, user: str, port: int, *, kept: bool) -> None:
    _save(layout, {"user": user, "port": port, "owner": None, "processes": {}})
    if not kept:
        save_owner(layout, ProcessRecord.of(os.getpid()), {})


def save_owner(layout: Layout, owner: ProcessRecord, processes: Mapping[str, ProcessRecord]) -> None:
    document = json.loads(layout.record.read_text())
    document["owner"] = asdict(owner)
    document["processes"] = {name: asdict(process) for name, process in processes.items()}
    _save(layout, document)


def update_processes(layout: Layout, daemons: Mapping[str, Daemon]) -> None:
    document = json.loads(layout.record.read_text())
    document["processes"] = {d.name: asdict(d.record) for d in daemons.values() if d.record is not None}
    _save(layout, document)


def _save(layout: Layout, document: dict[str, Any]) -> None:
    partial = layout.record.with_suffix(".partial")
    partial.write_text(json.dumps(document, indent=1))
    partial.chmod(0o600)
    partial.replace(layout.record)


def read(layout: Layout) -> Record | None:
    try:
        document = json.loads(layout.record.read_text())
    except (OSError, ValueError):
        return None
    owner = document["owner"]
    return Record(
        document["user"],
        document["port"],
        ProcessRecord(**owner) if owner else None,
        tuple(ProcessRecord(**process) for process in document["processes"].values()),
    )


def clusters(parent: Path) -> Iterable[tuple[Layout, Record]]:
    for folder in sorted(parent.glob(f"{PREFIX}*")):
        layout = Layout(folder)
        record = read(layout)
        if record is not None:
            yield layout, record


def remove_abandoned(parent: Path) -> list[Path]:
    """Take down the clusters whose test run ended without doing so, and return their folders."""
    removed = []
    for layout, record in clusters(parent):
        if record.owner is not None and record.owner.find() is None:
            take_down(layout, record)
            removed.append(layout.root)
    return removed


def take_down(layout: Layout, record: Record) -> None:
    """End a cluster that another process started."""
    running = [process for written in record.processes if (process := written.find()) is not None]
    end(running, grace_s=3)
    end(processes_with_variable("SLURM_CONF", str(layout.slurm_conf)), grace_s=1)
    remove_user(record.user)
    remove_folder(layout)


def remove_folder(layout: Layout) -> None:
    shutil.rmtree(layout.root, ignore_errors=True)
    for node in NODES:
        # Left by slurmd where memory is limited by cgroups; those still in use by another cluster refuse.
        group = Path(f"/sys/fs/cgroup/memory/slurm_{node}")
        if group.is_dir():
            for folder, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):
                    Path(folder).rmdir()
