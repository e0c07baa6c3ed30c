"""Pause, resume and cancel of one transfer, from outside."""

from __future__ import annotations

import asyncio

from namdrunner.errors import InterruptedOperationError


class TransferControl:
    """Handed to ``upload`` or ``download``; what was sent so far is kept and taken up again next time."""

    def __init__(self) -> None:
        self._going = asyncio.Event()
        self._going.set()
        self.cancelled = False

    @property
    def paused(self) -> bool:
        return not self._going.is_set()

    def pause(self) -> None:
        self._going.clear()

    def resume(self) -> None:
        self._going.set()

    def cancel(self) -> None:
        self.cancelled = True
        self._going.set()

    async def checkpoint(self) -> None:
        """Wait while paused.

        Raises:
            InterruptedOperationError: ``transfer-cancelled``.
        """
        if not self._going.is_set():
            await self._going.wait()
        if self.cancelled:
            raise InterruptedOperationError(
                "The transfer was cancelled.",
                code="transfer-cancelled",
                remedy="Start it again to go on where it stopped.",
            )
