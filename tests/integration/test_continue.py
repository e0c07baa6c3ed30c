"""Continuing jobs from outside: on the demo cluster, and on real Slurm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.integration.desk import Desk
from tests.integration.sample import ENDLESS, write_config

from namdrunner.demo.sample.job import sample_job

ON_DEMO = pytest.mark.parametrize("cluster", [pytest.param("demo", marks=pytest.mark.demo)], indirect=True)
ON_SLURM = pytest.mark.parametrize("cluster", [pytest.param("slurm", marks=pytest.mark.slurm)], indirect=True)


def steps_of(energies: Any) -> list[int]:
    return [int(row[0]) for row in energies["rows"]]


def outputs(document: Any) -> set[str]:
    return {Path(o["name"]).name for o in document["outputs"]}


@ON_SLURM
def test_a_cancelled_job_goes_on_from_its_restart_files_to_the_end_of_its_plan(desk: Desk, tmp_path: Path) -> None:
    config = write_config(tmp_path / "s", steps=ENDLESS, minimize=20)
    first = desk.create("Prod", config, "--submit")
    desk.wait(first, lambda d: d["status"] == "RUNNING" and (d["progress"]["step"] or 0) > 60)
    assert desk.refused("job", "continue", first, status=1)["code"] == "job-active"
    desk.ask("job", "cancel", first)
    desk.wait(first, lambda d: d["status"] == "CANCELLED" and "equil.restart.coor" in outputs(d))

    found = desk.ask("job", "checkpoints", first)
    assert found["chosen"] is not None, found
    (chosen,) = (c for c in found["checkpoints"] if c["chosen"])
    assert chosen["valid"]
    assert chosen["values_checked"]
    plan = desk.ask("job", "continue", first, "--steps", "40", "--dry-run")
    assert plan["checkpoint"] == found["chosen"]
    assert "+namdrunner_keyword temperature" in plan["diff"]
    few = ["--cores", "1", "--walltime", "00:05:00"]
    child = desk.ask("job", "continue", first, "--steps", "40", "--submit", *few)
    ended = desk.watch(child["id"])
    assert (ended["resources"]["cores"], ended["resources"]["walltime_s"]) == (1, 300)
    nothing_was_sent_again(desk, desk.show(first), ended)
    assert ended["parent"] == first
    assert ended["name"] == "Prod 2"
    assert ended["progress"]["step"] == ended["run"]["target_step"] == found["chosen"] + 40
    assert outputs(ended) >= {"equil.seg002.coor", "equil.seg002.dcd", "equil.seg002.restart.xsc"}
    assert desk.show(first)["children"] == [child["id"]]

    last = desk.ask("job", "continue", child["id"], "--time", "0.04 ps", "--name", "Tail", "--submit")
    tail = desk.watch(last["id"])
    assert tail["run"]["target_step"] == found["chosen"] + 60
    assert "equil.seg003.coor" in outputs(tail)
    tree = desk.ask("job", "tree", child["id"])
    assert tree["line"] == [first, child["id"], last["id"]]
    assert tree["totals"]["steps"] == found["chosen"] + 60
    joined = desk.ask("job", "energies", child["id"], "--chain")
    steps = steps_of(joined)
    assert steps == sorted(set(steps))
    assert steps[-1] == found["chosen"] + 60
    late = [step for step in steps if step >= 20]
    assert late == list(range(20, found["chosen"] + 61, 10))

    desk.ask("job", "delete", first)
    desk.ask("job", "delete", child["id"])
    alone = desk.ask("job", "continue", last["id"], "--steps", "20")
    assert (alone["status"], alone["run"]["first_step"]) == ("READY", found["chosen"] + 60)


def nothing_was_sent_again(desk: Desk, parent: Any, child: Any) -> None:
    name = next(i["name"] for i in child["inputs"] if i["name"].endswith("sample.psf"))
    inodes = [desk.cluster.lines(f"stat -c %i {d['project_dir']}/input_files/{name}")[0] for d in (parent, child)]
    assert inodes[0] == inodes[1]
    restart = [i for i in child["inputs"] if i["name"].startswith("namdrunner_restart/")]
    assert [i["role"] for i in restart] == ["extendedsystem", "bincoordinates", "binvelocities"]
    assert all(len(i["sha256"]) == 64 for i in restart)


@ON_DEMO
def test_damaged_files_are_passed_over_and_a_job_without_any_says_what_can_be_done(desk: Desk, tmp_path: Path) -> None:
    first = desk.create("Short", write_config(tmp_path / "s", steps=40, minimize=20), "--submit")
    ended = desk.watch(first)
    folder = next(o["name"] for o in ended["outputs"] if o["name"].endswith("equil.coor")).rsplit("/", 1)[0]
    where = f"{ended['project_dir']}/{folder}"
    desk.cluster.shell(f"cd {where} && truncate -s 100 equil.vel && truncate -s 120 equil.restart.xsc")
    found = desk.ask("job", "checkpoints", first)
    assert found["chosen"] == 50, found
    problems = {p["code"] for c in found["checkpoints"] for p in c["problems"]}
    assert problems >= {"binary-size", "xsc-empty"}, problems
    assert desk.refused("job", "continue", first, "--checkpoint", "60", status=1)["code"] == "no-checkpoint"
    child = desk.ask("job", "continue", first, "--submit")
    assert desk.watch(child["id"])["progress"]["step"] == 60
    assert desk.refused("job", "continue", child["id"], status=1)["code"] == "steps-complete"

    desk.cluster.shell(f"cd {where} && rm -f *.xsc *.xsc.old")
    error = desk.refused("job", "continue", first, status=1)
    assert error["code"] == "no-checkpoint"
    assert "--from-start" in error["remedy"]
    again = desk.ask("job", "continue", first, "--from-start", "--submit")
    assert desk.watch(again["id"])["progress"]["step"] == 60


@ON_DEMO
def test_a_next_stage_starts_where_the_parent_ended(desk: Desk, tmp_path: Path) -> None:
    sample = sample_job(tmp_path)
    words = ["job", "create", "Equil", "--cluster", desk.name, "--template", sample.template]
    words += [w for variable, paths in sample.files.items() for p in paths for w in ("--file", f"{variable}={p}")]
    values = {**sample.values, "minimize_steps": "40 steps", "duration": "0.24 ps"}
    words += [w for variable, value in values.items() for w in ("--set", f"{variable}={value}")]
    parent = desk.watch(desk.ask(*words, "--submit", "--cores", "2", "--walltime", "00:10:00")["id"])
    changes = ["--set", "temperature=310", "--set", "output_name=warm"]
    child = desk.ask("job", "continue", parent["id"], *changes, "--submit", "--name", "Warm")
    ended = desk.watch(child["id"])
    end = parent["run"]["target_step"]
    assert (ended["values"]["temperature"], ended["continuation"]["kind"]) == (310, "stage")
    assert ended["run"]["first_step"] == end
    assert ended["progress"]["step"] == ended["run"]["target_step"] == end + 120
    assert "warm.coor" in outputs(ended)
    steps = steps_of(desk.ask("job", "energies", ended["id"], "--chain"))
    assert steps == sorted(set(steps))
    assert steps[-1] == end + 120
