"""Tables in the documentation that are read from the sources, so that they cannot fall behind them.

An mkdocs hook (see mkdocs.yml): a line ``<!-- table: errors -->`` in a page is replaced by the table of that name.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "namdrunner"


@dataclass(frozen=True, order=True)
class ErrorEntry:
    code: str
    message: str
    remedy: str


def errors() -> list[ErrorEntry]:
    """Every error that the sources can raise with a code of its own, one entry per code."""
    found: dict[str, ErrorEntry] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ast.parse(path.read_text())
        constants = _constants(module)
        for call in _calls(module):
            words = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
            code = words.get("code")
            if not isinstance(code, ast.Constant) or not isinstance(code.value, str):
                continue
            message = call.args[0] if call.args else words.get("message")
            entry = ErrorEntry(code.value, _text(message, constants), _text(words.get("remedy"), constants))
            known = found.get(entry.code)
            if entry.message and (known is None or not known.remedy):
                found[entry.code] = entry
    return sorted(found.values())


def _calls(module: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name.endswith("Error"):
                yield node


def _constants(module: ast.Module) -> dict[str, str]:
    """Texts that have a name of their own in the module."""
    named: dict[str, str] = {}
    for statement in module.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            text = _text(statement.value, {})
            if text:
                named[statement.targets[0].id] = text
    return named


def _text(node: ast.expr | None, constants: dict[str, str]) -> str:
    """The words of a string expression; what is filled in at run time shows as an ellipsis."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.Name(id=name):
            return constants.get(name, "")
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, constants) if isinstance(part, ast.Constant) else "…" for part in parts)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return _text(left, constants) + _text(right, constants)
        case ast.IfExp(body=body, orelse=orelse):
            return _text(body, constants) or _text(orelse, constants)
        case _:
            return ""


def table_of_errors() -> str:
    rows = [(f"`{entry.code}`", _worded(entry.message), _worded(entry.remedy)) for entry in errors()]
    return _table(("Code", "What it says", "What to do"), rows)


def _worded(text: str) -> str:
    return text if text.strip(" ….") else "(said for the case)" if text else ""


def table_of_refusals() -> str:
    entries = tomllib.loads((PACKAGE / "slurm" / "data" / "refusals.toml").read_text())["refusal"]
    rows = [(f"`{e['code']}`", _fields(e["message"]), _fields(e.get("remedy", ""))) for e in entries]
    return _table(("Code", "What it says", "What to do"), rows)


def table_of_reasons() -> str:
    entries = tomllib.loads((PACKAGE / "slurm" / "data" / "reasons.toml").read_text())["reason"]
    rows = [
        (", ".join(f"`{p}`" for p in e["pattern"].split("|") if p), e["message"], e.get("remedy", "")) for e in entries
    ]
    return _table(("Slurm's reason", "What it means", "What to do"), [_fields_of(row) for row in rows])


def table_of_failures() -> str:
    document = json.loads((PACKAGE / "namd" / "data" / "failures.json").read_text())
    entries = document if isinstance(document, list) else next(v for v in document.values() if isinstance(v, list))
    rows = [(f"`{e['code']}`", e["message"], e.get("remedy", "")) for e in entries]
    return _table(("Code", "What it means", "What to do"), [_fields_of(row) for row in rows])


def table_of_commands() -> str:
    from namdrunner.cli.table import ROOT, Noun, Verb

    verbs: list[tuple[str, Verb]] = []
    for entry in ROOT:
        if isinstance(entry, Noun):
            verbs += [("", entry.lead)] if entry.lead else []
            verbs += [(f"{entry.name} ", verb) for verb in entry.verbs]
        else:
            verbs.append(("", entry))
    rows = [(f"`{noun}{verb.name}`", verb.help, f"`{verb.example}`") for noun, verb in verbs]
    return _table(("Command", "What it does", "Example"), rows)


def table_of_api() -> str:
    from namdrunner.server.app import openapi_document

    rows = []
    for path, methods in openapi_document()["paths"].items():
        for method, operation in methods.items():
            words = str(operation.get("description", "")).split("\n\n")[0] or operation["summary"] + "."
            rows.append((f"`{method.upper()} {path.removeprefix('/api/v1')}`", f"`{operation['operationId']}`", words))
    return _table(("Request", "Name", "What it does"), rows)


def table_of_profiles() -> str:
    """The shipped cluster profiles: what they hold, when their facts were checked, and where those come from."""
    rows = [
        "| Profile | What | Builds of NAMD | Partitions | Checked | Sources |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for path in sorted((PACKAGE / "slurm" / "profiles").glob("*.toml")):
        profile = tomllib.loads(path.read_text(encoding="utf-8"))
        builds = ", ".join(dict.fromkeys(recipe.get("build", "multicore") for recipe in profile.get("recipes", [])))
        sources = "; ".join(profile["sources"])
        facts = [profile["description"], builds, str(len(profile.get("partitions", []))), profile["checked"], sources]
        rows.append(" | ".join([f"| `{path.stem}`", *(fact.replace("|", "/") for fact in facts)]) + " |")
    return "\n".join(rows)


TABLES: dict[str, Callable[[], str]] = {
    "errors": table_of_errors,
    "refusals": table_of_refusals,
    "reasons": table_of_reasons,
    "failures": table_of_failures,
    "commands": table_of_commands,
    "api": table_of_api,
    "profiles": table_of_profiles,
}


def _fields_of(row: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_fields(cell) for cell in row)


def _fields(text: str) -> str:
    return re.sub(r"\{[a-z_]+\}", "…", text)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines) + "\n"


def _cell(text: str) -> str:
    escaped = text.replace("|", "\\|").replace("\n", " ")
    return escaped if escaped.startswith("`") else escaped.replace("<", "&lt;").replace("*", "\\*")


def on_page_markdown(markdown: str, **_: object) -> str:
    """Called by mkdocs for each page."""
    return re.sub(r"<!-- table: ([a-z]+) -->", lambda match: TABLES[match.group(1)](), markdown)
