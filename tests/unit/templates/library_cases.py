"""Small real inputs for every built-in template, made from the generated sample system."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from namdrunner.demo.sample import make_sample
from namdrunner.demo.sample.files import pdb_text, psf_text
from namdrunner.demo.sample.forcefield import load_forcefield
from namdrunner.demo.sample.peptide import build_peptide
from namdrunner.templates.builtin import load_template
from namdrunner.templates.render import RenderedConfig, render

SHORT = {"energy_interval": "12 steps", "trajectory_interval": "24 steps", "restart_interval": "24 steps"}
COLVARS = """\
colvarsTrajFrequency 100
colvar {
  name d
  lowerBoundary 0
  upperBoundary 30
  distance {
    group1 { atomNumbers 1 2 3 4 }
    group2 { atomNumbers 20 21 22 23 }
  }
}
metadynamics {
  colvars d
  hillWeight 0.1
  newHillFrequency 100
  hillWidth 2
}
"""


@dataclass(frozen=True)
class Case:
    """``engine``: why the demo engine cannot run it; empty where it does. ``after``: the case whose files it takes."""

    template: str
    values: dict[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    engine: str = ""
    after: str = ""
    gpu: bool = False
    old_values: dict[str, Any] = field(default_factory=dict)
    """What has to be chosen otherwise for NAMD 2.14."""


CASES: dict[str, Case] = {
    "vacuum_optimization": Case("vacuum_optimization", {"minimize_steps": "12 steps", "duration": "24 steps"}),
    "explicit_solvent_npt": Case("explicit_solvent_npt", {"minimize_steps": "12 steps", "duration": "24 steps"}),
    "minimization": Case("minimization", {"minimize_steps": "48 steps"}),
    "nvt_heating": Case(
        "nvt_heating",
        {"temperature_step": 100, "step_duration": "12 steps", "hold_duration": "24 steps"},
        ("restraint_file",),
        after="minimization",
    ),
    "npt_equilibration_restraints": Case(
        "npt_equilibration_restraints", {"duration": "24 steps"}, ("restraint_file",), after="nvt_heating"
    ),
    "npt_production": Case("npt_production", {"duration": "24 steps"}, after="nvt_heating"),
    "nvt_production": Case(
        "nvt_production",
        {"duration": "24 steps", "electric_field": True, "field_strength": 0.5},
        after="nvt_heating",
    ),
    "gpu_resident_production": Case(
        "gpu_resident_production",
        {"duration": "48 steps"},
        engine="needs a GPU build of NAMD",
        gpu=True,
        after="nvt_heating",
        old_values={"gpu_resident": False},
    ),
    "implicit_solvent_gbis": Case(
        "implicit_solvent_gbis",
        {"minimize_steps": "12 steps", "duration": "24 steps", "sasa": True},
        engine="the engine has no implicit solvent",
    ),
    "restrained_ladder": Case(
        "restrained_ladder",
        {"minimize_steps": "12 steps", "stage_duration": "12 steps", "free_duration": "24 steps"},
        ("restraint_file",),
    ),
    "origami_enrgmd_vacuum": Case(
        "origami_enrgmd_vacuum",
        {"enm_k": 0.02, "minimize_steps": "12 steps", "duration": "24 steps"},
        ("enm_file", "push_file"),
    ),
    "origami_enrgmd_solvated": Case(
        "origami_enrgmd_solvated",
        {"stage": "k0.1", "duration": "24 steps"},
        ("enm_file", "mghh_file"),
        after="nvt_heating",
    ),
    "charmm_gui_equilibration": Case(
        "charmm_gui_equilibration", {"minimize_steps": "20 steps", "duration": "40 steps"}, ("restraint_file",)
    ),
    "charmm_gui_production": Case("charmm_gui_production", {"duration": "40 steps"}, after="nvt_heating"),
    "steered_md": Case(
        "steered_md",
        {"duration": "24 steps", "force_interval": "12 steps"},
        ("smd_file", "restraint_file"),
        engine="the engine has no steered MD",
        after="nvt_heating",
    ),
    "fep_window": Case(
        "fep_window",
        {"equilibration": "12 steps", "duration": "24 steps", "alch_interval": "12 steps"},
        ("alch_file",),
        engine="the engine has no alchemy",
        after="nvt_heating",
    ),
    "metadynamics": Case(
        "metadynamics",
        {"duration": "24 steps"},
        ("colvars_file",),
        engine="the engine has no Colvars module",
        after="nvt_heating",
    ),
    "continuation": Case(
        "continuation", {"duration": "24 steps"}, after="nvt_production"
    ),
}  # fmt: skip

VACUUM = {"vacuum_optimization", "origami_enrgmd_vacuum", "implicit_solvent_gbis"}
STEPS = {"minimization": 48, "nvt_heating": 60, "nvt_production": 84}
"""The last step of the cases that others continue."""
JUSTIFIED = {
    "vacuum_optimization": {"large-margin": "atoms of an unfolding origami move far (ENRG-MD)"},
    "origami_enrgmd_vacuum": {"large-margin": "atoms of an unfolding origami move far (ENRG-MD)"},
}
"""Advice of the check that the protocol knowingly does not follow, and why."""
_CONTINUED = {"bincoordinates_file": "coor", "binvelocities_file": "vel", "extended_system_file": "xsc"}


class Bench:
    """The sample system and the jobs made of it, each in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sample = make_sample(root / "sample")
        self.peptide = self._peptide()
        self._make("restraint_file", self._columns(beta=lambda n, name: 1.0 if n <= 30 and name[0] != "H" else 0.0))
        self._make("smd_file", self._columns(occupancy=lambda n, name: 1.0 if n in {5, 6} else 0.0))
        self._make("alch_file", self._columns(beta=lambda n, name: -1.0 if name == "SOD" and n > 0 else 0.0))
        self._make("enm_file", "# a network\nbond 0 10 0.5 8.0\nbond 4 20 0.5 12.0\n", ".exb")
        self._make("push_file", "bond 1 30 1.0 12.0\n", ".exb")
        self._make("mghh_file", "bond 2 25 5.0 9.0\n", ".exb")
        self._make("colvars_file", COLVARS, ".colvars")

    def _peptide(self) -> tuple[Path, Path]:
        """The peptide alone, in open space."""
        molecule = build_peptide(load_forcefield())
        structure, coordinates = self.root / "peptide.psf", self.root / "peptide.pdb"
        structure.write_text(psf_text(molecule), encoding="ascii")
        coordinates.write_text(pdb_text(molecule, 1.0), encoding="ascii")
        return structure, coordinates

    def _columns(self, **columns: Any) -> str:
        lines = []
        for line in self.sample.coordinates.read_text(encoding="ascii").splitlines():
            if line.startswith("ATOM"):
                number, name = int(line[6:11]), line[12:16].strip()
                occupancy = columns.get("occupancy", lambda n, name: 0.0)(number, name)
                beta = columns.get("beta", lambda n, name: 0.0)(number, name)
                line = f"{line[:54]}{occupancy:6.2f}{beta:6.2f}{line[66:]}"
            lines.append(line)
        return "\n".join(lines) + "\n"

    def _make(self, name: str, text: str, suffix: str = ".pdb") -> None:
        (self.root / f"{name}{suffix}").write_text(text, encoding="ascii")

    def _file(self, name: str) -> str:
        return str(next(self.root.glob(f"{name}.*")))

    def render(self, ident: str, *, old: bool = False, short: bool = True) -> RenderedConfig:
        """``short``: for a run of a few steps; else as a person gets it who gives nothing but files."""
        case = CASES[ident]
        template = load_template(case.template)
        known = {variable.name for variable in template.variables}
        files: dict[str, Any] = {
            "structure_file": str(self.peptide[0] if ident in VACUUM else self.sample.structure),
            "coordinates_file": str(self.peptide[1] if ident in VACUUM else self.sample.coordinates),
            "parameter_files": [str(self.sample.parameters)],
        } | {name: self._file(name) for name in case.files}
        if case.after:
            done = self.root / case.after / "outputs"
            for variable, suffix in _CONTINUED.items():
                if variable in known:
                    files[variable] = str(next(done.glob(f"*[a-z].{suffix}")))
        edge = f"{self.sample.cell:g}"
        values = {"cell": f"{edge} {edge} {edge}"} if "cell" in known and ident not in VACUUM else {}
        if "first_step" in known and case.after:
            values["first_step"] = str(STEPS[case.after])
        if short:
            values |= {name: value for name, value in SHORT.items() if name in known} | case.values
        else:
            lengths = ("_steps", "duration", "interval", "equilibration")
            values |= {name: value for name, value in case.values.items() if not name.endswith(lengths)}
        if old:
            values |= case.old_values
        return render(template, values, files)

    def lay_out(self, ident: str, *, old: bool = False, short: bool = True) -> Path:
        """The job's folder with config, input files and outputs folder, as on the cluster."""
        rendered = self.render(ident, old=old, short=short)
        folder = self.root / (ident if short else f"{ident}-as-given")
        (folder / "input_files").mkdir(parents=True, exist_ok=True)
        (folder / "outputs").mkdir(exist_ok=True)
        for file in rendered.input_names:
            shutil.copy(file.source, folder / "input_files" / file.name)
        config = folder / "config.namd"
        config.write_text(rendered.text, encoding="utf-8")
        return config


def documented() -> str:
    """The table of the built-in templates in the documentation."""
    lines = ["| template | for | checked for NAMD | run by the demo engine |", "| --- | --- | --- | --- |"]
    for ident, case in CASES.items():
        template = load_template(ident)
        versions = "2.14, 3.0"
        if case.old_values:
            choices = ", ".join(f"`{name}` {'on' if value else 'off'}" for name, value in case.old_values.items())
            versions = f"3.0; 2.14 with {choices}"
        ran = f"no: {case.engine}" if case.engine else "yes"
        lines.append(f"| `{ident}`: {template.title} | {template.kind} | {versions} | {ran} |")
    return "\n".join(lines) + "\n"
