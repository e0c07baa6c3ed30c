"""Templates: list, read, render, validate."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from namdrunner.server.context import Context
from namdrunner.server.schemas import templates as schema

router = APIRouter(prefix="/templates", tags=["templates"])


@router.get("", response_model=schema.TemplateList)
async def list_templates(context: Context) -> Any:
    return {"templates": context.application.templates.list()}


@router.post("/validate", response_model=schema.TemplateValidation)
async def validate_template(body: schema.ValidateRequest, context: Context) -> Any:
    """What is wrong with the text of a template, line by line."""
    return context.application.templates.validate(body.text)


@router.get("/{template_id}", response_model=schema.TemplateDocument)
async def get_template(template_id: str, context: Context) -> Any:
    return context.application.templates.get(template_id)


@router.post("/{template_id}/render", response_model=schema.RenderedTemplate)
async def render_template(template_id: str, body: schema.RenderRequest, context: Context) -> Any:
    """The NAMD config for these values."""
    return context.application.templates.render(template_id, body.values, body.files)
