"""What a request for resources comes to on a cluster, before it is known what will run with them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from namdrunner.jobs.folders import job_folder, new_job_id
from namdrunner.jobs.record import JobRecord
from namdrunner.services.job_request import JobRequest, resolve_resources
from namdrunner.services.plan import UNRESOLVED, resource_finding
from namdrunner.services.script_spec import script_spec
from namdrunner.slurm.geometry import choose_partition, choose_recipe, geometry
from namdrunner.slurm.profile import ClusterProfile
from namdrunner.slurm.script import build_job_script
from namdrunner.slurm.validation import validate_resources

_NAME = "new job"


def plan_resources(
    request: JobRequest, profile: ClusterProfile, roots: tuple[str, str] | None, now: datetime
) -> dict[str, Any]:
    """Resources with the defaults filled in, the nodes they take, findings, and the job script so far.

    Only cluster, resources and preset of the request count. Raises UsageError or InputError for what cannot be read.
    """
    resources = resolve_resources(request, profile)
    partition = choose_partition(resources, profile)
    recipe = choose_recipe(profile, partition, request.resources.recipe)
    findings = [resource_finding(f) for f in validate_resources(resources, profile, recipe=recipe.name)]
    document: dict[str, Any] = {
        "resources": resources.model_dump(mode="json"),
        "partition": partition.name if partition else None,
        "recipe": recipe.name,
        "nodes": None,
        "findings": findings,
        "script": "",
    }
    if any(f["severity"] == "error" for f in findings):
        return document
    project, scratch = roots or UNRESOLVED
    job_id = new_job_id(_NAME, now)
    record = JobRecord(
        id=job_id,
        name=request.name.strip() or _NAME,
        cluster=request.cluster,
        created_at=now,
        resources=resources,
        recipe=recipe.name,
        project_dir=job_folder(project, job_id),
        scratch_dir=job_folder(scratch, job_id),
    )
    nodes = geometry(resources, partition, recipe).nodes
    return document | {"nodes": nodes, "script": build_job_script(script_spec(record, profile))}
