"""The values of the config's keywords, typed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from namdrunner.demo.engine.fatal import FatalError
from namdrunner.namd.keywords import FALSE_WORDS, TRUE_WORDS, keyword

NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")


@dataclass
class Settings:
    """Values by keyword in lower case, in the order in which they were given."""

    values: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Settings:
        """Collect (keyword, value) pairs."""
        settings = cls()
        for name, value in pairs:
            settings.values.setdefault(name.lower(), []).append(value)
        return settings

    def __contains__(self, name: str) -> bool:
        return name.lower() in self.values

    def change(self, name: str, value: str) -> None:
        """Replace a value while the run goes on."""
        self.values[name.lower()] = [value]

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a keyword that may repeat."""
        return tuple(self.values.get(name.lower(), ()))

    def text(self, name: str) -> str | None:
        """The value as written, else the keyword's default, else None."""
        given = self.values.get(name.lower())
        if given:
            return given[-1].strip()
        info = keyword(name)
        return info.default if info is not None else None

    def required(self, name: str) -> str:
        """The value as written; raises FatalError when there is none."""
        value = self.text(name)
        if value is None:
            raise FatalError(f"{name} not found in the configuration file!")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """The leading number of the value; units such as `fs` are NAMD's own and need no conversion."""
        text = self.text(name)
        match = NUMBER.match(text) if text is not None else None
        if match is None:
            if default is None:
                raise FatalError(f"'{name}' is a required configuration option")
            return default
        return float(match.group(1))

    def integer(self, name: str, default: int | None = None) -> int:
        """The leading number of the value as a whole number."""
        return int(self.number(name, default))

    def switch(self, name: str) -> bool:
        """True for on, yes, true and 1."""
        return (self.text(name) or "off").lower() in TRUE_WORDS

    def is_false(self, name: str) -> bool:
        """True when the value is one of NAMD's words for no."""
        return (self.text(name) or "off").lower() in FALSE_WORDS

    def vector(self, name: str) -> tuple[float, float, float] | None:
        """Three numbers, or None when the keyword is absent."""
        text = self.text(name)
        if text is None:
            return None
        words = re.split(r"[\s,()]+", text.strip(" \t()"))
        try:
            x, y, z = (float(word) for word in words[:3])
        except ValueError:
            raise FatalError("ERROR(S) IN THE CONFIGURATION FILE", [f"Bad vector value for option '{name}'"]) from None
        return x, y, z
