"""Bundles are unpacked by a script of the cluster's shell: it runs here as it runs there."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path, PurePosixPath

import pytest

from namdrunner.remote.listing import wording
from namdrunner.remote.transfer.bundle import UNPACK, Packer
from namdrunner.remote.transfer.upload import outgoing
from namdrunner.remote.values import UploadItem


def test_files_sent_are_as_young_as_their_arrival(tmp_path: Path) -> None:
    """They were dated 1970, which a site's purge of old files takes for long forgotten."""
    begun = time.time()
    items = [outgoing(UploadItem(b"run 10\n", PurePosixPath(tmp_path) / name)) for name in ("config.namd", "a 'b'")]
    stream = b"".join(piece for piece, _, _ in Packer(items, ".nr-test").pieces())
    subprocess.run(["bash", "-c", UNPACK, "bash", ".nr-test", "plain"], input=stream, check=True, capture_output=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a 'b'", "config.namd"]
    for path in tmp_path.iterdir():
        assert path.read_bytes() == b"run 10\n"
        assert path.stat().st_mtime > begun - 60


@pytest.mark.parametrize("name", ["plain", "a\nb", "back\\slash", "-x *", "x" * 200])
@pytest.mark.parametrize("spoilt", [False, True])
def test_only_what_matches_its_checksum_is_put_in_place(tmp_path: Path, name: str, spoilt: bool) -> None:
    items = [outgoing(UploadItem(b"run 10\n", PurePosixPath(tmp_path) / n)) for n in (name, "other")]
    stream = b"".join(piece for piece, _, _ in Packer(items, ".nr-test").pieces())
    if spoilt:
        stream = stream.replace(b"run 10\n", b"run 11\n", 1)
    script = ["bash", "-c", UNPACK, "bash", ".nr-test", wording(i.name for i in items)]
    done = subprocess.run(script, input=stream, check=False, capture_output=True)
    assert done.returncode == (4 if spoilt else 0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ([] if spoilt else sorted((name, "other")))
