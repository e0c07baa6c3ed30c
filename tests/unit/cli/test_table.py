"""The table of commands: complete, with help and an example each, and lazily imported."""

from __future__ import annotations

import inspect
import shlex
import subprocess
import sys

import pytest
from tests.unit.cli.conftest import Run

from namdrunner.cli.lazy import build, load
from namdrunner.cli.table import ROOT, Noun, Verb


def all_verbs() -> list[tuple[str, Verb]]:
    found = []
    for entry in ROOT:
        if isinstance(entry, Noun):
            found += [(entry.name, verb) for verb in entry.verbs]
        else:
            found.append(("", entry))
    return found


VERBS = all_verbs()


@pytest.mark.parametrize(("noun", "verb"), VERBS, ids=lambda v: v if isinstance(v, str) else v.name)
def test_every_command_loads_and_its_example_is_its_own(noun: str, verb: Verb) -> None:
    words = shlex.split(verb.example)
    assert words[: 2 if not noun else 3] == ["namdrunner", *([noun] if noun else []), verb.name]
    assert build(verb).name == verb.name
    if not verb.raw:
        assert "as_json" in inspect.signature(load(verb)).parameters


@pytest.mark.parametrize(
    ("noun", "verb"), [v for v in VERBS if not v[1].raw], ids=lambda v: v if isinstance(v, str) else v.name
)
def test_help_has_an_example(run: Run, noun: str, verb: Verb) -> None:
    ran = run(*([noun] if noun else []), verb.name, "--help")
    assert ran.status == 0
    assert "Example:" in ran.out
    assert "--json" in ran.out


def test_the_commands_of_the_contract_are_there() -> None:
    names = {f"{noun} {verb.name}".strip() for noun, verb in VERBS}
    contract = """serve stop status doctor check
        cluster-add cluster-list cluster-show cluster-remove cluster-connect cluster-disconnect cluster-test
        job-create job-submit job-sync job-list job-show job-watch job-logs job-files job-download job-cancel job-delete
        job-energies template-list template-show template-render template-validate
        log-show log-energies log-diagnose"""
    assert {word.replace("-", " ") for word in contract.split()} <= names


def test_a_noun_alone_shows_its_verbs(run: Run) -> None:
    ran = run("job")
    assert ran.status == 2
    assert "watch" in ran.out + ran.err


def test_near_misses_are_named(run: Run) -> None:
    assert "Did you mean 'list'" in run("job", "lsit").err


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from namdrunner.cli.main import main; main(['--help']);"
        "heavy = {'fastapi', 'sqlalchemy', 'asyncssh', 'httpx', 'numpy', 'tkinter', 'http.client', 'uvicorn'};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr.strip() == "[]"


def test_listing_jobs_imports_no_server() -> None:
    code = (
        "import sys; import namdrunner.cli.job_show;"
        "print(sorted({'fastapi', 'sqlalchemy', 'asyncssh', 'httpx', 'numpy', 'rich.console'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
