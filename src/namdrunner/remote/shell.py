"""Shell words that survive any login shell: sh, bash, csh, tcsh, fish."""

from __future__ import annotations

import base64
import re
import shlex

_PLAIN = re.compile(r"[A-Za-z0-9 _./:=@%+,;(){}\[\]<>|&$\"*?~^#-]*")


def bash(script: str, *arguments: str) -> str:
    """A command line that runs ``script`` in bash with ``$1``... set, whatever the login shell is.

    csh mangles newlines and ``!`` inside quotes and fish has its own escapes, so anything unusual travels as base64.
    Login files are not read: this is for plain file work, not for commands that need modules.
    """
    if _PLAIN.fullmatch(script) and all(_PLAIN.fullmatch(a) for a in arguments):
        return "exec bash -c " + " ".join(_single_quoted(w) for w in (script, "bash", *arguments))
    whole = f"set -- {shlex.join(arguments)}\n{script}"
    packed = base64.b64encode(whole.encode("utf-8", "surrogateescape")).decode()
    return f"exec bash -c 'eval \"$(echo {packed} | base64 -d)\"'"


def _single_quoted(word: str) -> str:
    return f"'{word}'"  # the word has no single quote: _PLAIN sees to that
