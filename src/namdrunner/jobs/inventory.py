"""``logs/inventory.tsv``: the results that the job script brought to the project folder, verified."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_DIGEST = re.compile(r"^[0-9a-f]{64}$")


@dataclass(frozen=True)
class InventoryEntry:
    """``path`` is below the project folder; ``modified_at`` in seconds since the epoch; no digest for large files."""

    bytes: int
    modified_at: int
    sha256: str | None
    path: str


def parse_inventory(text: str) -> tuple[InventoryEntry, ...]:
    """Lines that are not whole (a file cut off) are left out."""
    entries = []
    for line in text.splitlines():
        size, *rest = line.split("\t")
        if len(rest) != 3 or not size.isdigit() or not rest[0].lstrip("-").isdigit():
            continue
        digest = rest[1] if _DIGEST.match(rest[1]) else None
        entries.append(InventoryEntry(int(size), int(rest[0]), digest, unquote(rest[2])))
    return tuple(entries)
