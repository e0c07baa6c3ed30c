"""What the rules of a check share: the config, its effective values, and a place for findings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from namdrunner.namd.check.files import InputFiles
from namdrunner.namd.check.report import Finding, Fix, Severity
from namdrunner.namd.check.streams import cleaned_name, is_stream_problem
from namdrunner.namd.check.values import ValueProblem, read_float, read_integer, read_switch, read_vector
from namdrunner.namd.config import NamdConfig, Setting
from namdrunner.namd.keywords import KeywordInfo, keyword, table_version
from namdrunner.namd.references import FileReference, referenced_files


@dataclass
class Context:
    """One config under one NAMD version. ``gpu``: the NAMD binary is a CUDA or HIP build.

    ``makes_folders``: whoever starts NAMD makes the folders of its output first.
    """

    config: NamdConfig
    version: str = "3.0"
    gpu: bool = False
    makes_folders: bool = False
    findings: list[Finding] = field(default_factory=list)

    @cached_property
    def table_version(self) -> str:
        return table_version(self.version)

    @property
    def is_version_3(self) -> bool:
        return self.table_version >= "3"

    # -- findings --------------------------------------------------------------------------------------

    def error(self, code: str, message: str, remedy: str, **place: object) -> None:
        self._say(Severity.ERROR, code, message, remedy, place)

    def warning(self, code: str, message: str, remedy: str, **place: object) -> None:
        self._say(Severity.WARNING, code, message, remedy, place)

    def advice(self, code: str, message: str, remedy: str, **place: object) -> None:
        self._say(Severity.ADVICE, code, message, remedy, place)

    def _say(self, severity: Severity, code: str, message: str, remedy: str, place: dict[str, object]) -> None:
        name = place.get("keyword")
        setting = place.get("setting")
        if setting is None and isinstance(name, str):
            setting = self.config.startup_setting(name)
        file, line = place.get("file"), place.get("line")
        if isinstance(setting, Setting):
            file, line = file or setting.file, line if line is not None else setting.line
            name = name or setting.written
        info = keyword(name) if isinstance(name, str) else None
        fix = place.get("fix")
        self.findings.append(
            Finding(
                code,
                severity,
                message,
                remedy,
                info.name if info else str(name) if name else None,
                file if isinstance(file, Path) else self.config.path,
                line if isinstance(line, int) else None,
                fix if isinstance(fix, Fix) else None,
            )
        )

    def fix_set(self, name: str, value: object) -> Fix | None:
        """A fix that changes the start-up value, None where no line of a file says it."""
        setting = self.config.startup_setting(name)
        if setting is None or setting.line is None:
            return None
        return Fix("set", setting.written, str(value), setting.line, setting.file)

    def fix_remove(self, setting: Setting) -> Fix | None:
        return Fix("remove", setting.written, "", setting.line, setting.file) if setting.line else None

    def fix_insert(self, name: str, value: object) -> Fix:
        return Fix("insert", name, str(value), None, self.config.path)

    # -- values at start-up ----------------------------------------------------------------------------

    def active(self, info: KeywordInfo) -> bool:
        """Whether NAMD's parser reaches the keyword: everything above it is defined, switches on."""
        if info.parent is None:
            return True
        parent = keyword(info.parent)
        if parent is None or not self.active(parent):
            return parent is None
        if parent.type == "switch":
            return self.on(parent.name)
        return self.config.startup(parent.name) is not None or parent.default is not None

    def given(self, name: str) -> bool:
        """Whether the keyword is set before start-up and read by NAMD."""
        info = keyword(name)
        return self.config.startup(name) is not None and (info is None or self.active(info))

    def text(self, name: str) -> str | None:
        """The start-up value as written, the default where there is none; None when its parent is off."""
        info = keyword(name)
        if info is not None and not self.active(info):
            return None
        value = self.config.startup(name)
        return value if value is not None else info.default if info else None

    def on(self, name: str) -> bool:
        try:
            return read_switch(self.text(name) or "off")
        except ValueProblem:
            return False

    def number(self, name: str, default: float | None = None) -> float | None:
        """A start-up value as a number in NAMD's unit; the default where absent or unreadable."""
        info, text = keyword(name), self.text(name)
        if text is None:
            return default
        try:
            return read_float(text, info.unit if info else None)
        except ValueProblem:
            return default

    def integer(self, name: str, default: int) -> int:
        text = self.text(name)
        try:
            return read_integer(text) if text is not None else default
        except ValueProblem:
            return default

    def vector(self, name: str) -> tuple[float, float, float] | None:
        text = self.text(name)
        try:
            return read_vector(text) if text is not None else None
        except ValueProblem:
            return None

    # -- facts that several rules need -----------------------------------------------------------------

    @cached_property
    def steps_per_cycle(self) -> int:
        return max(1, self.integer("stepspercycle", 20))

    @cached_property
    def nonbonded_frequency(self) -> int:
        return max(1, self.integer("nonbondedfreq", 1))

    @cached_property
    def full_electrostatics(self) -> bool:
        return any(self.on(name) for name in ("pme", "fulldirect", "fma", "msm", "fmm", "gbis", "sasa"))

    @cached_property
    def full_frequency(self) -> int:
        """Steps between evaluations of full electrostatics; 0 without any."""
        if not self.full_electrostatics:
            return 0
        return max(1, self.integer("fullelectfrequency", self.nonbonded_frequency))

    @cached_property
    def rigid_bonds(self) -> str:
        return (self.text("rigidbonds") or "none").strip().lower()

    @cached_property
    def barostat(self) -> str | None:
        """The keyword of the pressure control that is on, None without."""
        for name in ("LangevinPiston", "BerendsenPressure", "MonteCarloPressure"):
            if self.on(name):
                return name
        return None

    @cached_property
    def thermostats(self) -> tuple[str, ...]:
        """The keywords that switch on a control of temperature."""
        switches = ("langevin", "tCouple", "loweAndersen", "stochRescale")
        found = [name for name in switches if self.on(name)]
        found += [name for name in ("rescaleFreq", "reassignFreq") if self.given(name)]
        return tuple(found)

    @cached_property
    def references(self) -> tuple[FileReference, ...]:
        return referenced_files(self.config)

    @cached_property
    def inputs(self) -> InputFiles:
        """The files of the simulation, each read when first asked for; what is wrong with them becomes a finding."""
        return InputFiles(self.config, self.on, self.text, self._file_problem)

    def _file_problem(self, code: str, message: str, remedy: str, reference: FileReference, line: int | None) -> None:
        place = reference.path if line is not None else reference.file or self.config.path
        at = line if line is not None else reference.line
        fix = None
        if is_stream_problem(code, reference.path) and reference.line is not None:
            name = cleaned_name(reference.path)
            remedy = f"{remedy} --fix writes the cleaned copy {name}."
            fix = Fix("set", reference.keyword, name, reference.line, reference.file)
        self.error(code, message, remedy, keyword=reference.keyword, file=place, line=at, fix=fix)


Rule = Callable[[Context], None]
