import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namdrunner.errors import TemplateError
from namdrunner.templates.cell import CellValue
from namdrunner.templates.model import Template
from namdrunner.templates.parser import parse_template
from namdrunner.templates.render import RenderedConfig, render
from namdrunner.templates.tcl import tcl_escape

tkinter = pytest.importorskip("tkinter")


def template(*lines: str) -> Template:
    declared = [line for line in lines if line.startswith("#@")]
    body = [line for line in lines if not line.startswith("#@")]
    return parse_template("\n".join(['#@ template t v1 "T"', *declared, *body]) + "\n")


def body(config: RenderedConfig) -> str:
    return config.text.partition("\n")[2]


def refused(one: Template, values: dict[str, Any], files: dict[str, Any] | None = None) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        render(one, values, files)
    assert caught.value.remedy
    return caught.value


NUMBER = template('#@ var t number 300 [200, 400] K "Temperature"', "langevinTemp {{ t }}")
TEXT = template('#@ var n text run "Name"', "outputName outputs/{{ n }}")
TIME = template(
    '#@ var d time 5 ns [1 fs, 10 us] "Time"',
    '#@ var dt number 2 "dt"',
    "timestep {{ dt }}",
    "stepsPerCycle 12",
    "run {{ d }}",
)
FILES = template('#@ var p files .prm .str "Parameters"', "{% for f in p %}", "parameters {{ f }}", "{% endfor %}")


@pytest.mark.parametrize(
    ("value", "written"),
    [(300, "300"), (300.0, "300"), ("310.5", "310.5"), ("310 K", "310"), (None, "300"), ("", "300")],
)
def test_numbers(value: Any, written: str) -> None:
    assert body(render(NUMBER, {"t": value})) == f"langevinTemp {written}\n"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("warm", "value-not-number"),
        ("300;exec rm", "value-not-number"),
        (True, "value-not-number"),
        (float("nan"), "value-not-number"),
        ([300], "value-not-number"),
        (500, "value-out-of-range"),
        ("1e999", "value-not-number"),
    ],
)
def test_wrong_numbers_name_the_variable_and_its_line(value: Any, code: str) -> None:
    error = refused(NUMBER, {"t": value})
    assert (error.code, error.context["variable"], error.context["line"]) == (code, "t", 2)
    assert "Temperature" in error.message


def test_every_wrong_value_is_told_at_once() -> None:
    error = refused(TIME, {"d": "soon", "dt": "x", "nosuch": 1})
    assert [p["variable"] for p in error.context["problems"]] == ["nosuch", "d", "dt"]
    assert "2 more" in error.message


@pytest.mark.parametrize(
    ("asked", "steps"),
    [("5 ns", 2500008), ("4.8 ps", 2400), ("24 fs", 12), ("1 fs", 12), ("4800 steps", 4800), ("4801 steps", 4812)],
)
def test_times_become_whole_cycles(asked: str, steps: int) -> None:
    config = render(TIME, {"d": asked})
    assert f"run {steps}\n" in config.text
    (planned,) = config.times
    assert (planned.steps, planned.rounded) == (steps, steps not in {2400, 12, 4800} or asked == "1 fs")
    assert bool(config.notes) == planned.rounded
    assert (config.timestep_fs, config.steps_per_cycle) == (2.0, 12)


@given(st.integers(1, 10**6), st.sampled_from(["fs", "ps"]), st.sampled_from([0.5, 1, 1.5, 2, 3.9]))
def test_rounding_is_up_and_by_less_than_a_cycle(amount: int, unit: str, timestep: float) -> None:
    config = render(TIME, {"d": f"{amount} {unit}", "dt": timestep})
    (planned,) = config.times
    asked_fs = amount * {"fs": 1, "ps": 1000}[unit]
    assert planned.steps % 12 == 0
    assert -1e-6 <= planned.femtoseconds - asked_fs < 12 * timestep + 1e-6


@pytest.mark.parametrize("value", ["5", 5, "5 hours", "-5 ns", "0 ns", "ns", "5 ns; exit", "20 us", [1]])
def test_wrong_times(value: Any) -> None:
    assert refused(TIME, {"d": value}).context["variable"] == "d"


def test_more_steps_than_namd_can_count() -> None:
    assert refused(TIME, {"d": "9 us", "dt": 0.5}).code == "too-many-steps"


def test_without_settings_namds_defaults_count() -> None:
    config = render(template('#@ var d time 1 ps "T"', "run {{ d }}"))
    assert (config.timestep_fs, config.steps_per_cycle) == (1.0, 20)
    assert "run 1000\n" in config.text


@pytest.mark.parametrize(
    "value", ["a\nb", "a\x00", "a\u2028b", "\x1b[31m", "../../etc", "a/../b", "x" * 2000, {"a": 1}, "\u202eabc"]
)
def test_texts_that_are_refused(value: Any) -> None:
    assert refused(TEXT, {"n": value}).context["variable"] == "n"


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp"]), max_size=60))
def test_no_text_becomes_tcl(text: str) -> None:
    interpreter = tkinter.Tcl()
    interpreter.eval("proc keyword {args} { return [join $args { }] }; proc unknown args { error injected }")
    for around in ("keyword {}", "keyword pre/{}/post", 'keyword "{}"'):
        assert interpreter.eval(around.format(tcl_escape(text))) == around[8:].strip('"').format(text)
    interpreter.eval("# comment " + tcl_escape(text) + "\nset done 1")
    assert interpreter.eval("set done") == "1"
    # Between braces nothing is substituted; what matters is that the braces stay closed.
    assert interpreter.eval("llength [list {" + tcl_escape(text) + "} b]") == "2"


@given(st.text(max_size=40))
def test_any_text_is_rendered_or_refused(text: str) -> None:
    try:
        config = render(TEXT, {"n": text})
    except TemplateError:
        return
    assert config.text.count("\n") == 2


def test_files_get_safe_and_unique_names() -> None:
    paths = [
        "/a/par all.prm",
        "/b/par all.prm",
        "c:\\x\\Par_all.PRM",
        "/d/$(rm).str",
        "/e/été.prm",
        "/f/.prm",
        "/g/-x.prm",
    ]
    config = render(FILES, files={"p": paths})
    names = [file.name for file in config.files["p"]]
    assert names == ["par_all.prm", "par_all_2.prm", "Par_all_3.PRM", "rm_.str", "ete.prm", "prm", "x.prm"]
    assert body(config) == "".join(f"parameters input_files/{name}\n" for name in names)
    assert [file.source for file in config.input_names] == paths


@given(st.lists(st.text(max_size=30).map(lambda name: name + ".prm"), min_size=1, max_size=8))
def test_file_names_are_plain_whatever_they_were(paths: list[str]) -> None:
    try:
        config = render(FILES, files={"p": paths})
    except TemplateError:
        return
    names = [file.name for file in config.files["p"]]
    assert len({name.lower() for name in names}) == len(names) == len(set(paths))
    for name in names:
        assert name.isascii()
        assert not set(name) & set("/\\ $[]{}\"';#\n")
        assert not name.startswith((".", "-"))


def test_wrong_files() -> None:
    one = template('#@ var s file .psf "Structure"', "structure {{ s }}")
    assert refused(one, {}).code == "value-missing"
    assert refused(one, {}, {"s": "x.pdb"}).code == "value-file-type"
    assert refused(one, {}, {"s": ["a.psf", "b.psf"]}).code == "value-several-files"
    assert refused(one, {"s": 5}).code == "value-not-file"
    assert refused(one, {}, {"s": "a\nb.psf"}).code == "value-not-file"


def test_optional_files_drop_their_lines() -> None:
    one = template(
        '#@ var e file? .exb "Extra"', "{% if e %}", "extraBonds on", "extraBondsFile {{ e }}", "{% endif %}", "run 1"
    )
    assert body(render(one)) == "run 1\n"
    assert body(render(one, {"e": "x.exb"})) == "extraBonds on\nextraBondsFile input_files/x.exb\nrun 1\n"


def test_writing_an_absent_value_is_an_error() -> None:
    assert refused(template('#@ var e file? .exb "E"', "extraBondsFile {{ e }}"), {}).code == "value-missing"


CELL = template('#@ var c cell "Cell" unless:x', '#@ var x file? .xsc "XSC"', "{% if not x %}", "v1 {{ c.a }}",
                "v3 {{ c.c }}", "o {{ c.origin }}", "{% endif %}", "end")  # fmt: skip


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ("30 31 32.5", ["v1 30 0 0", "v3 0 0 32.5", "o 0 0 0"]),
        ([30, 31, 32], ["v1 30 0 0", "v3 0 0 32", "o 0 0 0"]),
        (
            {"a": [30, 0, 0], "b": [0, 30, 0], "c": [1, 2, 30], "origin": [0.5, 0, -1e-7]},
            ["v1 30 0 0", "v3 1 2 30", "o 0.5 0 -1e-07"],
        ),
        (CellValue((9, 0, 0), (0, 9, 0), (0, 0, 9)), ["v1 9 0 0", "v3 0 0 9", "o 0 0 0"]),
    ],
)
def test_cells(value: Any, lines: list[str]) -> None:
    assert body(render(CELL, {"c": value})).splitlines() == [*lines, "end"]


@pytest.mark.parametrize(
    "value", ["30 30", "a b c", "0 30 30", "30 30 nan", [1, 2], {"a": [1, 0, 0]}, "[exit] 1 1", 30, [True] * 3]
)
def test_wrong_cells(value: Any) -> None:
    assert refused(CELL, {"c": value}).code == "value-cell"


def test_a_cell_is_dispensable_when_another_file_holds_it() -> None:
    assert refused(CELL, {}).code == "value-missing"
    assert body(render(CELL, {"x": "old.xsc"})) == "end\n"


def test_conditions_hide_what_does_not_matter() -> None:
    one = template(
        '#@ var mode choice a | b "M"',
        '#@ var n integer "N" when:mode=b',
        "{% if mode == 'b' %}",
        "run {{ n }}",
        "{% endif %}",
    )
    assert body(render(one)) == "\n"
    assert refused(one, {"mode": "b"}).code == "value-missing"
    assert body(render(one, {"mode": "b", "n": "5"})) == "run 5\n"


def test_choices_and_booleans() -> None:
    one = template('#@ var m choice "NPT run" | NVT "M"', '#@ var b boolean on "B"', "{{ m }} {{ b }}")
    assert body(render(one, {"m": "NVT", "b": "off"})) == "NVT no\n"
    assert refused(one, {"m": "NPH"}).code == "value-not-a-choice"
    assert refused(one, {"b": "maybe"}).code == "value-not-boolean"


def test_values_do_not_contain_template_code() -> None:
    assert body(render(TEXT, {"n": "{{7*7}}"})) == "outputName outputs/\\{\\{7*7\\}\\}\n"


def test_arithmetic_is_for_numbers() -> None:
    one = template('#@ var n text a "N"', "x {{ n * 100000 }}")
    assert refused(one, {}).code == "template-render"


def test_output_is_bounded_in_size_and_time() -> None:
    one = template(
        '#@ var p files .prm "P"',
        "{% for f in p %}",
        "{% for g in p %}",
        "x" * 100 + " {{ f }}",
        "{% endfor %}",
        "{% endfor %}",
    )
    started = time.monotonic()
    error = refused(one, {}, {"p": [f"{i}.prm" for i in range(1000)]})
    assert error.code == "config-too-long"
    assert time.monotonic() - started < 5


def test_loops_that_write_nothing_end_too() -> None:
    loops = "{% for f in p %}{% for g in p %}{% endfor %}{% endfor %}"
    one = template('#@ var p files .prm "P"', *[loops] * 500)
    started = time.process_time()
    error = refused(one, {}, {"p": [f"{i}.prm" for i in range(1000)]})
    assert error.code == "template-render"
    assert time.process_time() - started < 10


def test_the_rendered_document_is_plain_json() -> None:
    document = render(CELL, {"c": "30 30 30"}).document()
    assert json.loads(json.dumps(document))["values"]["c"]["a"] == [30, 0, 0]
