"""A corrected copy of a NAMD config, beside the original, which is never changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from namdrunner.errors import ConflictError, InputError

_TRIES = 100


def corrected_copy(path: Path, *, namd_version: str, gpu: bool) -> dict[str, Any]:
    """Write ``NAME.corrected.namd`` with every mechanical fix the check knows: ``{"config", "fixed"}``.

    Raises ConflictError (``nothing-to-correct``), InputError (``folder-not-writable``).
    """
    from namdrunner.namd.check import apply_fixes, check_config
    from namdrunner.namd.config import read_config_text

    path = path.parent.resolve() / path.name  # as findings name it
    findings = [f for f in check_config(path, namd_version=namd_version, gpu=gpu).findings if f.fix is not None]
    read_config_text(path)  # refuses what is too large to be a config
    before = path.read_bytes().decode("utf-8", "surrogateescape")
    text = apply_fixes(before, findings, file=path)
    if text == before:
        raise ConflictError(
            "Nothing in this config can be corrected by itself.",
            code="nothing-to-correct",
            remedy="Correct the lines that the findings name.",
        )
    for number in range(1, _TRIES):
        word = "corrected" if number == 1 else f"corrected-{number}"
        target = path.with_name(f"{path.stem}.{word}{path.suffix}")
        try:
            with target.open("xb") as stream:
                stream.write(text.encode("utf-8", "surrogateescape"))
        except FileExistsError:
            continue
        except OSError as error:
            raise InputError(
                f"The corrected copy cannot be written beside the config: {error.strerror}.",
                code="folder-not-writable",
                remedy="Copy the config and its files to a folder of your own.",
            ) from error
        return {"config": str(target), "fixed": len(findings)}
    raise ConflictError("There are too many corrected copies already.", code="file-exists", remedy="Delete some.")
