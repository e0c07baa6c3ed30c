"""Replies of remote scripts in sections, each begun by a line that no log and no greeting can imitate."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PROLOGUE = r"""
export LC_ALL=C
frame() { printf '\n==%s %s\n' "$N" "$*"; }
bounded() { local s=$1; shift; if command -v timeout >/dev/null 2>&1; then timeout "$s" "$@"; else "$@"; fi; }
if ! command -v squeue >/dev/null 2>&1; then
  { . /etc/profile; for f in ~/.bash_profile ~/.bash_login ~/.profile; do [ -r "$f" ] && { . "$f"; break; }; done; } \
    >/dev/null 2>&1
fi
"""


def prologue(nonce: str) -> str:
    """Shell functions ``frame WORDS`` and ``bounded SECONDS COMMAND``; the login profile where Slurm is not found."""
    if not re.fullmatch(r"[0-9a-f]{16,64}", nonce):
        raise ValueError("the nonce is not hexadecimal")
    return f"N={nonce}\n{_PROLOGUE}"


def sections(reply: bytes, nonce: str) -> Iterator[tuple[list[str], bytes]]:
    """The words of each section's first line, and its bytes; what precedes the first section is dropped."""
    for section in re.split(rb"(?:^|\n)==" + nonce.encode() + rb" ", reply)[1:]:
        head, _, body = section.partition(b"\n")
        yield head.decode("utf-8", "replace").split(" "), body
