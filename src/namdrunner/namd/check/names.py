"""Keyword names: unknown, of another version, given twice, without effect."""

from __future__ import annotations

from namdrunner.namd.check.context import Context
from namdrunner.namd.check.report import Fix
from namdrunner.namd.config import Setting
from namdrunner.namd.keywords import RENAMED, KeywordInfo, keyword, nearest

_MOVED = {
    "usecuda2": "It was for older GPU builds; drop it.",
    "gpuresident": "It needs NAMD 3.0; older versions have no GPU-resident mode.",
    "computeenergies": "It needs NAMD 3.0; use outputEnergies.",
    "onefourscaling": "It needs NAMD 3.0; write 1-4scaling.",
    "imdversion": "It needs a NAMD newer than 3.0.",
}
_VMD_COMMANDS = frozenset(("atomselect", "mol", "molinfo", "animate", "display", "psfgen", "package", "topo", "pbc"))
_PHRASES = {"//": "A comment begins with #.", "/*": "A comment begins with #.", "%": "A comment begins with #."}


def check(ctx: Context) -> None:
    startup = [s for s in ctx.config.settings if not s.after_startup]
    for setting in startup:
        info = keyword(setting.keyword)
        if info is None:
            unknown(ctx, setting)
        elif not info.exists_in(ctx.version):
            _other_version(ctx, setting, info)
        elif info.special_build:
            ctx.error(
                "keyword-of-special-build",
                f"{info.name} exists in special builds of NAMD only (memory-optimised, profiling).",
                "Remove the line.",
                setting=setting,
                fix=ctx.fix_remove(setting),
            )
        elif not ctx.active(info):
            _ignored(ctx, setting, info)
    if ctx.config.failure is None or "nested evaluations" not in ctx.config.failure.message:
        _duplicates(ctx, startup)
    _both_spellings(ctx)


def unknown(ctx: Context, setting: Setting) -> None:
    """Report a keyword that no NAMD knows."""
    meant = nearest(setting.keyword, version=ctx.version)
    phrase = next((text for start, text in _PHRASES.items() if setting.written.startswith(start)), None)
    if phrase:
        remedy = phrase
    elif setting.keyword in _VMD_COMMANDS:
        remedy = "This is a command of VMD, not of NAMD."
    elif meant:
        remedy = f"Did you mean {meant}?"
    else:
        remedy = "Remove the line, or look the keyword up in the user guide."
    fix = Fix("rename", setting.written, meant, setting.line, setting.file) if meant and not phrase else None
    ctx.error(
        "unknown-keyword",
        f"NAMD does not know the keyword {setting.written[:60]!r}.",
        remedy,
        setting=setting,
        fix=fix,
    )


def _other_version(ctx: Context, setting: Setting, info: KeywordInfo) -> None:
    span = f"since {info.since}" if info.since else ""
    span += (" " if span else "") + (f"until {info.until}" if info.until else "")
    renamed = next((new for old, new in RENAMED.items() if new.lower() == setting.keyword), None)
    old = next((old for old, new in RENAMED.items() if new == renamed), None)
    remedy = _MOVED.get(setting.keyword) or (f"Write {old} for this version." if old else "Remove the line.")
    ctx.error(
        "keyword-of-another-version",
        f"{info.name} exists in NAMD {span}, not in {ctx.version}.",
        remedy,
        setting=setting,
        fix=ctx.fix_remove(setting),
    )


def _ignored(ctx: Context, setting: Setting, info: KeywordInfo) -> None:
    parent = keyword(info.parent or "")
    above = parent.name if parent else info.parent
    if (above or "").lower() in ("exclude", "outputname"):
        return
    ctx.advice(
        "keyword-ignored",
        f"{info.name} has no effect because {above} is off.",
        f"Switch {above} on, or remove the line.",
        setting=setting,
    )


def _duplicates(ctx: Context, startup: list[Setting]) -> None:
    first: dict[str, Setting] = {}
    for setting in startup:
        info = keyword(setting.keyword)
        if info is None or info.repeatable or not info.exists_in(ctx.version) or not ctx.active(info):
            continue
        earlier = first.setdefault(setting.keyword, setting)
        if earlier is setting:
            continue
        place = f"line {earlier.line}" if earlier.file == setting.file else f"{earlier.file.name}, line {earlier.line}"
        ctx.error(
            "duplicate-keyword",
            f"{info.name} is set for the second time before the first run (first at {place}).",
            "Keep one; after the first run or minimize a second value would be allowed for some keywords.",
            setting=setting,
            fix=ctx.fix_remove(setting),
        )


def _both_spellings(ctx: Context) -> None:
    if not ctx.is_version_3:
        return
    for old, new in RENAMED.items():
        setting = ctx.config.startup_setting(old)
        if setting is not None and ctx.config.startup(new) is not None:
            ctx.error(
                "duplicate-keyword",
                f"{setting.written} and {new} are two names of one keyword, and both are set.",
                f"Keep {new}.",
                setting=setting,
                fix=ctx.fix_remove(setting),
            )
