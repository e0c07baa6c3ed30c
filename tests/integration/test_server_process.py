"""The server as a real process: started, found, attacked, killed, restarted, stopped."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from namdrunner.client import Client, ServerFile, find_server, start_server, stop_server
from namdrunner.client.presence import process_running, read_server_file
from namdrunner.errors import ConnectionFailedError
from namdrunner.paths import HOME_VARIABLE, Folders

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the signals of this test are POSIX's")

RSS_LIMIT = 120 * 1024**2


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folders]:
    """Folders of their own; whatever server runs for them is ended afterwards."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    folders = Folders.default()
    yield folders
    found = read_server_file(folders.server_file)
    if found is not None and process_running(found.pid):
        psutil.Process(found.pid).kill()


@pytest.fixture
def server(folders: Folders) -> ServerFile:
    return start_server(folders)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Folders, ServerFile]]:
    """One server for the tests that leave it as it was."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(tmp_path_factory.mktemp("lasting")))
        folders = Folders.default()
        server = start_server(folders)
        try:
            yield folders, server
        finally:
            assert stop_server(server)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "namdrunner", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


def until(condition: Callable[[], Any], timeout_s: float = 20.0) -> Any:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def ask(server: ServerFile, path: str, headers: dict[str, str], method: str = "GET") -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        body = response.read()
        return response.status, json.loads(body) if "json" in response.headers.get("content-type", "") else {}
    finally:
        connection.close()


def test_a_command_starts_the_server_and_the_next_finds_it(folders: Folders) -> None:
    first = run("job", "list", "--json")
    assert (first.returncode, json.loads(first.stdout)["jobs"]) == (0, [])
    pid = find_server(folders).pid  # type: ignore[union-attr]
    assert run("cluster", "list", "--json").returncode == 0
    status = json.loads(run("status", "--json").stdout)
    assert (status["running"], status["pid"]) == (True, pid)
    stopped = json.loads(run("stop", "--json").stdout)
    assert stopped == {"stopped": True, "pid": pid}
    assert not process_running(pid)
    assert not folders.server_file.exists()


def test_files_are_the_owners_only(lasting: tuple[Folders, ServerFile]) -> None:
    folders, _ = lasting
    for path in (folders.server_file, folders.log_file, folders.state / "server-start.log", folders.database):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    for folder in (folders.data, folders.state, folders.cache):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_text("{half a docu")], ids=["gone", "damaged"])
def test_its_file_is_written_anew_when_it_was_harmed(
    lasting: tuple[Folders, ServerFile], harm: Callable[[Path], object]
) -> None:
    folders, server = lasting
    harm(folders.server_file)
    assert until(lambda: read_server_file(folders.server_file)) == server


def test_it_listens_on_the_loopback_interface_only(lasting: tuple[Folders, ServerFile]) -> None:
    _, server = lasting
    listening = [c for c in psutil.Process(server.pid).net_connections() if c.status == psutil.CONN_LISTEN]
    assert [(c.laddr.ip, c.laddr.port) for c in listening] == [("127.0.0.1", server.port)]


def test_strangers_are_kept_out(lasting: tuple[Folders, ServerFile]) -> None:
    _, server = lasting
    token = {"Authorization": f"Bearer {server.token}"}
    assert ask(server, "/api/v1/ping", token) == (200, {"pid": server.pid, "version": server.version})
    assert ask(server, "/api/v1/ping", {})[0] == 401
    assert ask(server, "/api/v1/stop", {}, "POST")[0] == 401
    for attack in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        status, problem = ask(server, "/api/v1/ping", token | attack)
        assert status == 403
        assert problem["code"] in ("host-not-allowed", "origin-not-allowed")
    assert process_running(server.pid)


def test_no_secret_is_written(folders: Folders, server: ServerFile) -> None:
    with Client.connect(folders) as client:
        url = client.open_ticket()["url"]
        ticket = url.split("token=")[1].split("&")[0]
        ask(server, url.removeprefix(server.url), {})
        client.status()
        client.stop()
    written = b"".join(p.read_bytes() for p in folders.state.rglob("*") if p.is_file())
    written += b"".join(p.read_bytes() for p in folders.data.rglob("*") if p.is_file())
    assert server.token.encode() not in written
    assert ticket.encode() not in written


def test_a_second_server_says_that_one_runs(
    lasting: tuple[Folders, ServerFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders, server = lasting
    monkeypatch.setenv(HOME_VARIABLE, str(folders.data.parent))
    second = run("serve", "--no-browser", "--json")
    error = json.loads(second.stdout)["error"]
    assert (second.returncode, error["code"]) == (1, "server-running")
    assert str(server.pid) in error["message"]
    assert "namdrunner stop" in error["remedy"]
    assert process_running(server.pid)


def test_many_commands_at_once_start_one_server(folders: Folders) -> None:
    with ThreadPoolExecutor(4) as pool:
        ran = list(pool.map(lambda _: run("status" if _ == 9 else "job", "list", "--json"), range(4)))
    assert [r.returncode for r in ran] == [0] * 4, [r.stderr for r in ran]
    name = str(folders.state)

    def servers() -> int:
        processes = psutil.process_iter(["cmdline", "cwd"])
        return sum(p.info["cwd"] == name and "serve" in (p.info["cmdline"] or []) for p in processes)

    until(lambda: servers() == 1)  # those that came too late need a moment to notice


def test_after_a_crash_the_next_command_starts_anew(folders: Folders, server: ServerFile) -> None:
    psutil.Process(server.pid).kill()
    until(lambda: not process_running(server.pid))
    assert read_server_file(folders.server_file) == server
    assert json.loads(run("status", "--json").stdout)["running"] is False
    assert run("job", "list", "--json").returncode == 0
    again = find_server(folders)
    assert again is not None
    assert again.pid != server.pid
    assert again.token != server.token


def test_the_jobs_and_clusters_survive_a_crash(folders: Folders, server: ServerFile) -> None:
    with Client.connect(folders) as client:
        client.clusters.add("alpine", "login.example", user="ralphie")
    psutil.Process(server.pid).kill()
    with Client.connect(folders) as client:
        assert [c["name"] for c in client.clusters.list()] == ["alpine"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_even_while_somebody_listens(
    folders: Folders, server: ServerFile, number: signal.Signals
) -> None:
    with Client.connect(folders) as client:
        ended: list[str] = []

        def listen() -> None:
            try:
                for _ in client.events():
                    pass
            except ConnectionFailedError as error:
                ended.append(error.code)

        thread = threading.Thread(target=listen)
        thread.start()
        time.sleep(0.5)
        began = time.monotonic()
        os.kill(server.pid, number)
        until(lambda: not process_running(server.pid))
        assert time.monotonic() - began < 5
        assert not folders.server_file.exists()
        thread.join(30)
    assert not thread.is_alive()
    assert ended == ["server-gone"]


def test_in_the_foreground_it_prints_one_document_and_exits_0(folders: Folders) -> None:
    command = [sys.executable, "-m", "namdrunner", "serve", "--no-browser", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["pid"] == process.pid
        assert find_server(folders) is not None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_it_ends_with_whoever_started_it_when_told_so(folders: Folders) -> None:
    command = [sys.executable, "-m", "namdrunner", "serve", "--no-browser", "--quiet", "--end-with-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        until(lambda: folders.server_file.exists())
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 0


def test_a_server_that_cannot_start_shows_why(folders: Folders) -> None:
    with contextlib.closing(sqlite3.connect(folders.ensure().database)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
    ran = run("job", "list", "--json")
    error = json.loads(ran.stdout)["error"]
    assert (ran.returncode, error["code"]) == (3, "server-start-failed")
    assert "written by a newer NAMDRunner" in error["message"]
    assert "Traceback" not in error["message"]
    assert error["remedy"]


def test_folders_that_cannot_be_made_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "file"))
    ran = run("job", "list", "--json")
    error = json.loads(ran.stdout)["error"]
    assert (ran.returncode, error["code"]) == (1, "file-access")
    assert str(tmp_path / "file") in error["message"]


def test_the_event_stream_resumes_over_a_restart(folders: Folders, server: ServerFile) -> None:
    with Client.connect(folders) as client:
        events = client.events(last_id=0)
        first = next(events)
        assert first.kind == "reset"
        client.clusters.add("alpine", "login.example")
        added = next(events)
        assert added.kind == "cluster.updated"
        events.close()  # type: ignore[attr-defined]
        client.stop()
    with Client.connect(folders) as client:
        events = client.events(last_id=added.id)
        reset = next(events)
        assert reset.kind == "reset"
        assert reset.id >= added.id
        events.close()  # type: ignore[attr-defined]


def test_idle_memory_is_bounded(lasting: tuple[Folders, ServerFile]) -> None:
    _, server = lasting
    assert ask(server, "/api/v1/status", {"Authorization": f"Bearer {server.token}"})[0] == 200
    time.sleep(0.5)
    assert psutil.Process(server.pid).memory_info().rss <= RSS_LIMIT
