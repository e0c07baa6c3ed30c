"""Jobs that continue themselves on the cluster, while the server is dead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.integration.desk import Desk
from tests.integration.sample import write_config


def warned(desk: Desk, job: Any) -> None:
    """As Slurm does before the time limit."""
    desk.cluster.shell(f"scancel --batch --signal=USR1 {job['slurm_ids'][-1]}")


def running(desk: Desk, job: str, beyond: int) -> Any:
    return desk.wait(job, lambda d: d["status"] == "RUNNING" and (d["progress"]["step"] or 0) > beyond)


def steps_of(energies: Any) -> list[int]:
    return [int(row[0]) for row in energies["rows"]]


@pytest.mark.parametrize("cluster", [pytest.param("slurm", marks=pytest.mark.slurm)], indirect=True)
def test_a_chain_goes_on_by_itself_to_exactly_the_last_step(desk: Desk, tmp_path: Path) -> None:
    config = write_config(tmp_path / "s", steps=1480, minimize=20)
    words = ["--until-done", "--max-segments", "6", "--submit", "--walltime", "00:02:00"]
    head = {"id": desk.create("Chain", config, *words)}
    job = running(desk, head["id"], 40)
    desk.kill_server()
    warned(desk, job)
    second = f"{head['id']}-2"
    receipt = f"{job['project_dir']}-2/receipt"
    assert desk.cluster.lines(f"for i in $(seq 300); do [ -s {receipt} ] && break; sleep 0.2; done; ls {receipt}")
    desk.connect()
    assert desk.wait(head["id"], lambda d: d["children"])["children"] == [second]
    assert desk.show(head["id"])["status"] == "TIMEOUT"
    ended = desk.watch(second)
    assert ended["progress"]["step"] == ended["run"]["target_step"] == 1500
    assert ended["children"] == []

    tree = desk.ask("job", "tree", second)
    assert tree["line"] == [head["id"], second]
    assert tree["totals"]["steps"] == 1500
    steps = steps_of(desk.ask("job", "energies", second, "--chain"))
    assert steps == sorted(set(steps))
    assert [step for step in steps if step >= 20] == list(range(20, 1501, 10))
    # The state is taken over exactly: the first energies are the last ones of the segment before.
    last, begin = (desk.ask("job", "energies", job) for job in (head["id"], second))
    column = last["columns"].index("POTENTIAL")
    assert last["rows"][-1][0] == begin["rows"][0][0]
    assert abs(last["rows"][-1][column] - begin["rows"][0][column]) < 0.01
    chain = desk.ask("job", "chain", second)
    assert [event["job"] for event in chain["events"]] == [head["id"], second]
    assert chain["events"][-1]["says"] == "done: step 1500"
    assert desk.ask("job", "chain", second, "--stop")["stopped"]
