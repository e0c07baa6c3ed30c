"""Preflight of a NAMD config and the files it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from namdrunner.errors import InputError
from namdrunner.server.schemas.system import CheckReport, CheckRequest, CorrectedCopy
from namdrunner.services.correction import corrected_copy

router = APIRouter(tags=["check"])


@router.post("/check", response_model=CheckReport)
async def check_config(body: CheckRequest) -> Any:
    """Findings before submission: keywords, run plan, files, NAMD's own rules."""
    path = _absolute(body.config)

    def work() -> Any:
        from namdrunner.namd.check import check_config

        return check_config(path, namd_version=body.namd_version, gpu=body.gpu).document()

    return await run_in_threadpool(work)


@router.post("/check/correct", response_model=CorrectedCopy)
async def correct_config(body: CheckRequest) -> Any:
    """Write a corrected copy beside the config; the original stays as it is."""
    path = _absolute(body.config)
    return await run_in_threadpool(corrected_copy, path, namd_version=body.namd_version, gpu=body.gpu)


def _absolute(given: str) -> Path:
    path = Path(given)
    if not path.is_absolute():
        raise InputError(
            "The path of the config has to be absolute.",
            code="path-not-absolute",
            remedy="Give the whole path: the server does not know in which folder you are.",
        )
    return path
