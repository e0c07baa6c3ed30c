"""Configs evaluate as NAMD evaluates them."""

from __future__ import annotations

from pathlib import Path

import pytest

from namdrunner.errors import ConfigError, NotFoundError
from namdrunner.namd.config import (
    NamdConfig,
    RunStep,
    climbed_folders,
    evaluate_config,
    evaluate_text,
    evaluate_tolerantly,
    reading_root,
)


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A job folder whose parent and grandparent belong to the test."""
    folder = tmp_path / "system" / "namd"
    folder.mkdir(parents=True)
    return folder


def evaluated(text: str, folder: Path) -> NamdConfig:
    return evaluate_text(text, base=folder)


def values(config: NamdConfig, keyword: str) -> list[str]:
    return [setting.value for setting in config.get_all(keyword)]


def runs(config: NamdConfig) -> list[tuple[str, int]]:
    return [(step.kind, step.steps) for step in config.steps]


class TestSpelling:
    @pytest.mark.parametrize(
        "line",
        [
            "cutoff 12.0",
            "CutOff = 12.0",
            "cutoff=12.0",
            "cutoff= 12.0",
            "cutoff =12.0",
            "cutoff {12.0}",
            "cutoff\t=\t12.0",
            "cutoff 12.0 # a comment",
            "cutoff 12.0 ;# a comment",
            "cutoff 12.0;",
            "cutoff \\\n  12.0",
            "cutoff 12.0\r",
        ],
    )
    def test_every_form_of_a_keyword_gives_the_same_value(self, line: str, job: Path) -> None:
        assert values(evaluated(line + "\n", job), "CUTOFF") == ["12.0"]

    def test_values_of_several_words_are_kept_whole(self, job: Path) -> None:
        config = evaluated("cellBasisVector1 62.2 0 0\ncellOrigin {1 2 3}\n", job)
        assert config.get("cellbasisvector1") == "62.2 0 0"
        assert config.get("cellorigin") == "1 2 3"

    def test_an_equals_sign_inside_a_value_stays(self, job: Path) -> None:
        assert evaluated("colvarsConfig a=b.in\n", job).get("colvarsconfig") == "a=b.in"

    def test_non_breaking_space_is_part_of_the_name(self, job: Path) -> None:
        with pytest.raises(ConfigError, match="was not set"):
            evaluated("cutoff\u00a012.0\n", job)

    def test_lines_are_counted_through_blocks_and_sourced_files(self, job: Path) -> None:
        (job / "more.tcl").write_text("# first\ntimestep 2.0\n")
        config = evaluated("\ncutoff 12\nif {1} {\n  foreach k {1} {\n    margin $k\n  }\n}\nsource more.tcl\n", job)
        assert [(s.keyword, s.file.name, s.line) for s in config.settings] == [
            ("cutoff", "config.namd", 2),
            ("margin", "config.namd", 5),
            ("timestep", "more.tcl", 2),
        ]

    def test_lines_inside_a_proc_are_those_of_the_file(self, job: Path) -> None:
        (job / "p.namd").write_text("proc stage {t} {\n  langevinTemp $t\n  run 20\n}\n\nstage 300\n")
        config = evaluate_config(job / "p.namd")
        assert [(s.value, s.line) for s in config.settings] == [("300", 2)]
        assert [(s.steps, s.line) for s in config.steps] == [(20, 3)]


class TestPlan:
    def test_runs_are_relative_and_add_to_firsttimestep(self, job: Path) -> None:
        config = evaluated("firsttimestep 600\nminimize 100\nreinitvels 300\nrun 40\nrun norepeat 60\n", job)
        assert runs(config) == [("minimize", 100), ("run", 40), ("run", 60)]
        assert (config.first_step, config.target_step, config.total_steps, config.dynamics_steps) == (
            600,
            800,
            200,
            100,
        )
        assert [(c.name, c.args, c.stage) for c in config.commands] == [("reinitvels", ("300",), 1)]

    def test_numsteps_is_absolute_and_counts_without_run_only(self, job: Path) -> None:
        assert evaluated("firsttimestep 100\nnumsteps 1000\n", job).target_step == 1000
        assert evaluated("firsttimestep 100\nnumsteps 1000\n", job).total_steps == 900
        assert evaluated("numsteps 90000\nrun 50\n", job).target_step == 50

    def test_without_run_and_numsteps_nothing_is_done(self, job: Path) -> None:
        assert evaluated("cutoff 12\n", job).total_steps == 0

    def test_windows_that_reset_the_counter_end_at_the_last_one(self, job: Path) -> None:
        config = evaluated("foreach l {0.0 0.5} {\n alchLambda $l\n firsttimestep 0\n run 20\n}\n", job)
        assert config.target_step == 20
        assert config.total_steps == 40
        assert [s.after_startup for s in config.get_all("alchlambda")] == [False, True]

    def test_output_names_change_between_runs(self, job: Path) -> None:
        config = evaluated("outputname a\nrun 20\noutputname b\nrun 20\n", job)
        assert config.output_names == ("a", "b")
        assert (config.get("outputname", stage=0), config.get("outputname", stage=1)) == ("a", "b")
        assert config.startup("outputname") == "a"
        assert config.output_name == "b"

    def test_values_in_force_for_each_stage(self, job: Path) -> None:
        config = evaluated(
            "langevinTemp 60\nrun 20\nfor {set t 80} {$t<=100} {incr t 20} {langevinTemp $t;run 20}\n", job
        )
        assert [config.get("langevintemp", stage=step.stage) for step in config.steps] == ["60", "80", "100"]

    def test_setting_by_tcl_list_and_expression(self, job: Path) -> None:
        config = evaluated(
            "set dt 2.0\nset t [expr {int(0.1*1000/$dt)}]\ntimestep $dt\nrun $t\n"
            "if {[string match a* abc] && [llength {1 2}] == 2} {run 10} else {run 99}\n",
            job,
        )
        assert runs(config) == [("run", 50), ("run", 10)]
        assert config.timestep_fs == 2.0

    def test_parameters_can_be_read_back(self, job: Path) -> None:
        config = evaluated(
            "stepspercycle 12\nset n [stepspercycle]\nrun [expr {$n*2}]\nif {[isset PME]} {run 1}\n", job
        )
        assert runs(config) == [("run", 24)]

    def test_exit_ends_the_plan(self, job: Path) -> None:
        config = evaluated("run 20\ncatch {exit 3}\nrun 20\n", job)
        assert runs(config) == [("run", 20)]
        assert config.exit_status == 3

    def test_a_loop_on_the_clock_ends(self, job: Path) -> None:
        config = evaluated(
            "set t0 [clock seconds]\nset left 100000\nwhile {$left > 0} {\n  run 1000\n  incr left -1000\n"
            "  if {[file exists STOP] || [clock seconds]-$t0 > 82800} { break }\n}\n",
            job,
        )
        assert 1 <= len(config.steps) <= 100
        assert all(step == RunStep("run", 1000, config.path, 4, n) for n, step in enumerate(config.steps))

    def test_an_endless_series_of_runs_is_cut_and_said(self, job: Path) -> None:
        config = evaluated("while {![file exists STOP]} { catch { run 1000 } }\n", job)
        assert config.endless
        assert len(config.steps) >= 1000

    def test_command_line_overrides_replace_the_files_values(self, job: Path) -> None:
        (job / "a.namd").write_text("outputName a\ncutoff 12\n")
        config = evaluate_config(job / "a.namd", overrides={"outputname": "x"})
        assert values(config, "outputname") == ["x"]


class TestFailures:
    @pytest.mark.parametrize(
        ("text", "line", "words"),
        [
            ("cutoff 12\nrun 20 # 40 fs\n", 2, "too many args"),
            ("run 1e6\n", 1, 'expected integer but got "1e6"'),
            ("run 20.0\n", 1, "expected integer"),
            ("run\n", 1, "too few args"),
            ("run -20\n", 1, "non-negative"),
            ("\n\nset x 1 # one\n", 3, "wrong # args"),
            ("proc f {} {\n run 20\n", 1, "missing close-brace"),
            ('outputName "abc\n', 1, 'missing "'),
            ("pairlistdist \n", 1, "was not set"),
            ("temperature $T\n", 1, "no such variable"),
            ("outputName $env(SECRET_TOKEN)\n", 1, "no such element"),
            ("package require topotools\n", 1, "can't find package"),
            ("source nothing.tcl\n", 1, "no such file"),
            ("set f [open nothing.xsc r]\n", 1, "no such file"),
            ("run 20\ni++\n", 2, "parameter unknown"),
            ('error "stop here"\n', 1, "stop here"),
            ("reinitvels\n", 1, "wrong # args"),
        ],
    )
    def test_tcl_errors_name_file_and_line(self, text: str, line: int, words: str, job: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            evaluated(text, job)
        assert caught.value.code == "config-syntax"
        assert words in caught.value.message
        assert caught.value.remedy
        assert caught.value.context["line"] == line
        assert Path(caught.value.context["file"]).name == "config.namd"

    def test_an_error_in_a_sourced_file_names_that_file(self, job: Path) -> None:
        (job / "setup.tcl").write_text("set a 1\nset b $c\n")
        with pytest.raises(ConfigError) as caught:
            evaluated("source setup.tcl\n", job)
        assert (Path(caught.value.context["file"]).name, caught.value.context["line"]) == ("setup.tcl", 2)

    def test_what_came_before_a_failure_is_kept_on_request(self, job: Path) -> None:
        config = evaluate_tolerantly(job / "config.namd", text="cutoff 12\nrun 20\nset a $b\n")
        assert config.failure is not None
        assert config.failure.line == 3
        assert config.failure.after_startup
        assert runs(config) == [("run", 20)]

    def test_a_missing_config_is_not_found(self, job: Path) -> None:
        with pytest.raises(NotFoundError):
            evaluate_config(job / "none.namd")

    def test_a_config_that_sources_itself_stops(self, job: Path) -> None:
        (job / "loop.namd").write_text("cutoff 12\nsource loop.namd\n")
        with pytest.raises(ConfigError, match="too many nested"):
            evaluate_config(job / "loop.namd")


CHARMM_GUI = """
structure               step3_input.psf
set temp                303.15;
outputName              step4_equilibration; # base name
exec tr "\\[:upper:\\]" "\\[:lower:\\]" < ../step5_assembly.str | sed -e "s/ =//g" > step5_assembly.namd.str
source step5_assembly.namd.str
temperature             $temp
cellBasisVector1     $a   0.0   0.0;
cellBasisVector2    0.0    $b   0.0;
cellBasisVector3    0.0   0.0    $c;
cellOrigin          0.0   0.0 $zcen;
foreach p {par_all36m_prot.prm toppar_water_ions_namd.str} { parameters toppar/$p }
minimize 100
numsteps 90000000
run 1000
"""

RESTART_CHAIN = """
set n 3
set outname prod_$n
proc get_first_ts { xscfile } {
  set fd [open $xscfile r]
  gets $fd
  gets $fd
  gets $fd line
  set ts [lindex $line 0]
  close $fd
  return $ts
}
set inputname prod_[expr {$n - 1}]
if {[file exists $inputname.restart.xsc]} { set inputname $inputname.restart }
bincoordinates $inputname.coor
extendedSystem $inputname.xsc
firsttimestep [get_first_ts $inputname.xsc]
outputname $outname
run 40
"""


class TestConfigsOthersWrote:
    def test_charmm_gui_reads_the_lowered_assembly_file(self, job: Path) -> None:
        (job.parent / "step5_assembly.str").write_text(" SET A = 62.5\n set b = 62.5\n SET C = 80\n SET ZCEN = 0.1\n")
        config = evaluated(CHARMM_GUI, job)
        assert config.get("cellbasisvector1") == "62.5 0.0 0.0"
        assert config.get("cellorigin") == "0.0 0.0 0.1"
        assert values(config, "parameters") == ["toppar/par_all36m_prot.prm", "toppar/toppar_water_ions_namd.str"]
        assert config.get("temperature") == "303.15"
        assert config.target_step == 1100
        assert [source.path.name for source in config.sources] == ["step5_assembly.str"]
        assert not (job / "step5_assembly.namd.str").exists()

    def test_tutorial_restart_reads_the_step_from_the_xsc(self, job: Path) -> None:
        (job / "prod_2.restart.xsc").write_text("# NAMD\n#$LABELS step a_x\n1200000 62 0 0\n")
        config = evaluated(RESTART_CHAIN, job)
        assert config.first_step == 1_200_000
        assert config.target_step == 1_200_040
        assert config.get("bincoordinates") == "prod_2.restart.coor"

    def test_a_file_the_config_writes_can_be_sourced_and_is_not_left_behind(self, job: Path) -> None:
        config = evaluated('set f [open cell.tcl w]\nputs $f "set a 31.5"\nclose $f\nsource cell.tcl\ncutoff $a\n', job)
        assert config.get("cutoff") == "31.5"
        assert [problem.code for problem in config.problems] == ["write-not-done"]
        assert list(job.iterdir()) == []

    def test_folders_that_the_config_makes_are_remembered(self, job: Path) -> None:
        config = evaluated("file mkdir out\nexec mkdir -p traj\nif {[file exists out]} {outputname out/a}\n", job)
        assert [folder.name for folder in config.made_folders] == ["out", "traj"]
        assert config.get("outputname") == "out/a"

    def test_copying_a_final_file_after_run_fails_as_in_namd(self, job: Path) -> None:
        with pytest.raises(ConfigError, match="no such file"):
            evaluated("outputname x\nrun 20\nfile copy x.coor y.coor\n", job)
        assert evaluated("outputname x\nrestartfreq 20\nrun 20\nfile copy x.restart.coor y\n", job).steps


class TestHostileConfigs:
    """Whatever the text, evaluation ends in time, in memory, and with the disk as it was."""

    @pytest.mark.parametrize(
        "text",
        [
            "while 1 {}\n",
            "while 1 { catch {set x 1} }\n",
            "set x [string repeat x 2000000000]\n",
            "set x ab\nwhile 1 {append x $x}\n",
            "set x [expr {7**100000000}]\n",
            "set x [lrepeat 400000000 a]\n",
        ],
    )
    def test_time_and_memory_are_bounded(self, text: str, job: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            evaluate_text(text, base=job, time_limit_s=1.0)
        assert caught.value.code in ("config-limit", "config-syntax")

    def test_waiting_does_not_wait(self, job: Path) -> None:
        assert evaluate_text("after 3600000\nrun 20\n", base=job, time_limit_s=2.0).steps

    @pytest.mark.parametrize(
        "text",
        [
            "file delete -force precious\n",
            "set f [open precious w]\nputs $f gone\nclose $f\n",
            "set f [open precious a]\nputs $f gone\nclose $f\n",
            "set f [open precious {WRONLY TRUNC}]\nclose $f\n",
            "catch {file rename precious elsewhere}\n",
            "exec rm -rf precious\n",
            "exec cp precious elsewhere\n",
            "exec cat precious > precious2\n",
            "catch {open {| rm precious}}\n",
        ],
    )
    def test_nothing_on_disk_changes(self, text: str, job: Path) -> None:
        (job / "precious").write_text("data")
        evaluated(text, job)
        assert [path.name for path in job.iterdir()] == ["precious"]
        assert (job / "precious").read_text() == "data"

    @pytest.mark.parametrize(
        "text",
        [
            "source /etc/passwd\n",
            "set f [open /etc/passwd]\n",
            "set f [open ../../../../../../../../etc/passwd r]\n",
            "set f [open link]\n",
            "source ~/.bashrc\n",
        ],
    )
    def test_files_outside_are_not_read(self, text: str, job: Path) -> None:
        (job / "link").symlink_to("/etc/passwd")
        with pytest.raises(ConfigError) as caught:
            evaluate_text(text, base=job, root=job)
        assert caught.value.code in ("config-path-outside", "config-syntax")
        assert "root:" not in caught.value.message

    def test_links_to_data_are_followed_and_links_to_secrets_are_not(self, tmp_path: Path) -> None:
        data, folder = tmp_path / "project" / "data", tmp_path / "jobs" / "a"
        hidden = tmp_path / "project" / ".ssh"
        for path in (data, folder, hidden):
            path.mkdir(parents=True)
        (data / "x.xsc").write_text("1200")
        (hidden / "key").write_text("secret")
        (folder / "systems").symlink_to(data)
        (folder / "keys").symlink_to(hidden)
        text = "set f [open {}]\nfirsttimestep [gets $f]\n"
        config = evaluate_text(text.format("systems/x.xsc"), base=folder, root=folder)
        assert config.first_step == 1200
        with pytest.raises(ConfigError) as caught:
            evaluate_text(text.format("keys/key"), base=folder, root=folder)
        assert caught.value.code == "config-path-outside"

    @pytest.mark.parametrize(
        "text",
        [
            "socket localhost 22\n",
            "interp create x\n",
            "load libc.so\n",
            "interp invokehidden {} exec ls\n",
            "vwait forever\n",
            "proc f {} {f}\nf\n",
        ],
    )
    def test_no_way_out_of_the_interpreter(self, text: str, job: Path) -> None:
        config = evaluate_tolerantly(job / "config.namd", text=text)
        # A command that is not there is a keyword, as in NAMD, and a keyword that NAMD does not know.
        assert config.failure is not None or config.settings[0].keyword == text.split()[0]

    def test_devices_and_pipes_are_not_opened(self, job: Path) -> None:
        import os

        os.mkfifo(job / "pipe")
        with pytest.raises(ConfigError, match="not a regular file"):
            evaluated("set f [open pipe r]\n", job)

    def test_a_huge_config_is_refused_before_it_is_read(self, job: Path) -> None:
        with (job / "big.namd").open("wb") as file:
            file.truncate(200_000_000)
        with pytest.raises(ConfigError) as caught:
            evaluate_config(job / "big.namd")
        assert caught.value.code == "config-too-large"

    def test_home_and_user_are_those_of_here(self, job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", "/home/a b{c [exit]")
        config = evaluated("parameters $env(HOME)/par.prm\n", job)
        assert config.get("parameters") == "/home/a b{c [exit]/par.prm"

    def test_secrets_of_the_environment_are_not_there(self, job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NAMDRUNNER_PASSWORD", "hunter2")
        config = evaluated("foreach {k v} [array get env] { parameters $k=$v }\n", job)
        assert not [s for s in config.settings if "hunter2" in s.value or "PASSWORD" in s.value]


class TestReadingRoot:
    def test_it_follows_the_deepest_climb_of_the_text(self, tmp_path: Path) -> None:
        config = tmp_path / "a" / "b" / "c" / "x.namd"
        assert reading_root(config, "cutoff 12") == tmp_path / "a" / "b"
        assert reading_root(config, "structure ../../../x.psf") == tmp_path

    def test_folders_named_by_climbing_may_be_read_but_not_those_of_the_system(self) -> None:
        config = Path("/tmp/case/run.namd")
        text = (
            "structure ../../tmp/systems/a.psf\nsource ../../etc/ssh/x\nset d ../systems\nparameters $d/x ../systems/b"
        )
        assert climbed_folders(config, text) == (Path("/tmp/systems"),)
        assert reading_root(config, text) == Path("/tmp/case")

    def test_it_never_holds_the_home_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Path, "home", lambda: tmp_path)
        config = tmp_path / "job" / "x.namd"
        assert reading_root(config, "structure ../../../../x.psf") == tmp_path / "job"
        assert reading_root(Path("/x.namd"), "../../x") == Path("/")


class TestAfterStartUp:
    """Once NAMD runs, keywords are changed by a stricter command: one word or three, no equals sign."""

    def test_one_word_and_three_words_are_taken(self, job: Path) -> None:
        config = evaluated("run 20\nlangevinTemp 310\neField 0 0 1.5\n", job)
        assert [(s.keyword, s.value, s.after_startup, s.stage) for s in config.settings] == [
            ("langevintemp", "310", True, 1),
            ("efield", "0 0 1.5", True, 1),
        ]

    @pytest.mark.parametrize("line", ["outputName = b", "outputName b # stage", "cellOrigin 1 2"])
    def test_other_numbers_of_words_are_errors(self, line: str, job: Path) -> None:
        # "b # stage" makes three words, which NAMD takes as the value.
        config = evaluate_tolerantly(job / "config.namd", text=f"run 20\n{line}\n")
        if "#" in line:
            assert config.get("outputname") == "b # stage"
        else:
            assert config.failure is not None
            assert config.failure.message == "wrong # args for NAMD config parameter"
