"""A continued config, run by the engine: the same trajectory as the run that was not interrupted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.demo.engine_runs import VACUUM, EngineRun, run_engine, write_config, write_peptide

from namdrunner.namd.check import check_config
from namdrunner.namd.config import evaluate_config
from namdrunner.namd.continuation import Start, choose_until, make_continuation, read_plan
from namdrunner.namd.continuation_edit import OVERLAY
from namdrunner.namd.restart_sets import choose_set, find_sets, read_seen

pytestmark = pytest.mark.demo
Capture = pytest.CaptureFixture[str]
WORK = ("minimize 20", "reinitvels 300", "run 60")
GENTLE = VACUUM | {"timestep": "0.5", "outputEnergies": "10", "restartfreq": "10"}


def start_from(config: Path, stem: str, *, segment: int = 2, stretch: int = 500, step: int | None = None) -> Start:
    plan = read_plan(evaluate_config(config))
    folder = config.parent
    found = find_sets([read_seen(p) for p in folder.iterdir() if p.name.startswith(f"{stem}.")], atoms=22)
    chosen = choose_set(found, step=step).chosen
    assert chosen is not None
    assert chosen.step is not None
    first, until = choose_until(plan, chosen.step, steps=None)
    xsc, coor, vel = (file.path for file in chosen.files if file is not None)
    return Start("continue", plan.first, first, until, plan.cycle, segment, coor, vel, xsc, stretch=stretch)


def apply(config: Path, start: Start) -> Path:
    """A config beside the first, continued; its path."""
    target = config.with_name("again.namd")
    target.write_text(config.read_text())
    evaluated = evaluate_config(target)
    overlay = config.parent / OVERLAY
    make_continuation(evaluated, {evaluated.path: target.read_text()}, start, overlay=overlay, root=config.parent)
    return target


def energies(run: EngineRun) -> dict[float, float]:
    assert run.status == 0, run.log
    return {row["TS"]: row["TOTAL"] for row in run.rows()}


def test_a_continuation_gives_the_energies_of_the_whole_run(tmp_path: Path, capsys: Capture) -> None:
    write_peptide(tmp_path)
    whole = run_engine(write_config(tmp_path, GENTLE | {"outputName": "whole"}, *WORK), capsys)
    config = write_config(tmp_path, GENTLE, *WORK[:2], "run 30", name="part.namd")
    part = run_engine(config, capsys)
    full = write_config(tmp_path, GENTLE, *WORK, name="full.namd")
    again = apply(full, start_from(full, "out"))
    report = check_config(again)
    assert [f.code for f in report.findings if f.severity.value == "error"] == []
    rest = run_engine(again, capsys)
    expected, found = energies(whole), energies(part) | energies(rest)
    assert sorted(found) == sorted(expected) == list(range(0, 90, 10))
    assert min(energies(rest)) == 50
    (before,), (after,) = ([row for row in run.rows() if row["TS"] == 50] for run in (whole, rest))
    for column in ("BOND", "ANGLE", "DIHED", "ELECT", "VDW"):
        assert after[column] == pytest.approx(before[column], abs=2e-3)
    assert {p.name for p in tmp_path.glob("out*.coor")} >= {"out.coor", "out.seg002.coor"}
    assert not list(tmp_path.glob("*.BAK"))


def test_a_stop_file_ends_a_run_after_a_whole_stretch_with_its_state_written(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_peptide(tmp_path)
    config = write_config(tmp_path, GENTLE, *WORK)
    plan = read_plan(evaluate_config(config))
    start = Start("start", plan.first, plan.first, None, plan.cycle, 1, stretch=20)
    first = apply(config, start)
    stop = tmp_path / "stop"
    text = first.read_text().replace("run 60", "close [open stop w]\nrun 60")
    first.write_text(text)
    monkeypatch.setenv("NAMDRUNNER_STOP_FILE", str(stop))
    stopped = run_engine(first, capsys)
    assert stopped.status == 0
    assert "stopping at step 20, as asked" in stopped.log
    assert "WRITING VELOCITIES TO OUTPUT FILE AT STEP 20" in stopped.log
    stop.unlink()
    second = config.with_name("second.namd")
    second.write_text(config.read_text())
    rest = run_engine(apply(config, replace(start_from(config, "out"), stretch=20)), capsys)
    assert rest.status == 0
    assert "WRITING VELOCITIES TO OUTPUT FILE AT STEP 80" in rest.log
    assert sorted(energies(rest)) == list(range(20, 90, 10))
