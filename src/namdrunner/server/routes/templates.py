"""Templates: list, read, render, validate, keep, import, compare."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, status
from fastapi.concurrency import run_in_threadpool

from namdrunner.server.context import Context
from namdrunner.server.schemas import templates as schema
from namdrunner.server.schemas.base import Done

router = APIRouter(prefix="/templates", tags=["templates"])


@router.get("", response_model=schema.TemplateList)
async def list_templates(context: Context) -> Any:
    return {"templates": context.application.templates.list()}


@router.post("/validate", response_model=schema.TemplateValidation)
async def validate_template(body: schema.ValidateRequest, context: Context) -> Any:
    """What is wrong with the text of a template, line by line."""
    return context.application.templates.validate(body.text)


@router.post("/render", response_model=schema.RenderedTemplate)
async def render_text(body: schema.RenderTextRequest, context: Context) -> Any:
    """The NAMD config that the text of a template gives."""
    return context.application.templates.render_text(body.text, body.values, body.files)


@router.post("", response_model=schema.TemplateDocument, status_code=status.HTTP_201_CREATED)
async def save_template(body: schema.SaveRequest, context: Context) -> Any:
    """Keep a template of one's own under the id it gives itself."""
    return context.application.templates.save(body.text, replace=body.replace, base=body.base)


@router.post("/import", response_model=schema.ImportResult, status_code=status.HTTP_201_CREATED)
async def import_templates(body: schema.ImportRequest, context: Context) -> Any:
    """Keep templates of what is handed over: ours, the original's JSON, or plain NAMD configs."""
    return await run_in_threadpool(context.application.templates.import_files, body.files, replace=body.replace)


@router.post("/import-folder", response_model=schema.ImportResult, status_code=status.HTTP_201_CREATED)
async def import_folder(body: schema.ImportFolderRequest, context: Context) -> Any:
    """Keep a template of every config in a folder, such as one of CHARMM-GUI."""
    return await run_in_threadpool(context.application.templates.import_folder, body.folder, replace=body.replace)


@router.delete("/{template_id}", response_model=Done)
async def delete_template(template_id: str, context: Context, force: bool = False) -> Any:
    """Delete a template of one's own; those that come with NAMDRunner stay. ``force``: also when jobs used it."""
    context.application.templates.delete(template_id, force=force)
    return Done()


@router.get("/{template_id}/history", response_model=schema.TemplateHistory)
async def template_history(template_id: str, context: Context) -> Any:
    """Every text the template had, newest first."""
    return context.application.templates.history(template_id)


@router.get("/{template_id}/history/{number}", response_model=schema.TemplateVersionText)
async def template_version(template_id: str, number: int, context: Context) -> Any:
    """The text of one version; 0 is what comes with NAMDRunner."""
    text = context.application.templates.version(template_id, number)
    return {"id": template_id, "number": number, "text": text}


@router.get("/{template_id}/diff", response_model=schema.TemplateDiff)
async def template_diff(
    template_id: str,
    context: Context,
    old: Annotated[int | None, Query(alias="from", ge=0)] = None,
    new: Annotated[int | None, Query(alias="to", ge=0)] = None,
) -> Any:
    """What changed between two versions; by default from the one before the last to now."""
    return context.application.templates.diff(template_id, old, new)


@router.post("/{template_id}/restore", response_model=schema.TemplateDocument)
async def restore_template(template_id: str, body: schema.RestoreVersionRequest, context: Context) -> Any:
    """Make an earlier text the current one again; nothing is lost by it."""
    return context.application.templates.restore(template_id, body.number)


@router.post("/{template_id}/duplicate", response_model=schema.TemplateDocument, status_code=status.HTTP_201_CREATED)
async def duplicate_template(template_id: str, body: schema.DuplicateRequest, context: Context) -> Any:
    """A copy under another id, for editing."""
    return context.application.templates.duplicate(template_id, body.id)


@router.get("/{template_id}", response_model=schema.TemplateDocument)
async def get_template(template_id: str, context: Context) -> Any:
    return context.application.templates.get(template_id)


@router.post("/{template_id}/render", response_model=schema.RenderedTemplate)
async def render_template(template_id: str, body: schema.RenderRequest, context: Context) -> Any:
    """The NAMD config for these values."""
    return context.application.templates.render(template_id, body.values, body.files)
