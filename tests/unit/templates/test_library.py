"""The built-in templates on a real small system: checked as NAMD would judge them, and run."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.conftest import REPOSITORY, not_available
from tests.unit.templates.library_cases import CASES, JUSTIFIED, Bench, documented

from namdrunner.namd.check import check_config
from namdrunner.templates.builtin import list_templates

BEGIN, END = "<!-- built-in templates: written by a test -->\n", "<!-- end -->\n"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("library"))


def run_engine(bench: Bench, ident: str) -> str:
    """The log of the demo engine, after the case whose files this one takes; each is run once."""
    case = CASES[ident]
    log = bench.root / ident / "namd.log"
    if log.is_file():
        return log.read_text(encoding="utf-8")
    if case.after:
        run_engine(bench, case.after)
    config = bench.lay_out(ident)
    command = [sys.executable, "-m", "namdrunner.demo.engine", "+p1", config.name]
    done = subprocess.run(command, cwd=config.parent, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    log.write_text(done.stdout, encoding="utf-8")
    return done.stdout


def make_inputs(bench: Bench, ident: str) -> None:
    """The files of the case before this one: real ones."""
    if CASES[ident].after:
        run_engine(bench, CASES[ident].after)


def test_every_built_in_template_has_a_case() -> None:
    assert {template.id for template in list_templates()} == set(CASES)
    assert all(template.kind and template.description for template in list_templates())


@pytest.mark.demo
@pytest.mark.parametrize("ident", CASES)
def test_the_check_finds_nothing_unjustified_for_either_version(bench: Bench, ident: str) -> None:
    if find_spec("openmm") is None:
        not_available("OpenMM is not installed")
    make_inputs(bench, ident)
    for version in ("2.14", "3.0"):
        config = bench.lay_out(ident, old=version == "2.14", short=False)
        report = check_config(config, namd_version=version, gpu=CASES[ident].gpu and version == "3.0")
        unjustified = [f for f in report.findings if f.severity != "advice" or f.code not in JUSTIFIED.get(ident, {})]
        assert [f"{f.severity} {f.code}: {f.message}" for f in unjustified] == []


@pytest.mark.demo
@pytest.mark.parametrize("ident", [ident for ident, case in CASES.items() if not case.engine])
def test_it_runs(bench: Bench, ident: str) -> None:
    if find_spec("openmm") is None:
        not_available("OpenMM is not installed")
    log = run_engine(bench, ident)
    assert "WRITING VELOCITIES TO OUTPUT FILE AT STEP" in log
    assert "End of program" in log
    assert "nan" not in log.lower().replace("nanoseconds", "")
    outputs = {path.suffix for path in (bench.root / ident / "outputs").iterdir()}
    assert {".coor", ".vel", ".dcd"} <= outputs


@pytest.mark.demo
def test_the_network_is_scaled_by_the_config_itself(bench: Bench) -> None:
    if find_spec("openmm") is None:
        not_available("OpenMM is not installed")
    run_engine(bench, "origami_enrgmd_vacuum")
    lines = (bench.root / "origami_enrgmd_vacuum" / "enrgmd.network.exb").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("#")
    # 0.5 in the file; 0.02 asked for where the file is said to hold 0.1.
    assert [float(line.split()[3]) for line in lines[1:]] == pytest.approx([0.1, 0.1])
    assert lines[1].split()[:3] == ["bond", "0", "10"]


def test_the_documentation_says_what_ran() -> None:
    page = REPOSITORY / "docs" / "using" / "templates.md"
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    wanted = before + BEGIN + documented() + END + after
    if text != wanted and "NAMDRUNNER_UPDATE_GOLDEN" in os.environ:
        page.write_text(wanted, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == wanted


def test_the_cases_are_made_anywhere(tmp_path: Path) -> None:
    """Cases that take nobody else's files render without the engine."""
    bench = Bench(tmp_path)
    for ident, case in CASES.items():
        if not case.after:
            assert bench.render(ident).text
