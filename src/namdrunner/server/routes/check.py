"""Preflight of a NAMD config and the files it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from namdrunner.errors import InputError
from namdrunner.server.context import Context
from namdrunner.server.schemas.system import CheckReport, CheckRequest, CorrectedCopy
from namdrunner.services.correction import corrected_copy
from namdrunner.services.preflight import namd_of

router = APIRouter(tags=["check"])


@router.post("/check", response_model=CheckReport)
async def check_config(body: CheckRequest, context: Context) -> Any:
    """Findings before submission: keywords, run plan, files, NAMD's own rules."""
    path = _absolute(body.config)
    version, gpu = _namd(body, context)

    def work() -> Any:
        from namdrunner.namd.check import check_config

        return check_config(path, namd_version=version, gpu=gpu).document()

    return await run_in_threadpool(work)


@router.post("/check/correct", response_model=CorrectedCopy)
async def correct_config(body: CheckRequest, context: Context) -> Any:
    """Write a corrected copy beside the config; the original stays as it is."""
    path = _absolute(body.config)
    version, gpu = _namd(body, context)
    return await run_in_threadpool(corrected_copy, path, namd_version=version, gpu=gpu)


def _namd(body: CheckRequest, context: Context) -> tuple[str, bool]:
    """Version and GPU mode: as asked for, else those of the cluster's launch recipe."""
    if body.cluster is None:
        return body.namd_version or "3.0", bool(body.gpu)
    version, gpu = namd_of(context.application.clusters.profile(body.cluster), body.partition, body.recipe)
    return body.namd_version or version, gpu if body.gpu is None else body.gpu


def _absolute(given: str) -> Path:
    path = Path(given)
    if not path.is_absolute():
        raise InputError(
            "The path of the config has to be absolute.",
            code="path-not-absolute",
            remedy="Give the whole path: the server does not know in which folder you are.",
        )
    return path
