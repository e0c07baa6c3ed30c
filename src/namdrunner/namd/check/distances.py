"""Distances of the non-bonded interactions: switchdist <= cutoff <= pairlistdist, and their sense."""

from __future__ import annotations

from namdrunner.namd.check.context import Context


def check(ctx: Context) -> None:
    cutoff = ctx.number("cutoff")
    if cutoff is None or cutoff <= 0:
        return
    _switching(ctx, cutoff)
    _pairlist(ctx, cutoff)
    if cutoff < 7 and not ctx.on("martiniswitching"):
        ctx.warning("short-cutoff", f"A cutoff of {cutoff:g} A is short.", "8 to 12 A is usual.", keyword="cutoff")
    if cutoff > 20 and ctx.full_electrostatics:
        ctx.advice(
            "long-cutoff", f"A cutoff of {cutoff:g} A is long with PME.", "9 to 12 A is usual.", keyword="cutoff"
        )


def _switching(ctx: Context, cutoff: float) -> None:
    distance = ctx.number("switchdist")
    if not ctx.on("switching") or distance is None:
        return
    if distance > cutoff:
        ctx.error(
            "distance-order",
            f"switchdist {distance:g} is larger than cutoff {cutoff:g}.",
            "Set switchdist 1 to 2 A below cutoff.",
            keyword="switchdist",
            fix=ctx.fix_set("switchdist", f"{max(cutoff - 2, cutoff / 2):g}"),
        )
    elif distance == cutoff:
        ctx.error(
            "switching-degenerate",
            f"switchdist equals cutoff ({cutoff:g} A): the switching function divides by zero and the run breaks.",
            "Set switchdist 1 to 2 A below cutoff, or switching off.",
            keyword="switchdist",
            fix=ctx.fix_set("switchdist", f"{max(cutoff - 2, cutoff / 2):g}"),
        )
    elif cutoff - distance < 0.5:
        ctx.warning(
            "switching-narrow",
            f"Switching acts over only {cutoff - distance:g} A, which makes steep forces.",
            "Set switchdist 1 to 2 A below cutoff.",
            keyword="switchdist",
        )


def _pairlist(ctx: Context, cutoff: float) -> None:
    distance = ctx.number("pairlistdist")
    setting = ctx.config.startup_setting("pairlistdist")
    if distance is not None and distance < cutoff:
        ctx.error(
            "distance-order",
            f"pairlistdist {distance:g} is smaller than cutoff {cutoff:g}.",
            "Set pairlistdist 1.5 to 4 A above cutoff.",
            keyword="pairlistdist",
            fix=ctx.fix_set("pairlistdist", f"{cutoff + 2:g}"),
        )
    elif distance is None or distance - cutoff < 1:
        what = (
            "is not set, so it equals cutoff" if distance is None else f"leaves {distance - cutoff:g} A beyond cutoff"
        )
        ctx.advice(
            "pairlist-buffer",
            f"pairlistdist {what}: pairs may be missed between two lists.",
            "Set pairlistdist 1.5 to 4 A above cutoff.",
            keyword="pairlistdist",
            fix=ctx.fix_set("pairlistdist", f"{cutoff + 2:g}") or ctx.fix_insert("pairlistdist", f"{cutoff + 2:g}"),
        )
    elif distance > cutoff + 8 and setting is not None:
        ctx.advice(
            "pairlist-buffer",
            f"pairlistdist is {distance - cutoff:g} A beyond cutoff, which costs time and memory.",
            "1.5 to 4 A is enough.",
            keyword="pairlistdist",
        )
