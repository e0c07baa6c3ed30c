"""A job's molecules for a viewer: atoms as a PSF, frames as a DCD, both of the part that is shown."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from namdrunner.server.context import Context
from namdrunner.server.schemas import structures as schema
from namdrunner.services.structure import Picture

router = APIRouter(prefix="/jobs/{job_id}/structure", tags=["jobs"])

Selection = Annotated[Literal["no_water", "all"], Query(description="Which atoms: all, or all but water.")]
Source = Annotated[str, Query(min_length=1, max_length=4096)]
_BINARY: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("", response_model=schema.StructureSources)
async def list_structure_sources(job_id: str, context: Context) -> Any:
    """Trajectories, then single frames with the newest first, then what the run began with."""
    jobs = context.application.jobs
    return await jobs.structures.sources(jobs.resolve(job_id))


@router.get("/facts", response_model=schema.StructureFacts)
async def get_structure_facts(job_id: str, name: Source, context: Context) -> Any:
    """Atoms, frames and times of one source; reads the structure and the head of the trajectory."""
    jobs = context.application.jobs
    return await jobs.structures.describe(jobs.resolve(job_id), name)


@router.get("/topology", response_class=StreamingResponse, responses=_BINARY)
async def read_structure_topology(
    job_id: str, context: Context, selection: Selection = "no_water"
) -> StreamingResponse:
    """A PSF of the atoms that are shown, in the order of the frames."""
    jobs = context.application.jobs
    return _sent(await jobs.structures.topology(jobs.resolve(job_id), selection))


@router.get("/frames", response_class=StreamingResponse, responses=_BINARY)
async def read_structure_frames(
    job_id: str,
    name: Source,
    context: Context,
    first: Annotated[int, Query(ge=0)] = 0,
    last: Annotated[int | None, Query(ge=0)] = None,
    stride: Annotated[int, Query(ge=1)] = 1,
    selection: Selection = "no_water",
) -> StreamingResponse:
    """A DCD of the frames from ``first`` to ``last`` (counted from 0, both included), every ``stride``-th of them.

    Of a file on the cluster only the bytes of these frames and atoms are read, by one command. Coordinates of one
    frame (a restart set, a PDB file) become a trajectory of one frame.
    """
    jobs = context.application.jobs
    picture = await jobs.structures.frames(
        jobs.resolve(job_id), name, first=first, last=last, stride=stride, selection=selection
    )
    return _sent(picture)


def _sent(picture: Picture) -> StreamingResponse:
    headers = {
        "Content-Length": str(picture.size),
        "Content-Encoding": "identity",  # it is read on this computer
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(picture.name, safe='')}",
    }
    return StreamingResponse(picture.pieces, 200, headers, media_type="application/octet-stream")
