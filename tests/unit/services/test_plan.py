"""Plans of jobs: what is refused before anything is recorded."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from namdrunner.errors import InputError
from namdrunner.paths import Folders
from namdrunner.services.job_request import JobRequest
from namdrunner.services.plan import plan_job
from namdrunner.services.templates import TemplateService
from namdrunner.slurm.profiles import load_profile

LATIN = os.fsdecode(b"caf\xe9")


def refusal(tmp_path: Path, config: Path) -> InputError:
    request = JobRequest(name="a", cluster="demo", config=str(config))
    templates = TemplateService(Folders.below(tmp_path / "home").ensure())
    with pytest.raises(InputError) as caught:
        plan_job(request, load_profile("demo"), None, templates, datetime.now(UTC))
    return caught.value


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no names that are not UTF-8")
def test_names_that_are_not_utf8_are_refused_with_a_sentence(tmp_path: Path) -> None:
    """Writing the job's record failed, which looked like a fault inside NAMDRunner."""
    config = tmp_path / f"{LATIN}.namd"
    config.write_text("cutoff 9\n")
    error = refusal(tmp_path, config)
    assert error.code == "file-name-invalid"
    assert "caf\\udce9.namd is not UTF-8" in error.message


def test_a_file_outside_is_not_called_a_faulty_line(tmp_path: Path) -> None:
    config = tmp_path / "run.namd"
    config.write_text("source /etc/passwd\n")
    error = refusal(tmp_path, config)
    assert (error.code, error.context["line"]) == ("config-syntax", 1)
    assert error.remedy.startswith("Put that file beside the config")
