"""The tables of the documentation that are made from the sources."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def docs_tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_tables", ROOT / "scripts" / "docs_tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_every_error_code_of_the_sources_is_kebab_case_and_says_something(docs_tables: ModuleType) -> None:
    entries = docs_tables.errors()
    assert len(entries) > 50
    for entry in entries:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.code), entry
        assert entry.message


def test_pages_get_their_tables(docs_tables: ModuleType) -> None:
    page = docs_tables.on_page_markdown("Before\n\n<!-- table: refusals -->\n\nAfter")
    assert page.startswith("Before\n\n| Code |")
    assert "| `controller-down` |" in page
    assert "<!--" not in page


def test_every_table_that_a_page_asks_for_can_be_made(docs_tables: ModuleType) -> None:
    asked = {
        name
        for page in (ROOT / "docs").rglob("*.md")
        for name in re.findall(r"<!-- table: ([a-z]+) -->", page.read_text())
    }
    assert asked <= set(docs_tables.TABLES)
    for name in asked:
        rows = docs_tables.TABLES[name]().splitlines()
        assert len({row.replace("\\|", "").count("|") for row in rows}) == 1, "every row has the same cells"
