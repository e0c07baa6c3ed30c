"""Imitations of the few harmless programs that published configs start, on text instead of files.

CHARMM-GUI's configs turn a file to lower case with ``tr`` and strip its equals signs with ``sed``; others make a
folder or echo a line. Nothing here starts a program; what is not known raises NotImplementedError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePath


def split_pipeline(args: tuple[str, ...]) -> tuple[list[list[str]], str | None, str | None]:
    """Split exec's words into the programs of a pipeline, the file read and the file written."""
    stages: list[list[str]] = [[]]
    source = target = None
    words = iter(word for word in args if word not in ("-ignorestderr", "-keepnewline", "--"))
    for word in words:
        if word in ("|", "|&"):
            stages.append([])
        elif word == "<":
            source = next(words, None)
        elif word in (">", ">>", ">&"):
            target = next(words, None)
        elif word.startswith("<") and not word.startswith("<<"):
            source = word[1:]
        elif word.startswith(">") and not word.startswith(">&"):
            target = word.lstrip(">")
        elif word.startswith("2>"):
            continue
        else:
            stages[-1].append(word)
    return stages, source, target


def translate(text: str, old: str, new: str) -> str:
    """What ``tr`` does for the two changes of case; anything else is not imitated."""
    upper, lower = ("[:upper:]", "A-Z", "[A-Z]"), ("[:lower:]", "a-z", "[a-z]")
    old, new = old.replace("\\", ""), new.replace("\\", "")
    if old in upper and new in lower:
        return text.lower()
    if old in lower and new in upper:
        return text.upper()
    raise NotImplementedError


def substitute(text: str, options: list[str], read: Callable[[str], str]) -> str:
    """What ``sed`` does for plain ``s/old/new/[g]`` expressions; anything else is not imitated."""
    expressions = [word for word in options if re.match(r"s(\W)", word)]
    names = [word for word in options if word not in expressions and not word.startswith("-")]
    if not expressions:
        raise NotImplementedError
    text += "".join(read(name) for name in names)
    for expression in expressions:
        parts = expression.split(expression[1])
        if len(parts) != 4 or parts[3] not in ("", "g") or re.search(r"[][\\.*^$]", parts[1]):
            raise NotImplementedError
        limit = -1 if parts[3] == "g" else 1
        text = "\n".join(line.replace(parts[1], parts[2], limit) for line in text.split("\n"))
    return text


def imitate(words: Sequence[str], text: str, read: Callable[[str], str], make_folder: Callable[[str], None]) -> str:
    """The standard output of one program of a pipeline that is given ``text`` on its standard input."""
    program = PurePath(words[0]).name if words else ""
    options = list(words[1:])
    if program == "mkdir":
        for word in options:
            if not word.startswith("-"):
                make_folder(word)
        return ""
    if program == "echo":
        return " ".join(options) + "\n"
    if program == "cat" and all(not word.startswith("-") for word in options):
        return text + "".join(read(word) for word in options)
    if program == "tr" and len(options) == 2:
        return translate(text, options[0], options[1])
    if program == "sed":
        return substitute(text, options, read)
    raise NotImplementedError(program)
