"""CHARMM stream files (.str) made readable for NAMD: the script lines between their sections become comments."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from namdrunner.errors import InputError
from namdrunner.namd.charmm_reader import read_parameters
from namdrunner.namd.check.report import Finding

_SCRIPT = re.compile(r"\s*(set|if|else|endif|bomlev|wrnlev|prnlev|faster|calc|goto|label|echo|return)\b", re.IGNORECASE)
_MOST = 2000


def cleaned_stream(text: str) -> str:
    """The stream with every line commented out that NAMD takes for neither a section nor an entry.

    Raises InputError for what is no script line but a damaged entry: that has to be mended by hand.
    """
    lines = text.split("\n")
    # What follows RETURN is not read by NAMD either; the word itself may stay.
    lines = [_commented(line) if _SCRIPT.match(line) and not _returns(line) else line for line in lines]
    for _ in range(_MOST):
        try:
            read_parameters([("\n".join(lines)).encode("latin-1", errors="replace")])
        except InputError as error:
            number = error.context.get("line")
            if (
                error.code != "parameter-unknown-line"
                or not isinstance(number, int)
                or lines[number - 1].startswith("!")
            ):
                raise
            lines[number - 1] = _commented(lines[number - 1])
        else:
            break
    return "\n".join(lines)


def _commented(line: str) -> str:
    return "! " + line


def _returns(line: str) -> bool:
    return line.strip().lower() == "return"


def is_stream_problem(code: str, path: Path) -> bool:
    """Whether a cleaned copy would help."""
    return code == "parameter-unknown-line" and path.suffix.lower() == ".str"


def cleaned_name(path: Path) -> str:
    """The name of the cleaned copy: toppar_x.str -> toppar_x_namd.str."""
    return f"{path.stem}_namd{path.suffix}"


def cleaned_copies(findings: Iterable[Finding]) -> dict[str, str]:
    """Name and text of the cleaned copy of each stream that a finding complains of."""
    copies: dict[str, str] = {}
    for finding in findings:
        if finding.file is None or not is_stream_problem(finding.code, finding.file):
            continue
        try:
            text = finding.file.read_text(encoding="latin-1")
            copies[cleaned_name(finding.file)] = cleaned_stream(text)
        except (OSError, InputError):
            continue
    return copies
