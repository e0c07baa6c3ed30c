"""Questions of one login to the person: what was asked, whether it was answered, and time not counted meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from namdrunner.remote.plaintext import plain_line, plain_text
from namdrunner.remote.routes import Hop
from namdrunner.remote.values import Prompt, Prompter, PromptField, PromptKind

HANDSHAKE_TIMEOUT_S = 20.0
VERDICT_TIMEOUT_S = 60.0
"""How long a server may take over an answer; Duo pushes are confirmed on a phone meanwhile."""
MAX_FIELDS = 16
_SPENDING = {PromptKind.PASSWORD, PromptKind.KEYBOARD_INTERACTIVE}


@dataclass
class Questions:
    """Asks the person in the name of one cluster.

    ``spent`` counts passwords and second factors: what cannot be used again without the person. A key that was
    unlocked stays in ``unlocked``, in memory only, so that a lost connection can be made again by itself.
    """

    cluster: str
    prompter: Prompter | None
    unlocked: dict[Path, asyncssh.SSHKey] = field(default_factory=dict, repr=False)
    spent: int = 0
    declined: bool = False
    deadline: asyncio.Timeout | None = field(default=None, repr=False)

    async def ask(self, prompt: Prompt) -> Sequence[str] | None:
        """The answers, as many as there are fields; ``None`` when the person (or nobody) declined."""
        if self.prompter is None or self.declined:
            self.declined = True
            return None
        self.spent += prompt.kind in _SPENDING
        self.extend(None)
        answers = await self.prompter.ask(prompt)
        self.extend(VERDICT_TIMEOUT_S)
        if answers is None or len(answers) != len(prompt.fields):
            self.declined = True
            return None
        return answers

    def extend(self, seconds: float | None) -> None:
        if self.deadline is not None and not self.deadline.expired():
            now = asyncio.get_running_loop().time()
            self.deadline.reschedule(None if seconds is None else now + seconds)

    async def password(self, hop: Hop, banner: str) -> str | None:
        answers = await self.ask(
            Prompt(
                cluster=self.cluster,
                kind=PromptKind.PASSWORD,
                title=f"Password for {hop.user} at {hop.name}",
                instructions=banner,
                fields=(PromptField("Password", echo=False),),
                details={"host": hop.host, "user": hop.user},
            )
        )
        return answers[0] if answers else None

    async def passphrase(self, hop: Hop, path: Path) -> str | None:
        answers = await self.ask(
            Prompt(
                cluster=self.cluster,
                kind=PromptKind.PASSPHRASE,
                title=f"Passphrase of the key {path.name}",
                instructions=f"{hop.name} accepts the key {path}; its passphrase opens it on this computer only.",
                fields=(PromptField("Passphrase", echo=False),),
                details={"host": hop.host, "user": hop.user, "key": str(path)},
            )
        )
        return answers[0] if answers else None

    async def challenge(
        self, hop: Hop, name: str, instructions: str, prompts: Sequence[tuple[str, bool]]
    ) -> Sequence[str] | None:
        """One round of keyboard-interactive, in the server's own words."""
        return await self.ask(
            Prompt(
                cluster=self.cluster,
                kind=PromptKind.KEYBOARD_INTERACTIVE,
                title=plain_line(name) or f"Login of {hop.user} at {hop.name}",
                instructions=plain_text(instructions).strip(),
                fields=tuple(PromptField(plain_line(text), echo) for text, echo in prompts[:MAX_FIELDS]),
                details={"host": hop.host, "user": hop.user},
            )
        )

    async def trust(self, hop: Hop, key: asyncssh.SSHKey) -> bool:
        """Whether the person accepts the key of a host seen for the first time."""
        answers = await self.ask(
            Prompt(
                cluster=self.cluster,
                kind=PromptKind.HOST_KEY,
                title=f"First connection to {hop.name}",
                instructions="Compare the fingerprint with what the cluster's administrators publish. "
                "Answer yes only if it agrees.",
                fields=(PromptField("Trust this host (yes or no)?", echo=True),),
                details={
                    "host": hop.place,
                    "algorithm": key.get_algorithm(),
                    "fingerprint": key.get_fingerprint(),
                },
            )
        )
        return bool(answers) and answers is not None and answers[0].strip().lower() in {"yes", "y"}
