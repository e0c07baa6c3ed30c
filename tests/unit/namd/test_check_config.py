"""Rules about the config itself: each mistake is found, named and where possible mended."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.unit.namd.water import PISTON, config_text

from namdrunner.namd.check import CheckReport, Finding, apply_fixes, check_config

pytestmark = pytest.mark.usefixtures("quick_tcl")

Changes = Mapping[str, str | None]
NO_CELL: Changes = {f"cellBasisVector{i}": None for i in (1, 2, 3)} | {"cellOrigin": None}
NO_LANGEVIN: Changes = {"langevin": None, "langevinDamping": None, "langevinTemp": None, "langevinHydrogen": None}


def checked(folder: Path, text: str, **options: object) -> CheckReport:
    (folder / "run.namd").write_bytes(text.encode())
    return check_config(folder / "run.namd", **options)  # type: ignore[arg-type]


def found(report: CheckReport, code: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.code == code]


def worst(report: CheckReport) -> str:
    return report.findings[0].severity if report.findings else "nothing"


class TestNothingIsWrong:
    @pytest.mark.parametrize(
        ("changes", "more", "run"),
        [
            ({}, "", "run 20"),
            ({"cutoff": "0.8 nm", "langevinTemp": "300K"}, "", "run 20"),
            ({"exclude": "SCALED1-4", "rigidBonds": "ALL", "PME": "True"}, "", "run 20"),
            ({"switching": "off", "switchdist": None}, "", "run 20"),
            ({"stepspercycle": None}, "", "run 20"),
            ({}, "", "run 20 ;# fs"),
            ({}, "", "minimize 20\nreinitvels 300\nrun 20"),
            ({}, "", "run 20\nlangevinTemp 310\noutputName b\ndcdfreq 20\nrun 20"),
            ({}, "", "for {set i 0} {$i < 3} {incr i} {run 20}\nexit"),
            (dict(PISTON), "", "run 20"),
            ({**PISTON, "langevinPiston": "on"}, "", "run 20\nlangevinPiston off\nrun 20"),
            ({}, "catch {source none.tcl}\nif {[file exists nope]} {cutoff 1}", "run 20"),
            ({}, "puts [clock format [clock seconds]]\nprint hello", "run 20"),
            ({**NO_LANGEVIN}, "rescaleFreq 10", "run 20"),
            ({"cellOrigin": "0, 0, 0"}, "", "run 20"),
            ({}, "", "if {[catch {run 25} problem]} {print $problem}\nrun 20"),
            ({}, "", "try {minimize 7} on error {e} {}\nrun 20"),
            ({}, "puts stdout $env(PATH)\nflush stdout\nprint $tcl_platform(os)", "run 20"),
        ],
    )
    def test_a_sound_config_gives_no_finding(self, changes: Changes, more: str, run: str, water_job: Path) -> None:
        report = checked(water_job, config_text(changes, more=more, run=run))
        assert [(f.code, f.message) for f in report.findings] == []
        assert report.ok

    def test_the_summary_says_what_will_be_done(self, water_job: Path) -> None:
        report = checked(water_job, config_text(dict(PISTON), run="minimize 100\nreinitvels 300\nrun 1000"))
        summary = report.summary.document()
        assert summary["atoms"] == 648
        assert summary["charge"] == pytest.approx(0, abs=1e-6)
        assert summary["cell"][0][0] == pytest.approx(18.622, abs=0.001)
        assert (summary["ensemble"], summary["steps"], summary["simulated_ns"]) == ("NPT", 1100, 0.002)
        assert summary["gpu_mode"] == "cpu"
        # 110 frames of 12 * 648 + 80 bytes are the bulk of it.
        assert summary["output_bytes"] == pytest.approx(110 * (12 * 648 + 80), rel=0.2)
        assert [entry["role"] for entry in summary["files"]] == ["config", "structure", "coordinates", "parameters"]
        assert all(entry["bytes"] > 0 for entry in summary["files"])


MISTAKES: list[tuple[str, Changes, str, str, str, str]] = [
    # severity, changes, more, run, code, keyword
    ("error", {"cutoff": "twelve"}, "", "", "invalid-value", "cutoff"),
    ("error", {"cutoff": "12,0"}, "", "", "invalid-value", "cutoff"),
    ("error", {"cutoff": "-8"}, "", "", "invalid-value", "cutoff"),
    ("error", {"timestep": "0.002 ps"}, "", "", "invalid-value", "timestep"),
    ("error", {"langevinDamping": "1/ps"}, "", "", "invalid-value", "langevinDamping"),
    ("error", {"dcdfreq": "1e3"}, "", "", "invalid-value", "DCDfreq"),
    ("error", {"stepspercycle": "10.5"}, "", "", "invalid-value", "stepspercycle"),
    ("error", {"cellBasisVector1": "18 0"}, "", "", "invalid-value", "cellBasisVector1"),
    ("error", {"PMEGridSpacing": "1.0 1.0 1.0"}, "", "", "invalid-value", "PMEGridSpacing"),
    ("error", {"rigidBonds": "on"}, "", "", "invalid-value", "rigidBonds"),
    ("error", {"exclude": "scaled14"}, "", "", "invalid-value", "exclude"),
    ("error", {"langevinTemp": "1e400"}, "", "", "invalid-value", "langevinTemp"),
    ("error", {}, "firsttimestep 3000000000", "", "invalid-value", "firsttimestep"),
    ("error", {}, "wrapAll maybe", "", "invalid-value", "wrapAll"),
    ("error", {}, "rigidTolerance 0", "", "rigid-tolerance", "rigidTolerance"),
    ("error", {}, "PMETolerance 0", "", "pme-tolerance", "PMETolerance"),
    ("error", {}, "wrapNearst on", "", "unknown-keyword", "wrapNearst"),
    ("error", {}, "mol new w.psf", "", "unknown-keyword", "mol"),
    ("error", {}, "cutoff 8", "", "duplicate-keyword", "cutoff"),
    ("error", {}, "oneFourScaling 1.0", "", "duplicate-keyword", "1-4scaling"),
    ("error", {}, "useCUDA2 on", "", "keyword-of-another-version", "useCUDA2"),
    ("error", {}, "TimerBinWidth 1", "", "keyword-of-special-build", "TimerBinWidth"),
    ("error", {"outputName": None}, "", "", "missing-keyword", "outputname"),
    ("error", {"structure": None}, "", "", "missing-keyword", "structure"),
    ("error", {"switchdist": None}, "", "", "missing-keyword", "switchdist"),
    ("error", {"temperature": None}, "", "", "no-velocities", "temperature"),
    ("error", {"langevinTemp": None}, "", "", "missing-keyword", "langevinTemp"),
    ("error", {"langevinDamping": None}, "", "", "missing-keyword", "langevinDamping"),
    ("error", {"PMEGridSpacing": None}, "", "", "pme-grid", "PMEGridSpacing"),
    ("error", {}, "tclForces on", "", "missing-keyword", "tclForcesScript"),
    ("error", {}, "IMDon on\nIMDfreq 10", "", "missing-keyword", "IMDport"),
    ("error", {}, "extraBonds on", "", "missing-keyword", "extraBondsFile"),
    ("error", {}, "reassignTemp 300", "", "missing-keyword", "reassignTemp"),
    ("error", {"switchdist": "9"}, "", "", "distance-order", "switchdist"),
    ("error", {"switchdist": "8.0"}, "", "", "switching-degenerate", "switchdist"),
    ("error", {"pairlistdist": "7"}, "", "", "distance-order", "pairlistdist"),
    ("error", {}, "", "run 25", "run-length-multiple", "run"),
    ("error", {}, "", "minimize 7\nrun 20", "run-length-multiple", "minimize"),
    ("error", {}, "firsttimestep 5", "", "first-step-multiple", "firsttimestep"),
    ("error", {"fullElectFrequency": "3"}, "", "", "frequency-multiple", "fullElectFrequency"),
    ("error", {"outputEnergies": "7"}, "", "", "frequency-multiple", "outputEnergies"),
    ("error", {}, "ldbPeriod 10", "", "frequency-multiple", "ldbPeriod"),
    ("error", {}, "", "run 20\nfirsttimestep 2147483640\nrun 100", "step-overflow", "firsttimestep"),
    ("error", {}, "useConstantRatio yes", "", "cell-control", "useConstantRatio"),
    ("error", {}, "loweAndersen on\nloweAndersenTemp 300", "", "exclusive-thermostats", "loweAndersen"),
    ("error", {}, "fullDirect yes", "", "several-electrostatics", "fullDirect"),
    ("error", {}, "GBIS on", "", "several-electrostatics", "GBIS"),
    ("error", {}, "PMEInterpOrder 12", "", "pme-order", "PMEInterpOrder"),
    (
        "error",
        {"PMEGridSpacing": None},
        "PMEGridSizeX 8\nPMEGridSizeY 8\nPMEGridSizeZ 8",
        "",
        "pme-grid",
        "PMEGridSizeX",
    ),
    ("error", NO_CELL, "", "", "pme-without-cell", "PME"),
    ("error", {"exclude": "none"}, "", "", "exclude-rigid", "exclude"),
    ("error", {}, "minimization on", "", "contradiction", "minimization"),
    ("error", {}, "paraTypeXplor on", "", "contradiction", "paraTypeXplor"),
    ("error", {}, "GPUresident on", "", "gpu-build-needed", "GPUresident"),
    ("error", {}, "SOAintegrate on", "", "soa-integrate", "SOAintegrate"),
    ("error", {}, "alch on\nalchLambda 0", "", "missing-keyword", "alchType"),
    ("error", {}, "alch on\nalchType fep\nalchLambda 1.5\nalchLambda2 1", "", "alchemy-lambda", "alchLambda"),
    ("error", {}, "", "run 20\ntimestep 1\nrun 20", "not-changeable", "timestep"),
    ("error", {}, "", "run 20\nlangevinTmp 310\nrun 20", "unknown-keyword", "langevinTmp"),
    ("error", {}, "", "run 20\nfixedAtoms on\nrun 20", "not-changeable", "fixedatoms"),
    ("error", {}, "", "run 20\nlangevinTemp -5\nrun 20", "invalid-value", "langevinTemp"),
    ("error", {}, "", "run 20 # fs", "tcl-error", "run"),
    ("error", {}, "set x [expr 1/0]", "", "tcl-error", "expr"),
    ("warning", {"temperature": "5000"}, "", "", "high-temperature", "temperature"),
    ("warning", {"timestep": "6"}, "", "", "timestep", "timestep"),
    ("warning", {"timestep": "4"}, "", "", "timestep", "timestep"),
    ("warning", {"rigidBonds": "none"}, "", "", "timestep", "rigidBonds"),
    ("warning", {"rigidBonds": "water"}, "", "", "timestep", "rigidBonds"),
    ("warning", {"1-4scaling": "12"}, "", "", "one-four-scaling", "1-4scaling"),
    ("warning", {"cutoff": "4", "switchdist": "3"}, "", "", "short-cutoff", "cutoff"),
    ("warning", {"PMEGridSpacing": "3"}, "", "", "pme-grid-coarse", "PMEGridSpacing"),
    ("warning", {}, "reassignFreq 10", "", "several-thermostats", "reassignFreq"),
    ("warning", {"restartfreq": "5000"}, "", "", "restart-beyond-run", "restartfreq"),
    ("warning", {}, "", "", "no-work", "run"),
    ("warning", {}, "numsteps 42", "", "run-length-multiple", "numsteps"),
    ("warning", {}, "colvars on", "", "missing-keyword", "colvarsConfig"),
    ("warning", {}, "IMDon on\nIMDport 3000\nIMDfreq 10\nIMDwait on", "", "imd-waits", "IMDwait"),
    ("warning", {}, "", "run 20\nuseFlexibleCell yes\nrun 20", "cell-control-changed", "useFlexibleCell"),
    ("warning", {**PISTON, "langevinPistonTemp": "200"}, "", "", "temperatures-disagree", "LangevinPistonTemp"),
    ("warning", {}, "DCDfile out.coor", "", "output-name-shared", "dcdfile"),
    ("warning", {}, "", "while 1 {catch {run 10}}", "endless-runs", ""),
    ("advice", {"pairlistdist": "8.0"}, "", "", "pairlist-buffer", "pairlistdist"),
    ("advice", {"langevinDamping": "50"}, "", "", "strong-damping", "langevinDamping"),
    ("advice", {"restartfreq": None}, "", "", "no-restart-files", "restartfreq"),
    ("advice", {"restartfreq": "7"}, "", "", "output-multiple", "restartfreq"),
    ("advice", {}, "", "minimize 20\nrun 20", "velocities-zero", "run"),
    ("advice", {**PISTON, "langevinPistonDecay": "200"}, "", "", "piston-times", "LangevinPistonDecay"),
    ("advice", {"PME": "no"}, "", "", "keyword-ignored", "PMEGridSpacing"),
    ("advice", {"dcdfreq": None}, "", "", "no-trajectory", "DCDfreq"),
    ("advice", {"dcdfreq": "0"}, "DCDfile x.dcd", "", "output-idle", "DCDfile"),
    ("advice", {"langevinDamping": "0.001"}, "", "", "weak-damping", "langevinDamping"),
    ("advice", {"1-4scaling": "0.5"}, "", "", "one-four-scaling", "1-4scaling"),
    ("advice", {}, "vdwGeometricSigma on", "", "geometric-sigma", "vdwGeometricSigma"),
    ("advice", {}, "rigidDieOnError off", "", "rigid-errors-hidden", "rigidDieOnError"),
    ("advice", {}, "maximumMove 0.001", "", "maximum-move", "maximumMove"),
    ("advice", {}, "margin 50", "", "large-margin", "margin"),
    ("advice", {**PISTON, "useFlexibleCell": "yes"}, "", "", "flexible-cell", "useFlexibleCell"),
    ("error", {}, "exec ./make_input.sh", "", "tcl-error", "exec"),
    ("error", {"cellOrigin": "0,, 0, 0"}, "", "", "invalid-value", "cellOrigin"),
    ("error", {"structure": "water.psf/"}, "", "", "file-missing", "structure"),
    ("error", {}, "", "foreach n {20 25} {run $n}", "run-length-multiple", "run"),
    ("advice", {}, "IMDon on\nIMDport 3000\nIMDfreq 10", "", "imd-open", "IMDon"),
]


@pytest.mark.parametrize(
    ("severity", "changes", "more", "run", "code", "keyword"),
    MISTAKES,
    ids=[f"{n}-{row[4]}-{row[5]}" for n, row in enumerate(MISTAKES)],
)
def test_a_mistake_is_found_and_named(
    severity: str, changes: Changes, more: str, run: str, code: str, keyword: str, water_job: Path
) -> None:
    no_run = code == "no-work" or keyword == "numsteps"
    report = checked(water_job, config_text(changes, more=more, run=run or ("" if no_run else "run 20")))
    findings = found(report, code)
    assert findings, [(f.code, f.keyword) for f in report.findings]
    finding = next((f for f in findings if (f.keyword or "").lower() == keyword.lower()), None)
    assert finding is not None, [f.keyword for f in findings]
    assert finding.severity == severity
    assert finding.message.endswith((".", ":")) or finding.code == "tcl-error"
    assert finding.remedy.endswith((".", "?"))
    assert report.ok == (severity != "error")


class TestVersions:
    @pytest.mark.parametrize(
        ("version", "line", "severity"),
        [
            ("2.12", "computeEnergies 10", "error"),
            ("3.0", "computeEnergies 10", "nothing"),
            ("2.12", "outputEnergiesPrecision 8", "error"),
            ("3.0.1", "outputEnergiesPrecision 8", "nothing"),
            ("2.12", "GPUresident on", "error"),
            ("2.14", "useCUDA2 on", "nothing"),
            ("3.0", "useOptPME on", "error"),
            ("3.0", "IMDversion 3", "error"),
            ("3.0", "monteCarloPressure on\nmonteCarloPressureTarget 1\nmonteCarloTemp 300", "error"),
        ],
    )
    def test_the_rules_of_the_version_apply(self, version: str, line: str, severity: str, water_job: Path) -> None:
        assert worst(checked(water_job, config_text(more=line), namd_version=version)) == severity

    def test_long_output_names_crash_old_versions_only(self, water_job: Path) -> None:
        text = config_text({"outputName": "x" * 150})
        assert found(checked(water_job, text, namd_version="2.14"), "output-name-too-long")
        assert checked(water_job, text, namd_version="3.0").ok


class TestGpuMode:
    def test_resident_when_nothing_stands_against_it(self, water_job: Path) -> None:
        report = checked(water_job, config_text({"outputEnergies": "400"}, more="GPUresident on"), gpu=True)
        assert report.ok
        assert report.summary.gpu_mode == "resident"

    def test_what_keeps_it_from_running_resident_is_said(self, water_job: Path) -> None:
        report = checked(water_job, config_text(NO_LANGEVIN, more="rescaleFreq 10"), gpu=True)
        assert report.summary.gpu_mode == "offload"
        assert "rescaling" in report.summary.gpu_reason

    def test_an_incompatible_feature_is_an_error_and_switched_off_by_the_fix(self, water_job: Path) -> None:
        text = config_text(more="GPUresident on\nzeroMomentum on")
        report = checked(water_job, text, gpu=True)
        finding = found(report, "gpu-resident-incompatible")[0]
        assert finding.keyword == "zeroMomentum"
        assert "GPUresident off" in apply_fixes(text, [finding])

    def test_offload_is_advised_to_become_resident(self, water_job: Path) -> None:
        assert found(checked(water_job, config_text(), gpu=True), "gpu-offload")


class TestPlaces:
    def test_findings_name_file_and_line(self, water_job: Path) -> None:
        (water_job / "more.tcl").write_text("# more\ncutoff 9\n")
        report = checked(water_job, config_text(more="source more.tcl"))
        finding = found(report, "duplicate-keyword")[0]
        assert finding.file is not None
        assert (finding.file.name, finding.line) == ("more.tcl", 2)

    def test_errors_come_first(self, water_job: Path) -> None:
        report = checked(water_job, config_text({"langevinDamping": "50", "timestep": "6"}, more="cutoff 8"))
        assert [f.severity for f in report.findings] == sorted(
            (f.severity for f in report.findings), key=["error", "warning", "advice"].index
        )

    def test_the_json_document_has_the_agreed_keys(self, water_job: Path) -> None:
        document = checked(water_job, config_text(more="cutoff 8")).document()
        assert document["ok"] is False
        assert {"code", "severity", "message", "remedy", "keyword", "file", "line"} <= set(document["findings"][0])
        assert set(document["summary"]) >= {
            "atoms",
            "charge",
            "cell",
            "ensemble",
            "steps",
            "simulated_ns",
            "gpu_mode",
            "output_bytes",
            "files",
        }

    @pytest.mark.parametrize(("head", "code"), [(b"\xef\xbb\xbf", "config-encoding"), (b"\xff\xfe", "config-encoding")])
    def test_marks_at_the_start_of_the_file_are_refused(self, head: bytes, code: str, water_job: Path) -> None:
        text = config_text()
        body = text.encode("utf-16-le") if head[0] == 0xFF else text.encode()
        (water_job / "run.namd").write_bytes(head + body)
        assert found(check_config(water_job / "run.namd"), code)


class TestEndlessScripts:
    def test_a_loop_without_work_is_a_finding(self, water_job: Path) -> None:
        text = config_text(more="while 1 {}")
        (water_job / "run.namd").write_text(text)
        report = check_config(water_job / "run.namd", time_limit_s=0.5)
        assert [f.code for f in report.errors] == ["config-limit"]


class TestFixes:
    @pytest.mark.parametrize(
        ("changes", "more", "run"),
        [
            ({}, "cutoff 9", "run 20"),
            ({}, "wrapNearst on", "run 20"),
            ({"switchdist": "9"}, "", "run 20"),
            ({"switchdist": None}, "", "run 20"),
            ({"pairlistdist": "7"}, "", "run 20"),
            ({}, "", "run 25"),
            ({}, "firsttimestep 5", "run 20"),
            ({"outputEnergies": "7"}, "", "run 20"),
            ({"temperature": None}, "", "run 20"),
            ({"exclude": "none"}, "", "run 20"),
            ({"exclude": None}, "", "run 20"),
            ({}, "rigidTolerance 0", "run 20"),
            ({"langevinDamping": None}, "", "run 20"),
            ({"timestep": "6"}, "", "run 20"),
            ({"paraTypeCharmm": None}, "", "run 20"),
            ({}, "useConstantRatio yes", "run 20"),
            ({}, "GPUresident on", "run 20"),
            ({}, "oneFourScaling 1.0", "run 20"),
        ],
    )
    def test_the_corrected_copy_has_no_error(self, changes: Changes, more: str, run: str, water_job: Path) -> None:
        text = config_text(changes, more=more, run=run)
        report = checked(water_job, text)
        assert report.findings
        mended = apply_fixes(text, report.findings)
        assert mended != text
        again = checked(water_job, mended)
        assert [(f.code, f.message) for f in again.findings if f.severity == "error"] == []

    def test_a_computed_value_is_left_alone(self, water_job: Path) -> None:
        text = config_text({"switchdist": None}, more="set s 9\nswitchdist $s ;# computed")
        report = checked(water_job, text)
        assert found(report, "distance-order")
        assert "switchdist $s ;# computed" in apply_fixes(text, report.findings)

    def test_comments_and_semicolons_stay(self, water_job: Path) -> None:
        text = config_text(more="firsttimestep 5; # from the xsc")
        assert "firsttimestep 0; # from the xsc" in apply_fixes(text, checked(water_job, text).findings)
