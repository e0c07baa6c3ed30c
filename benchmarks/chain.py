"""A job that continues itself, on real Slurm: ten segments, each warned at a random time as before its time limit.

What matters: exactly the requested steps, the joined series that of a run that nothing interrupted, and how much work
the stops cost. The server is dead meanwhile. Beside it stands what going on from the restart files would have lost had
NAMD been killed at those moments.
Needs what the tests need for a real Slurm cluster on loopback: root, Debian's Slurm packages, OpenSSH; and OpenMM.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from _report import Report

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.integration.desk import Desk, connected_desk  # noqa: E402
from tests.integration.environments import Cluster, real_cluster  # noqa: E402
from tests.integration.sample import write_config  # noqa: E402
from tests.integration.slurm_cluster import missing_reason, start_cluster  # noqa: E402

SEGMENTS = 10
STEPS = 2400
MINIMIZE = 20
ENERGIES = 10
RESTARTS = 200
"""Steps between two restart sets; a run that is killed loses half of that on average."""
ENERGY = "grep -a '^ENERGY:' {}/logs/namd.log 2>/dev/null"


@dataclass
class Stops:
    """Steps, summed over the stops: lost, lost by a kill at the same moments, and done by the stopped segments."""

    lost: int = 0
    killed: int = 0
    done: int = 0
    seconds: list[float] = field(default_factory=list)
    """From each warning to the end of the segment, its files in place."""


def main() -> int:
    reason = missing_reason()
    if reason:
        print(f"no Slurm cluster can be started: {reason}")
        return 2
    report = Report()
    with start_cluster() as slurm, tempfile.TemporaryDirectory(prefix="namdrunner-chain-") as name:
        cluster = real_cluster(slurm)
        config = write_config(Path(name) / "system", steps=STEPS, minimize=MINIMIZE)
        config.write_text(config.read_text().replace("restartfreq     10\n", f"restartfreq     {RESTARTS}\n"))
        with connected_desk(Path(name) / "desk", cluster) as desk:
            alone, took = _alone(desk, cluster, config)
            print(f"uninterrupted: {alone[-1]} steps in {took:.1f} s", flush=True)
            _chain(desk, cluster, config, alone, took / SEGMENTS / 2, report)
    return report.status


def _alone(desk: Desk, cluster: Cluster, config: Path) -> tuple[list[int], float]:
    """The steps of the energies of a run that nothing interrupts, and the time it took without its start, in s."""
    job = desk.create("Alone", config, "--submit")
    folder = desk.show(job)["project_dir"]
    _wait(cluster, ENERGY.format(folder))
    begin = time.monotonic()
    _wait(cluster, f"cat {folder}/result.json 2>/dev/null")
    took = time.monotonic() - begin
    desk.watch(job)
    return [int(row[0]) for row in desk.ask("job", "energies", job)["rows"]], took


def _chain(desk: Desk, cluster: Cluster, config: Path, alone: list[int], mean_s: float, report: Report) -> None:
    words = ["--until-done", "--max-segments", "40", "--walltime", "00:02:00", "--submit"]
    head = desk.show(desk.create("Chain", config, *words))
    events = f"{head['chain']['home']}/events"
    desk.kill_server()
    stops = _stop_at_random(cluster, head["project_dir"], events, mean_s)
    _wait(cluster, f"grep -E '\t(ends|done):' {events} 2>/dev/null")
    print(cluster.shell(f"cut -f 3 {events}").stdout, flush=True)
    desk.connect()
    desk.sync()
    last = desk.ask("job", "tree", head["id"])["line"][-1]
    desk.watch(last)
    totals = desk.ask("job", "tree", last)["totals"]
    rows = [int(row[0]) for row in desk.ask("job", "energies", last, "--chain")["rows"]]
    report.note("jobs", float(totals["jobs"]), "")
    wrong = abs(totals["steps"] - (STEPS + MINIMIZE))
    report.note("steps missing or too many", float(wrong), "")
    differing = len(set(rows) ^ set(alone)) + len(rows) - len(set(rows))
    report.note("steps only in one of the two series, or twice in it", float(differing), "")
    report.missed = report.missed or bool(wrong or differing)
    done = max(stops.done, 1)
    report.line("work lost to the stops, of the steps of a segment", 100.0 * stops.lost / done, 2.0, "%")
    report.note("the same from the last restart files, had NAMD been killed", 100.0 * stops.killed / done, "%")
    if stops.seconds:
        report.note("from the warning to the end of a segment, at most", max(stops.seconds), "s")


def _stop_at_random(cluster: Cluster, first: str, events: str, mean_s: float) -> Stops:
    chooser = random.Random(20261123)
    stops = Stops()
    for number in range(1, SEGMENTS):
        folder = first if number == 1 else f"{first}-{number}"
        slurm_id = json.loads(_wait(cluster, f"cat {folder}/receipt 2>/dev/null"))["slurm_id"]
        begun = int(_wait(cluster, f"{ENERGY.format(folder)} | head -n 1").split()[1])
        time.sleep(mean_s * chooser.uniform(0.5, 1.3))
        warned = time.monotonic()
        if cluster.shell(f"scancel --batch --signal=USR1 {slurm_id}").returncode != 0:
            break
        _wait(cluster, f"cat {folder}/result.json 2>/dev/null")
        took = time.monotonic() - warned
        said = _wait(cluster, f"grep '{Path(folder).name}\t' {events} 2>/dev/null")
        if " from step " not in said:
            break
        restart = int(said.split(" from step ")[1].split(",")[0])
        reached = int(_wait(cluster, f"{ENERGY.format(folder)} | tail -n 1").split()[1])
        stops.seconds.append(took)
        stops.lost += max(reached - restart, 0)
        stops.killed += max(reached - max(reached - reached % RESTARTS, begun), 0)
        stops.done += reached - begun
    return stops


def _wait(cluster: Cluster, command: str) -> str:
    end = time.monotonic() + 180
    while time.monotonic() < end:
        text = cluster.shell(command).stdout.strip()
        if text:
            return text
        time.sleep(0.2)
    raise TimeoutError(command)


if __name__ == "__main__":
    raise SystemExit(main())
