"""Compare the preflight with the verdicts of real NAMD: prints a confusion table and the targets.

    python scripts/check_cases.py FOLDER [--list] [--version 3.0]

FOLDER holds cases.json and one folder a case. ``--list`` names every case that was judged otherwise.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from namdrunner.namd.check import CheckReport, check_config
from namdrunner.namd.keywords import keyword

VERSIONS = ("2.12", "3.0")
VERDICTS = ("ok", "ok_with_warning", "fatal_at_startup", "fails_in_run", "hangs")


def said(report: CheckReport) -> str:
    """The gravest severity of a report, 'nothing' without findings."""
    for severity in ("error", "warning", "advice"):
        if any(finding.severity == severity for finding in report.findings):
            return severity
    return "nothing"


def named(case: dict[str, Any], version: str, report: CheckReport) -> bool:
    """Whether a finding names a keyword or file that the case's own description or NAMD's message names."""
    text = " ".join([case["mistake"], case["title"], *case["runs"][version].get("messages", [])[:3]])
    words = {word.strip(".,:;'\"()").lower() for word in re.split(r"[\s=*]+", text)}
    keywords = {word for word in words if keyword(word)} - {"structure", "coordinates", "temperature", "exclude"}
    files = {
        Path(word).name for word in words if re.search(r"\.(psf|pdb|prm|inp|str|exb|xsc|coor|vel|in|tcl|rtf)$", word)
    }
    told = " ".join(
        f"{f.keyword or ''} {f.file.name if f.file else ''} {f.message} {f.remedy}".lower()
        for f in report.findings
        if f.severity != "advice"
    )
    wanted = keywords | files
    return not wanted or any(word in told for word in wanted)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--version", choices=VERSIONS)
    arguments = parser.parse_args()
    cases = json.loads((arguments.folder / "cases.json").read_text(encoding="utf-8"))["cases"]
    met = True
    for version in [arguments.version] if arguments.version else VERSIONS:
        met = judge(arguments.folder, cases, version, arguments.list) and met
    return 0 if met else 1


def judge(folder: Path, cases: list[dict[str, Any]], version: str, verbose: bool) -> bool:
    table: Counter[tuple[str, str]] = Counter()
    reports: dict[str, CheckReport] = {}
    slowest, crashes = (0.0, ""), []
    for case in cases:
        started = time.perf_counter()
        try:
            report = check_config(folder / case["directory"] / case["config"], namd_version=version)
        except Exception as error:
            crashes.append(f"{case['id']}: {error!r}")
            continue
        reports[case["id"]] = report
        slowest = max(slowest, (time.perf_counter() - started, case["id"]))
        table[case["verdict"][version], said(report)] += 1
    print(f"\nNAMD {version}, {len(reports)} cases, slowest {slowest[0]:.2f} s ({slowest[1]})")
    print(f"{'verdict':18}" + "".join(f"{word:>9}" for word in ("error", "warning", "advice", "nothing")))
    for verdict in VERDICTS:
        print(
            f"{verdict:18}"
            + "".join(f"{table[verdict, word]:>9}" for word in ("error", "warning", "advice", "nothing"))
        )
    for crash in crashes:
        print("crashed:", crash)
    return targets(cases, reports, version, verbose) and not crashes


def targets(cases: list[dict[str, Any]], reports: dict[str, CheckReport], version: str, verbose: bool) -> bool:
    known = [case for case in cases if case["id"] in reports]
    fatal = [c for c in known if c["verdict"][version] == "fatal_at_startup"]
    failing = [c for c in known if c["verdict"][version] in ("fails_in_run", "hangs")]
    fine = [c for c in known if c["label"] == "ok"]
    advised = [c for c in known if c["label"] == "advice"]
    broken = [c for c in fatal + failing if c["label"] == "error"]
    rows: list[tuple[str, float, list[dict[str, Any]], Callable[[dict[str, Any]], bool]]] = [
        ("start-up-fatal found as error", 0.97, fatal, lambda c: said(reports[c["id"]]) == "error"),
        ("fails in run, noticed", 0.70, failing, lambda c: said(reports[c["id"]]) != "nothing"),
        ("no error where all is right", 1.00, fine, lambda c: said(reports[c["id"]]) != "error"),
        ("a word where advice is due", 0.80, advised, lambda c: said(reports[c["id"]]) != "nothing"),
        ("keyword or file named", 0.95, broken, lambda c: named(c, version, reports[c["id"]])),
    ]
    met = True
    for name, target, group, test in rows:
        passed = [case for case in group if test(case)]
        share = len(passed) / len(group) if group else 1.0
        met = met and share >= target
        print(f"{name:32}{len(passed):>5} of {len(group):<5}{share:>7.3f}  (target {target:.2f})")
        if verbose:
            for case in (case for case in group if case not in passed):
                print(f"    {case['id']:30} {case['mistake']}")
                for finding in reports[case["id"]].findings:
                    print(f"        {finding.severity}: {finding.code} [{finding.keyword}] {finding.message[:110]}")
    return met


if __name__ == "__main__":
    sys.exit(main())
