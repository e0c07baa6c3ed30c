"""The person's settings: one TOML file in the data folder, read anew whenever it has changed."""

from __future__ import annotations

import json
import logging
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from namdrunner.errors import InputError
from namdrunner.paths import Folders
from namdrunner.remote.limits import Limits
from namdrunner.services.settings_schema import BY_KEY, SECTIONS, SETTINGS, Value, checked, setting_of
from namdrunner.slurm.profile import ClusterProfile

log = logging.getLogger(__name__)

MAX_BYTES = 256 * 1024
_HEADING = "# Settings of NAMDRunner. Edit them here, in the web page, or by `namdrunner settings set KEY VALUE`.\n"


@dataclass(frozen=True)
class Settings:
    """Values by key; what is not there is the setting's default. ``problems``: what of the file could not be used."""

    values: Mapping[str, Value] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def get(self, key: str) -> Any:
        return self.values.get(key, BY_KEY[key].default)

    def limits(self) -> Limits:
        rate = self.get("limits.megabytes_per_s")
        return Limits(
            requests_per_s=float(self.get("limits.requests_per_s")),
            burst=int(self.get("limits.burst")),
            sessions=int(self.get("limits.sessions")),
            bytes_per_s=rate * 1e6 if rate else None,
        )

    def paced(self, profile: ClusterProfile) -> ClusterProfile:
        """The profile with the pauses the person wants; never shorter than the site does."""
        floor = max(profile.polling_floor_s, self.get("polling.floor_s") or 0.0)
        ceiling = max(floor, self.get("polling.ceiling_s") or profile.polling_ceiling_s)
        return profile.model_copy(update={"polling_floor_s": floor, "polling_ceiling_s": ceiling})

    def resources_for(self, cluster: str) -> dict[str, Any]:
        """Default resources, where they are meant for this cluster."""
        if self.get("defaults.cluster") not in (None, cluster):
            return {}
        names = ("partition", "qos", "account", "cores", "memory", "walltime")
        return {name: value for name in names if (value := self.get(f"defaults.{name}")) is not None}


class SettingsService:
    """``on_change`` is called with the new settings whenever they are seen to have changed."""

    def __init__(self, folders: Folders) -> None:
        self._path = folders.settings
        self._seen: tuple[int, int] | None = None
        self._known = Settings()
        self.on_change: Callable[[Settings], None] | None = None

    def current(self) -> Settings:
        """As the file is now; a damaged file or value counts as unset, and ``problems`` says so."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            before, self._known = self._known, _read(self._path)
            for problem in self._known.problems:
                log.warning("settings: %s", problem)
            if self.on_change is not None and before.values != self._known.values:
                self.on_change(self._known)
        return self._known

    def describe(self) -> dict[str, Any]:
        """Every setting with its value and what may be chosen."""
        now = self.current()
        return {
            "path": str(self._path),
            "sections": dict(SECTIONS),
            "settings": [s.document() | {"value": now.get(s.key), "set": s.key in now.values} for s in SETTINGS],
            "problems": list(now.problems),
        }

    def change(self, changes: Mapping[str, object]) -> dict[str, Any]:
        """Set several at once, all or none; ``None`` unsets. Raises InputError."""
        values = dict(self.current().values)
        for key, value in changes.items():
            setting = setting_of(key)
            if value is None or value == "":
                values.pop(key, None)
            else:
                values[key] = checked(setting, value)
        floor, ceiling = values.get("polling.floor_s"), values.get("polling.ceiling_s")
        if isinstance(floor, int | float) and isinstance(ceiling, int | float) and ceiling < floor:
            raise InputError(
                "The longest pause is shorter than the shortest.",
                code="setting-invalid",
                remedy="Choose polling.ceiling_s at least as long as polling.floor_s.",
                context={"setting": "polling.ceiling_s"},
            )
        self._write(values)
        return self.describe()

    def replace(self, values: Mapping[str, object]) -> None:
        """All settings at once: what is not named is unset. Raises InputError."""
        blank: dict[str, object] = dict.fromkeys(self.current().values)
        self.change(blank | dict(values))

    def _write(self, values: Mapping[str, Value]) -> None:
        if self._known.problems and self._path.is_file():
            # What was not understood may be worth reading: it is not lost by saving.
            self._path.replace(self._path.with_suffix(".toml.before"))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        part.write_text(settings_text(values), encoding="utf-8")
        part.chmod(0o600)
        part.replace(self._path)
        self.current()

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size


def _read(path: Path) -> Settings:
    try:
        if not path.is_file():
            return Settings()
        if path.stat().st_size > MAX_BYTES:
            return Settings({}, (f"{path} is too large to be settings, and is not used.",))
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        return Settings({}, (f"{path} cannot be read, and is not used: {str(error)[:200]}.",))
    return parse_settings(document)


def parse_settings(document: Mapping[str, Any]) -> Settings:
    """From sections of values; what cannot be used is left out and told."""
    values: dict[str, Value] = {}
    problems: list[str] = []
    for section, entries in document.items():
        if not isinstance(entries, Mapping):
            problems.append(f"'{section[:80]}' is not a section of settings.")
            continue
        for name, value in entries.items():
            key = f"{section}.{name}"
            try:
                values[key] = checked(setting_of(key), value)
            except InputError as error:
                problems.append(f"{error.message} {error.remedy if key in BY_KEY else 'It is left out.'}")
            if len(problems) >= 20:
                return Settings(values, tuple(problems))
    return Settings(values, tuple(problems))


def settings_text(values: Mapping[str, Value]) -> str:
    """The file: sections with what each setting means; only what was set."""
    lines = [_HEADING]
    for section, title in SECTIONS.items():
        chosen = [s for s in SETTINGS if s.section == section and values.get(s.key) is not None]
        if chosen:
            lines += [f"# {title}", f"[{section}]"]
            for setting in chosen:
                unit = f" ({setting.unit})" if setting.unit else ""
                lines += [f"# {setting.label}{unit}. {setting.help}", f"{setting.name} = {_toml(values[setting.key])}"]
            lines.append("")
    return "\n".join(lines)


def _toml(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value) if math.isfinite(value) else "0"
    # A basic string of TOML is a string of JSON, but for the one character that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
