"""The job model: what may follow what, and what a job is called."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namdrunner.errors import InputError
from namdrunner.jobs.folders import check_name, inside, is_job_id, job_folder, new_job_id, slug
from namdrunner.jobs.state import JobState

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_final_and_active_exclude_each_other() -> None:
    assert not any(s.final and s.active for s in JobState)


@given(st.text())
def test_any_name_gives_a_safe_id(name: str) -> None:
    job_id = new_job_id(name, NOW)
    assert is_job_id(job_id)
    assert job_folder("/scratch/u", job_id).startswith("/scratch/u/namdrunner_jobs/")


def test_slug_keeps_what_people_recognise() -> None:
    assert slug("  DNA Origami: 6-helix (Überarbeitet) ") == "dna-origami-6-helix-uberarbeitet"
    assert slug("水") == "job"


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00b", "x" * 201, "a\u2028b"])
def test_unusable_name_is_refused(name: str) -> None:
    with pytest.raises(InputError) as caught:
        check_name(name)
    assert caught.value.code == "job-name-invalid"


@pytest.mark.parametrize("name", ["it's", "$(rm -rf ~)", "a;b", "東京", '"quoted"'])
def test_odd_but_harmless_name_is_kept(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("root", "job_id"),
    [
        ("relative", "a_1700000000000"),
        ("/x/../y", "a_1700000000000"),
        ("/x", "../a_1700000000000"),
        ("/x", ""),
        ("/x\n", "a_1"),
    ],
)
def test_folder_outside_the_root_is_refused(root: str, job_id: str) -> None:
    with pytest.raises(InputError):
        job_folder(root, job_id)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "", "a\x00b"])
def test_path_that_leaves_the_job_is_refused(path: str) -> None:
    with pytest.raises(InputError) as caught:
        inside("/p/namdrunner_jobs/a_1", path)
    assert caught.value.code == "path-outside-job"
