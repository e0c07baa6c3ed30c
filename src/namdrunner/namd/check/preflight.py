"""The preflight of a NAMD config: every rule, in the order in which NAMD would object."""

from __future__ import annotations

from pathlib import Path

from namdrunner.errors import ConfigError
from namdrunner.namd.check import (
    alchemy,
    cell,
    changes,
    colvars,
    contacts,
    distances,
    electrostatics,
    ensemble,
    extra_bonds,
    extremes,
    forcefield,
    gpu,
    methods,
    multiples,
    names,
    outputs,
    presence,
    required,
    restart,
    restraints,
    settings,
    stability,
    structure,
    syntax,
    work,
)
from namdrunner.namd.check.context import Context, Rule
from namdrunner.namd.check.report import CheckReport, Finding, Severity
from namdrunner.namd.check.summary import summarize
from namdrunner.namd.config import NamdConfig, evaluate_tolerantly

_TEXT_RULES: tuple[Rule, ...] = (syntax.check, names.check, settings.check, changes.check)
_FILE_RULES: tuple[Rule, ...] = (presence.check,)
_CONFIG_RULES: tuple[Rule, ...] = (
    required.check,
    distances.check,
    ensemble.check,
    alchemy.check,
    multiples.check,
    electrostatics.check,
    methods.check,
    gpu.check,
)
_CONTENT_RULES: tuple[Rule, ...] = (
    structure.check,
    forcefield.check,
    restart.check,
    cell.check,
    restraints.check,
    extra_bonds.check,
    contacts.check,
    colvars.check,
)
_PLAN_RULES: tuple[Rule, ...] = (outputs.check, work.check, stability.check, extremes.check)
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.ADVICE: 2}


def check_config(
    path: Path,
    *,
    namd_version: str = "3.0",
    gpu: bool = False,
    makes_folders: bool = False,
    root: Path | None = None,
    time_limit_s: float = 5.0,
) -> CheckReport:
    """Check a config file and every file it refers to.

    ``gpu``: the NAMD build has GPU support. ``makes_folders``: the folders of outputs are made before NAMD starts.
    Raises NotFoundError without the file, ConfigError when it is no text of a config or Tcl is missing.
    """
    try:
        config = evaluate_tolerantly(Path(path), root=root, time_limit_s=time_limit_s)
    except ConfigError as error:
        if error.code != "config-limit":
            raise
        return CheckReport((_limit_finding(Path(path), error),))
    return check_evaluated(config, namd_version=namd_version, gpu=gpu, makes_folders=makes_folders)


def _limit_finding(path: Path, error: ConfigError) -> Finding:
    return Finding(error.code, Severity.ERROR, error.message, error.remedy, None, path)


def check_evaluated(
    config: NamdConfig, *, namd_version: str = "3.0", gpu: bool = False, makes_folders: bool = False
) -> CheckReport:
    """Check a config that has been evaluated already."""
    ctx = Context(config, version=namd_version, gpu=gpu, makes_folders=makes_folders)
    for rule in _rules(config):
        rule(ctx)
    return CheckReport(tuple(_sorted(ctx.findings)), summarize(ctx))


def _rules(config: NamdConfig) -> tuple[Rule, ...]:
    """All rules; where Tcl failed before start-up, only those that do not miss what never came."""
    if config.failure is not None and not config.failure.after_startup:
        return _TEXT_RULES + _FILE_RULES
    return _TEXT_RULES + _FILE_RULES + _CONFIG_RULES + _CONTENT_RULES + _PLAN_RULES


def _sorted(findings: list[Finding]) -> list[Finding]:
    unique = list(dict.fromkeys(findings))
    return sorted(unique, key=lambda finding: _ORDER[finding.severity])
