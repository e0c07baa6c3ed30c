import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namdrunner.errors import TemplateError
from namdrunner.templates.declarations import DeclarationError, parse_variable
from namdrunner.templates.model import Condition, Variable, VariableType
from namdrunner.templates.parser import parse_template, read_template, validate_document
from namdrunner.templates.writer import variable_line

EXAMPLE = """\
#@ template  explicit_solvent_npt  v2   "Explicit solvent, NPT"
#@ describe  Constant pressure and temperature
#@ describe  with PME.
#@ var temperature      number  300   [200, 400]  K    "Temperature"    -- target of the Langevin thermostat
#@ var structure_file   file    .psf                   "Structure (PSF)"
#@ var parameter_files  files   .prm .par .str .inp    "Force-field parameters"
#@ var extrabonds_file  file?   .exb .extra            "Extra bonds (optional)"
#@ var duration         time    5 ns                   "Simulated time"   -- rounded to whole cycles, shown
#@ var mode             choice  minimize | run         "What to run"
#@ var cell             cell                           "Periodic cell"
#@ var wrap             boolean on                     "Wrap"
#@ var seed             integer 7 [0, ]                "Seed"
#@ var name             text    "my run"               "Name" when:mode=run
temperature {{ temperature }}
structure {{ structure_file }}
{% for file in parameter_files %}
parameters {{ file }}
{% endfor %}
{% if extrabonds_file %}
extraBondsFile {{ extrabonds_file }}
{% endif %}
cellBasisVector1 {{ cell.a }}
{{ mode }} {{ duration }} ;# {{ wrap }} {{ seed }} {{ name }}
"""


def test_the_documented_example() -> None:
    template = parse_template(EXAMPLE)
    assert (template.id, template.version, template.title) == ("explicit_solvent_npt", "v2", "Explicit solvent, NPT")
    assert template.description == "Constant pressure and temperature with PME."
    variables = {variable.name: variable for variable in template.variables}
    temperature = variables["temperature"]
    assert (temperature.type, temperature.default, temperature.minimum, temperature.maximum, temperature.unit) == (
        VariableType.NUMBER, 300, 200, 400, "K",
    )  # fmt: skip
    assert temperature.label == "Temperature"
    assert temperature.help == "target of the Langevin thermostat"
    assert variables["parameter_files"].extensions == (".prm", ".par", ".str", ".inp")
    assert variables["extrabonds_file"].optional
    assert variables["extrabonds_file"].type is VariableType.FILE
    assert variables["duration"].default == "5 ns"
    assert variables["mode"].choices == ("minimize", "run")
    assert variables["mode"].default == "minimize"
    assert variables["wrap"].default is True
    assert (variables["seed"].minimum, variables["seed"].maximum) == (0, None)
    assert variables["name"].default == "my run"
    assert variables["name"].when == Condition("mode", "run")
    assert variables["name"].line == 13


def test_declarations_leave_the_body_and_its_lines() -> None:
    template = parse_template(EXAMPLE)
    assert "#@" not in template.body
    assert template.body.split("\n")[13] == "temperature {{ temperature }}"


def test_every_problem_is_told_with_its_line() -> None:
    text = (
        '#@ template ok v1 "x"\n#@ var a number ten "A"\n#@ var b nothing "B"\n#@ var a number 5 [6, 7] "A"\n'
        '#@ var c text "unclosed\n#@ variable d\n#@ var used integer 1 "x"\n{{ nosuch }} {{ used }}\n'
    )
    template, problems = read_template(text)
    assert template is None
    assert [(problem.line, problem.code) for problem in problems if problem.severity == "error"] == [
        (3, "variable-type"),
        (4, "variable-default"),
        (5, "quote-open"),
        (6, "declaration-unknown"),
        (8, "variable-undeclared"),
    ]
    with pytest.raises(TemplateError) as caught:
        parse_template(text, "mine.namd")
    assert "line 3" in caught.value.message
    assert "4 more" in caught.value.message
    assert caught.value.context["source"] == "mine.namd"
    assert len(caught.value.context["problems"]) == 5


@pytest.mark.parametrize(
    "line",
    [
        "",
        "x",
        "1x number",
        "for number",
        "x number 1 2",
        "x number 1.2.3",
        "x integer 1.5",
        "x number 5 [9, 1]",
        "x number 5 [a, b]",
        "x number 5 [1]",
        "x text a b",
        "x boolean maybe",
        "x choice a | a",
        'x choice "$(x)" | b',
        'x choice "only a label"',
        "x file psf",
        "x time 5",
        "x time 5 hours",
        "x time 5 ns [1 ps, 2 ps]",
        "x text [1, 2]",
        "x number 1 when:mode",
        "x number a | b",
        "x cell 5",
    ],
)
def test_lines_that_cannot_be_read(line: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        parse_variable(line, 1)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{{ x", "template-syntax"),
        ("{% if x %}", "template-syntax"),
        ("{{ x() }}", "template-construct"),
        ("{{ x.__class__ }}", "template-construct"),
        ("{{ ''.__class__.__mro__ }}", "template-construct"),
        ("{{ x ** 9 }}", "template-construct"),
        ("{{ x ~ x }}", "template-construct"),
        ("{{ x|pprint }}", "template-construct"),
        ("{{ x[y] }}", "template-construct"),
        ("{% for i in range(9) %}{% endfor %}", "template-construct"),
        ("{% for i in 'abc' %}{% endfor %}", "template-construct"),
        ("{% macro m() %}{% endmacro %}", "template-construct"),
        ("{% include 'a' %}", "template-construct"),
        ("{% import 'os' as o %}", "template-construct"),
        ("{% for a in x %}{% for b in x %}{% for c in x %}{% endfor %}{% endfor %}{% endfor %}", "loop-depth"),
        ("{{ " + "(" * 3000 + "x", "template-nesting"),
        ("{% if x %}" * 300 + "{% endif %}" * 300, "template-nesting"),
        ("{% for i in x %}{% endfor %}", "template-construct"),
        ("{{x}}" * 90_000, "template-too-complex"),
        ("{%for a in p%}{%endfor%}" * 20_000, "template-too-complex"),
        ("{{ " + "x+" * 150_000 + "x }}", "template-too-complex"),
        ("{{ " + "x+" * 15_000 + "x }}", "template-nesting"),
        ("{{[" + "1," * 15_000 + "1]|length}}", "template-too-complex"),
        ("{{" * 4000 + "x" * 400_000, "template-too-complex"),
        ("{%" * 4000 + "{#" * 40_000, "template-too-complex"),
    ],
)
def test_hostile_bodies_are_refused(body: str, code: str) -> None:
    template, problems = read_template(f'#@ template t v1 "T"\n#@ var x number 1 "X"\n#@ var y number 1 "Y"\n{body}\n')
    assert template is None
    assert code in {problem.code for problem in problems}, problems


def test_too_long_and_binary() -> None:
    assert read_template("x" * 600_000)[1][0].code == "template-too-long"
    assert read_template("\x00")[1][0].code == "template-binary"
    assert read_template("structure x.psf\n")[1][0].code == "template-line-missing"


def test_conditions_name_another_variable() -> None:
    head = '#@ template t v1 "T"\n#@ var a number 1 "A"\n'
    for line in ('#@ var b number 1 "B" when:c=1', '#@ var b number 1 "B" when:b=1', '#@ var b cell "B" unless:c'):
        template, problems = read_template(head + line + "\n{{ a }}{{ b }}")
        assert template is None
        assert problems[0].code == "variable-condition"


def test_an_unused_variable_is_a_warning() -> None:
    document = validate_document('#@ template t v1 "T"\n#@ var a number 1 "A"\nrun 10\n')
    assert document["ok"] is True
    assert [(p["severity"], p["variable"]) for p in document["problems"]] == [("warning", "a")]  # type: ignore[index,attr-defined]


@given(st.text(max_size=300))
def test_any_text_is_survived(text: str) -> None:
    read_template(text)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(
    ["#@ ", "var ", "template ", "x ", "number ", "choice ", "text? ", '"', "[1, ", "]", "|", "--", "{{", "}}", "{%",
     "%}", "if ", "for ", "endif", "\n", "5 ns ", "when:x=1 ", "{#", "\\"]
), max_size=40))  # fmt: skip
def test_any_mixture_of_the_formats_own_words_is_survived(words: list[str]) -> None:
    template, problems = read_template('#@ template t v1 "T"\n' + "".join(words))
    assert (template is None) == any(problem.severity == "error" for problem in problems)


names = st.from_regex(r"[a-z][a-z0-9_]{0,10}x", fullmatch=True)
labels = st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=30).map(str.strip)
numbers = st.floats(-1e6, 1e6, allow_nan=False)


@given(
    name=names,
    label=labels.filter(bool),
    text=labels,
    value=numbers,
    low=st.none() | st.floats(0, 1e5),
    kind=st.sampled_from(["number", "text", "boolean", "file"]),
)
def test_what_is_written_is_read_again(
    name: str, label: str, text: str, value: float, low: float | None, kind: str
) -> None:
    made = {
        "number": Variable(name, VariableType.NUMBER, label=label, help=text, default=value,
                           minimum=None if low is None else value - low),
        "text": Variable(name, VariableType.TEXT, label=label, help=text, default=text or None),
        "boolean": Variable(name, VariableType.BOOLEAN, label=label, help=text, default=low is None),
        "file": Variable(name, VariableType.FILE, True, label=label, help=text, extensions=(".psf", ".pdb")),
    }[kind]  # fmt: skip
    line = variable_line(made)
    assert "\n" not in line
    assert parse_variable(line.removeprefix("#@ var"), 0) == made
