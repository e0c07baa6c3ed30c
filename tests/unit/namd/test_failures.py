"""The catalogue of failures, one excerpt per signature, and the ranking of causes."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import pytest

from namdrunner.errors import InputError
from namdrunner.namd.failures import Layer, Recovery, Severity, Signature, diagnose_lines, signatures
from namdrunner.namd.failures_end import from_result, from_status
from namdrunner.namd.failures_files import diagnose

from .log_samples import HEAD, end, run


@pytest.mark.parametrize("signature", signatures(), ids=lambda s: s.code)
def test_each_signature_is_found_in_its_excerpt_and_ranks_first(signature: Signature) -> None:
    lines = list(enumerate(["Warning: something before", *signature.example.split("\n"), "a line behind"], start=1))
    causes = diagnose_lines({"namd.log": lines})
    assert causes[0].code == signature.code
    assert causes[0].severity is signature.severity
    assert causes[0].recovery is signature.recovery
    assert causes[0].file == "namd.log"
    assert causes[0].line is not None
    assert 2 <= causes[0].line <= 1 + len(signature.example.split("\n"))
    assert "{" not in causes[0].message
    assert causes[0].message.endswith((".", "!", "?"))
    assert causes[0].remedy.endswith(".")


def test_the_catalogue_is_whole() -> None:
    codes = [signature.code for signature in signatures()]
    assert len(codes) == len(set(codes)) > 80
    for signature in signatures():
        assert signature.code == signature.code.lower().replace("_", "-").replace(" ", "-")
        if signature.severity is Severity.ERROR and not signature.generic and signature.layer is not Layer.SCHEDULER:
            assert signature.recovery is not None, signature.code
        groups = signature.pattern.groups
        assert all(f"{{{n}}}" not in signature.message for n in range(groups + 1, 10)), signature.code


@pytest.mark.parametrize(
    "line",
    [
        "Info:         ERROR TOLERANCE : 1e-08",
        "Info: NAMD 3.0 for Linux-x86_64-multicore",
        "Info: Running on 1 processors, 1 nodes, 1 physical nodes.",
        "ENERGY:    1220         2.5568         8.8689",
        "Warning: The Langevin gamma parameters differ over the particles,",
        "The last position output (seq=1400) takes 0.000 seconds, 0.461 MB of memory in use",
    ],
)
def test_ordinary_lines_are_no_cause(line: str) -> None:
    assert diagnose_lines({"": [(1, line)]}) == ()


def test_what_slurm_did_comes_before_what_namd_said_of_it() -> None:
    slurm = b"slurmstepd: error: *** JOB 7 ON c1 CANCELLED AT 2026-08-22T10:00:00 DUE TO TIME LIMIT ***\n"
    namd = (HEAD + run(0, 500) + "ERROR: Atoms moving too fast; simulation has become unstable\n").encode()
    causes = diagnose({"namd.log": namd, "slurm-7.out": slurm, "namd.err": b""})
    assert [cause.code for cause in causes] == ["time-limit", "atoms-too-fast"]
    assert (causes[0].file, causes[0].line, causes[0].recovery) == ("slurm-7.out", 1, Recovery.CONTINUE)


def test_instability_comes_before_start_up() -> None:
    lines = ["FATAL ERROR: Setting parameter timestep from script failed!", "ERROR: Atoms moving too fast; simulation"]
    causes = diagnose_lines({"": list(enumerate(lines, 1))})
    assert [cause.code for cause in causes] == ["atoms-too-fast", "set-after-start"]


def test_the_excerpt_has_the_warnings_above_and_the_lines_below() -> None:
    text = ["Warning: one", *(f"Warning: {i}" for i in range(6)), "ERROR: The following variables were set in the"]
    text += ["ERROR: configuration file but are NOT VALID", "ERROR:    PMEGridSpaceing"]
    (cause,) = diagnose_lines({"": list(enumerate(text, 1))})
    assert cause.excerpt.split("\n") == [*(f"Warning: {i}" for i in range(1, 6)), *text[-2:]]


def test_an_unknown_fatal_error_is_told_in_its_own_words() -> None:
    (cause,) = diagnose_lines({"": [(9, "FATAL ERROR: The moon is in the wrong house")]})
    assert (cause.code, cause.line) == ("error-unknown", 9)
    assert "The moon is in the wrong house" in cause.message


def test_a_log_that_stops_is_told_as_such() -> None:
    (cause,) = diagnose({"namd.log": (HEAD + run(0, 500)).encode()})
    assert (cause.code, cause.severity, cause.recovery) == ("log-stops", Severity.WARNING, Recovery.CONTINUE)
    assert "step 500" in cause.message


def test_a_run_that_ended_well_has_no_cause() -> None:
    assert diagnose({"namd.log": (HEAD + run(0, 500) + end(500)).encode()}, exit_status=0) == ()


def test_a_run_without_work_is_noticed() -> None:
    (cause,) = diagnose({"namd.log": (HEAD + "[Partition 0][Node 0] End of program\n").encode()})
    assert cause.code == "nothing-run"


@pytest.mark.parametrize(
    ("document", "codes"),
    [
        ({"exit_code": 0, "stage": "done"}, []),
        ({"exit_code": 143, "signal": "USR1", "stage": "namd"}, ["time-limit"]),
        ({"exit_code": None, "signal": "", "error": "no module namd", "stage": "setup"}, ["script-failed"]),
        ({"exit_code": 137, "stage": "namd"}, ["killed"]),
        ({"exit_code": 153, "stage": "namd"}, ["file-too-large"]),
    ],
)
def test_result_json_is_evidence(document: dict[str, object], codes: list[str]) -> None:
    found = from_result(json.dumps(document))
    assert found is not None
    assert [cause.code for cause in found] == codes


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"a": 1}', "[" * 100_000])
def test_what_is_no_result_is_none(text: str) -> None:
    assert from_result(text) is None


def test_statuses_that_say_nothing() -> None:
    assert from_status(0) is None
    assert from_status(77) is None


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        diagnose({"x": tmp_path / "x"})
    assert caught.value.code == "file-missing"


def test_large_files_of_other_kinds_are_looked_at_front_and_back(tmp_path: Path) -> None:
    path = tmp_path / "slurm-1.out"
    path.write_bytes(b"x" * 9_000_000 + b"\nsrun: error: c1: task 0: Out Of Memory\n")
    assert [cause.code for cause in diagnose({"slurm-1.out": path})] == ["out-of-memory"]


EXPECTED = {
    "atoms_moving_too_fast_hot": ("atoms-too-fast", "rollback"),
    "atoms_moving_too_fast_nopme": ("atoms-too-fast", "rollback"),
    "unstable_timestep_4fs_flexible_too_fast": ("atoms-too-fast", "rollback"),
    "cell_degenerate": ("pme-without-cell", "fix"),
    "cell_wrong_small_18A": ("exclusions-low", "rollback"),
    "nan_coordinates": ("exclusions-low", "rollback"),
    "overlapping_atoms_no_minimisation": ("exclusions-low", "rollback"),
    "unstable_timestep_8fs_rigid": ("exclusions-low", "rollback"),
    "charm_p0_segfault": ("threads-refused", "fix"),
    "config_empty": ("keyword-missing", "fix"),
    "devices_option_on_cpu_build": ("gpu-options-on-cpu-build", "fix"),
    "displaced_atom_nopme_warning_only": ("exclusions-warning", None),
    "file_size_limit_ulimit_f_SIGXFSZ": ("file-too-large", "fix"),
    "killed_SIGHUP_midrun": ("hung-up", "continue"),
    "killed_SIGINT_midrun": ("interrupted", "continue"),
    "killed_SIGTERM_during_startup": ("terminated", "continue"),
    "killed_SIGTERM_midrun": ("terminated", "continue"),
    "killed_SIGUSR1_midrun": ("signalled", "continue"),
    "margin_violation_hot_small_patches": ("margin-violations", None),
    "memory_limit_ulimit_v_40M": ("memory-allocation", "fix"),
    "more_threads_than_cores_p8": ("too-many-threads", "fix"),
    "no_temperature_no_velocities": ("velocities-missing", "fix"),
    "ok_overlapping_atoms_minimise": ("bad-contacts", None),
    "outdir_missing": ("output-folder-missing", "fix"),
    "outdir_missing_restart_only": ("output-folder-missing", "fix"),
    "param_charmm_read_as_xplor": ("parameter-format", "fix"),
    "param_xplor_read_as_charmm": ("parameter-format", "fix"),
    "param_missing_angle": ("parameter-missing", "fix"),
    "param_missing_bond": ("parameter-missing", "fix"),
    "psf_missing": ("structure-missing", "fix"),
    "psf_not_a_psf": ("structure-format", "fix"),
    "psf_pdb_atom_count_mismatch": ("atom-counts", "fix"),
    "psf_truncated": ("structure-cut-short", "fix"),
    "rattle_constraint_failure_rigidDieOnError_off": ("rattle-limit-warning", None),
    "restart_coor_truncated": ("binary-mismatch", "fix"),
    "restart_coor_wrong_atom_count": ("binary-mismatch", "fix"),
    "restart_vel_truncated": ("binary-mismatch", "fix"),
    "source_file_missing": ("script-file-missing", "fix"),
    "tcl_exec_missing_program": ("script-file-missing", "fix"),
}


@pytest.mark.shared_data
def test_real_failures_are_explained(shared_data: Path) -> None:
    folder = shared_data / "namd_logs/failures"
    table = json.loads((folder / "table.json").read_text())
    assert len(table) == 45
    for name, facts in table.items():
        log = folder / f"{name}.log"
        packed = folder / f"{name}.log.gz"
        content = gzip.decompress(packed.read_bytes()) if packed.exists() else log.read_bytes()
        sources = {"namd.log": content, "namd.err": (folder / f"{name}.err").read_bytes()}
        causes = diagnose(sources, exit_status=int(facts["exit"]))
        found = (causes[0].code, causes[0].recovery) if causes else None
        assert found == EXPECTED.get(name), name


@pytest.mark.shared_data
def test_every_failed_case_has_a_known_cause_and_no_sound_one_has(shared_data: Path) -> None:
    folder = shared_data / "namd_cases"
    unknown, wrong, failed = [], [], 0
    for case in json.loads((folder / "cases.json").read_text())["cases"]:
        for version, facts in case["runs"].items():
            log = folder / case["directory"] / facts["log"]
            status = facts["rc"] if facts["rc"] >= 0 else 128 - facts["rc"]
            causes = diagnose({"namd.log": gzip.decompress(log.read_bytes())}, exit_status=status)
            codes = [cause.code for cause in causes if cause.severity is Severity.ERROR]
            if facts["verdict"] in ("fatal_at_startup", "fails_in_run"):
                failed += 1
                if not codes or codes[0] in ("error-unknown", "namd-failed", "aborted", "config-rejected"):
                    unknown.append((case["id"], version, codes))
            elif codes and facts["verdict"].startswith("ok"):
                wrong.append((case["id"], version, codes))
    assert failed > 250
    assert unknown == []
    assert wrong == []


@pytest.mark.shared_data
@pytest.mark.parametrize("pattern", ["*oom*", "*srun*"])
def test_real_slurm_outputs_do_no_harm(shared_data: Path, pattern: str) -> None:
    for path in sorted((shared_data / "slurm_samples").glob(pattern)):
        for cause in diagnose({path.name: path}):
            assert cause.layer in (Layer.SCHEDULER, Layer.MACHINE, Layer.OTHER)


def test_a_death_that_nothing_explains_shows_the_last_words() -> None:
    errors = b"started\nstrange: the moon is in the wrong quarter\n\n"
    (cause, words) = diagnose({"namd.err": errors}, exit_status=1)
    assert (cause.code, words.code, words.severity) == ("namd-failed", "last-words", Severity.ERROR)
    assert "wrong quarter" in words.message
    assert words.excerpt == "started\nstrange: the moon is in the wrong quarter"
    assert (words.file, words.line, words.recovery) == ("namd.err", 1, None)


def test_last_words_of_what_may_be_healthy_are_no_error() -> None:
    (words,) = diagnose({"slurm-7.out": b"loading modules\n"})
    assert (words.code, words.severity) == ("last-words", Severity.INFO)
    finished = (HEAD + run(0, 500) + end(500)).encode()
    assert diagnose({"namd.log": finished, "slurm-7.out": b"loading modules\n"}) == ()


def test_a_known_cause_needs_no_last_words() -> None:
    (cause,) = diagnose(
        {"slurm.err": b"slurm_script: line 3: 77 Bus error (core dumped) namd3\nbye\n"}, exit_status=135
    )
    assert (cause.code, cause.recovery) == ("bus-error", Recovery.CONTINUE)


@pytest.mark.parametrize(
    "line", [b"a" * 990 + b"\n", b"a" * 900 + b": line 3: \n", b"Traceback (most recent call last):\n "]
)
def test_long_lines_without_a_cause_are_gone_through_in_reasonable_time(line: bytes) -> None:
    started = time.process_time()
    diagnose({"slurm.out": line * (1_000_000 // len(line))})
    assert time.process_time() - started < 10
