"""The cluster profiles to choose from."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from namdrunner.server.schemas.clusters import ProfileList
from namdrunner.slurm.profiles import list_profiles, load_profile

router = APIRouter(prefix="/profiles", tags=["clusters"])


@router.get("", response_model=ProfileList)
async def get_profiles() -> Any:
    """Those that come with NAMDRunner; a cluster may also name a profile file of the person's own."""
    profiles = [(name, load_profile(name)) for name in list_profiles()]
    return {"profiles": [{"name": n, "description": p.description, "checked": p.checked} for n, p in profiles]}
