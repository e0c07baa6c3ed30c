"""How long the demo takes from nothing to a completed job: demo cluster, upload, simulation, results."""

from __future__ import annotations

import sys
import tempfile
import time

from _report import Report, run


def main() -> int:
    report = Report()
    with tempfile.TemporaryDirectory(prefix="namdrunner-benchmark-") as home:
        began = time.perf_counter()
        print(run("demo", "--headless", environment={"NAMDRUNNER_HOME": home}))
        report.line("namdrunner demo --headless", time.perf_counter() - began, 90, "s")
    return report.status


if __name__ == "__main__":
    sys.exit(main())
