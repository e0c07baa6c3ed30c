"""Preflight: what NAMD would say about a config and its files, said before it runs."""

from namdrunner.namd.check.fixes import apply_fixes
from namdrunner.namd.check.preflight import check_config, check_evaluated
from namdrunner.namd.check.report import CheckReport, Finding, Fix, Severity, Summary
from namdrunner.namd.check.streams import cleaned_copies

__all__ = [
    "CheckReport",
    "Finding",
    "Fix",
    "Severity",
    "Summary",
    "apply_fixes",
    "check_config",
    "check_evaluated",
    "cleaned_copies",
]
