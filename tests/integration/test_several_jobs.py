"""Several jobs at once from the command line: what cannot be done for one is said, and done for the others."""

from __future__ import annotations

from pathlib import Path

from tests.integration.desk import Desk
from tests.integration.sample import write_config


def test_several_jobs_are_submitted_fetched_and_deleted_together(desk: Desk, tmp_path: Path) -> None:
    config = write_config(tmp_path / "system", steps=20, minimize=10)
    first = desk.create("First", config, "--submit")
    second, third = (desk.create(name, config) for name in ("Second", "Third"))

    outcome = desk.run("job", "submit", first, second, third, "--json")
    assert outcome.status == 1, outcome
    assert [job["id"] for job in outcome.document["jobs"]] == [first, second, third]
    assert {job: error["code"] for job, error in outcome.document["refused"].items()} == {first: "already-submitted"}
    assert all(job["slurm_ids"] for job in outcome.document["jobs"])

    for job in (first, second, third):
        assert desk.watch(job)["status"] == "COMPLETED"
    assert set(desk.ask("job", "sync", first, second)["synced"]) == {first, second}

    home = tmp_path / "home"
    fetched = desk.ask("job", "download", first, second, "*.coor", "--to", str(home))
    assert {job["id"]: len(job["files"]) > 0 for job in fetched["jobs"]} == {first: True, second: True}
    for file in (f for job in fetched["jobs"] for f in job["files"]):
        assert Path(file["path"]).stat().st_size == file["bytes"]
        assert file["name"].endswith(".coor")
    assert {folder.name for folder in home.iterdir()} == {first, second}
    everything = desk.ask("job", "download", "--all", "*.xsc", "--to", str(home))
    assert {first, second, third} <= {job["id"] for job in everything["jobs"]}

    outcome = desk.run("job", "cancel", second, third, "--json")
    assert outcome.status == 1
    assert {error["code"] for error in outcome.document["refused"].values()} == {"job-ended"}

    folders = [desk.show(job)["project_dir"] for job in (first, second, third)]
    deleted = desk.ask("job", "delete", first, second, third)
    assert (deleted["deleted"], deleted["refused"]) == ([first, second, third], {})
    assert desk.cluster.lines(f"ls -d {' '.join(folders)} 2>/dev/null | wc -l") == ["0"]


def test_several_names_of_which_one_is_wrong_change_nothing(desk: Desk, tmp_path: Path) -> None:
    job = desk.create("Alone", write_config(tmp_path / "system", steps=20, minimize=10))
    error = desk.refused("job", "delete", job, "nothing_1234567890123", status=1)
    assert error["code"] == "job-not-found"
    assert desk.show(job)["status"] == "READY"
    desk.ask("job", "delete", job)
