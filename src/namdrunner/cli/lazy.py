"""Groups that know their commands by name and import them only when one is used."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from namdrunner.cli.table import Noun, Verb
from namdrunner.errors import InterruptedOperationError


class LazyGroup(TyperGroup):
    """For listings and completion the table's names and help are enough; only a command that runs is imported."""

    entries: Sequence[Verb | Noun] = ()

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._listing = False
        self.install(self.entries)

    def install(self, entries: Sequence[Verb | Noun]) -> None:
        self._entries = {entry.name: entry for entry in entries}
        # Typer looks here for near misses of a mistyped name.
        self.commands = {entry.name: TyperCommand(name=entry.name, help=entry.help) for entry in entries}

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self._entries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = self._entries.get(cmd_name)
        if entry is None or self._listing:
            return self.commands.get(cmd_name)
        return build(entry)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        self._listing = True
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self._listing = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and not self.invoke_without_command and not ctx.resilient_parsing:
            typer.echo(ctx.get_help(), err=True)
            ctx.exit(2)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # Typer would make it exit status 130.
            raise InterruptedOperationError("Interrupted.", remedy="Repeat the command to go on.") from None


def build(entry: Verb | Noun) -> Any:
    """The real command of a table entry."""
    if isinstance(entry, Verb):
        return _command(entry)
    group = _group(entry)
    group.install(entry.verbs)
    return group


def load(verb: Verb) -> Callable[..., Any]:
    module, _, name = verb.target.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(f"namdrunner.cli.{module}"), name)
    return function


def _command(verb: Verb) -> Any:
    function = load(verb)
    app = typer.Typer(add_completion=False)
    settings = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command(
        verb.name,
        help=_help(function, verb),
        epilog=_epilog(verb),
        context_settings=settings if verb.raw else None,
    )(function)
    return get_command(app)


def _group(noun: Noun) -> LazyGroup:
    app = typer.Typer(name=noun.name, cls=LazyGroup, add_completion=False)
    lead = noun.lead
    function = load(lead) if lead else _nothing
    app.callback(
        help=_help(function, lead) if lead else noun.help,
        epilog=_epilog(lead or noun.verbs[0]),
        invoke_without_command=lead is not None,
    )(function)
    group = get_command(app)
    assert isinstance(group, LazyGroup)
    return group


def _nothing() -> None:
    """A noun without a verb of its own."""


def _help(function: Callable[..., Any], verb: Verb) -> str:
    return (inspect.getdoc(function) or verb.help).replace("[", r"\[")


def _epilog(verb: Verb) -> str:
    return f"Example: {verb.example}".replace("[", r"\[")
