"""A cluster's questions (password, second factor, host key) answered in the terminal or from what was given."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from namdrunner.cli.output import clean, say
from namdrunner.client import Client
from namdrunner.client.documents import PromptDocument
from namdrunner.errors import AuthenticationError, HostKeyError, NotFoundError


@dataclass
class Answers:
    """``secrets``: hidden answers in the order they are asked for, each used once. ``host_keys``: the only
    fingerprints that are accepted unseen, if any (jump hosts have one each). What is not given is asked for when
    ``interactive``.
    """

    secrets: list[str] = field(default_factory=list)
    host_keys: Sequence[str] = ()
    interactive: bool = field(default_factory=lambda: sys.stdin is not None and sys.stdin.isatty())

    def answer_all(self, client: Client, cluster: str) -> None:
        """Answer what the cluster asks now. Raises AuthenticationError or HostKeyError when nobody can."""
        for prompt in client.prompts.list():
            if prompt["cluster"] != cluster:
                continue
            try:
                answers = self._answers(prompt)
                if answers is None:
                    client.prompts.decline(prompt["id"])
                else:
                    client.prompts.answer(prompt["id"], answers)
            except NotFoundError:
                continue  # answered in the browser meanwhile

    def _answers(self, prompt: PromptDocument) -> list[str] | None:
        if prompt["kind"] == "host-key":
            return self._host_key(prompt)
        if not self.interactive:
            return [self._given(prompt, item["text"], item["echo"]) for item in prompt["fields"]]
        say(prompt["title"])
        if prompt["instructions"]:
            say(prompt["instructions"])
        return [
            self.secrets.pop(0) if self.secrets and not item["echo"] else _ask(item["text"], echo=item["echo"])
            for item in prompt["fields"]
        ]

    def _given(self, prompt: PromptDocument, text: str, echo: bool) -> str:
        if self.secrets and not echo:
            return self.secrets.pop(0)
        raise AuthenticationError(
            f'The cluster asks "{clean(text).strip() or prompt["title"]}", and there is no terminal to ask you in.',
            code="authentication-needed",
            remedy="Run it in a terminal, or give the answers with --password-stdin, one a line.",
            context={"cluster": prompt["cluster"], "kind": prompt["kind"]},
        )

    def _host_key(self, prompt: PromptDocument) -> list[str] | None:
        fingerprint = prompt["details"].get("fingerprint", "")
        if self.host_keys:
            if fingerprint in self.host_keys:
                return ["yes"]
            raise HostKeyError(
                f"The cluster showed the host key {fingerprint}, not the one that was to be accepted.",
                code="host-key-mismatch",
                remedy="Compare the fingerprint with the one your computing centre publishes.",
                context={"fingerprint": fingerprint, "expected": list(self.host_keys)},
            )
        if not self.interactive:
            raise HostKeyError(
                f"The cluster's host key {fingerprint} is not known yet.",
                remedy="Compare it with what your computing centre publishes, then repeat with "
                f"--accept-host-key {fingerprint}.",
                context={"fingerprint": fingerprint},
            )
        say(prompt["title"])
        if prompt["instructions"]:
            say(prompt["instructions"])
        say(f"Fingerprint: {fingerprint}")
        reply = _ask("Is this the key your computing centre publishes? (yes/no) ", echo=True)
        return ["yes"] if reply.strip().lower() in ("y", "yes") else None


def _ask(text: str, *, echo: bool) -> str:
    if not echo:
        return getpass.getpass(clean(text), stream=sys.stderr)
    print(clean(text), end="", file=sys.stderr, flush=True)  # noqa: T201
    return sys.stdin.readline().rstrip("\r\n")


def read_secrets() -> list[str]:
    """The lines of stdin, for ``--password-stdin``."""
    return [line.rstrip("\r\n") for line in sys.stdin.read(64 * 1024).splitlines()]
