"""template import ... diff on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run

CONFIG = "structure a.psf\ncoordinates a.pdb\nparameters p.prm\ntemperature 300\nrun 20\n"


def test_a_config_is_imported_edited_compared_and_restored(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "lab.namd"
    config.write_text(CONFIG)
    (tmp_path / "a.psf").write_text("x")
    imported = run("template", "import", str(config), "--json").json["imported"][0]
    assert imported["template"]["id"] == "lab"
    assert imported["files"] == {"structure_file": [str(tmp_path / "a.psf")]}
    editor = tmp_path / "editor.sh"
    editor.write_text('#!/bin/sh\nsed -i "s/number 300/number 310/" "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    assert run("template", "edit", "lab").status == 0
    assert [v["number"] for v in run("template", "history", "lab", "--json").json["versions"]] == [2, 1]
    assert "+#@ var temperature number 310" in run("template", "diff", "lab").out
    assert run("template", "restore", "lab", "1").out == "lab\n"
    assert "number 300" in run("template", "export", "lab").out


def test_an_edit_that_breaks_it_is_not_kept_and_not_lost(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("template", "new", "mine").status == 0
    editor = tmp_path / "editor.sh"
    editor.write_text('#!/bin/sh\necho "{% if %}" >> "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    ran = run("template", "edit", "mine", "--json")
    assert ran.status == 1
    rescued = Path(ran.json["error"]["remedy"].split(" is in ")[1].split(";")[0])
    assert "{% if %}" in rescued.read_text()
    assert run("template", "validate", str(rescued)).status == 1
    assert "{% if %}" not in run("template", "export", "mine").out


def test_export_and_import_keep_the_text(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "out.namd"
    assert run("template", "duplicate", "npt_production", "mine").status == 0
    assert run("template", "export", "mine", "--to", str(target)).status == 0
    assert run("template", "export", "mine", "--to", str(target)).status == 1
    text = target.read_text()
    assert run("template", "import", str(target), "--json").json["error"]["code"] == "template-exists"
    assert run("template", "import", str(target), "--replace").status == 0
    assert run("template", "export", "mine", "--json").json["text"] == text


def test_what_cannot_be_imported_says_why(run: Run, tmp_path: Path) -> None:
    for name, text in {"a.namd": "hello", "b.json": "{", "c.namd": json.dumps([1])}.items():
        (tmp_path / name).write_text(text)
        ran = run("template", "import", str(tmp_path / name), "--json")
        assert (ran.status, ran.json["error"]["code"]) == (1, "import-invalid")
    (tmp_path / "empty").mkdir()
    assert run("template", "import", str(tmp_path / "empty"), "--json").json["error"]["code"] == "import-invalid"
