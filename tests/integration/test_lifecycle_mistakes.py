"""Wrong values and a world that refuses: each has a code, a sentence, a remedy and a stable exit status."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.desk import Desk
from tests.integration.environments import Cluster
from tests.integration.sample import write_config

STRANGE_NAMES = [
    'it\'s "quoted"',
    "$(touch injected) `touch injected`; touch injected",
    "Ångström αβγ 蛋白质",
    "x" * 300,
    "-rf --help",
    "../../escape",
]


def words_are_useful(error: dict[str, object]) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", str(error["code"]))
    assert str(error["message"]).strip()
    assert str(error["remedy"]).strip()


def test_what_does_not_exist_is_named(desk: Desk, tmp_path: Path) -> None:
    config = write_config(tmp_path / "s")
    on_cluster = ["--cluster", desk.name]
    cases = [
        ["job", "show", "nothing_1700000000000"],
        ["job", "create", "a", "--cluster", "nowhere", "--config", str(config)],
        ["job", "create", "a", *on_cluster, "--template", "no_such_template"],
        ["cluster", "show", "nowhere"],
        ["cluster", "connect", "nowhere"],
    ]
    for words in cases:
        error = desk.refused(*words, status=1)
        words_are_useful(error)
        assert error["kind"] == "not-found", words
    missing = desk.run("job", "create", "a", *on_cluster, "--config", str(tmp_path / "no.namd"), "--json")
    assert missing.status in (1, 2)
    words_are_useful(missing.error)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--memory", "64"], "memory-unit-missing"),
        (["--walltime", "soon"], "walltime-invalid"),
        (["--gpus", "a100:x"], "gpus-invalid"),
    ],
)
def test_resources_are_checked_before_anything_is_sent(
    options: list[str], code: str, desk: Desk, tmp_path: Path
) -> None:
    config = write_config(tmp_path / "s")
    words = ["job", "create", "Wrong resources", "--cluster", desk.name, "--config", str(config)]
    error = desk.refused(*words, *options, status=1)
    assert error["code"] == code
    words_are_useful(error)
    assert desk.ask("job", "list", "--search", "Wrong resources")["jobs"] == []


@pytest.mark.parametrize("options", [["--partition", "nosuch"], ["--cores", "100000"], ["--walltime", "400-00:00:00"]])
def test_what_the_cluster_has_not_got_is_refused_before_the_queue(
    options: list[str], desk: Desk, tmp_path: Path
) -> None:
    config = write_config(tmp_path / "s")
    words = ["job", "create", "Too much", "--cluster", desk.name, "--config", str(config), "--submit"]
    outcome = desk.run(*words, *options, "--json")
    assert outcome.status in (1, 4)
    words_are_useful(outcome.error)
    assert desk.cluster.queue() == []


def test_a_refusal_of_sbatch_has_its_sentence_and_leaves_the_job_ready(desk: Desk, tmp_path: Path) -> None:
    job = desk.create("Wrong account", write_config(tmp_path / "s"), "--account", "nosuchaccount")
    error = desk.refused("job", "submit", job, status=4)
    words_are_useful(error)
    assert "account" in error["message"].lower()
    assert not error["retryable"]
    shown = desk.show(job)
    assert (shown["status"], shown["slurm_ids"]) == ("READY", [])
    assert desk.cluster.queue() == []
    desk.ask("job", "delete", job)


def test_a_config_with_a_syntax_error_says_where(desk: Desk, tmp_path: Path) -> None:
    config = write_config(tmp_path / "s")
    config.write_text(config.read_text() + "\nif {$steps > 1 {\n")
    words = ["job", "create", "Broken", "--cluster", desk.name, "--config", str(config)]
    error = desk.refused(*words, status=1)
    words_are_useful(error)
    (finding,) = [f for f in error["context"]["findings"] if f["severity"] == "error"]
    assert finding["file"].endswith("equil.namd")
    assert finding["line"] == len(config.read_text().splitlines())


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00bad\x80\n", b"not a psf\n"])
def test_a_structure_that_is_none_is_refused(content: bytes, desk: Desk, tmp_path: Path) -> None:
    config = write_config(tmp_path / "s")
    (tmp_path / "s" / "toppar" / "sample.psf").write_bytes(content)
    words = ["job", "create", "Bad structure", "--cluster", desk.name, "--config", str(config)]
    outcome = desk.run(*words, "--json")
    assert outcome.status == 1
    words_are_useful(outcome.error)
    assert "sample.psf" in outcome.stdout
    assert desk.ask("job", "list", "--search", "Bad structure")["jobs"] == []


def test_a_config_that_reaches_outside_its_folders_uploads_nothing_from_there(desk: Desk, tmp_path: Path) -> None:
    config = write_config(tmp_path / "s")
    config.write_text(config.read_text().replace("minimize ", "consref ../../../../../../etc/passwd\nminimize ", 1))
    words = ["job", "create", "Outside", "--cluster", desk.name, "--config", str(config)]
    outcome = desk.run(*words, "--json")
    if outcome.status == 0:
        assert all("passwd" not in i["name"] for i in outcome.document["inputs"])
    else:
        assert outcome.status == 1
        words_are_useful(outcome.error)


@pytest.mark.parametrize("name", STRANGE_NAMES, ids=range(len(STRANGE_NAMES)))
def test_strange_names_are_refused_or_harmless(name: str, desk: Desk, tmp_path: Path) -> None:
    config = write_config(tmp_path / "s", steps=10, minimize=10)
    words = ["--cluster", desk.name, "--config", str(config), "--cores", "2", "--walltime", "00:10:00", "--json"]
    outcome = desk.run("job", "create", *words, "--", name)
    if outcome.status != 0:
        assert outcome.status in (1, 2)
        words_are_useful(outcome.error)
        return
    job = outcome.document["id"]
    assert outcome.document["name"] == name
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,120}", job)
    folder = outcome.document["project_dir"]
    assert folder == f"{desk.cluster.project_root}/namdrunner_jobs/{job}"
    assert desk.cluster.shell(f"bash -n {folder}/job.sbatch").returncode == 0
    desk.ask("job", "submit", job)
    desk.watch(job)
    injected = desk.cluster.lines(f"find ~ {desk.cluster.project_root} {desk.cluster.scratch_root} -name 'injected*'")
    assert injected == []
    desk.ask("job", "delete", job)


@pytest.fixture
def stranger(cluster: Cluster, tmp_path: Path) -> Iterator[Desk]:
    """A desk that was never connected."""
    desk = Desk(tmp_path, cluster)
    yield desk
    desk.close()


def test_an_unknown_or_wrong_host_key_is_not_accepted(stranger: Desk) -> None:
    stranger.add()
    words = ["cluster", "connect", stranger.name, "--password-stdin"]
    unknown = stranger.refused(*words, status=3, stdin=f"{stranger.cluster.password}\n")
    words_are_useful(unknown)
    assert unknown["context"]["fingerprint"] == stranger.cluster.host_key_fingerprint
    wrong = stranger.refused(*words, "--accept-host-key", "SHA256:" + "A" * 43, status=3, stdin="x\n")
    words_are_useful(wrong)
    assert stranger.ask("cluster", "show", stranger.name)["state"] == "disconnected"


def test_a_changed_host_key_blocks(stranger: Desk, cluster: Cluster, tmp_path: Path) -> None:
    import asyncssh

    stranger.add()
    stranger.connect()
    stranger.ask("cluster", "disconnect", stranger.name)
    known = stranger.home / "namdrunner" / "data" / "known_hosts"
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()[:2]
    known.write_text(f"[{cluster.host}]:{cluster.port} {' '.join(other)}\n")
    words = ["cluster", "connect", stranger.name, "--password-stdin"]
    accept = ["--accept-host-key", cluster.host_key_fingerprint]
    error = stranger.refused(*words, *accept, status=3, stdin=f"{cluster.password}\n")
    words_are_useful(error)
    assert error["code"] == "host-key-changed"


def test_a_wrong_password_is_not_who_we_are(stranger: Desk, cluster: Cluster) -> None:
    stranger.add()
    words = ["cluster", "connect", stranger.name, "--accept-host-key", cluster.host_key_fingerprint]
    error = stranger.refused(*words, "--password-stdin", status=3, stdin="wrong-password\nwrong-password\n")
    words_are_useful(error)
    assert "wrong-password" not in str(error)


def test_a_key_lets_in_without_a_password(stranger: Desk, cluster: Cluster) -> None:
    stranger.add("--identity", str(cluster.key_file))
    words = ["cluster", "connect", stranger.name, "--accept-host-key", cluster.host_key_fingerprint]
    assert stranger.ask(*words)["state"] == "connected"


def test_a_port_nobody_listens_on_and_a_host_without_an_address(stranger: Desk, cluster: Cluster) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = Desk(stranger.home, replace(cluster, port=taken.getsockname()[1]), "nobody")
        nobody.add()
        refused = nobody.refused("cluster", "connect", "nobody", "--password-stdin", status=3, stdin="x\n")
    words_are_useful(refused)
    nowhere = Desk(stranger.home, replace(cluster, host="no-such-host.invalid"), "nowhere")
    nowhere.add()
    words_are_useful(nowhere.refused("cluster", "connect", "nowhere", "--password-stdin", status=3, stdin="x\n"))


def test_wrong_usage_has_status_two(stranger: Desk) -> None:
    for words in (["job", "create"], ["cluster", "add"], ["nonsense"], ["job", "list", "--nonsense"]):
        outcome = stranger.run(*words)
        assert outcome.status == 2, words
        assert "Traceback" not in outcome.stderr
