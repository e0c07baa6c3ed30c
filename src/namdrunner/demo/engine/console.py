"""The log on standard output; every line is flushed, since people and programs follow it."""

from __future__ import annotations

import sys
from typing import TextIO


class Console:
    """Writes lines of the log."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout

    def line(self, text: str = "") -> None:
        """One line as it is."""
        self.stream.write(text + "\n")
        self.stream.flush()

    def info(self, text: str = "") -> None:
        """`Info: text`."""
        self.line(f"Info: {text}")

    def warning(self, *texts: str) -> None:
        """`Warning: text`, one line each."""
        for text in texts:
            self.line(f"Warning: {text}")
