"""Logs as a whole: in one piece, in any pieces, damaged, replaced, joined."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest

from namdrunner.errors import InputError
from namdrunner.namd.energies import join_segments
from namdrunner.namd.log import LogReader, iter_energies, read_energies, read_log

from .log_samples import HEAD, LONG, SHORT, end, energy, run, title

WHOLE = HEAD + run(0, 200, kind="Minimizing") + run(200, 1400) + end(1400)


def fed(text: str) -> LogReader:
    reader = LogReader()
    reader.feed(text.encode())
    return reader


def test_a_finished_run() -> None:
    document = read_log(WHOLE.encode()).document()
    assert document["namd_version"] == "3.0"
    assert document["platform"] == "Linux-x86_64-multicore"
    assert (document["processors"], document["host"], document["atoms"]) == (4, "node7", 2176)
    assert (document["first_step"], document["last_step"], document["target_step"]) == (0, 1400, 1400)
    assert (document["energy_rows"], document["bad_rows"]) == (16, 0)
    assert document["finished"] is True
    assert document["wall_clock_s"] == 12.874184
    assert document["ns_per_day"] == pytest.approx(86400 / 0.00864 * 2e-6)
    assert document["s_per_step"] == 0.00864
    assert document["eta_s"] is None
    assert document["restarts"] == [{"step": 200, "complete": True}, {"step": 1400, "complete": True}]
    assert document["last_energies"]["TS"] == 1400
    assert list(document["last_energies"]) == list(LONG)
    assert document["diagnosis"] == []
    json.dumps(document, allow_nan=False)


@pytest.mark.parametrize("seed", range(5))
def test_the_pieces_in_which_a_log_comes_do_not_matter(seed: int) -> None:
    data = (HEAD + run(0, 5000, 10) + run(5000, 6000, 20) + end(6000)).encode()
    rng = random.Random(seed)
    rows: list[int] = []
    reader = LogReader(lambda table: rows.extend(table.steps.tolist()))
    at = 0
    while at < len(data):
        size = rng.choice([1, 7, 100, 1000, 50_000])
        reader.feed(data[at : at + size])
        at += size
    reader.finish()
    assert reader.summary().document() | {"diagnosis": []} == read_log(data).document() | {"diagnosis": []}
    assert rows == read_energies(data).steps.tolist()
    assert reader.offset == len(data)


@pytest.mark.parametrize("cut", [0, 1, 300, 1500, 2500, 4000, 7000])
def test_reading_goes_on_from_a_saved_state(cut: int) -> None:
    data = WHOLE.encode()
    first = LogReader()
    first.feed(data[:cut])
    state = json.loads(json.dumps(first.state()))
    second = LogReader.from_state(state)
    assert second.offset <= cut
    second.feed(data[second.offset :])
    assert second.summary().document() == fed(WHOLE).summary().document()
    assert second.series is not None
    assert second.series.document() == fed(WHOLE).series.document()  # type: ignore[union-attr]


def test_a_saved_state_stays_small() -> None:
    reader = fed(HEAD + run(0, 500_000, 100) + "ERROR: Atom 5 velocity is 1 2 3\n" * 5000)
    assert len(json.dumps(reader.state())) < 150_000


@pytest.mark.parametrize("state", [{}, {"version": 99}, {"version": 1, "offset": "x"}, {"version": 1, "offset": 0}])
def test_a_state_of_another_kind_is_refused(state: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        LogReader.from_state(state)
    assert caught.value.code == "log-state-invalid"


def test_a_replaced_file_is_noticed() -> None:
    reader = LogReader.from_state(json.loads(json.dumps(fed(WHOLE).state())))
    assert reader.continues(WHOLE.encode()[:4096])
    assert not reader.continues(WHOLE.replace("node7", "node8").encode()[:4096])
    assert not reader.continues(b"")
    assert reader.continues(WHOLE.encode(), size=len(WHOLE))
    assert not reader.continues(WHOLE.encode(), size=len(WHOLE) - 1)


def test_progress_of_a_running_job() -> None:
    reader = fed(HEAD + "TCL: Running for 500000 steps\n" + run(0, 1000)[len("TCL: Running for 1000 steps\n") :])
    progress = reader.progress()
    assert (progress.step, progress.target_step) == (1000, 500000)
    assert progress.eta_s == pytest.approx(499_000 * 0.00864)
    assert progress.fraction == pytest.approx(0.002)
    assert reader.progress(target_step=2000).eta_s == pytest.approx(1000 * 0.00864)


def test_unknown_is_not_zero() -> None:
    progress = fed(HEAD).progress()
    assert (progress.step, progress.ns_per_day, progress.eta_s, progress.fraction) == (None, None, None, None)
    minimising = fed(HEAD + run(0, 100, kind="Minimizing")).summary()
    assert minimising.speed is not None
    assert (minimising.speed.ns_per_day, minimising.speed.s_per_step) == (None, 0.00864)


def test_speed_lines_of_every_kind() -> None:
    benchmark = "Info: Benchmark time: 4 CPUs 0.00864 s/step 0.05 days/ns 120.5 MB memory\n"
    resident = "Info: Benchmark time: 4 CPUs 0.00864 s/step 20.5 ns/day 0 MB memory\n"
    performance = "PERFORMANCE: 1300  averaging 19.0097 ns/day, 0.00909009 sec/step with standard deviation 0.0003\n"
    stage = HEAD + "TCL: Running for 5000 steps\n"

    def speed(text: str) -> float | None:
        return fed(stage + text).summary().document()["ns_per_day"]

    assert speed(benchmark) == pytest.approx(20)
    assert speed(resident) == 20.5
    assert speed(benchmark + performance) == 19.0097


def test_numsteps_and_firsttimestep_without_a_script() -> None:
    head = HEAD.replace("NUMBER OF STEPS        0", "NUMBER OF STEPS        20200\nInfo: FIRST TIMESTEP         600")
    summary = fed(head + title() + "\n" + energy(600) + "\n").summary()
    assert summary.run.target_step == 20200
    staged = fed(head + "TCL: Running for 400 steps\n").summary()
    assert staged.run.target_step == 1000
    moved = fed(head + "TCL: Setting parameter firsttimestep to 0\nTCL: Running for 400 steps\n").summary()
    assert moved.run.target_step == 400


def test_a_second_run_behind_the_first_is_told_apart() -> None:
    summary = read_log((WHOLE + HEAD.replace("FIRST", "") + run(0, 300)).encode())
    assert summary.runs == 2
    assert not summary.finished
    assert summary.energy_rows == 20
    assert summary.run.target_step == 300


@pytest.mark.parametrize(
    ("text", "finished"),
    [
        (WHOLE, True),
        (WHOLE.replace("End of program", "End"), False),
        (WHOLE.replace("VELOCITIES TO OUTPUT FILE AT STEP 1400", "VELOCITIES TO OUTPUT FILE AT STEP 1300"), False),
        (WHOLE.replace("====\n", "====\nFATAL ERROR: Exiting prematurely\n"), False),
        (WHOLE.replace("====\n", "====\nERROR: Constraint failure; simulation has become unstable.\n"), False),
        (WHOLE.replace("Info: STRUCTURE", "Info:         ERROR TOLERANCE : 1e-08\nInfo: STRUCTURE"), True),
        (
            WHOLE.replace("TIMING: 1400", "ERROR: Margin is too small for 1 atoms during timestep 7.\nTIMING: 1400"),
            True,
        ),
    ],
)
def test_what_counts_as_finished(text: str, finished: bool) -> None:
    assert read_log(text.encode()).finished is finished


def test_a_restart_set_is_complete_only_with_its_velocities() -> None:
    text = HEAD + run(0, 100) + run(100, 200).replace("FINISHED WRITING RESTART VELOCITIES\n", "")
    assert [(r.step, r.complete) for r in fed(text).run.restarts] == [(100, True), (200, False)]


def test_interleaved_rows_are_counted_and_left_out() -> None:
    rows = [energy(100 * i) for i in range(50)]
    rows[10] = rows[10][:100] + "TIMING: 1000  CPU: 1.5" + rows[10][100:]
    rows[20] = "Pe 3 hello " + rows[20]
    rows[30] = rows[30][:40]
    rows[40] = energy(4000, [*range(18)], LONG[:-1])
    table = read_energies((HEAD + title() + "\n" + "\n".join(rows) + "\n").encode())
    summary = read_log((HEAD + title() + "\n" + "\n".join(rows) + "\n").encode())
    assert summary.bad_rows == 4
    assert len(table) == summary.energy_rows == 46
    assert not {1000, 2000, 3000, 4000} & set(table.steps.tolist())


def test_a_row_that_is_being_written_waits() -> None:
    reader = fed(HEAD + title() + "\n" + energy(0) + "\n" + energy(100)[:-3])
    assert (reader.energy_rows, reader.bad_rows) == (1, 0)
    reader.feed(energy(100)[-3:].encode() + b"\n")
    assert (reader.energy_rows, reader.last_step) == (2, 100)


def test_a_cut_last_row_is_not_believed() -> None:
    table = read_energies((HEAD + title() + "\n" + energy(0) + "\n" + energy(100)[:-3]).encode())
    assert table.steps.tolist() == [0]


def test_columns_are_those_of_the_titles() -> None:
    columns = (*LONG[:3], "CROSS", *LONG[3:])
    text = HEAD + title(columns) + "\n" + "\n".join(energy(i, columns=columns) for i in range(20)) + "\n"
    table = read_energies(text.encode())
    assert table.columns == columns
    assert table.column("CROSS")[5] == pytest.approx(3000 - 5 / 7, abs=1e-4)


def test_rows_without_a_title_get_the_usual_names() -> None:
    table = read_energies("\n".join(["Info: NAMD 3.0 for x", *(energy(i) for i in range(10))]).encode() + b"\n")
    assert table.columns == LONG


def test_not_a_number_is_noticed() -> None:
    blown = energy(100, [float("nan"), *range(18)])
    summary = read_log((HEAD + title() + "\n" + energy(0) + "\n" + blown + "\n").encode())
    assert summary.diagnosis[0].code == "energy-not-finite"
    assert summary.document()["last_energies"]["BOND"] is None


def test_a_long_line_without_end_costs_no_memory() -> None:
    reader = LogReader()
    for _ in range(40):
        reader.feed(b"x" * 100_000)
    assert reader.bad_rows >= 1
    assert len(reader.state()["head"]) <= 1024


def test_other_files_are_refused() -> None:
    for data in (b"", b"hello\nworld\n", bytes(range(256)) * 100):
        with pytest.raises(InputError) as caught:
            read_log(data)
        assert caught.value.code == "log-not-namd"


def test_energies_can_be_had_in_tables_of_bounded_size(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    path.write_text(HEAD + run(0, 200_000, 10) + end(200_000))
    sizes = [len(table) for table in iter_energies(path)]
    assert sum(sizes) == 20_001
    assert max(sizes) < 5000
    some = read_energies(path, ("TEMP",))
    assert some.columns == ("TS", "TEMP")
    assert len(some) == 20_001


def test_segments_are_joined_by_step() -> None:
    first = read_energies((HEAD + run(0, 1000)).encode())
    second = read_energies((HEAD + run(800, 2000)).encode())
    joined = join_segments([first, second])
    assert joined.steps.tolist() == list(range(0, 2001, 100))


@pytest.mark.shared_data
def test_real_logs_agree_with_what_is_known_of_them(shared_data: Path) -> None:
    folder = shared_data / "namd_logs"
    known = json.loads((folder / "index.json").read_text())
    assert len(known) == 16
    for name, facts in known.items():
        document = read_log(folder / facts["file"]).document()
        assert document["namd_version"] == facts["version"], name
        assert document["columns"] == facts["etitle_columns"], name
        assert document["energy_rows"] == facts["energy_lines"], name
        assert document["bad_rows"] == 0, name
        assert (document["first_step"], document["last_step"]) == (facts["first_step"], facts["last_step"]), name
        assert document["last_energies"]["TOTAL"] == facts["last_TOTAL"], name
        assert document["finished"] == facts["finished"], name
        assert document["wall_clock_s"] == facts["wallclock"], name
        assert document["timestep_fs"] == facts["timestep_fs"], name
        assert sum(r["complete"] for r in document["restarts"]) == facts["restart_writes"], name
        if not name.startswith("scripterror"):  # its second stage is never announced
            assert document["target_step"] == facts["requested_last_step"], name
        if "last_timing" in facts:
            assert document["ns_per_day"] == pytest.approx(facts["last_timing"]["ns_per_day"], rel=1e-4), name
        assert facts["healthy"] == (not document["diagnosis"]), name


@pytest.mark.shared_data
def test_long_runs_of_real_namd_have_the_known_averages(shared_data: Path) -> None:
    reference = json.loads((shared_data / "restart_sets/reference.json").read_text())["alad_npt_3.0"]
    table = read_energies(shared_data / "restart_sets/alad_npt_3.0.log")
    rest = table.values[table.steps >= reference["averages_after_step"]]
    for name in ("TEMP", "VOLUME", "TOTAL", "PRESSURE"):
        assert rest[:, table.columns.index(name)].mean() == pytest.approx(reference[name]["mean"], abs=2e-4)
    with gzip.open(shared_data / "restart_sets/alad_npt20k_3.0.log.gz") as file:
        data = file.read()
    plain = np.array(
        [[float(x) for x in line.split()[1:]] for line in data.split(b"\n") if line.startswith(b"ENERGY:")]
    )
    assert (read_energies(data).values == plain).all()


@pytest.mark.shared_data
@pytest.mark.parametrize(
    "name", ["test_namd.testlog", "test_namd-incomplete.testlog", "npt_run.log", "npgt_profile.log"]
)
def test_logs_of_others(shared_data: Path, name: str) -> None:
    path = shared_data / "more/pestifer_logs" / name
    summary = read_log(path)
    lines = [line for line in path.read_bytes().split(b"\n") if line.startswith(b"ENERGY: ")]
    assert summary.energy_rows == len(lines) > 0
    assert summary.bad_rows == 0
    assert summary.run.target_step is not None
    if "incomplete" in name:
        assert summary.run.platform == "Linux-x86_64-multicore-CUDA"
        assert summary.run.gpus == ["Quadro P4000 (8106 MB) as device 0 on panacea"]
        assert [cause.code for cause in summary.diagnosis][:1] == ["one-thread-only"]


def test_a_log_converted_by_other_threads_reads_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    minimized = (
        HEAD + run(0, 2000, kind="Minimizing") + energy(9).replace("9", "x") + "\n" + run(2000, 9000) + end(9000)
    )
    path.write_text((minimized + HEAD + title(SHORT) + "\n" + energy(3, columns=SHORT) + "\n") * 4)
    monkeypatch.setattr("namdrunner.namd.log.READ_BYTES", 5000)
    alone = read_log(path).document(), read_energies(path).values
    monkeypatch.setattr("namdrunner.namd.log._POOLED_BYTES", 0)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setattr("os.process_cpu_count", lambda: 4, raising=False)
    pooled = read_log(path).document(), read_energies(path).values
    assert pooled[0] == alone[0]
    np.testing.assert_array_equal(pooled[1], alone[1])
    assert sum(len(table) for table in iter_energies(path)) == len(alone[1])
