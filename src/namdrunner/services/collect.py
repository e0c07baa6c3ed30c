"""Results brought to the project folder by us, where the job script could not do it itself."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from namdrunner.jobs.collect_script import build_collect_script
from namdrunner.jobs.frames import sections
from namdrunner.jobs.inventory import InventoryEntry, parse_inventory
from namdrunner.jobs.record import OutputFile
from namdrunner.services.context import Context
from namdrunner.services.script_spec import script_spec
from namdrunner.store.jobs import StoredJob


@dataclass(frozen=True)
class Collection:
    """``complete``: every result is in the project folder and was verified there; ``gone``: there is nothing left
    that could be.
    """

    complete: bool
    gone: bool = False
    outputs: tuple[OutputFile, ...] = ()
    reason: str = ""
    remedy: str = ""


async def collect(context: Context, job: StoredJob) -> Collection:
    """Copy new and changed files from the run folder to ``outputs/``, verify, write the inventory.

    What was copied before is not copied again, so an interrupted collection is simply repeated.
    """
    nonce = secrets.token_hex(16)
    profile = context.clusters.profile(job.record.cluster)
    script = build_collect_script(script_spec(job.record, profile), nonce)
    reply = await context.session(job).run(
        "bash -s", stdin=script.encode(), timeout_s=3600, label=f"collect the results of {job.id}"
    )
    parts = {words[0]: (words[1:], body.decode("utf-8", "replace")) for words, body in sections(reply.stdout, nonce)}
    words, problem = parts.get("collected", (["cut"], ""))
    if words == ["whole"]:
        return Collection(True, outputs=output_files(parse_inventory(parts.get("inventory", ([], ""))[1])))
    if words[:1] == ["missing"]:
        return Collection(
            False,
            gone=True,
            reason="The run folder is gone, and with it the results that had not been copied.",
            remedy="Run the job again; scratch folders are cleared by the site after some time.",
        )
    return Collection(
        False,
        reason=f"The results could not be copied to the project folder. {problem.strip()}".strip(),
        remedy="Free some space in the project folder, then sync again; the results stay in the scratch folder.",
    )


def output_files(entries: tuple[InventoryEntry, ...]) -> tuple[OutputFile, ...]:
    return tuple(
        OutputFile(
            name=e.path,
            bytes=e.bytes,
            modified_at=datetime.fromtimestamp(e.modified_at, UTC),
            sha256=e.sha256,
        )
        for e in entries
    )
