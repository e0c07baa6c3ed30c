"""What a remote script writes, as it comes: nothing is kept here but what the reader has not taken yet."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import asyncssh

from namdrunner.errors import CommandError
from namdrunner.remote import faults
from namdrunner.remote.plaintext import plain_line
from namdrunner.remote.transfer.channel import TransferChannel
from namdrunner.remote.transfer.flow import Bandwidth

CHUNK = 256 * 1024


async def output_of(
    channel: TransferChannel, bandwidth: Bandwidth, script: str, arguments: tuple[str, ...], stdin: bytes, label: str
) -> AsyncGenerator[bytes]:
    """The pieces of a script's output; a reader that stops early ends the script. Raises CommandError at the end."""
    async with channel.process(script, *arguments) as process:
        try:
            process.stdin.write(stdin)
            process.stdin.write_eof()
            while data := await process.stdout.read(CHUNK):
                await bandwidth.take(len(data))
                yield data
            words = await process.stderr.read(4096)
            await process.wait_closed()
        except (asyncssh.Error, OSError, EOFError) as exc:
            raise faults.lost_fault(channel.place, str(exc)) from exc
        status = process.returncode
    if status is None:
        raise faults.lost_fault(channel.place, "a command ended without a status")
    if status != 0:
        said = plain_line(words.decode("utf-8", "replace"), limit=500)
        raise CommandError(
            f"'{label}' failed with exit status {status}{f': {said}' if said else '.'}",
            remedy="The words above are the cluster's own.",
            context={"command": label, "exit_status": status},
        )
