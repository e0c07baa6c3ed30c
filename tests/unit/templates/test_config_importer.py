"""Plain NAMD configs become templates that render the same lines."""

from __future__ import annotations

import contextlib
import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namdrunner.errors import NamdrunnerError, TemplateError
from namdrunner.templates.config_importer import import_config
from namdrunner.templates.model import VariableType
from namdrunner.templates.render import render

CONFIG = """\
# production of the lab
set temp 310
set box 62.23
set outputname prod1
structure sys/ubq.psf
coordinates sys/ubq.pdb
paraTypeCharmm on
parameters toppar/par_all36m_prot.prm
parameters toppar/water_ions.str
cellBasisVector1 $box 0 0
cellBasisVector2 0 $box 0
cellBasisVector3 0 0 $box
temperature $temp
langevin on
langevinTemp $temp
langevinDamping 1.0
langevinPistonTarget = 1.01325
outputName $outputname
timestep 2.0
stepsPerCycle 10
dcdFreq 5000 ;# frames
foreach k {1 2} { run 100 }
if {1} {
  run 20
}
run 5000
"""


def test_what_changes_from_job_to_job_becomes_a_variable() -> None:
    imported = import_config(CONFIG, "my lab/production", "Production")
    template = imported.template
    variables = {v.name: v for v in template.variables}
    assert template.id == "my_lab_production"
    assert variables["parameter_files"].type is VariableType.FILES
    assert imported.files["parameter_files"] == ("toppar/par_all36m_prot.prm", "toppar/water_ions.str")
    assert imported.files["structure_file"] == ("sys/ubq.psf",)
    assert (variables["temperature"].default, variables["temperature"].unit) == (310, "K")
    assert variables["pressure"].default == 1.01325
    assert variables["cell"].default == "62.23 0 0 0 62.23 0 0 0 62.23 0 0 0"
    assert variables["duration"].default == "5000 steps"
    assert variables["output_name"].default == "prod1"
    assert imported.notes == ()


def test_the_template_renders_the_config() -> None:
    imported = import_config(CONFIG, "x")
    text = render(imported.template, {}, {name: list(names) for name, names in imported.files.items()}).text
    wanted = CONFIG.replace("sys/", "input_files/").replace("toppar/", "input_files/")
    wanted = wanted.replace("$box 0 0", "62.23 0 0").replace("0 $box 0", "0 62.23 0").replace("0 0 $box", "0 0 62.23")
    wanted = wanted.replace("set outputname prod1", "set outputname outputs/prod1")
    assert _lines(text)[1:] == _lines(wanted)


def _lines(text: str) -> list[str]:
    return [re.sub(r"(\d)\.0\b", r"\1", line) for line in text.splitlines() if line.strip()]


def test_what_is_not_known_before_the_run_is_left_and_said() -> None:
    imported = import_config("structure [lindex $argv 0]\nsource other.tcl\nexec sh x < y\nrun 20\n", "x")
    assert "structure [lindex $argv 0]" in imported.template.body
    assert len(imported.notes) == 3


def test_values_that_differ_get_variables_of_their_own() -> None:
    imported = import_config("temperature 0\nlangevinTemp 300\nrun 20\nrun 40\nconsref a.pdb\nconsref b.pdb\n", "x")
    defaults = {v.name: v.default for v in imported.template.variables}
    assert (defaults["temperature"], defaults["temperature_2"]) == (0, 300)
    assert (defaults["duration"], defaults["duration_2"]) == ("20 steps", "40 steps")
    assert imported.files["restraint_reference_file_2"] == ("b.pdb",)


def test_the_cell_of_a_charmm_stream_is_taken_over() -> None:
    text = (
        'exec tr "\\[:upper:\\]" "\\[:lower:\\]" < ../step3_input.str | sed -e "s/ =//g" > step3_input.str\n'
        "source step3_input.str\nstructure a.psf\n"
        "cellBasisVector1 $a 0 0\ncellBasisVector2 0 $b 0\ncellBasisVector3 0 0 $c\ncellOrigin 0 0 $zcen\nrun 20\n"
    )
    stream = " SET BOXTYPE  = RECT\n SET A = 62.5\n SET B = 63.5\n SET C = 64.5\n SET ZCEN = 1.5\n"
    imported = import_config(text, "x", sources={"step3_input.str": stream})
    variables = {v.name: v for v in imported.template.variables}
    assert variables["cell"].default == "62.5 0 0 0 63.5 0 0 0 64.5 0 0 1.5"
    assert imported.notes == ()


@pytest.mark.parametrize("text", ["", "hello", "\x00", "\n" * 30_000, "x" * 600_000, "{" * 1000])
def test_what_is_no_config_is_refused(text: str) -> None:
    with pytest.raises(TemplateError) as caught:
        import_config(text, "x")
    assert caught.value.code == "import-invalid"


@given(st.text(alphabet=st.sampled_from('ab01 .$[]{}"\\;#%=\n-@')))
def test_any_text_is_imported_as_it_is_or_refused(text: str) -> None:
    try:
        imported = import_config("run 20\n" + text, "x")
        files = {name: list(names) for name, names in imported.files.items()}
        rendered = render(imported.template, {}, files).text
    except NamdrunnerError:
        return
    assert "run 20" in rendered.replace("\t", " ") or imported.template.variables


@given(
    st.lists(
        st.sampled_from(
            ["run 20", "set a 5", "temperature $a", "structure $a.psf", "{% if x %}", "{{ a }}", "{#", "#@ var"]
        )
    )
)
def test_template_signs_in_a_config_stay_text(lines: list[str]) -> None:
    imported = import_config("\n".join(["run 20", *lines, "end"]), "x")
    text = render(imported.template, {}, {name: list(n) for name, n in imported.files.items()}).text
    for line in lines:
        if line.startswith("{"):
            assert line in text


@pytest.mark.shared_data
def test_real_configs_keep_their_keywords(shared_data: Path) -> None:
    cases = json.loads((shared_data / "namd_cases" / "cases.json").read_text(encoding="utf-8"))
    assert cases
    done = 0
    for config in sorted((shared_data / "namd_cases").glob("*/*.namd")):
        text = config.read_text(encoding="utf-8", errors="replace")
        try:
            imported = import_config(text, config.parent.name)
        except TemplateError:
            continue
        rendered = render(imported.template, {}, {n: list(p) for n, p in imported.files.items()}).text
        assert _keywords(rendered) == _keywords(text), config
        done += 1
    assert done >= 200


def _keywords(text: str) -> list[str]:
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return sorted(re.split(r"[\s=]", line)[0].lower() for line in lines if line)


@pytest.mark.parametrize(
    "text",
    [
        "run 20\nstructure a" + " " * 400_000 + "b",
        "run 20\n" + "".join(f"set v{n} {n}\n" for n in range(19_000)) + "temperature $v5",
        "".join(f"run {n}\n" for n in range(20, 19_000)),
        "run 20\n" + "".join(f"consref f{n}.pdb\n" for n in range(15_000)),
        "run 20\n" + "parameters x.prm\n" * 19_000,
        "run 20\ntemperature " + "$a" * 200_000,
        "run 20\n" + "{" * 400_000,
        "run 20\n" + "#" * 400_000,
        "run 20\n" + " " * 400_000,
        "run 20\n" + "source " * 50_000,
    ],
    ids=["spaces", "sets", "runs", "files", "parameters", "names", "braces", "comment", "blank", "sources"],
)
def test_hostile_configs_take_no_time(text: str) -> None:
    begin = time.process_time()
    with contextlib.suppress(TemplateError):
        import_config(text, "x")
    assert time.process_time() - begin < 10
