"""Templates: list, read, render, validate."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, status

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
    return context.application.templates.save(body.text, replace=body.replace)


@router.delete("/{template_id}", response_model=Done)
async def delete_template(template_id: str, context: Context) -> Any:
    """Delete a template of one's own; those that come with NAMDRunner stay."""
    context.application.templates.delete(template_id)
    return Done()


@router.get("/{template_id}", response_model=schema.TemplateDocument)
async def get_template(template_id: str, context: Context) -> Any:
    return context.application.templates.get(template_id)


@router.post("/{template_id}/render", response_model=schema.RenderedTemplate)
async def render_template(template_id: str, body: schema.RenderRequest, context: Context) -> Any:
    """The NAMD config for these values."""
    return context.application.templates.render(template_id, body.values, body.files)
