"""The preflight against the verdicts of real NAMD, and against whatever a file may contain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.namd.water import SETTINGS, config_text

from namdrunner.namd.check import apply_fixes, check_config
from namdrunner.namd.config import evaluate_tolerantly, leading_number
from namdrunner.namd.keywords import all_keywords

pytestmark = pytest.mark.usefixtures("quick_tcl")

NAMES = [info.name for info in all_keywords()]
WORDS = st.sampled_from(
    ["on", "off", "maybe", "0", "1", "-1", "1e9", "1e999", "nan", "12.0", "w.psf", "w.pdb", "none", "1 2 3", "{a b}"]
)
TCL = st.sampled_from(
    [
        "set x 1",
        "set x [expr {$y + 1}]",
        "if {1} {",
        "}",
        "foreach i {1 2} { run 20 }",
        "proc f {a} { return $a }",
        "f 1",
        "source nothing",
        "run 20",
        "minimize 20",
        "run",
        'puts "hi"',
        "#",
        "set q {",
        "catch {error x}",
        "exit",
        "unset x",
        '"',
        "[",
        "$",
        "\\",
        "namespace eval a {}",
        "string repeat a 10",
        "rename set sett",
        "proc unknown args {}",
    ]
)
LINES = st.lists(
    st.one_of(st.builds("{} {}".format, st.sampled_from(NAMES), WORDS), TCL, st.text(max_size=30)), max_size=12
)


@pytest.mark.shared_data
def test_the_verdicts_of_real_namd_are_foreseen(shared_data: Path) -> None:
    """On every third case; scripts/check_cases.py judges all of them for every version."""
    folder = shared_data / "namd_cases"
    cases = json.loads((folder / "cases.json").read_text())["cases"]
    missed: dict[str, list[str]] = {"startup": [], "run": [], "ok": [], "advice": []}
    counts = dict.fromkeys(missed, 0)
    for case in cases[::3]:
        report = check_config(folder / case["directory"] / case["config"], namd_version="3.0")
        verdict = case["verdict"]["3.0"]
        if verdict == "fatal_at_startup":
            kind, passed = "startup", not report.ok
        elif verdict in ("fails_in_run", "hangs"):
            kind, passed = "run", bool(report.findings)
        elif case["label"] == "ok":
            kind, passed = "ok", report.ok
        else:
            kind, passed = "advice", bool(report.findings)
        counts[kind] += 1
        if not passed:
            missed[kind].append(case["id"])
    assert len(missed["startup"]) <= 0.03 * counts["startup"], missed["startup"]
    assert len(missed["run"]) <= 0.3 * counts["run"], missed["run"]
    assert missed["ok"] == []
    assert len(missed["advice"]) <= 0.2 * counts["advice"], missed["advice"]


@given(lines=LINES)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_crashes_the_evaluation(lines: list[str], water_job: Path) -> None:
    config = evaluate_tolerantly(water_job / "c.namd", text="\n".join(lines), time_limit_s=3.0)
    assert config.failure is None or config.failure.message
    assert all(setting.keyword for setting in config.settings)
    assert {path.name for path in water_job.iterdir()} <= {"w.psf", "w.pdb", "w.prm", "run.namd"}


@given(
    changes=st.dictionaries(st.sampled_from(sorted(SETTINGS)), st.one_of(st.none(), WORDS), max_size=3),
    more=st.lists(st.builds("{} {}".format, st.sampled_from(NAMES), WORDS), max_size=4),
    run=st.sampled_from(["run 20", "run 7", "minimize 20\nrun 20", "", "run 20\nlangevinTemp 1\nrun 20"]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_config_crashes_the_check(
    changes: dict[str, str | None], more: list[str], run: str, water_job: Path
) -> None:
    text = config_text(changes, more="\n".join(more), run=run)
    (water_job / "run.namd").write_text(text)
    for version in ("2.12", "3.0"):
        report = check_config(water_job / "run.namd", namd_version=version, gpu=version == "3.0")
        document = json.loads(json.dumps(report.document()))
        assert document["ok"] == (not [f for f in document["findings"] if f["severity"] == "error"])
        assert all(f["code"] and f["message"] and f["remedy"] for f in document["findings"])
        assert isinstance(apply_fixes(text, report.findings), str)


@given(
    data=st.binary(max_size=400), name=st.sampled_from(["w.psf", "w.pdb", "w.prm", "c.in", "x.exb", "x.xsc", "x.coor"])
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_file_crashes_the_check(data: bytes, name: str, water_job: Path) -> None:
    from tests.unit.namd.water import write_system

    write_system(water_job)
    for other in ("c.in", "x.exb", "x.xsc", "x.coor"):
        (water_job / other).write_bytes(b"")
    (water_job / name).write_bytes(data)
    more = "colvars on\ncolvarsConfig c.in\nextraBonds on\nextraBondsFile x.exb\n"
    text = config_text(more=more + "extendedSystem x.xsc\nbincoordinates x.coor")
    (water_job / "run.namd").write_text(text)
    report = check_config(water_job / "run.namd")
    assert not report.ok
    assert json.dumps(report.document())


@given(st.text(max_size=20))
def test_numbers_are_read_as_c_reads_them(text: str) -> None:
    number = leading_number(text)
    assert number is None or isinstance(number, float)
