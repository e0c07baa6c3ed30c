"""Configs made to continue: nothing in them is lost, the work adds up, and every output has a name of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from namdrunner.errors import ConflictError, InputError
from namdrunner.namd.config import NamdConfig, evaluate_tolerantly
from namdrunner.namd.continuation import (
    Continuation,
    Start,
    choose_until,
    make_continuation,
    plain_overlay,
    read_plan,
)
from namdrunner.namd.continuation_edit import OVERLAY
from namdrunner.namd.references import output_paths

SET = {"coordinates": "restart/start.coor", "velocities": "restart/start.vel", "cell": "restart/start.xsc"}


def start_at(config: NamdConfig, step: int, *, steps: int | None = None, segment: int = 2, **more: object) -> Start:
    plan = read_plan(config)
    first, until = choose_until(plan, step, steps=steps)
    values = {"plan_first": plan.first, "from_step": first, "until": until, "cycle": plan.cycle, "segment": segment}
    return Start("continue", **(values | SET | more))  # type: ignore[arg-type]


def continued(folder: Path, text: str, step: int, *, steps: int | None = None, **more: object) -> Continuation:
    path = folder / "run.namd"
    path.write_text(text)
    config = evaluate_tolerantly(path, root=folder)
    assert config.failure is None, config.failure
    texts = {config.path: text} | {s.file: s.file.read_text() for s in config.settings if s.file != config.path}
    start = start_at(config, step, steps=steps, **more)
    return make_continuation(config, texts, start, overlay=folder / OVERLAY, root=folder)


PLAIN = """structure a.psf
coordinates a.pdb
temperature 300
seed 7
cellBasisVector1 30 0 0
cellBasisVector2 0 30 0
cellBasisVector3 0 0 30
cellOrigin 0 0 0
constraints on
consref a.pdb
conskfile k.pdb
extraBonds on
extraBondsFile e.txt
colvars on
colvarsConfig c.in
timestep 2
stepspercycle 10
outputName out/prod
restartfreq 100
dcdfreq 50
minimize 200
reinitvels 300
run 1000
"""


def test_a_run_goes_on_where_it_was_left(tmp_path: Path) -> None:
    made = continued(tmp_path, PLAIN, 700, colvars="restart/start.colvars.state")
    config = made.config
    assert (made.first_step, made.target_step) == (700, 1200)
    assert [(s.kind, s.steps) for s in config.steps] == [("run", 500)]
    assert [c.name for c in config.commands] == ["startup"]
    for keyword, value in (
        ("bincoordinates", "restart/start.coor"),
        ("binvelocities", "restart/start.vel"),
        ("extendedsystem", "restart/start.xsc"),
        ("colvarsinput", "restart/start.colvars.state"),
        ("firsttimestep", "700"),
        ("outputname", "out/prod.seg002"),
        ("seed", "8"),
        ("consref", "a.pdb"),
        ("coordinates", "a.pdb"),
        ("extrabondsfile", "e.txt"),
    ):
        assert [s.value for s in config.get_all(keyword)] == [value], keyword
    for keyword in ("temperature", "cellbasisvector1", "cellorigin"):
        assert config.get_all(keyword) == (), keyword
    assert "+namdrunner_keyword temperature 300" in made.diff
    assert all(line in made.texts[config.path] for line in PLAIN.splitlines())


def test_a_minimization_that_was_not_finished_is_finished(tmp_path: Path) -> None:
    made = continued(tmp_path, PLAIN, 100)
    assert [(s.kind, s.steps) for s in made.config.steps] == [("minimize", 100), ("run", 1000)]
    assert [c.name for c in made.config.commands] == ["reinitvels"]


def test_a_finished_minimization_is_not_repeated_but_its_heat_is_given(tmp_path: Path) -> None:
    made = continued(tmp_path, PLAIN, 200)
    assert [(s.kind, s.steps) for s in made.config.steps] == [("run", 1000)]
    assert [c.name for c in made.config.commands] == ["startup", "reinitvels"]


def test_more_steps_than_the_plan_has_are_run_after_it(tmp_path: Path) -> None:
    made = continued(tmp_path, PLAIN, 1200, steps=255)
    assert (made.first_step, made.target_step) == (1200, 1460)
    assert [s.steps for s in made.config.steps] == [260]


def test_fewer_steps_than_the_plan_has_end_earlier(tmp_path: Path) -> None:
    made = continued(tmp_path, PLAIN, 300, steps=100)
    assert (made.first_step, made.target_step) == (300, 400)


def test_all_steps_done_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConflictError) as caught:
        continued(tmp_path, PLAIN, 1200)
    assert caught.value.code == "steps-complete"


def test_a_step_between_two_cycles_is_rounded_down(tmp_path: Path) -> None:
    made = continued(tmp_path, PLAIN, 707)
    assert (made.first_step, made.target_step) == (700, 1200)


def test_a_second_continuation_leaves_the_config_as_it_is(tmp_path: Path) -> None:
    first = continued(tmp_path, PLAIN, 700)
    text = first.texts[first.config.path]
    (tmp_path / OVERLAY).write_text(plain_overlay())
    again = evaluate_tolerantly(tmp_path / "run.namd", text=text, root=tmp_path)
    assert read_plan(again) == read_plan(evaluate_tolerantly(tmp_path / "run.namd", text=PLAIN, root=tmp_path))
    second = make_continuation(
        again, {again.path: text}, start_at(again, 900, segment=3), overlay=tmp_path / OVERLAY, root=tmp_path
    )
    assert second.texts == {}
    assert (second.first_step, second.target_step) == (900, 1200)
    assert second.config.output_names == ("out/prod.seg003",)


COMPUTED = """set name [format "prod_%02d" 3]
set T 310
foreach {key value} [list temperature $T outputname $name] { $key $value }
if {$T > 300} { firsttimestep 0; cellBasisVector1 30 0 0 } else { temperature=300 }
CELLBASISVECTOR2 = 0 30 0
cellBasisVector3 0 \\
   0 30
source more.tcl
DCDFile $name.dcd
restartName "$name.restart"
timestep 2
stepspercycle 20
langevinTemp $T
for {set i 0} {$i < 5} {incr i} {
  langevinTemp [expr {$T + $i}]
  run 100
  output $name.$i
}
"""


def test_a_config_that_computes_its_names_and_loops(tmp_path: Path) -> None:
    (tmp_path / "more.tcl").write_text("dcdfreq 10\nrestartfreq 20\nbincoordinates old.coor\n")
    (tmp_path / "old.coor").write_bytes(b"")
    text = COMPUTED.replace("langevinTemp $T\n", "", 1)
    made = continued(tmp_path, text, 240)
    config = made.config
    assert [(s.kind, s.steps) for s in config.steps] == [("run", 60), ("run", 100), ("run", 100)]
    assert [c.args for c in config.commands if c.name == "output"] == [
        ("prod_03.2.seg002",), ("prod_03.3.seg002",), ("prod_03.4.seg002",),
    ]  # fmt: skip
    names = {o.role: o.written for o in output_paths(config) if o.keyword != "output"}
    assert names["final state"] == "prod_03.seg002"
    assert names["restart state"] == "prod_03.seg002.restart"
    assert names["trajectory"] == "prod_03.seg002.dcd"
    assert {p.name for p in made.texts} == {"run.namd", "more.tcl"}


def test_numsteps_without_a_run(tmp_path: Path) -> None:
    made = continued(tmp_path, PLAIN[: PLAIN.index("minimize")] + "numsteps 500\n", 300)
    assert (made.first_step, made.target_step) == (300, 500)
    assert [s.steps for s in made.config.steps] == [200]


def test_work_before_an_exit_is_extended_too(tmp_path: Path) -> None:
    made = continued(tmp_path, PLAIN + "exit\nrun 99999\n", 1200, steps=40)
    assert [s.steps for s in made.config.steps] == [40]


def test_fresh_velocities_and_no_cell(tmp_path: Path) -> None:
    text = PLAIN.replace("cellBasis", "# cellBasis").replace("cellOrigin", "# cellOrigin")
    made = continued(tmp_path, text, 600, temperature=310.0, cell="")
    assert made.config.startup("temperature") == "310"
    assert made.config.startup("binvelocities") is None
    assert made.config.startup("extendedsystem") is None


def test_a_config_that_sets_its_step_back_is_refused_in_words(tmp_path: Path) -> None:
    text = PLAIN.replace("run 1000", "run 20\nfirsttimestep 0\nrun 20")
    with pytest.raises(InputError) as caught:
        continued(tmp_path, text.replace("minimize 200\n", ""), 10)
    assert caught.value.code == "continuation-not-possible"


@pytest.mark.shared_data
@pytest.mark.parametrize("case", ["v02-tcl-restart", "v03-charmm-gui-dhfr", "v05-origami-dhfr", "v19-equals-and-case"])
def test_real_configs_continue_without_editing(shared_data: Path, tmp_path: Path, case: str) -> None:
    folder = tmp_path / "namd_cases" / case
    shutil.copytree(shared_data / "namd_cases" / case, folder)
    (source,) = (p for p in folder.iterdir() if p.suffix in (".namd", ".inp"))
    shutil.copytree(shared_data / "systems", tmp_path / "systems")
    config = evaluate_tolerantly(source, root=tmp_path)
    plan = read_plan(config)
    assert plan.end is not None
    text = source.read_text()
    step = plan.end - plan.cycle
    made = make_continuation(
        config, {config.path: text}, start_at(config, step), overlay=folder / OVERLAY, root=tmp_path
    )
    assert (made.first_step, made.target_step) == (step, plan.end)
    assert sum(s.steps for s in made.config.steps) == plan.cycle
    assert made.config.output_names == tuple(f"{name}.seg002" for name in config.output_names)


def test_a_keyword_given_by_the_command_param(tmp_path: Path) -> None:
    text = PLAIN.replace("temperature 300", "param temperature 300")
    made = continued(tmp_path, text, 700)
    assert made.config.get_all("temperature") == ()
