"""Feed the readers hostile files for a while, guided by coverage: needs atheris (pip install atheris; Linux, macOS).

    python scripts/fuzz.py [READER ...] [--seconds 60]

The readers and their sound files are those of tests/unit/namd/test_readers_fuzz.py, which does the same with
hypothesis in every test run. Each reader gets a process of its own; a crash leaves the file that caused it in the
folder fuzz/ and ends with a status other than 0.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MEMORY_MB = 2048
SLOWEST_S = 10


def readers() -> list[str]:
    from tests.unit.namd.test_readers_fuzz import READERS

    return list(READERS)


def fuzz(name: str, seconds: int) -> None:
    """Never returns: libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["namdrunner.namd"]):
        from tests.unit.namd.test_readers_fuzz import READERS

        from namdrunner.errors import InputError
    read, seed = READERS[name]

    def one(data: bytes) -> None:
        try:
            read(data)
        except InputError as error:
            if not (error.code and error.remedy):
                raise RuntimeError("a refusal without a code or a remedy") from error

    corpus = ROOT / "fuzz" / name
    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / "seed").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-timeout={SLOWEST_S}",
        f"-rss_limit_mb={MEMORY_MB}",
        "-max_len=20000",
        f"-artifact_prefix={ROOT / 'fuzz' / name}-",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


def main() -> int:
    sys.path.insert(0, str(ROOT))
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="READER")
    parser.add_argument("--seconds", type=int, default=60, help="For each reader.")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        fuzz(options.one, options.seconds)
    failed = []
    for name in options.names or readers():
        command = [sys.executable, str(Path(__file__)), "--one", name, "--seconds", str(options.seconds)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = done.stderr.splitlines()
        runs = next((line.split()[-1] for line in lines if "number_of_executed_units" in line), "?")
        print(
            f"{name:12} {runs:>10} files, " + ("ok" if done.returncode == 0 else f"status {done.returncode}"),
            flush=True,
        )
        if done.returncode != 0:
            failed.append(name)
            print("\n".join(lines[-25:]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
