"""The last commands and transfers on every cluster, for the Logs panel."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import Any

from namdrunner.remote.values import CommandEvent
from namdrunner.services.events import EventBus

KEPT = 2_000


class ActivityLog:
    def __init__(self, events: EventBus) -> None:
        self._events = events
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def add(self, event: CommandEvent) -> None:
        entry = {
            "cluster": event.cluster,
            "at": datetime.fromtimestamp(event.at, UTC).isoformat().replace("+00:00", "Z"),
            "what": event.what[:2000],
            "duration_s": round(event.duration_s, 4),
            "exit_status": event.exit_status,
            "error": event.error[:2000],
        }
        self._entries.append(entry)
        self._events.publish("log.line", entry)

    def entries(self, *, cluster: str | None = None, limit: int = 200) -> list[dict[str, Any]]:
        """Newest last."""
        chosen = [e for e in self._entries if cluster is None or e["cluster"] == cluster]
        return chosen[-limit:]
