"""First jobs that can be stopped without losing work: nothing else about them changes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.integration.sample import write_config

from namdrunner.demo.sample.job import sample_job
from namdrunner.errors import InputError
from namdrunner.namd.continuation_edit import FINISH, OVERLAY, is_marked
from namdrunner.paths import Folders
from namdrunner.services.job_request import JobPlan, JobRequest
from namdrunner.services.plan import plan_job
from namdrunner.services.templates import TemplateService
from namdrunner.slurm.profiles import load_profile

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ROOTS = ("/projects/ada", "/scratch/ada")


def planned(tmp_path: Path, **request: Any) -> JobPlan:
    templates = TemplateService(Folders.below(tmp_path / "home").ensure())
    request = {"name": "Prod", "cluster": "demo", "resources": {"walltime": "01:00:00"}} | request
    return plan_job(JobRequest.model_validate(request), load_profile("demo"), ROOTS, templates, NOW)


def template_job(tmp_path: Path, **request: Any) -> JobPlan:
    sample = sample_job(tmp_path / "sample")
    files = {name: [str(path) for path in paths] for name, paths in sample.files.items()}
    return planned(tmp_path, template=sample.template, values=sample.values, files=files, **request)


def test_a_template_job_can_be_stopped_and_does_the_same(tmp_path: Path) -> None:
    plain, stoppable = template_job(tmp_path, clean_stop=False), template_job(tmp_path)
    assert not is_marked(plain.config)
    assert stoppable.config.startswith(f"source input_files/{OVERLAY}\n")
    assert stoppable.config.endswith(f"{FINISH}\n")
    assert stoppable.record.run == plain.record.run
    assert stoppable.findings == plain.findings
    (overlay,) = (f for f in stoppable.files if f.name == OVERLAY)
    assert overlay.text is not None
    assert "set namdrunner_mode start\n" in overlay.text
    assert [i.name for i in stoppable.record.inputs] == [*(i.name for i in plain.record.inputs), OVERLAY]
    assert "nr_notice=0" in plain.script
    assert "nr_notice=0" not in stoppable.script


def test_a_config_of_ones_own_is_changed_only_when_asked(tmp_path: Path) -> None:
    config = write_config(tmp_path / "s")
    before = config.read_bytes()
    assert planned(tmp_path, config=str(config)).config == before.decode()
    made = planned(tmp_path, config=str(config), clean_stop=True)
    assert config.read_bytes() == before
    assert is_marked(made.config)
    assert [i.name for i in made.record.inputs if i.role == "script"] == [f"step5/{OVERLAY}"]
    kept = [line.replace("namdrunner_keyword ", "") for line in made.config.splitlines()[1:-1]]
    assert kept == before.decode().splitlines()


def test_sourced_scripts_are_marked_in_the_copy_that_is_sent(tmp_path: Path) -> None:
    config = write_config(tmp_path / "s", extra="source more.tcl")
    more = config.parent / "more.tcl"
    more.write_text("colvars off\nveldcdfile v.veldcd\n")
    made = planned(tmp_path, config=str(config), clean_stop=True)
    (sent,) = (f for f in made.files if f.name == "step5/more.tcl")
    assert sent.text == "colvars off\nnamdrunner_keyword veldcdfile v.veldcd\n"
    assert more.read_text() == "colvars off\nveldcdfile v.veldcd\n"
    record = next(i for i in made.record.inputs if i.name == sent.name)
    assert (record.bytes, record.sha256) == (sent.bytes, sent.sha256)


def test_a_config_that_would_do_something_else_is_refused(tmp_path: Path) -> None:
    """It looks at its own commands, which an overlay cannot hide."""
    config = write_config(tmp_path / "s", extra="if {[llength [info commands namdrunner_run]]} { dcdfreq 5 }")
    with pytest.raises(InputError) as caught:
        planned(tmp_path, config=str(config), clean_stop=True)
    assert caught.value.code == "continuation-not-possible"
    assert not is_marked(planned(tmp_path, config=str(config)).config)


def test_a_first_job_that_goes_on_by_itself_has_its_chain_with_it(tmp_path: Path) -> None:
    config = write_config(tmp_path / "s", steps=400)
    plan = planned(tmp_path, config=str(config), max_segments=5)
    chain, note = plan.record.chain, plan.record.continuation
    assert chain is not None
    assert note is not None
    assert (chain.until, chain.max_jobs, chain.number, chain.overlay) == (420, 5, 1, f"step5/{OVERLAY}")
    assert (note.kind, note.from_step, plan.record.parent) == ("start", 0, None)
    assert sorted(plan.chain) == [
        f"../.chains/{plan.record.id}/{name}" for name in ("job.in", "job_info.in", "overlay.in")
    ]
    assert b"bincoordinates ../namdrunner_restart/start.coor" in plan.chain[f"../.chains/{plan.record.id}/overlay.in"]
    assert "nr_chain_max=5" in plan.script
    with pytest.raises(InputError) as caught:
        planned(tmp_path, config=str(config), max_segments=5, resources={})
    assert caught.value.code == "walltime-missing"


def test_the_script_that_fills_in_a_successors_script_keeps_its_own_lines(tmp_path: Path) -> None:
    """The third job was made by a script in which the placeholders it looks for had been filled in, too."""
    plan = planned(tmp_path, config=str(write_config(tmp_path / "s", steps=400)), max_segments=5)
    own, following = plan.script, plan.chain[f"../.chains/{plan.record.id}/job.in"].decode()
    begin, end = "nr_chain_render() {", "nr_chain_make() {"
    lines = following[following.index(begin) : following.index(end)]
    assert lines == own[own.index(begin) : own.index(end)]
    assert "NRCHAIN" not in lines
    assert "98765432100" not in lines.replace("98765432100[", "")
    submit = next(line for line in following.splitlines() if line.startswith("nr_chain_sbatch="))
    assert "NRCHAINTOKEN" not in submit
    assert submit == next(line for line in own.splitlines() if line.startswith("nr_chain_sbatch="))
