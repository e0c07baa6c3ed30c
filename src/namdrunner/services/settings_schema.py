"""Every setting as data: what the command line, the API, the settings page and the documentation show of it."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from namdrunner.errors import InputError, NamdrunnerError
from namdrunner.slurm.resources import parse_memory, parse_walltime

Value = str | int | float | bool | None
MAX_TEXT = 500


@dataclass(frozen=True)
class Setting:
    """``default`` None: unset, which the help explains. ``check`` raises for a text that cannot be used."""

    key: str
    type: Literal["text", "integer", "number", "boolean", "choice", "folder"]
    label: str
    help: str
    default: Value = None
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    check: Callable[[str], object] | None = None

    @property
    def section(self) -> str:
        return self.key.partition(".")[0]

    @property
    def name(self) -> str:
        return self.key.partition(".")[2]

    def document(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "type": self.type,
            "label": self.label,
            "help": self.help,
            "default": self.default,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "unit": self.unit,
            "choices": list(self.choices),
        }


SECTIONS = {
    "defaults": "Defaults for new jobs",
    "appearance": "Appearance",
    "polling": "How often clusters are asked",
    "limits": "Limits on each cluster's connection",
    "downloads": "Downloads",
    "notifications": "Notifications",
}
_WHERE = "On the default cluster; on all of them where none is set."

SETTINGS: tuple[Setting, ...] = (
    Setting("defaults.cluster", "text", "Cluster", "Where a new job goes unless another one is chosen."),
    Setting("defaults.template", "text", "Template", "The template a new job begins with."),
    Setting("defaults.partition", "text", "Partition", _WHERE),
    Setting("defaults.qos", "text", "QoS", _WHERE),
    Setting("defaults.account", "text", "Account", _WHERE),
    Setting("defaults.cores", "integer", "Cores", _WHERE, minimum=1, maximum=1_000_000),
    Setting("defaults.memory", "text", "Memory per node", "With its unit: 16GB. " + _WHERE, check=parse_memory),
    Setting("defaults.walltime", "text", "Walltime", "Such as 04:00:00. " + _WHERE, check=parse_walltime),
    Setting(
        "appearance.theme",
        "choice",
        "Theme",
        "Of the web page; a browser that chose its own keeps it.",
        default="system",
        choices=("system", "light", "dark"),
    ),
    Setting(
        "polling.floor_s",
        "number",
        "Shortest pause",
        "Between two looks at a cluster while something changes; never shorter than the cluster's profile says.",
        minimum=10,
        maximum=3600,
        unit="s",
    ),
    Setting(
        "polling.ceiling_s",
        "number",
        "Longest pause",
        "To which the pause grows while nothing changes; unset: as the cluster's profile says.",
        minimum=30,
        maximum=86_400,
        unit="s",
    ),
    Setting(
        "limits.requests_per_s",
        "number",
        "Requests",
        "Sites ask for fewer than five a second.",
        default=5.0,
        minimum=0.1,
        maximum=20,
        unit="1/s",
    ),
    Setting("limits.burst", "integer", "Burst", "Requests that may go out at once.", 10, 1, 100),
    Setting(
        "limits.sessions",
        "integer",
        "Sessions",
        "Open at once on one connection; servers usually allow ten.",
        default=8,
        minimum=3,
        maximum=64,
    ),
    Setting(
        "limits.megabytes_per_s",
        "number",
        "Bandwidth",
        "That all transfers of a cluster share, from the next connection on; unset: as fast as it goes.",
        minimum=0.01,
        maximum=100_000,
        unit="MB/s",
    ),
    Setting(
        "downloads.folder",
        "folder",
        "Folder",
        "Results go into a folder of the job's id below it; unset: below the current folder.",
    ),
    Setting("notifications.completed", "boolean", "A job completed", "Say so in the web page.", default=True),
    Setting("notifications.failed", "boolean", "A job failed", "Say so in the web page.", default=True),
    Setting(
        "notifications.desktop",
        "boolean",
        "Also on the desktop",
        "Through the browser, which asks for permission once.",
        default=False,
    ),
)  # fmt: skip
BY_KEY = {setting.key: setting for setting in SETTINGS}
_WORDS = {"on": True, "yes": True, "true": True, "1": True, "off": False, "no": False, "false": False, "0": False}


def setting_of(key: str) -> Setting:
    """Raises InputError (``setting-unknown``)."""
    if key not in BY_KEY:
        near = [known for known in BY_KEY if key and (key.lower() in known or known.endswith(f".{key}"))]
        shown = ", ".join(near or BY_KEY)
        raise InputError(
            f"There is no setting '{key[:80]}'.", code="setting-unknown", remedy=f"The settings are: {shown}."
        )
    return BY_KEY[key]


def checked(setting: Setting, value: object) -> Value:
    """The value in the setting's own type. Raises InputError (``setting-invalid``) with what would do."""
    match setting.type:
        case "boolean":
            known = value if isinstance(value, bool) else _WORDS.get(str(value).strip().lower())
            if known is None:
                raise _invalid(setting, value, "Write on or off.")
            return known
        case "integer" | "number":
            return _number(setting, value)
        case "choice":
            if value not in setting.choices:
                raise _invalid(setting, value, f"Choose one of: {', '.join(setting.choices)}.")
            return str(value)
        case _:
            return _text(setting, value)


def _number(setting: Setting, value: object) -> int | float:
    try:
        number = float(str(value)) if not isinstance(value, bool) else math.nan
    except ValueError:
        number = math.nan
    whole = setting.type == "integer"
    low, high = setting.minimum, setting.maximum
    fits = (low is None or number >= low) and (high is None or number <= high)
    if not math.isfinite(number) or not fits or (whole and not number.is_integer()):
        unit = f" {setting.unit}" if setting.unit else ""
        kind = "a whole number" if whole else "a number"
        raise _invalid(setting, value, f"Give {kind} from {low:g} to {high:g}{unit}.")
    return int(number) if whole else number


def _text(setting: Setting, value: object) -> str:
    text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if not text or len(text) > MAX_TEXT or any(unicodedata.category(c) in {"Cc", "Cs", "Cf"} for c in text):
        raise _invalid(setting, value, f"Give a text of one line, at most {MAX_TEXT} characters; unset removes it.")
    if setting.check is not None:
        try:
            setting.check(text)
        except (NamdrunnerError, ValueError) as error:
            raise _invalid(setting, value, str(getattr(error, "remedy", "")) or "Correct it.") from error
    if setting.type == "folder" and not (text.startswith("~") or Path(text).is_absolute()):
        raise _invalid(setting, value, "Give the whole path of a folder, or one that begins with ~.")
    return text


def _invalid(setting: Setting, value: object, remedy: str) -> InputError:
    return InputError(
        f"{setting.key} cannot be {str(value)[:80]!r}.",
        code="setting-invalid",
        remedy=remedy,
        context={"setting": setting.key},
    )
