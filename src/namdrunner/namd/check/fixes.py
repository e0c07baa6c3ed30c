"""Applying the fixes of findings to a config's text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from namdrunner.namd.check.report import Finding, Fix


def apply_fixes(text: str, findings: Iterable[Finding], *, file: Path | None = None) -> str:
    """The text with every applicable fix of the findings made; ``file`` limits them to those of that file.

    A line whose value is computed (``$`` or ``[``) is left as it is: the value has to change where it is computed.
    """
    lines = text.split("\n")
    removed: set[int] = set()
    inserted: dict[str, str] = {}
    for finding in findings:
        fix = finding.fix
        if fix is None or (file is not None and fix.file is not None and fix.file != file):
            continue
        if fix.action == "insert":
            inserted.setdefault(fix.keyword.lower(), f"{fix.keyword} {fix.value}")
        elif fix.line is not None and 0 < fix.line <= len(lines) and fix.line - 1 not in removed:
            changed = _changed(lines[fix.line - 1], fix)
            if changed is None:
                removed.add(fix.line - 1)
            else:
                lines[fix.line - 1] = changed
    first_run = next((i for i, line in enumerate(lines) if re.match(r"\s*(run|minimize)\b", line)), len(lines))
    result = [line for i, line in enumerate(lines[:first_run]) if i not in removed]
    result += inserted.values()
    result += [line for i, line in enumerate(lines[first_run:], start=first_run) if i not in removed]
    return "\n".join(result)


def _changed(line: str, fix: Fix) -> str | None:
    """The line after the fix, None when it goes away."""
    match = re.search(rf"(?<![\w-]){re.escape(fix.keyword)}(?![\w-])", line, re.IGNORECASE)
    if match is None:
        return line
    if fix.action == "rename":
        return line[: match.start()] + fix.value + line[match.end() :]
    value = re.match(r"(\s*=\s*|\s+)([^;#\n]*?)(\s*)(?=;|\s#|$)", line[match.end() :])
    if fix.action == "remove":
        # Keep the brackets and commands that may stand around it on the same line.
        alone = line[: match.start()].strip() == "" and "}" not in line and "{" not in line[: match.start()]
        return None if alone else line
    if value is None or re.search(r"[$\[]", value.group(2)) or ("}" in value.group(2)):
        return line
    start = match.end() + value.end(1)
    return line[:start] + fix.value + line[match.end() + value.end(2) :]
