"""Progress of one transfer: per file and in all, with rate and time left, told at most a few times a second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from namdrunner.remote.values import ProgressCallback, TransferProgress

INTERVAL_S = 0.25
RATE_WINDOW_S = 5.0


class Meter:
    """Counts bytes that are where they belong. Bytes that were there already count as done, not towards the rate."""

    def __init__(
        self,
        callback: ProgressCallback | None,
        sizes: dict[str, int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._callback = callback
        self._clock = clock
        self._sizes = sizes
        self._done: dict[str, int] = dict.fromkeys(sizes, 0)
        self._finished: set[str] = set()
        self._moved = 0
        self._samples: deque[tuple[float, int]] = deque([(clock(), 0)])
        self._told = 0.0

    def sent(self, file: str, count: int) -> None:
        """``count`` further bytes of ``file`` arrived."""
        self._done[file] += count
        self._moved += count
        self._tell(file)

    def start_at(self, file: str, offset: int) -> None:
        """``file`` begins (again) with ``offset`` bytes already there."""
        self._done[file] = offset
        self._tell(file)

    def finish(self, file: str) -> None:
        self._done[file] = self._sizes[file]
        self._finished.add(file)
        self._tell(file, now=len(self._finished) == len(self._sizes))

    def resize(self, file: str, size: int) -> None:
        """The size turned out to be another than planned."""
        self._sizes[file] = size

    @property
    def moved(self) -> int:
        """Bytes sent over the network for file contents so far."""
        return self._moved

    def snapshot(self, file: str) -> TransferProgress:
        total, done = sum(self._sizes.values()), sum(self._done.values())
        rate = self._rate()
        return TransferProgress(
            file=file,
            file_bytes=self._done[file],
            file_total=self._sizes[file],
            bytes=done,
            total=total,
            files=len(self._finished),
            files_total=len(self._sizes),
            rate_bytes_per_s=rate,
            eta_s=max(0, total - done) / rate if rate > 0 else None,
        )

    def _rate(self) -> float:
        """Mean over the last seconds, bytes per second."""
        now = self._clock()
        while len(self._samples) > 1 and self._samples[1][0] < now - RATE_WINDOW_S:
            self._samples.popleft()
        at, moved = self._samples[0]
        return (self._moved - moved) / (now - at) if now > at else 0.0

    def _tell(self, file: str, *, now: bool = False) -> None:
        if self._callback is None:
            return
        at = self._clock()
        if not now and at - self._told < INTERVAL_S:
            return
        self._told = at
        self._samples.append((at, self._moved))
        self._callback(self.snapshot(file))
