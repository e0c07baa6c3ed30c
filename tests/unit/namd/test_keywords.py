"""The keyword table is complete, consistent and quick to ask."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from namdrunner.namd.keywords import all_keywords, is_on, keyword, nearest, table_version, versions

FIELDS = {
    "name": str,
    "type": str,
    "default": (str, int, float),
    "above": (int, float),
    "at_least": (int, float),
    "unit": str,
    "parent": str,
    "required": bool,
    "since": str,
    "until": str,
    "changeable": bool,
    "repeatable": bool,
    "input": str,
    "output": str,
    "choices": list,
    "special_build": bool,
}


def test_the_data_file_keeps_to_its_schema() -> None:
    text = resources.files("namdrunner.namd").joinpath("data", "keywords.json").read_text(encoding="utf-8")
    document = json.loads(text)
    assert document["schema"] == 1
    names = [row["name"].lower() for row in document["keywords"]]
    assert len(names) == len(set(names)) >= 699
    for row in document["keywords"]:
        assert set(row) <= set(FIELDS), row
        assert all(isinstance(row[field], FIELDS[field]) for field in row), row
        assert row["type"] in ("switch", "integer", "number", "text", "vector"), row


def test_parents_are_keywords_and_form_no_circle() -> None:
    for info in all_keywords():
        seen = {info.name.lower()}
        parent = info.parent
        while parent:
            assert parent not in seen, info
            seen.add(parent)
            above = keyword(parent)
            assert above is not None, info
            parent = above.parent


def test_lookup_ignores_case_and_keeps_the_manuals_spelling() -> None:
    info = keyword("PMEGRIDSPACING")
    assert info is not None
    assert info.name == "PMEGridSpacing"
    assert keyword("no such thing") is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("PMEGridSpaceing", "PMEGridSpacing"),
        ("extraBondFile", "extraBondsFile"),
        ("outputEnergy", "outputEnergies"),
        ("restartfrequency", "restartfreq"),
        ("wrapNearst", "wrapNearest"),
        ("langevinTmp", "langevinTemp"),
    ],
)
def test_the_nearest_keyword_is_what_was_meant(written: str, meant: str) -> None:
    assert nearest(written) == meant


def test_nothing_is_near_to_nonsense() -> None:
    assert nearest("qqqqqqqq") is None


def test_versions_are_told_apart() -> None:
    resident, old = keyword("GPUresident"), keyword("useCUDA2")
    assert resident is not None
    assert old is not None
    assert [resident.exists_in(v) for v in ("2.12", "2.14", "3.0", "3.0.2")] == [False, False, True, True]
    assert [old.exists_in(v) for v in ("2.12", "2.14", "3.0")] == [True, True, False]


def test_any_version_falls_on_one_of_the_table() -> None:
    assert [table_version(v) for v in ("2.12", "2.13", "2.14", "3.0", "3.0.1", "3.0b6", "4.0")] == [
        "2.12",
        "2.14",
        "2.14",
        "3.0",
        "3.0",
        "3.0",
        versions()[-1],
    ]


def test_what_reads_as_true() -> None:
    assert all(is_on(word) for word in ("on", "Yes", "TRUE", "1"))
    assert not any(is_on(word) for word in ("off", "no", "maybe", "", None))
