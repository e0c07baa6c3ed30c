"""Continuing jobs: checkpoints, the continuation itself, and the tree of jobs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, status

from namdrunner.server.context import Context
from namdrunner.server.schemas import continuing as schema
from namdrunner.server.schemas.tasks import TaskDocument
from namdrunner.services.continue_request import ContinueRequest

router = APIRouter(prefix="/jobs/{job_id}", tags=["jobs"])


@router.get("/checkpoints", response_model=schema.Checkpoints)
async def list_checkpoints(job_id: str, context: Context) -> Any:
    """The job's restart files, looked at where they are: which can be continued from, and why others cannot."""
    return await context.application.continuing.checkpoints(job_id)


@router.post("/continue", response_model=TaskDocument, status_code=status.HTTP_202_ACCEPTED)
async def continue_job(job_id: str, body: ContinueRequest, context: Context) -> Any:
    """Make a job that goes on from this one; the task's result is ``{"job": JobDocument, "plan": ...}``."""
    return context.application.continuing.start(job_id, body).document()


@router.post("/continue/plan", response_model=schema.ContinuationPlan)
async def plan_continuation(job_id: str, body: ContinueRequest, context: Context) -> Any:
    """What continuing would make, without making anything."""
    return await context.application.continuing.plan(job_id, body)


@router.get("/lineage", response_model=schema.Lineage)
async def get_lineage(job_id: str, context: Context) -> Any:
    """Parents and children, and what the line through this job comes to."""
    return context.application.continuing.tree(job_id)


@router.get("/chain", response_model=schema.Chain)
async def get_chain(job_id: str, context: Context) -> Any:
    """What a job that continues itself has done on the cluster so far."""
    return await context.application.continuing.chain(job_id)


@router.post("/chain/stop", response_model=schema.Chain)
async def stop_chain(job_id: str, context: Context) -> Any:
    """No further job of the chain is submitted; one that runs goes on to its own end."""
    return await context.application.continuing.chain(job_id, stop=True)


@router.get("/chain/energies", response_model=schema.ChainEnergies)
async def read_chain_energies(
    job_id: str, context: Context, points: Annotated[int | None, Query(ge=1, le=100_000)] = None
) -> Any:
    """The energies of all segments as one series by step, without gap or overlap."""
    return await context.application.continuing.energies(job_id, points=points)
