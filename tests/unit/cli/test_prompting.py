"""How a cluster's questions are answered: by what was given, by a person, or not at all."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from namdrunner.cli.prompting import Answers
from namdrunner.errors import AuthenticationError, HostKeyError, NotFoundError

FINGERPRINT = "SHA256:abc"


def prompt(kind: str, *fields: tuple[str, bool], cluster: str = "alpine") -> dict[str, Any]:
    return {
        "id": kind,
        "cluster": cluster,
        "kind": kind,
        "title": "Login of ralphie",
        "instructions": "",
        "fields": [{"text": text, "echo": echo} for text, echo in fields],
        "details": {"fingerprint": FINGERPRINT} if kind == "host-key" else {},
    }


class FakePrompts:
    def __init__(self, *pending: dict[str, Any]) -> None:
        self.pending = list(pending)
        self.answered: dict[str, list[str] | None] = {}

    def list(self) -> list[dict[str, Any]]:
        return self.pending

    def answer(self, prompt_id: str, answers: list[str]) -> None:
        if prompt_id == "passphrase":
            raise NotFoundError("That question is no longer open.")
        self.answered[prompt_id] = answers

    def decline(self, prompt_id: str) -> None:
        self.answered[prompt_id] = None


class FakeClient:
    def __init__(self, *pending: dict[str, Any]) -> None:
        self.prompts = FakePrompts(*pending)


def answer(answers: Answers, *pending: dict[str, Any]) -> dict[str, list[str] | None]:
    client = FakeClient(*pending)
    answers.answer_all(client, "alpine")  # type: ignore[arg-type]
    return client.prompts.answered


PASSWORD = prompt("password", ("Password: ", False))
HOST_KEY = prompt("host-key", ("yes or no", True))
TWO_FACTORS = prompt("keyboard-interactive", ("Password: ", False), ("Code: ", False))


def test_given_secrets_are_used_in_order_once_each() -> None:
    answers = Answers(secrets=["one", "two", "three"], interactive=False)
    assert answer(answers, PASSWORD, TWO_FACTORS) == {"password": ["one"], "keyboard-interactive": ["two", "three"]}
    with pytest.raises(AuthenticationError):
        answer(answers, PASSWORD)


def test_secrets_are_never_given_to_a_question_that_echoes() -> None:
    with pytest.raises(AuthenticationError):
        answer(Answers(secrets=["one"], interactive=False), prompt("keyboard-interactive", ("Login: ", True)))


def test_other_clusters_questions_are_left_alone() -> None:
    assert answer(Answers(secrets=["one"], interactive=False), prompt("password", cluster="other")) == {}


def test_a_question_somebody_else_answered_is_no_error() -> None:
    assert answer(Answers(secrets=["one"], interactive=False), prompt("passphrase", ("Key: ", False))) == {}


def test_only_the_named_host_key_is_accepted() -> None:
    assert answer(Answers(host_keys=["SHA256:gate", FINGERPRINT], interactive=False), HOST_KEY) == {"host-key": ["yes"]}
    with pytest.raises(HostKeyError) as caught:
        answer(Answers(host_keys=["SHA256:other"], interactive=True), HOST_KEY)
    assert caught.value.code == "host-key-mismatch"
    assert caught.value.exit_status == 3


def test_an_unknown_host_key_is_never_accepted_unasked() -> None:
    with pytest.raises(HostKeyError) as caught:
        answer(Answers(interactive=False), HOST_KEY)
    assert f"--accept-host-key {FINGERPRINT}" in caught.value.remedy


@pytest.mark.parametrize(
    ("typed", "expected"), [("yes\n", ["yes"]), ("y\n", ["yes"]), ("no\n", None), ("\n", None), ("", None)]
)
def test_a_person_decides_on_the_host_key(
    typed: str, expected: list[str] | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert answer(Answers(interactive=True), HOST_KEY) == {"host-key": expected}
    captured = capsys.readouterr()
    assert FINGERPRINT in captured.err
    assert captured.out == ""


def test_a_person_is_asked_without_echo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []

    def hidden(text: str, stream: object) -> str:
        asked.append(text)
        return "typed"

    monkeypatch.setattr("getpass.getpass", hidden)
    assert answer(Answers(interactive=True), TWO_FACTORS) == {"keyboard-interactive": ["typed", "typed"]}
    assert asked == ["Password: ", "Code: "]
    assert "typed" not in capsys.readouterr().err


def test_the_clusters_words_cannot_command_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("me\n"))
    answer(Answers(interactive=True), prompt("keyboard-interactive", ("\x1b[2JLogin: ", True)))
    assert "\x1b" not in capsys.readouterr().err
