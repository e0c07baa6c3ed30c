"""Which of a job's files can be shown as a structure, and in what order a person would want them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from namdrunner.services.documents import rfc3339
from namdrunner.store.jobs import StoredJob

Kind = Literal["trajectory", "snapshot", "input"]

_STRUCTURE_ROLES = ("structure", "parmfile")
_STRUCTURE_ENDS = (".psf", ".prmtop", ".parm7", ".pdb")
_INPUT_ENDS = (".pdb", ".coor")
_COORDINATE_ROLES = ("bincoordinates", "coordinates")
_FREQUENCY_IN_LOG = re.compile(rb"^Info: DCD FREQUENCY\s+(\d+)", re.MULTILINE)
_FREQUENCY_IN_CONFIG = re.compile(r"^\s*dcdfreq[\s=]+(\d+)", re.MULTILINE | re.IGNORECASE)
_NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
_ORIGIN = re.compile(rf"^\s*cellorigin[\s=]+{_NUMBER}\s+{_NUMBER}\s+{_NUMBER}", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class Shown:
    """A file with coordinates; ``name`` is what it is listed under."""

    name: str
    kind: Kind
    bytes: int
    modified_at: str | None = None


def structure_file(job: StoredJob) -> str | None:
    """The input that names the atoms: the config's structure, else what looks like one; None without."""
    inputs = job.record.inputs
    for role in _STRUCTURE_ROLES:
        found = next((i.name for i in inputs if i.role.lower() == role), None)
        if found is not None:
            return f"input_files/{found}"
    for end in _STRUCTURE_ENDS:
        found = next((i.name for i in inputs if i.name.lower().endswith(end)), None)
        if found is not None:
            return f"input_files/{found}"
    return None


def shown_files(job: StoredJob) -> list[Shown]:
    """Trajectories, then single frames with the newest first, then what the run began with."""
    outputs = [o for o in job.status.outputs if o.name.startswith(("outputs/", "scratch/")) and o.bytes]
    newest = sorted(outputs, key=lambda o: o.modified_at, reverse=True)
    found = [Shown(o.name, "trajectory", o.bytes, rfc3339(o.modified_at)) for o in newest if _ends(o.name, ".dcd")]
    found += [Shown(o.name, "snapshot", o.bytes, rfc3339(o.modified_at)) for o in newest if _ends(o.name, ".coor")]
    inputs = [i for i in job.record.inputs if i.name.lower().endswith(_INPUT_ENDS)]
    order = {role: index for index, role in enumerate(_COORDINATE_ROLES)}
    inputs.sort(key=lambda i: order.get(i.role.lower(), len(order)))
    found += [Shown(f"input_files/{i.name}", "input", i.bytes) for i in inputs]
    return found


def _ends(name: str, end: str) -> bool:
    return name.lower().endswith(end)


def dcd_frequency(log: bytes, config: str) -> int | None:
    """Steps between two frames: as NAMD said, else as the config says in plain words; None where neither does."""
    said = _FREQUENCY_IN_LOG.search(log)
    planned = _FREQUENCY_IN_CONFIG.search(config)
    value = said.group(1) if said else planned.group(1) if planned else None
    return int(value) if value is not None and int(value) > 0 else None


def cell_file(job: StoredJob, name: str) -> str | None:
    """The file with the cell of one frame: ``run.restart.xsc`` beside ``run.restart.coor``; of inputs any of theirs."""
    if name.startswith("input_files/"):
        return cell_of_start(job)
    if not _ends(name, ".coor"):
        return None
    wanted = name[: -len(".coor")] + ".xsc"
    return wanted if any(o.name == wanted for o in job.status.outputs) else None


def cell_of_start(job: StoredJob) -> str | None:
    """The cell that the run begins with, where a file says it."""
    return next((f"input_files/{i.name}" for i in job.record.inputs if _ends(i.name, ".xsc")), None)


def config_cell_origin(config: str) -> list[float]:
    """As the config says in plain words; NAMD's default is 0 0 0. In Angstrom."""
    found = _ORIGIN.search(config)
    return [float(word) for word in found.groups()] if found else [0.0, 0.0, 0.0]


def sources_document(job: StoredJob, files: list[Shown], here: set[str], frequency: int | None) -> dict[str, Any]:
    return {
        "structure": structure_file(job),
        "dcd_frequency": frequency,
        "sources": [
            {
                "name": f.name,
                "kind": f.kind,
                "bytes": f.bytes,
                "modified_at": f.modified_at,
                "here": f.name in here,
            }
            for f in files
        ],
    }
