"""What NAMD checks before it reads a single input file, in its words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from namdrunner.demo.engine.console import Console
from namdrunner.demo.engine.fatal import FatalError, unsupported
from namdrunner.demo.engine.settings import NUMBER, Settings
from namdrunner.demo.engine.support import Support, support
from namdrunner.namd.keywords import FALSE_WORDS, RENAMED, TRUE_WORDS, KeywordInfo, keyword

NAMD_VERSION = "3.0"
DEFINITIONS = {
    "cutoff": "local electrostatic and Vdw distance",
    "exclude": "Electrostatic and VDW exclusion policy",
    "outputname": "prefix for the final PDB position and velocity filenames",
    "langevinTemp": "Temperature for heat bath in Langevin dynamics",
    "LangevinPistonTarget": "Target pressure for pressure control",
    "LangevinPistonPeriod": "Oscillation period for pressure control",
    "LangevinPistonDecay": "Decay time for pressure control",
    "conskfile": "PDB file containing force constaints in one of the columns",
    "conskcol": "Column of conskfile to use for the force constants",
}
FILE_KEYWORDS = ("structure", "coordinates", "parameters")


def validate(names: Sequence[str], settings: Settings, console: Console) -> None:
    """Check all keywords given (`names`, in order and as spelt); raises FatalError with NAMD's words."""
    errors = _duplicates(names) + _missing(settings) + _bad_values(settings)
    unknown = [name for name in dict.fromkeys(names) if _info(name) is None]
    if unknown:
        errors += ["The following variables were set in the", "configuration file but are NOT VALID"]
        errors += [f"   {name}" for name in unknown]
    ignored = _ignored(settings)
    if ignored:
        console.warning("The following variables were set in the", "configuration file but will be ignored:")
        console.warning(*(f"   {child} ({parent})" for child, parent in ignored))
    if errors:
        raise FatalError("ERROR(S) IN THE CONFIGURATION FILE", errors)
    for name in settings.values:
        if name in RENAMED:
            info = keyword(name)
            shown = info.name if info else name
            console.warning(f'Option "{shown}" has been deprecated. Instead use "{RENAMED[name]}".')
    for name in FILE_KEYWORDS:
        if name not in settings and not settings.switch("amber") and not settings.switch("gromacs"):
            raise FatalError(f"{name} not found in the configuration file!")
    refuse_unsupported(settings)


def _info(name: str) -> KeywordInfo | None:
    info = keyword(name)
    return info if info is not None and info.exists_in(NAMD_VERSION) else None


def _duplicates(names: Sequence[str]) -> list[str]:
    errors = []
    for name, count in Counter(name.lower() for name in names).items():
        info = _info(name)
        if count > 1 and info is not None and not info.repeatable:
            errors += [f"Multiple definitions of '{info.name}'", "  in the configuration file are not allowed"]
    return errors


def active(settings: Settings, info: KeywordInfo) -> bool:
    """Whether the switches above a keyword are on."""
    if info.parent is None:
        return True
    parent = keyword(info.parent)
    if parent is None or parent.type != "switch":
        return True
    return settings.switch(parent.name) and active(settings, parent)


def _missing(settings: Settings) -> list[str]:
    errors = []
    for name in dict.fromkeys((*DEFINITIONS, "LangevinPistonTemp", "consref", "eField")):
        info = keyword(name)
        if info is None or not info.required or settings.text(name) is not None or not active(settings, info):
            continue
        errors.append(f"'{info.name}' is a required configuration option")
        if info.parent is not None:
            parent = keyword(info.parent)
            errors.append(f"  when '{parent.name if parent else info.parent}' is set")
        if name in DEFINITIONS:
            errors.append(f"{info.name} defines:   {DEFINITIONS[name]}")
    return errors


def _bad_values(settings: Settings) -> list[str]:
    errors = []
    for name in settings.values:
        info = _info(name)
        if info is None:
            continue
        for value in settings.all(name):
            errors += _value_errors(info, value.strip())
    return errors


def _value_errors(info: KeywordInfo, value: str) -> list[str]:
    if info.type == "switch":
        if value.lower() in TRUE_WORDS | FALSE_WORDS:
            return []
        return [f"ParseOptions can't understand '{value}' for the ", f" Boolean variable '{info.name}'"]
    if info.type not in ("integer", "number"):
        return []
    match = NUMBER.match(value)
    if match is None:
        return [f"Expecting value and optional units for option '{info.name}'"]
    if len(value.split()) > 2:
        return [f"Too much information given to '{info.name} = {value}'", "  - expecting a value and optional units"]
    number = float(match.group(1))
    shown = f"{number:g}"
    if info.above is not None and number <= info.above:
        return [f"'{info.name}' was set to {shown} but it should be positive"]
    if info.at_least is not None and number < info.at_least:
        return [f"'{info.name}' was set to {shown} but it should be non-negative"]
    return []


def _ignored(settings: Settings) -> list[tuple[str, str]]:
    ignored = []
    for name in settings.values:
        info = _info(name)
        if info is not None and info.parent is not None and not active(settings, info):
            parent = keyword(info.parent)
            ignored.append((info.name, parent.name if parent else info.parent))
    return ignored


def refuse_unsupported(settings: Settings) -> None:
    """Raise FatalError for the first keyword that would change the run and that this engine cannot honour."""
    for name in settings.values:
        info = _info(name)
        if info is None or support(name) is not Support.UNSUPPORTED or not active(settings, info):
            continue
        if is_neutral(info, settings):
            continue
        raise unsupported(f"{info.name} {settings.text(name)}")


def is_neutral(info: KeywordInfo, settings: Settings) -> bool:
    """Whether the value is the one NAMD would use anyway, or switches something off."""
    value = (settings.text(info.name) or "").lower()
    if info.type == "switch":
        return value in FALSE_WORDS
    if info.default is not None and info.type in ("integer", "number"):
        return settings.number(info.name) == float(info.default)
    return info.default is not None and value == info.default.lower()
