"""Parts of the engine by themselves: cells, Ewald parameters, exclusions, schedule, rows."""

from __future__ import annotations

import numpy as np
import pytest

from namdrunner.demo.engine.cell import follow, make_cell, wrap
from namdrunner.demo.engine.energies import Potential
from namdrunner.demo.engine.ewald import ewald_coefficient, grid_size
from namdrunner.demo.engine.exclusions import Policy, find_exclusions, make_whole, number_molecules
from namdrunner.demo.engine.rows import Row, energy_line, title_line
from namdrunner.demo.engine.schedule import next_stop
from namdrunner.demo.engine.settings import Settings
from namdrunner.demo.engine.switching import matching_start, namd_switch, quintic_switch

CHAIN = np.array([[0, 1], [1, 2], [2, 3], [3, 4]])


@pytest.mark.parametrize("seed", range(20))
def test_any_cell_becomes_reduced_and_comes_back(seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(3, 3)) * 20
    cell = make_cell(vectors, np.zeros(3))
    box = cell.reduced
    assert np.allclose(np.triu(box, 1), 0)
    assert (np.diag(box) > 0).all()
    assert 2 * abs(box[1, 0]) <= box[0, 0] + 1e-9
    assert 2 * abs(box[2, 0]) <= box[0, 0] + 1e-9
    assert 2 * abs(box[2, 1]) <= box[1, 1] + 1e-9
    assert np.linalg.det(cell.rotation) == pytest.approx(1), "a mirror would turn molecules into their images"
    assert abs(np.linalg.det(box)) == pytest.approx(cell.volume)
    assert np.allclose(cell.with_reduced(1.02 * box).vectors, 1.02 * vectors)
    points = np.random.default_rng(1).normal(size=(5, 3))
    assert np.allclose(cell.to_namd(cell.to_engine(points)), points)


def test_molecules_follow_their_path_and_wrap_whole() -> None:
    cell = make_cell(np.diag([10.0, 10.0, 10.0]), np.zeros(3))
    molecule = np.array([0, 0, 1])
    before = np.array([[4.8, 0, 0], [5.4, 0, 0], [0, 0, 0]])
    jumped = before + np.array([[-10, 0.1, 0], [-10, 0.1, 0], [0, 20.2, 0]])
    assert np.allclose(follow(jumped, before, cell.vectors, molecule, 2), [[4.8, 0.1, 0], [5.4, 0.1, 0], [0, 0.2, 0]])
    assert np.allclose(wrap(before, cell, molecule, 2)[:, 0], [-5.2, -4.6, 0])


def test_ewald_coefficient_is_namd_s() -> None:
    for tolerance, cutoff, expected in ((1e-6, 12, 0.257952), (1e-8, 12, 0.311922), (1e-8, 9, 0.420009)):
        assert ewald_coefficient(tolerance, cutoff) == pytest.approx(expected, abs=5e-7)


def test_grid_sizes_are_namd_s() -> None:
    assert [grid_size(length, 1.0) for length in (27.5, 28, 62.23)] == [28, 28, 64]
    assert [grid_size(length, 0.5) for length in (28, 62.23)] == [56, 128]


def test_exclusions_reach_as_far_as_the_policy() -> None:
    def pairs(policy: Policy) -> tuple[list[list[int]], list[list[int]]]:
        found = find_exclusions(CHAIN, 5, policy)
        return sorted(found.excluded.tolist()), sorted(found.modified.tolist())

    assert pairs(Policy.NONE) == ([], [])
    assert pairs(Policy.ONE_TWO) == ([[0, 1], [1, 2], [2, 3], [3, 4]], [])
    assert len(pairs(Policy.ONE_THREE)[0]) == 7
    assert len(pairs(Policy.ONE_FOUR)[0]) == 9
    scaled = pairs(Policy.SCALED_ONE_FOUR)
    assert len(scaled[0]) == 7
    assert scaled[1] == [[0, 3], [1, 4]]


def test_a_ring_counts_by_its_shorter_way() -> None:
    ring = np.array([[0, 1], [1, 2], [2, 3], [3, 0]])
    found = find_exclusions(ring, 4, Policy.SCALED_ONE_FOUR)
    assert len(found.excluded) == 6
    assert not len(found.modified)


def test_molecules_are_numbered_and_made_whole() -> None:
    number, count = number_molecules(np.array([[0, 1], [3, 4]]), 5)
    assert number.tolist() == [0, 0, 1, 2, 2]
    assert count == 3
    points = np.array([[4.9, 0, 0], [-4.9, 0, 0], [1, 1, 1], [0, 0, 0], [1, 0, 0]])
    whole = make_whole(points, np.array([[0, 1], [3, 4]]), np.diag([10.0, 10, 10]))
    assert whole[1].tolist() == pytest.approx([5.1, 0, 0])
    assert (whole[2:] == points[2:]).all()


def test_switching_functions_hold_the_same_dispersion() -> None:
    start = matching_start(10.0, 12.0)
    assert 10.0 < start < 12.0
    r = np.linspace(10.0, 12.0, 5001)
    weight = r**-4
    full = float((weight * namd_switch(r, 10.0, 12.0)).sum())
    assert float((weight * quintic_switch(r, start, 12.0)).sum()) == pytest.approx(full, rel=1e-4)
    assert namd_switch(np.array([9.0, 10.0, 12.0, 13.0]), 10, 12).tolist() == [1, 1, 0, 0]


def test_stops_are_where_something_is_due() -> None:
    settings = Settings.of([("outputEnergies", "40"), ("DCDfreq", "100"), ("outputTiming", "0")])
    stops, step = [], 0
    while step < 200:
        step = next_stop(step, 200, settings)
        stops.append(step)
    assert stops == [40, 80, 100, 120, 160, 200]
    assert next_stop(0, 1000, Settings.of([("outputEnergies", "1")]), shortest=10) == 10
    assert next_stop(0, 10**6, Settings.of([("outputEnergies", "100000")])) == 500


def test_rows_have_namd_s_columns() -> None:
    potential = Potential(1.5, 2, 3, 4, 5, -6000.12345, 7, 8, 9)
    row = Row(1234, potential, 10, 300, -1.5, 21952, periodic=True, merged_crossterm=True)
    assert energy_line(row)[:40] == "ENERGY:    1234         1.5000         2"
    assert len(title_line(row)) == len(energy_line(row))
    assert title_line(row).split()[1:6] == ["TS", "BOND", "ANGLE", "DIHED", "IMPRP"]
    assert float(energy_line(row).split()[4]) == 8
    separate = Row(1, potential, 10, 300, 0, 0, periodic=False, merged_crossterm=False)
    assert title_line(separate).split()[6] == "CROSS"
    assert "VOLUME" not in title_line(separate)
    wild = Row(1, Potential(1e13, float("nan"), 0, 0, 0, 0, 0, 0, 0), 0, 0, 0, 0, periodic=False, merged_crossterm=True)
    assert energy_line(wild).split()[2:4] == ["99999999999.9999", "nan"]
