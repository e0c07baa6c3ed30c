"""Words of a remote server, made safe to show: no control characters, no direction tricks, bounded length."""

from __future__ import annotations

import re
import unicodedata

_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_KEPT = {"\n", "\t"}


def plain_text(text: str, *, limit: int = 2000) -> str:
    """``text`` without terminal escapes, control and invisible formatting characters, at most ``limit`` long."""
    text = _ESCAPE_SEQUENCE.sub("", text[: limit * 4].replace("\r\n", "\n"))
    kept = "".join(c for c in text if c in _KEPT or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co"})
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def plain_line(text: str, *, limit: int = 300) -> str:
    """``plain_text`` in one line."""
    return " ".join(plain_text(text, limit=limit).split())
