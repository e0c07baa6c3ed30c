"""What commands print and with which exit status they end."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.server.fakes import job_row
from tests.unit.server.live import Live

from namdrunner.cli.job_show import describe_resources
from namdrunner.cli.main import report
from namdrunner.cli.options import complete_clusters, complete_jobs
from namdrunner.errors import InterruptedOperationError, TemplateError
from namdrunner.paths import Folders

JOB = "sample_0000000000001"


def test_list_as_json_is_one_document(run: Run, live: Live) -> None:
    ran = run("job", "list", "--json")
    assert ran.status == 0
    assert [job["id"] for job in ran.json["jobs"]] == [f"sample_{n:013d}" for n in (1, 2, 3)]
    assert ran.err == ""


def test_json_may_be_asked_for_ahead_of_the_command(run: Run, live: Live) -> None:
    assert run("--json", "job", "list").json == run("job", "list", "--json").json


def test_list_asks_for_all_jobs_and_passes_filters_on(run: Run, live: Live) -> None:
    run("job", "list", "--status", "running", "--status", "PENDING", "--cluster", "alpine", "--search", "ala")
    asked = live.application.jobs.asked
    assert asked["status"] == ["RUNNING", "PENDING"]
    assert (asked["cluster"], asked["search"]) == ("alpine", "ala")
    assert asked["limit"] >= 10_000


def test_list_for_people_without_a_terminal_is_plain(run: Run, live: Live) -> None:
    lines = run("job", "list").out.splitlines()
    assert lines[0].split()[:4] == ["id", "name", "status", "cluster"]
    assert "500 / 1000 (50 %)" in lines[1]
    assert "\x1b" not in "".join(lines)


def test_an_unknown_status_is_said(run: Run, live: Live) -> None:
    ran = run("job", "list", "--status", "SLEEPING", "--json")
    assert ran.status == 1
    assert ran.json["error"]["code"] == "invalid-request"


def test_an_error_is_a_document_with_json_and_words_without(run: Run, live: Live) -> None:
    ran = run("job", "show", "nothing", "--json")
    assert ran.status == 1
    assert set(ran.json["error"]) >= {"code", "message", "remedy", "retryable", "context"}
    ran = run("job", "show", "nothing")
    assert ran.out == ""
    assert ran.err == "Error: There is no job 'nothing'.\n  See job list.\n"


def test_not_connected_is_exit_status_3(run: Run, live: Live) -> None:
    run("cluster", "add", "alpine", "--host", "login.example")
    ran = run("cluster", "test", "alpine", "--json")
    assert (ran.status, ran.json["error"]["code"]) == (3, "not-connected")


def test_show_prints_facts(run: Run, live: Live) -> None:
    out = run("job", "show", JOB).out
    assert "RUNNING" in out
    assert "12.5 ns/day" in out


def test_create_sends_absolute_paths(run: Run, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server has another current folder."""
    (tmp_path / "ala.psf").write_text("PSF")
    monkeypatch.chdir(tmp_path)
    sent: list[object] = []
    create = live.application.jobs.start_create

    async def remember(request: object) -> object:
        sent.append(request)
        return await create(request)

    live.application.jobs.start_create = remember  # type: ignore[method-assign,assignment]
    words = "--cluster alpine --template t --set temperature=310 --set note=a=b --file structure_file=ala.psf"
    ran = run("job", "create", "x", *words.split(), "--cores", "4", "--memory", "16GB", "--json")
    assert ran.status == 0
    assert ran.json["id"] == JOB
    (request,) = sent
    assert request.values == {"temperature": "310", "note": "a=b"}  # type: ignore[attr-defined]
    assert request.files == {"structure_file": [str(tmp_path / "ala.psf")]}  # type: ignore[attr-defined]
    assert request.resources.memory == "16GB"  # type: ignore[attr-defined]
    assert "Uploading" in ran.err or ran.err == ""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("job create x --cluster c", "wrong-usage"),
        ("job create x --cluster c --template t --config f", "wrong-usage"),
        ("job create x --cluster c --template t --set temperature", "option-invalid"),
        ("job create x --template t", "cluster-missing"),
        ("job create x --cluster c --template t --cores zero", "wrong-usage"),
        ("job create x --cluster c --template t --cores 0", "wrong-usage"),
        ("job show", "wrong-usage"),
        ("job dance", "wrong-usage"),
        ("dance", "wrong-usage"),
        ("job show x --colour red", "wrong-usage"),
        ("cluster edit alpine", "wrong-usage"),
        ("job logs x --slurm --namd", "wrong-usage"),
        ("serve --port 99999", "wrong-usage"),
    ],
)
def test_wrong_usage_is_exit_status_2_in_both_forms(run: Run, words: str, code: str) -> None:
    plain, document = run(*words.split()), run(*words.split(), "--json")
    assert (plain.status, document.status) == (2, 2)
    assert plain.out == ""
    assert plain.err.startswith("Error: ")
    assert document.json["error"]["code"] == code


def test_a_file_that_is_not_there_is_named(run: Run) -> None:
    ran = run("job", "create", "x", "--cluster", "c", "--config", "/nothing/x.namd", "--json")
    assert (ran.status, ran.json["error"]["code"]) == (1, "file-not-found")
    assert "/nothing/x.namd" in ran.json["error"]["message"]


def test_nothing_is_started_by_asking_for_the_status(run: Run) -> None:
    ran = run("status", "--json")
    assert ran.status == 0
    assert ran.json["running"] is False
    assert run("stop", "--json").json == {"stopped": False, "pid": None}


def test_status_of_a_running_server(run: Run, live: Live) -> None:
    document = run("status", "--json").json
    assert document["running"] is True
    assert document["url"] == live.server.url
    assert live.server.token not in json.dumps(document)
    assert [one["cluster"] for one in document["limits"]] == ["alpine"]
    assert document["limits"][0]["queue_depth"] == 20
    shown = run("status").out
    assert "10 of 10" in shown
    assert "0 of 20" in shown


def test_watch_ends_with_the_job(run: Run, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("namdrunner.cli.job_watch.INTERVAL_S", 0.01)
    live.application.clusters.known["alpine"] = {"name": "alpine", "host": "h", "state": "connected"}
    states = iter(["PENDING", "RUNNING", "RUNNING", "COMPLETED"])
    live.application.jobs.get = lambda job: job_row(1, status=next(states))  # type: ignore[method-assign]
    ran = run("job", "watch", JOB, "--json")
    assert ran.status == 0
    assert ran.json["status"] == "COMPLETED"
    assert [line.split()[0] for line in ran.err.splitlines()] == ["PENDING", "RUNNING", "COMPLETED"]


@pytest.mark.parametrize("status", ["FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL"])
def test_watch_of_a_job_that_ends_otherwise(run: Run, live: Live, status: str) -> None:
    live.application.jobs.rows = [job_row(1, status=status, reason="NAMD stopped.")]
    ran = run("job", "watch", JOB)
    assert ran.status == 1
    assert status in ran.err
    assert "NAMD stopped." in ran.err


def test_watch_does_not_wait_for_what_cannot_be_known(run: Run, live: Live) -> None:
    live.application.clusters.known["alpine"] = {"name": "alpine", "host": "h", "state": "expired"}
    ran = run("job", "watch", JOB, "--json")
    assert (ran.status, ran.json["error"]["code"]) == (3, "not-connected")


def test_watch_does_not_wait_for_a_job_nobody_submitted(run: Run, live: Live) -> None:
    live.application.jobs.rows = [job_row(1, status="READY")]
    ran = run("job", "watch", JOB, "--json")
    assert (ran.status, ran.json["error"]["code"]) == (1, "job-not-submitted")


def test_watch_gives_up_when_told_to(run: Run, live: Live) -> None:
    live.application.clusters.known["alpine"] = {"name": "alpine", "host": "h", "state": "connected"}
    ran = run("job", "watch", JOB, "--timeout", "0", "--json")
    assert (ran.status, ran.json["error"]["code"]) == (1, "watch-timeout")


def test_interrupting_leaves_the_work_running(run: Run, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("namdrunner.cli.session.ProgressDisplay.show", interrupt)
    ran = run("job", "download", JOB, "--to", "x", "--json")
    assert (ran.status, ran.json["error"]["code"]) == (5, "left-running")
    (task,) = live.application.tasks.list()
    assert task.state == "running"


def test_interrupting_anything_is_exit_status_5(run: Run, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("namdrunner.client.nouns.Jobs.list", interrupt)
    ran = run("job", "list", "--json")
    assert (ran.status, ran.json["error"]["code"]) == (5, InterruptedOperationError.default_code)


def add_cluster(run: Run) -> None:
    run("cluster", "add", "alpine", "--host", "login.example")


def test_connect_takes_the_password_from_stdin(run: Run, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    add_cluster(run)
    monkeypatch.setattr(sys, "stdin", io.StringIO("right\n"))
    ran = run("cluster", "connect", "alpine", "--password-stdin", "--json")
    assert (ran.status, ran.json["state"]) == (0, "connected")
    assert "right" not in ran.out + ran.err


def test_connect_without_a_terminal_says_what_is_missing(run: Run, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    add_cluster(run)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    ran = run("cluster", "connect", "alpine", "--json")
    assert (ran.status, ran.json["error"]["code"]) == (3, "authentication-needed")
    assert "--password-stdin" in ran.json["error"]["remedy"]
    (task,) = live.application.tasks.list()
    assert task.state == "cancelled"


def test_output_survives_names_from_anywhere(run: Run, live: Live) -> None:
    live.application.jobs.rows = [job_row(1, name="[red]\x1b]0;owned\x07 \u2603 \ud800[/red]".replace("\ud800", ""))]
    assert run("job", "list", "--json").json["jobs"][0]["name"] == "[red]\x1b]0;owned\x07 \u2603 [/red]"
    plain = run("job", "list").out
    assert "\x1b" not in plain
    assert "[red]" in plain


def test_serve_refuses_a_taken_port(run: Run) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = run("serve", "--no-browser", "--json", "--port", str(taken.getsockname()[1]))
    assert (ran.status, ran.json["error"]["code"]) == (2, "port-taken")


def test_a_name_may_be_almost_anything(run: Run, live: Live) -> None:
    for name in ("'; rm -rf #", "$(reboot)", "a" * 300, "\u03b1-helix", "two\nlines", "a?b#c%2F"):
        ran = run("job", "show", name, "--json")
        assert (ran.status, ran.json["error"]["code"]) == (1, "job-not-found")
    for name in ("", ".", "..", "a/b"):
        ran = run("job", "show", name, "--json")
        assert (ran.status, ran.json["error"]["code"]) == (1, "not-found")


def test_a_fault_of_ours_is_a_sentence_not_a_traceback(run: Run, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("namdrunner.client.nouns.Jobs.list", fail)
    ran = run("job", "list", "--json")
    assert (ran.status, ran.json["error"]["code"]) == (1, "internal-error")
    assert "Traceback" not in ran.err
    assert "NAMDRUNNER_TRACEBACK" in ran.err


def test_completion_knows_jobs_and_clusters_of_a_running_server(live: Live, home: Folders) -> None:
    assert complete_jobs("sample_0000000000002") == ["sample_0000000000002"]
    assert complete_clusters("") == []


def test_completion_never_starts_a_server(home: Folders) -> None:
    assert complete_jobs("") == []
    assert not home.server_file.exists()


def test_every_problem_of_a_template_is_told_not_only_counted(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [{"message": "First."}, {"message": "Second."}, {"message": "Third."}]
    report(TemplateError("First. There are 2 more problems.", context={"problems": problems}), as_json=False)
    told = capsys.readouterr().err
    assert told.count("First.") == 1
    assert "Also: Second.\nAlso: Third.\n" in told


def test_the_path_of_a_profile_does_not_depend_on_the_servers_folder(
    run: Run, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path was looked for where the server runs."""
    sent: list[object] = []

    def add(_: object, name: str, host: str, **given: object) -> dict[str, object]:
        sent.append(given["profile"])
        return {"name": name}

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("namdrunner.client.nouns.Clusters.add", add)
    for given in ("alpine", "mine.toml", "profiles/mine.toml"):
        assert run("cluster", "add", "c", "--host", "h", "--profile", given).status == 0
    assert sent == ["alpine", str(tmp_path / "mine.toml"), str(tmp_path / "profiles/mine.toml")]


def test_thousands_of_findings_do_not_scroll_past(run: Run, tmp_path: Path) -> None:
    wrong = tmp_path / "not_a_config"
    wrong.write_text("".join(f"word{i} 1\n" for i in range(300)))
    ran = run("check", str(wrong))
    assert ran.status == 1
    assert ran.out.count("error: ") == 50
    assert "more; --json lists all of them." in ran.out
    assert len(run("check", str(wrong), "--json").json["findings"]) >= 300


def test_resources_are_shown_as_people_write_them() -> None:
    resources = {
        "cores": 4,
        "walltime_s": 5400,
        "memory_bytes": 2**34,
        "gpus": {"type": "a100", "count": 2},
        "qos": None,
    }
    assert describe_resources(resources) == "cores 4, walltime 01:30:00, memory 16 GB, GPUs a100:2"


@pytest.mark.parametrize("words", [("--help",), ("template", "show", "explicit_solvent_npt"), ("template", "list")])
def test_a_reader_that_has_seen_enough_is_no_failure(home: Folders, words: tuple[str, ...]) -> None:
    """What click writes itself ended with exit status 1."""
    command = [sys.executable, "-m", "namdrunner", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
        assert (process.wait(60), told) == (0, b"")


@pytest.mark.skipif(os.name == "nt", reason="a shell's way to close a stream")
def test_closed_streams_are_no_fault_of_ours(home: Folders) -> None:
    """stdout was None, and writing to it looked like a fault inside NAMDRunner."""
    for closed in (">&-", "2>&-", "<&-", ">&- 2>&- <&-"):
        command = f"{shlex.quote(sys.executable)} -m namdrunner status --json {closed}"
        ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stderr) == (0, "")
