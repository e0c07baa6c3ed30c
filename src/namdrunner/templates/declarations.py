"""The declaration lines of a template: ``#@ template``, ``#@ describe``, ``#@ var``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from namdrunner.templates.cell import parse_cell
from namdrunner.templates.model import Condition, Problem, Variable, VariableType
from namdrunner.templates.quantities import parse_number, parse_steps, parse_time_fs

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<help>--(?:\s+|$).*)
      | "(?P<quoted>(?:[^"\\]|\\.)*)"
      | (?P<open>")
      | (?P<range>\[[^\]]*\])
      | (?P<bar>\|)
      | (?P<word>[^\s"|]+)
    )""",
    re.VERBOSE,
)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_RESERVED = frozenset({
    "and", "as", "block", "break", "call", "caller", "continue", "do", "elif", "else", "endblock", "endfor", "endif",
    "endmacro", "endset", "extends", "false", "filter", "for", "from", "if", "import", "in", "include", "is", "loop",
    "macro", "none", "not", "or", "raw", "recursive", "self", "set", "super", "true", "with", "without",
})  # fmt: skip
_BOOLEANS = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}


class DeclarationError(Exception):
    """A line that cannot be read; the parser turns it into a Problem."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.code, self.message, self.remedy = code, message, remedy


@dataclass(frozen=True)
class Token:
    kind: str
    text: str


def tokenize(line: str) -> list[Token]:
    """Raises DeclarationError for a quote that is not closed."""
    tokens, at = [], 0
    line = line.rstrip()
    while at < len(line):
        match = _TOKEN.match(line, at)
        if not match or not match.lastgroup:
            break
        kind, text = match.lastgroup, match.group(match.lastgroup)
        if kind == "open":
            raise DeclarationError("quote-open", "A quote is not closed.", 'Write labels as "Label".')
        if kind == "quoted":
            text = re.sub(r"\\(.)", r"\1", text)
        if kind == "help":
            text = text[2:].strip()
        tokens.append(Token(kind, text))
        at = match.end()
    return tokens


def parse_title(rest: str) -> tuple[str, str, str]:
    """Id, version, title of ``#@ template  id  v2  "Title"``. Raises DeclarationError."""
    tokens = tokenize(rest)
    words = [token.text for token in tokens if token.kind == "word"]
    titles = [token.text for token in tokens if token.kind == "quoted"]
    remedy = 'Write: #@ template my_template v1 "My template"'
    if not words or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", words[0]):
        raise DeclarationError("template-id", "The template has no usable id (letters, digits, _, -).", remedy)
    version = words[1] if len(words) > 1 else "v1"
    if not re.fullmatch(r"v\d{1,6}", version) or len(words) > 2 or len(titles) > 1:
        raise DeclarationError("template-line", "The template line cannot be read.", remedy)
    return words[0], version, titles[0] if titles else words[0].replace("_", " ")


def parse_kind(rest: str) -> str:
    """The type of job of ``#@ kind  equilibration``. Raises DeclarationError."""
    kind = rest.strip().strip('"').lower()
    if not re.fullmatch(r"[a-z][a-z0-9 _-]{0,39}", kind):
        raise DeclarationError("template-kind", "The kind of job cannot be read.", "Write: #@ kind production")
    return kind


def parse_clusters(rest: str) -> list[str]:
    """The names of ``#@ clusters  alpine frontera``. Raises DeclarationError."""
    names = rest.replace(",", " ").split()
    if not names or len(names) > 50 or not all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", n) for n in names):
        raise DeclarationError(
            "template-clusters", "The names of clusters cannot be read.", "Write: #@ clusters alpine frontera"
        )
    return names


def usable_name(name: str) -> bool:
    """Whether it can be a variable's name: letters, digits and ``_``, no word of the template language."""
    return _IDENTIFIER.fullmatch(name) is not None and name.lower() not in _RESERVED


def parse_variable(rest: str, line: int) -> Variable:
    """One variable of ``#@ var name type ... "Label" -- help``. Raises DeclarationError."""
    tokens = tokenize(rest)
    if len(tokens) < 2 or tokens[0].kind != "word" or tokens[1].kind != "word":
        raise DeclarationError("variable-line", "A variable needs a name and a type.", 'Write: #@ var x number 1 "X"')
    name, kind = tokens[0].text, tokens[1].text
    if not usable_name(name):
        raise DeclarationError(
            "variable-name", f"'{name}' cannot be a variable's name.", "Use letters, digits and _, no reserved word."
        )
    try:
        variable_type = VariableType(kind.removesuffix("?"))
    except ValueError:
        known = ", ".join(t.value for t in VariableType)
        raise DeclarationError("variable-type", f"'{kind}' is not a type.", f"Use one of: {known}.") from None
    variable = Variable(name, variable_type, optional=kind.endswith("?"), line=line)
    return _complete(variable, tokens[2:])


def _complete(variable: Variable, tokens: list[Token]) -> Variable:
    helps = [token.text for token in tokens if token.kind == "help"]
    ranges = [token.text for token in tokens if token.kind == "range"]
    conditions = [t.text for t in tokens if t.kind == "word" and t.text.startswith("when:")]
    unless = [t.text for t in tokens if t.kind == "word" and t.text.startswith("unless:")]
    rest = [t for t in tokens if t.kind not in {"help", "range"} and t.text not in [*conditions, *unless]]
    choices, rest = _choices(rest) if variable.type is VariableType.CHOICE else ((), rest)
    if any(token.kind == "bar" for token in rest):
        raise DeclarationError("variable-line", "'|' separates choices only.", "Use the type choice.")
    quoted = [token.text for token in rest if token.kind == "quoted"]
    words = [token.text for token in rest if token.kind == "word"]
    label = quoted.pop() if quoted else variable.name.replace("_", " ").capitalize()
    variable = replace(
        variable,
        label=label[:200],
        help=helps[0] if helps else "",
        choices=choices,
        when=_condition(conditions),
        unless=unless[0].removeprefix("unless:") if unless else "",
    )
    if len(ranges) > 1 or (ranges and variable.type.value not in {"number", "integer", "time"}):
        raise DeclarationError("variable-range", "A range goes with numbers and times, once.", "Remove it.")
    if ranges:
        low, high = _range(ranges[0], variable.type)
        variable = replace(variable, minimum=low, maximum=high)
    return _with_default(variable, quoted, words)


def _choices(tokens: list[Token]) -> tuple[tuple[str, ...], list[Token]]:
    """``a | b | "c d"`` from the front; the rest is what follows."""
    found: list[str] = []
    at = 0
    while at < len(tokens) and tokens[at].kind in {"word", "quoted"}:
        if tokens[at].kind == "quoted" and not found and not (at + 1 < len(tokens) and tokens[at + 1].kind == "bar"):
            break
        found.append(tokens[at].text)
        at += 1
        if at < len(tokens) and tokens[at].kind == "bar":
            at += 1
            continue
        break
    if len(found) < 1 or len(set(found)) != len(found):
        raise DeclarationError("variable-choices", "A choice needs different values.", "Write: minimize | run")
    for choice in found:
        if not re.fullmatch(r"[A-Za-z0-9_.+-][A-Za-z0-9_.+ /-]{0,99}", choice):
            raise DeclarationError(
                "variable-choices", f"'{choice}' cannot be a choice.", "Use letters, digits, spaces, . _ + - /"
            )
    return tuple(found), tokens[at:]


def _condition(words: list[str]) -> Condition | None:
    if not words:
        return None
    name, equals, value = words[0].removeprefix("when:").partition("=")
    if len(words) > 1 or not equals or not name or not value:
        raise DeclarationError("variable-condition", "The condition cannot be read.", "Write: when:mode=run")
    return Condition(name, value)


def _range(text: str, kind: VariableType) -> tuple[float | None, float | None]:
    parts = [part.strip() for part in text.strip("[]").split(",")]
    if len(parts) != 2:
        raise DeclarationError("variable-range", f"{text} is not a range.", "Write: [200, 400]")
    bounds = [_bound(part, kind) if part else None for part in parts]
    if bounds[0] is not None and bounds[1] is not None and bounds[0] > bounds[1]:
        raise DeclarationError("variable-range", f"{text} begins above its end.", "Put the smaller number first.")
    return bounds[0], bounds[1]


def _bound(text: str, kind: VariableType) -> float:
    if kind is VariableType.TIME:
        time = parse_time_fs(text)
        value = float(time) if time is not None else None
    else:
        value = parse_number(text)
    if value is None:
        raise DeclarationError(
            "variable-range", f"'{text}' is not a bound of a range.", "Write: [200, 400] or [1 ps, 5 ns]"
        )
    return value


def _with_default(variable: Variable, quoted: list[str], words: list[str]) -> Variable:
    match variable.type:
        case VariableType.NUMBER | VariableType.INTEGER:
            return _number_default(variable, quoted, words)
        case VariableType.TIME:
            return _time_default(variable, quoted, words)
        case VariableType.FILE | VariableType.FILES:
            bad = [word for word in words if not re.fullmatch(r"\.[A-Za-z0-9._+-]{1,30}", word)]
            _nothing_more(quoted + bad)
            return replace(variable, extensions=tuple(word.lower() for word in words))
        case VariableType.BOOLEAN:
            _nothing_more(quoted + words[1:])
            if words and words[0].lower() not in _BOOLEANS:
                raise DeclarationError("variable-default", f"'{words[0]}' is neither on nor off.", "Write on or off.")
            return replace(variable, default=_BOOLEANS[words[0].lower()] if words else False)
        case VariableType.CHOICE:
            _nothing_more(quoted + words)
            return replace(variable, default=None if variable.optional else variable.choices[0])
        case VariableType.CELL:
            _nothing_more([*quoted[1:], *words])
            return replace(variable, default=_cell_default(quoted[0]) if quoted else None)
        case VariableType.TEXT:
            _nothing_more([*quoted[1:], *words[1:], *(words if quoted else [])])
            return replace(variable, default=quoted[0] if quoted else (words[0] if words else None))


def _cell_default(text: str) -> str:
    try:
        parse_cell(text)
    except (ValueError, OverflowError) as error:
        raise DeclarationError("variable-default", f"'{text[:60]}': {error}.", 'Write: "60 60 60" "Label"') from None
    return text


def _number_default(variable: Variable, quoted: list[str], words: list[str]) -> Variable:
    value = parse_number(words[0]) if words else None
    if words and value is None and re.match(r"[+-]?[\d.]", words[0]) and "/" not in words[0]:
        raise DeclarationError("variable-default", f"'{words[0]}' is not a number.", "Write for example 300 or 1.5.")
    units = words[1:] if value is not None else words
    _nothing_more(quoted + units[1:] + [unit for unit in units[:1] if parse_number(unit) is not None])
    default: float | int | None = value
    if value is not None and variable.type is VariableType.INTEGER:
        if not value.is_integer():
            raise DeclarationError("variable-default", f"'{words[0]}' is not a whole number.", "Use the type number.")
        default = int(value)
    _within(variable, value, words[0] if words else "")
    return replace(variable, default=default, unit=units[0] if units else "")


def _time_default(variable: Variable, quoted: list[str], words: list[str]) -> Variable:
    text = " ".join(words)
    time = parse_time_fs(text) if words else None
    if words and time is None and not parse_steps(text):
        raise DeclarationError("variable-default", f"'{text}' is not a time.", "Write for example 5 ns or 250 ps.")
    _nothing_more(quoted)
    _within(variable, float(time) if time is not None else None, text)
    return replace(variable, default=text or None, unit="time")


def _within(variable: Variable, value: float | None, text: str) -> None:
    low, high = variable.minimum, variable.maximum
    if value is not None and ((low is not None and value < low) or (high is not None and value > high)):
        raise DeclarationError("variable-default", f"The default {text} is outside its own range.", "Change either.")


def _nothing_more(left: list[str]) -> None:
    if left:
        raise DeclarationError(
            "variable-line", f"'{left[0]}' is not understood here.", "See the template format in the documentation."
        )


def problem_of(error: DeclarationError, line: int) -> Problem:
    return Problem(error.code, error.message, error.remedy, line=line)
