"""What a check says: findings, each with a remedy and sometimes a fix, and a summary of the simulation."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal


class Severity(StrEnum):
    """ERROR: NAMD would refuse or certainly fail. WARNING: likely wrong. ADVICE: worth a thought."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


@dataclass(frozen=True)
class Fix:
    """A mechanical change of the config's text: of the setting of ``keyword`` at ``line`` (None = a new line)."""

    action: Literal["set", "remove", "rename", "insert"]
    keyword: str
    value: str = ""
    line: int | None = None
    file: Path | None = None

    def document(self) -> dict[str, Any]:
        """What changes, without where: that is the finding's."""
        return {"action": self.action, "keyword": self.keyword, "value": self.value}


@dataclass(frozen=True)
class Finding:
    """One thing to know: a stable code, a sentence, what to do, and where."""

    code: str
    severity: Severity
    message: str
    remedy: str
    keyword: str | None = None
    file: Path | None = None
    line: int | None = None
    fix: Fix | None = None

    def document(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "severity": str(self.severity),
            "message": self.message,
            "remedy": self.remedy,
            "keyword": self.keyword,
            "file": str(self.file) if self.file else None,
            "line": self.line,
            "fixable": self.fix is not None,
            "fix": self.fix.document() if self.fix else None,
        }


@dataclass(frozen=True)
class FileSummary:
    role: str
    path: Path
    bytes: int | None


@dataclass(frozen=True)
class Summary:
    """The simulation in numbers; None where it could not be known. Lengths in Angstrom, charge in e."""

    atoms: int | None = None
    charge: float | None = None
    cell: tuple[tuple[float, float, float], ...] | None = None
    ensemble: str | None = None
    steps: int | None = None
    simulated_ns: float | None = None
    gpu_mode: str = "cpu"
    gpu_reason: str = ""
    output_bytes: int | None = None
    files: tuple[FileSummary, ...] = ()

    def document(self) -> dict[str, Any]:
        return {
            "atoms": self.atoms,
            "charge": self.charge,
            "cell": [list(vector) for vector in self.cell] if self.cell else None,
            "ensemble": self.ensemble,
            "steps": self.steps,
            "simulated_ns": self.simulated_ns,
            "gpu_mode": self.gpu_mode,
            "gpu_reason": self.gpu_reason,
            "output_bytes": self.output_bytes,
            "files": [{"role": f.role, "path": str(f.path), "bytes": f.bytes} for f in self.files],
        }


@dataclass(frozen=True)
class CheckReport:
    """The findings of a config, gravest first, and its summary."""

    findings: tuple[Finding, ...] = ()
    summary: Summary = field(default_factory=Summary)

    @property
    def ok(self) -> bool:
        return not self.errors

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)

    def document(self) -> dict[str, Any]:
        """The JSON contract of ``check --json``."""
        return {
            "ok": self.ok,
            "findings": [finding.document() for finding in self.findings],
            "summary": self.summary.document(),
        }
