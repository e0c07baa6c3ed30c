"""axe-core, run in the page: what somebody without a mouse or good eyes would trip over."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.browser.chromium import Chromium
from tests.conftest import REPOSITORY, not_available

AXE = REPOSITORY / "web" / "node_modules" / "axe-core" / "axe.min.js"


@cache
def _source() -> str:
    if not AXE.is_file():
        not_available("axe-core is not installed (run `npm ci` in web/)")
    return AXE.read_text(encoding="utf-8")


def violations(chromium: Chromium) -> list[str]:
    """One sentence for each element that breaks a rule of WCAG 2.2 AA or a best practice."""
    chromium.evaluate(_source() + "; null")
    found: list[dict[str, Any]] = chromium.evaluate("axe.run(document).then(result => result.violations)")
    return [f"{rule['id']}: {rule['help']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]
