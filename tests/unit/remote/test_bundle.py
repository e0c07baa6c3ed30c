"""Bundles are unpacked by a script of the cluster's shell: it runs here as it runs there."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path, PurePosixPath

from namdrunner.remote.transfer.bundle import UNPACK, Packer
from namdrunner.remote.transfer.upload import outgoing
from namdrunner.remote.values import UploadItem


def test_files_sent_are_as_young_as_their_arrival(tmp_path: Path) -> None:
    """They were dated 1970, which a site's purge of old files takes for long forgotten."""
    begun = time.time()
    items = [outgoing(UploadItem(b"run 10\n", PurePosixPath(tmp_path) / name)) for name in ("config.namd", "a 'b'")]
    stream = b"".join(piece for piece, _, _ in Packer(items, ".nr-test").pieces())
    subprocess.run(["bash", "-c", UNPACK, "bash", ".nr-test"], input=stream, check=True, capture_output=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a 'b'", "config.namd"]
    for path in tmp_path.iterdir():
        assert path.read_bytes() == b"run 10\n"
        assert path.stat().st_mtime > begun - 60
