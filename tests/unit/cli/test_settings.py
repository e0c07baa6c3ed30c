"""settings show, set, unset, export, import; and what they do to other commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run

from namdrunner.cli.settings import default_resources, download_folder
from namdrunner.paths import Folders


def test_show_set_and_unset(run: Run, home: Folders) -> None:
    assert run("settings", "set", "limits.sessions", "4").out == "limits.sessions = 4\n"
    shown = {s["key"]: s for s in run("settings", "show", "--json").json["settings"]}
    assert (shown["limits.sessions"]["value"], shown["limits.sessions"]["set"]) == (4, True)
    assert run("settings", "unset", "limits.sessions").out == "limits.sessions = 8\n"
    assert "limits.sessions" in run("settings", "show").out
    assert "[limits]" not in home.settings.read_text()


@pytest.mark.parametrize(("key", "value"), [("limits.sessions", "many"), ("sessions", "4"), ("appearance.theme", "")])
def test_what_cannot_be_set_says_what_can(run: Run, key: str, value: str) -> None:
    ran = run("settings", "set", key, value, "--json")
    if value:
        assert ran.status == 1
        assert ran.json["error"]["code"] in {"setting-invalid", "setting-unknown"}
        assert ran.json["error"]["remedy"]
    else:
        assert ran.status == 0


def test_a_damaged_file_is_told(run: Run, home: Folders) -> None:
    home.settings.write_text("[limits]\nsessions = 'x'\n")
    ran = run("settings", "show")
    assert ran.status == 0
    assert "limits.sessions cannot be" in ran.err


def test_downloads_go_where_the_settings_say(run: Run, tmp_path: Path) -> None:
    assert download_folder() == Path()
    run("settings", "set", "downloads.folder", str(tmp_path))
    assert download_folder() == tmp_path


def test_new_jobs_begin_with_the_defaults(run: Run) -> None:
    ran = run("job", "create", "x", "--config", "x.namd", "--json")
    assert (ran.status, ran.json["error"]["code"]) == (2, "cluster-missing")
    run("settings", "set", "defaults.cluster", "alpine")
    run("settings", "set", "defaults.partition", "acpu")
    assert default_resources("alpine") == {"partition": "acpu"}
    assert default_resources("other") == {}
    # Now the cluster is known, and what is missing is what to run.
    assert run("job", "create", "x", "--json").json["error"]["code"] == "wrong-usage"


def test_export_never_overwrites_and_import_wants_an_export(run: Run, tmp_path: Path) -> None:
    taken = tmp_path / "taken.json"
    taken.write_text("x")
    assert run("settings", "export", str(taken), "--json").json["error"]["code"] == "file-exists"
    taken.write_bytes(b"\xff\xfe")
    assert run("settings", "import", str(taken), "--json").json["error"]["code"] == "settings-import-invalid"
