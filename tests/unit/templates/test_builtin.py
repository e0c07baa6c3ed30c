import itertools

import pytest

from namdrunner.errors import NotFoundError
from namdrunner.templates.builtin import list_templates, load_template
from namdrunner.templates.parser import read_template
from namdrunner.templates.render import render

FILES = {"structure_file": "a.psf", "coordinates_file": "a.pdb", "parameter_files": ["a.prm", "b.str", "c.par"]}
CONTINUED = {**FILES, "bincoordinates_file": "r.coor", "binvelocities_file": "r.vel"}


def lines_of(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        words = line.split(";#")[0].split()
        if words and not words[0].startswith("#"):
            found.setdefault(words[0].lower(), []).append(" ".join(words[1:]))
    return found


def test_every_template_is_without_a_problem() -> None:
    assert {"explicit_solvent_npt", "vacuum_optimization"} <= {template.id for template in list_templates()}
    for template in list_templates():
        assert read_template(template.text)[1] == ()
        assert template.description
        assert template.document()["variables"]
    with pytest.raises(NotFoundError):
        load_template("nosuch")


@pytest.mark.parametrize("ident", ["explicit_solvent_npt", "vacuum_optimization"])
@pytest.mark.parametrize("mode", ["minimize", "run", "minimize-then-run"])
@pytest.mark.parametrize("files", [FILES, CONTINUED], ids=["new", "continued"])
def test_what_namd_demands(ident: str, mode: str, files: dict[str, object]) -> None:
    config = render(load_template(ident), {"mode": mode, "cell": "60 60 60", "duration": "1 ns"}, files)  # type: ignore[arg-type]
    keywords = lines_of(config.text)
    assert keywords["paratypecharmm"] == ["on"]
    assert keywords["parameters"] == [f"input_files/{name}" for name in ("a.prm", "b.str", "c.par")]
    # Exactly one of the two, or NAMD refuses.
    assert ("temperature" in keywords) != ("binvelocities" in keywords)
    assert all(len(values) == 1 for keyword, values in keywords.items() if keyword != "parameters")
    assert keywords["outputname"][0].startswith("outputs/")
    cycle = int(keywords["stepspercycle"][0])
    steps = [int(keywords[k][0]) for k in ("run", "minimize") if k in keywords]
    frequencies = [int(keywords[k][0]) for k in ("outputenergies", "dcdfreq", "xstfreq", "restartfreq")]
    assert all(step % cycle == 0 for step in [*steps, *frequencies])
    assert int(keywords["restartfreq"][0]) <= steps[0]
    assert ("run" in keywords, "minimize" in keywords) == (mode != "minimize", mode != "run")
    assert ("reinitvels" in keywords) == (mode == "minimize-then-run")
    assert "extrabonds" not in keywords


def test_distances_and_multiple_timestepping() -> None:
    for ident, timestep in itertools.product(("explicit_solvent_npt", "vacuum_optimization"), (1, 2)):
        keywords = lines_of(render(load_template(ident), {"cell": "60 60 60", "timestep": timestep}, FILES).text)  # type: ignore[arg-type]
        switch, cutoff, pairs = (float(keywords[k][0]) for k in ("switchdist", "cutoff", "pairlistdist"))
        assert switch <= cutoff <= pairs
    keywords = lines_of(render(load_template("explicit_solvent_npt"), {"cell": "60 60 60", "timestep": 4}, FILES).text)  # type: ignore[arg-type]
    assert int(keywords["fullelectfrequency"][0]) * 4 <= 4


def test_continuing_takes_the_cell_from_the_earlier_run() -> None:
    files = {**CONTINUED, "extended_system_file": "r.xsc"}
    keywords = lines_of(render(load_template("explicit_solvent_npt"), {"first_step": 2400, "mode": "run"}, files).text)  # type: ignore[arg-type]
    assert keywords["extendedsystem"] == ["input_files/r.xsc"]
    assert "cellbasisvector1" not in keywords
    assert keywords["firsttimestep"] == ["2400"]


def test_extra_bonds_are_optional() -> None:
    keywords = lines_of(render(load_template("vacuum_optimization"), {}, {**FILES, "extrabonds_file": "e.exb"}).text)  # type: ignore[arg-type]
    assert keywords["extrabonds"] == ["on"]
    assert keywords["extrabondsfile"] == ["input_files/e.exb"]
    assert "cellbasisvector1" not in keywords
    assert "xstfreq" not in keywords
