"""Inputs that another job brought to the cluster already: linked or copied there instead of sent again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from namdrunner.remote.listing import nul_joined
from namdrunner.remote.transfer.channel import TransferChannel
from namdrunner.remote.transfer.upload import Outgoing

Elsewhere = Mapping[str, Sequence[PurePosixPath]]
"""sha256 to places on the cluster where a file of that content was put earlier; checked again before use."""

# A hard link costs no quota and no time; between file systems it has to be a copy. Prints the index of what worked.
REUSE = r"""export LC_ALL=C; n=0
while IFS= read -r -d '' from && IFS= read -r -d '' part && IFS= read -r -d '' to; do
rm -f -- "$part"
if ln -- "$from" "$part" 2>/dev/null || cp -- "$from" "$part" 2>/dev/null; then mv -f -- "$part" "$to" && echo $n; fi
n=$((n+1)); done"""


async def reuse(
    channel: TransferChannel, files: Sequence[tuple[Outgoing, str]], elsewhere: Elsewhere
) -> list[tuple[Outgoing, str]]:
    """Put ``files`` (with their sha256) in place from copies on the cluster; those for which it worked."""
    wanted = [(file, digest) for file, digest in files if elsewhere.get(digest)]
    if not wanted:
        return []
    candidates = dict.fromkeys(path for _, digest in wanted for path in elsewhere[digest])
    found = await channel.digests(candidates)
    pairs: list[tuple[Outgoing, str, PurePosixPath]] = []
    for file, digest in wanted:
        source = next((p for p in elsewhere[digest] if found.get(str(p)) == digest and p != file.target), None)
        if source is not None:
            pairs.append((file, digest, source))
    if not pairs:
        return []
    stdin = b"".join(nul_joined((source, file.part, file.target)) for file, _, source in pairs)
    output = await channel.command(REUSE, stdin=stdin, label="reuse files on the cluster")
    worked = {int(word) for word in output.split()}
    return [(file, digest) for number, (file, digest, _) in enumerate(pairs) if number in worked]
