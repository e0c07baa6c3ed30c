"""Questions only a person can answer, as a resource that any face of the application can serve."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from namdrunner.errors import InputError, NotFoundError
from namdrunner.remote.values import Prompt
from namdrunner.services.events import EventBus

PATIENCE_S = 300.0
"""How long a question stays open; servers give up at about two minutes."""


@dataclass
class _Open:
    id: str
    prompt: Prompt
    created_at: datetime
    answer: asyncio.Future[Sequence[str] | None]


class PromptService:
    """Answers live in memory only, for as long as it takes to hand them to the connection."""

    def __init__(self, events: EventBus) -> None:
        self._events = events
        self._open: dict[str, _Open] = {}

    async def ask(self, prompt: Prompt) -> Sequence[str] | None:
        """Wait for a person's answer; ``None`` when it is declined or nobody answers in time."""
        entry = _Open(secrets.token_hex(8), prompt, datetime.now(UTC), asyncio.get_running_loop().create_future())
        self._open[entry.id] = entry
        self._events.publish("prompt.needed", _document(entry))
        try:
            return await asyncio.wait_for(entry.answer, PATIENCE_S)
        except TimeoutError:
            return None
        finally:
            del self._open[entry.id]
            self._events.publish("prompt.closed", {"id": entry.id, "cluster": prompt.cluster})

    def pending(self) -> list[dict[str, Any]]:
        return [_document(entry) for entry in self._open.values()]

    def answer(self, prompt_id: str, answers: Sequence[str]) -> None:
        """Raises NotFoundError when the question is closed, InputError when the number of answers is wrong."""
        entry = self._get(prompt_id)
        expected = len(entry.prompt.fields)
        if len(answers) != expected:
            raise InputError(
                f"The question has {expected} field(s); {len(answers)} answer(s) came.",
                code="prompt-answer-invalid",
                remedy="Answer every field once, in order.",
            )
        entry.answer.set_result(list(answers))

    def decline(self, prompt_id: str) -> None:
        self._get(prompt_id).answer.set_result(None)

    def _get(self, prompt_id: str) -> _Open:
        entry = self._open.get(prompt_id)
        if entry is None or entry.answer.done():
            raise NotFoundError(
                "That question is no longer open.",
                code="prompt-not-found",
                remedy="Connect again if the cluster is not connected.",
            )
        return entry


def _document(entry: _Open) -> dict[str, Any]:
    prompt = entry.prompt
    return {
        "id": entry.id,
        "cluster": prompt.cluster,
        "kind": prompt.kind.value,
        "title": prompt.title,
        "instructions": prompt.instructions,
        "fields": [{"text": f.text, "echo": f.echo} for f in prompt.fields],
        "details": dict(prompt.details),
        "created_at": entry.created_at.isoformat().replace("+00:00", "Z"),
    }
