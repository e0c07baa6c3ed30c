"""A cluster profile as TOML text that people can read and edit; what is at its default is left out."""

from __future__ import annotations

import re
from typing import Any

from namdrunner.slurm.profile import ClusterProfile

_BARE = re.compile(r"^[A-Za-z0-9_-]+$")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}
_TABLES = ("partitions", "qos", "recipes", "presets")


def profile_text(profile: ClusterProfile) -> str:
    """The profile as ``parse_profile`` reads it back, equal in every fact."""
    document = profile.model_dump(mode="json", exclude_defaults=True)
    first = {"version": profile.version, "name": profile.name}
    head = first | {k: v for k, v in document.items() if k not in (*_TABLES, "policies", "billing")}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in head.items() if value is not None]
    for name in ("policies", "billing"):
        if document.get(name):
            lines += ["", f"[{name}]"]
            lines += [f"{_key(key)} = {_value(value)}" for key, value in document[name].items() if value is not None]
    for name in _TABLES:
        if name == "recipes" and name not in document:
            document[name] = [{"name": recipe.name} for recipe in profile.recipes]
        for entry in document.get(name, []):
            lines += ["", f"[[{name}]]"]
            lines += [f"{_key(key)} = {_value(value)}" for key, value in entry.items() if value is not None]
    return "\n".join(lines) + "\n"


def _key(text: str) -> str:
    return text if _BARE.match(text) else _string(text)


def _string(text: str) -> str:
    escaped = "".join(_ESCAPES.get(c, c) for c in text)
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda m: f"\\u{ord(m.group()):04X}", escaped) + '"'


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None)
        return f"{{ {inner} }}" if inner else "{}"
    items = [_value(item) for item in value if item is not None]
    if sum(map(len, items)) > 90:
        return "[\n" + "".join(f"  {item},\n" for item in items) + "]"
    return f"[{', '.join(items)}]"
