"""Text that stays text in a Tcl script."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r'([\\\[\]{}$";# ])')


def tcl_escape(text: str) -> str:
    r"""Every character that means something to Tcl with a backslash before it: ``a b[c]`` becomes ``a\ b\[c\]``.

    Works in the middle of a word as well as alone. The text must not hold control characters.
    """
    return _SPECIAL.sub(r"\\\1", text)
