"""The bounded process that evaluates configs, and the few programs it imitates."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from namdrunner.errors import ConfigError
from namdrunner.namd import tcl
from namdrunner.namd.tcl_files import FileView, Refused, is_plain_data
from namdrunner.namd.tcl_programs import imitate, split_pipeline, substitute, translate


def request(folder: Path, text: str = "cutoff 12\n") -> tcl.TclRequest:
    return tcl.TclRequest("c.namd", folder, folder, text=text, time_limit_s=5.0)


class TestWorker:
    def test_the_reply_tells_what_was_set_and_run(self, tmp_path: Path) -> None:
        reply = tcl.evaluate(request(tmp_path, "cutoff 12\nrun 20\n"))
        assert [(e["kind"], e["line"]) for e in reply["events"]] == [("set", 1), ("run", 2)]
        assert reply["failure"] is None

    @pytest.mark.parametrize(
        ("status", "output", "code"),
        [(-6, b"", "config-limit"), (-24, b"", "config-limit"), (0, b'{"missing": "tkinter"}', "tcl-missing")],
    )
    def test_a_worker_that_fails_is_explained(
        self, status: int, output: bytes, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def run(arguments: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
            return subprocess.CompletedProcess(arguments, status, output, b"")

        monkeypatch.setattr(subprocess, "run", run)
        with pytest.raises(ConfigError) as caught:
            tcl.evaluate(request(tmp_path))
        assert caught.value.code == code
        assert caught.value.remedy

    def test_a_worker_that_does_not_answer_is_ended(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def run(arguments: list[str], *, timeout: float, **_: object) -> None:
            raise subprocess.TimeoutExpired(arguments, timeout)

        monkeypatch.setattr(subprocess, "run", run)
        with pytest.raises(ConfigError, match="of time"):
            tcl.evaluate(request(tmp_path))


class TestPrograms:
    def test_a_pipeline_is_split_at_its_signs(self) -> None:
        words = ("tr", "[:upper:]", "[:lower:]", "<", "a.str", "|", "sed", "-e", "s/ =//g", ">", "b.str")
        assert split_pipeline(words) == ([["tr", "[:upper:]", "[:lower:]"], ["sed", "-e", "s/ =//g"]], "a.str", "b.str")

    def test_case_and_substitution(self) -> None:
        assert translate("SET A = 1", "\\[:upper:\\]", "\\[:lower:\\]") == "set a = 1"
        assert substitute("set a = 1\nset b = 2\n", ["-e", "s/ =//g"], str) == "set a 1\nset b 2\n"

    @pytest.mark.parametrize(
        "words", [["rm", "-rf", "x"], ["tr", "a", "b"], ["sed", "1d"], ["sed", "s/a.*/b/"], ["cat", "-n"]]
    )
    def test_what_is_not_known_is_not_imitated(self, words: list[str]) -> None:
        with pytest.raises(NotImplementedError):
            imitate(words, "text", str, lambda _: None)


class TestFileView:
    def test_a_private_copy_stands_for_a_written_file(self, tmp_path: Path) -> None:
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        view = FileView(tmp_path, [tmp_path], scratch, lambda *_: None)
        view.private_copy("a.txt").write_text("hello")
        assert view.text("a.txt") == "hello"
        assert not (tmp_path / "a.txt").exists()
        view.forget("a.txt")
        with pytest.raises(Refused, match="no such file"):
            view.text("a.txt")

    @pytest.mark.parametrize(
        ("path", "plain"),
        [
            ("/scratch/user/data/x.xsc", True),
            ("/etc/ssh/keys/x", False),
            ("/home/user/.ssh/id_ed25519", False),
            ("/data/x", False),
            ("/proc/self/task/environ", False),
        ],
    )
    def test_links_may_lead_to_plain_data_only(self, path: str, plain: bool) -> None:
        assert is_plain_data(Path(path)) == plain
