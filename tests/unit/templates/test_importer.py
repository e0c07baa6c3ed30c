import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namdrunner.errors import TemplateError
from namdrunner.templates.importer import import_json
from namdrunner.templates.model import VariableType
from namdrunner.templates.parser import parse_template
from namdrunner.templates.render import render

CONFIG = """\
structure {{structure_file}}
set temperature {{temperature}}
temperature $temperature
wrapAll {{wrap}}
foreach pair {{a b} {c d}} { puts $pair }
#@ not a declaration
outputName outputs/{{output_name}}
{{execution_command}} {{2nd}}
"""
ORIGINAL: dict[str, Any] = {
    "id": "lab_npt_v1",
    "name": 'The lab\'s "NPT"',
    "description": "Two\nlines.",
    "namd_config_template": CONFIG,
    "variables": {
        "structure_file": {
            "key": "structure_file",
            "label": "Structure",
            "var_type": {"FileUpload": {"extensions": [".psf", "PSF"]}},
            "help_text": "A file -- with a dash",
        },
        "temperature": {
            "key": "temperature",
            "label": "Temperature (K)",
            "var_type": {"Number": {"min": 200.0, "max": 400.0, "default": 300.0}},
            "help_text": None,
        },
        "wrap": {"key": "wrap", "label": "Wrap", "var_type": {"Boolean": {"default": True}}},
        "output_name": {"key": "output_name", "label": "Output", "var_type": {"Text": {"default": "npt_1"}}},
        "execution_command": {"key": "execution_command", "label": "Do", "var_type": {"Text": {"default": "minimize"}}},
        "2nd": {"key": "2nd", "label": "Steps", "var_type": {"Number": {"default": 4800.0}}},
    },
    "is_builtin": True,
    "created_at": "2025-11-02T00:00:00Z",
    "updated_at": "2025-11-02T00:00:00Z",
}


def test_everything_carries_over() -> None:
    template = import_json(json.dumps(ORIGINAL))
    assert (template.id, template.title, template.description) == ("lab_npt_v1", 'The lab\'s "NPT"', "Two lines.")
    variables = {variable.name: variable for variable in template.variables}
    assert list(variables) == ["structure_file", "temperature", "wrap", "output_name", "execution_command", "v_2nd"]
    assert variables["structure_file"].extensions == (".psf", ".psf")
    assert variables["structure_file"].help == "A file -- with a dash"
    temperature = variables["temperature"]
    assert (temperature.default, temperature.minimum, temperature.maximum) == (300, 200, 400)
    assert variables["wrap"].type is VariableType.BOOLEAN
    assert variables["wrap"].default is True
    assert template.variables == parse_template(template.text).variables


def test_it_renders_the_same_lines() -> None:
    config = render(import_json(json.dumps(ORIGINAL)), {}, {"structure_file": "x.psf"})
    assert config.text.splitlines()[1:] == [
        "structure input_files/x.psf",
        "set temperature 300",
        "temperature $temperature",
        "wrapAll yes",
        "foreach pair {{a b} {c d}} { puts $pair }",
        "# @ not a declaration",
        "outputName outputs/npt_1",
        "minimize 4800",
    ]


@given(st.text(max_size=200))
def test_any_config_text_is_kept(text: str) -> None:
    if "\x00" in text or "#@" in text or "\r" in text:
        return
    document = {"id": "x", "name": "x", "namd_config_template": "a" + text + "\nend", "variables": {}}
    config = render(import_json(json.dumps(document)))
    kept = [line for line in config.text.split("\n")[1:] if line.strip()]
    assert kept == [line for line in ("a" + text + "\nend").split("\n") if line.strip()]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"namd_config_template": 5, "variables": {}}',
        '{"namd_config_template": "x", "variables": {"a": 5}}',
        '{"namd_config_template": "x", "variables": {"a": {"var_type": {"Colour": {}}}}}',
        '{"namd_config_template": "x", "variables": {"a": {"var_type": {"Number": {"default": "x"}}}}}',
        '{"namd_config_template": "x", "variables": {"a": {"var_type": {}}}}',
    ],
)
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(TemplateError) as caught:
        import_json(text)
    assert caught.value.code == "import-invalid"
