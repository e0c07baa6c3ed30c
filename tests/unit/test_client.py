"""The Python client against a real HTTP server."""

from __future__ import annotations

import json
import socket
import stat
import threading
import time
import typing
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pydantic import BaseModel
from tests.unit.server.live import TOKEN, Live, live_server

from namdrunner.client import Client, ServerFile, documents, find_server
from namdrunner.client.lock import InstanceLock, lock_held
from namdrunner.client.presence import read_server_file
from namdrunner.client.transport import with_query
from namdrunner.errors import (
    ConflictError,
    ConnectionFailedError,
    InputError,
    InterruptedOperationError,
    NotConnectedError,
    NotFoundError,
)
from namdrunner.paths import Folders
from namdrunner.server.schemas import clusters, jobs, system, tasks, templates


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders.below(tmp_path).ensure()


@pytest.fixture
def live(folders: Folders) -> Iterator[Live]:
    with live_server(folders) as server:
        yield server


@pytest.fixture
def client(live: Live, folders: Folders) -> Iterator[Client]:
    with Client.connect(folders, start=False) as client:
        yield client


def test_without_a_server_it_says_so(folders: Folders) -> None:
    with pytest.raises(ConnectionFailedError) as caught:
        Client.connect(folders, start=False)
    assert caught.value.code == "server-not-running"
    assert caught.value.exit_status == 3


def test_another_version_is_not_talked_to(folders: Folders) -> None:
    with live_server(folders, version="0.0.0"):
        with pytest.raises(ConflictError) as caught:
            Client.connect(folders, start=False)
        assert caught.value.code == "server-version"
        with Client.connect(folders, start=False, any_version=True) as client:
            assert client.jobs.list()["total"] == 3


def test_errors_arrive_as_the_classes_they_left_as(client: Client) -> None:
    with pytest.raises(NotFoundError) as caught:
        client.jobs.get("nothing")
    assert caught.value.code == "job-not-found"
    assert caught.value.remedy == "See job list."
    client.clusters.add("alpine", "login.example")
    with pytest.raises(NotConnectedError):
        client.clusters.test("alpine")
    with pytest.raises(InputError):
        client.clusters.add("alpine", "login.example", port=99999)


def test_names_in_paths_are_quoted(client: Client) -> None:
    with pytest.raises(NotFoundError) as caught:
        client.jobs.get("a\\..?x#y")
    assert caught.value.code == "job-not-found"


def test_a_task_is_followed_to_its_result(client: Client) -> None:
    told: list[str] = []
    task = client.jobs.create({"name": "x", "cluster": "alpine", "config": "/x.namd"})
    result = client.wait(task, on_progress=lambda t: told.append(t["state"]))
    assert result["job"]["id"] == "sample_0000000000001"
    assert told[-1] == "done"


def test_a_cancelled_task_is_an_interruption(client: Client) -> None:
    task = client.jobs.download("sample_0000000000001", to=Path("x"))
    with pytest.raises(InterruptedOperationError):
        client.wait(client.tasks.cancel(task["id"]))


def test_prompts_are_answered(client: Client) -> None:
    client.clusters.add("alpine", "login.example")
    task = client.clusters.connect("alpine")
    while not (prompts := client.prompts.list()):
        time.sleep(0.01)
    client.prompts.answer(prompts[0]["id"], ["right"])
    client.wait(task)
    assert client.clusters.get("alpine")["state"] == "connected"


def test_events_are_followed_and_resumed(client: Client, live: Live) -> None:
    events = client.events()
    received: list[typing.Any] = []
    reader = threading.Thread(target=lambda: received.extend(next(events) for _ in range(2)))
    reader.start()
    for number in range(200):
        live.do(lambda n=number: live.application.events.publish("job.updated", {"n": n}))  # type: ignore[misc]
        if len(received) == 2 or not reader.is_alive():
            break
        time.sleep(0.02)
    reader.join(5)
    first, second = received
    assert second.id == first.id + 1
    resumed = client.events(last_id=first.id)
    assert next(resumed) == second
    for iterator in (events, resumed):
        iterator.close()  # type: ignore[attr-defined]


def test_the_event_stream_ends_when_the_server_does(
    client: Client, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("namdrunner.client.events._RETRIES", 1)
    live.do(lambda: live.application.events.publish("job.updated", {}))
    events = client.events(last_id=0)
    assert next(events).kind == "reset"
    began = time.monotonic()
    live.stop()
    with pytest.raises(ConnectionFailedError):
        for _ in events:
            pass
    assert time.monotonic() - began < 8


def test_a_server_that_went_away_is_told_from_one_that_is_silent(client: Client, live: Live) -> None:
    live.stop()
    with pytest.raises(ConnectionFailedError) as caught:
        client.jobs.list()
    assert caught.value.code == "server-gone"


def test_the_server_file_is_private_and_atomic(tmp_path: Path) -> None:
    path = tmp_path / "server.json"
    present = ServerFile(1, 2, "secret", "0", 3.0)
    present.write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["server.json"]
    assert read_server_file(path) == present
    assert "secret" not in repr(present)


def test_a_newer_servers_file_is_not_removed_by_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "server.json"
    old, new = ServerFile(1, 2, "a", "0", 3.0), ServerFile(4, 5, "b", "0", 6.0)
    new.write(path)
    old.remove(path)
    assert read_server_file(path) == new
    new.remove(path)
    assert not path.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"pid": 1}', '{"pid": "x", "port": 1}'])
def test_a_damaged_server_file_is_no_server(folders: Folders, text: str) -> None:
    folders.server_file.write_text(text)
    assert find_server(folders) is None


def test_a_stale_file_of_a_dead_process_is_no_server(folders: Folders) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    dead = max(psutil.pids()) + 100_000
    ServerFile(dead, port, TOKEN, "0", 0.0).write(folders.server_file)
    assert find_server(folders) is None


def test_another_server_on_the_port_is_not_ours(folders: Folders, live: Live, tmp_path: Path) -> None:
    """Its token does not fit, so what the file says is not true any more."""
    other = Folders.below(tmp_path / "other").ensure()
    ServerFile(live.server.pid, live.server.port, "another token", "0", 0.0).write(other.server_file)
    assert find_server(other) is None
    ServerFile(live.server.pid + 1, live.server.port, TOKEN, "0", 0.0).write(other.server_file)
    assert find_server(other) is None


def test_a_program_that_does_not_speak_http_is_not_ours(folders: Folders) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def greet() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"220 some other service\r\n")

    thread = threading.Thread(target=greet)
    thread.start()
    ServerFile(1, listener.getsockname()[1], TOKEN, "0", 0.0).write(folders.server_file)
    assert find_server(folders) is None
    thread.join(5)
    listener.close()


def test_a_living_but_silent_process_is_reported(folders: Folders) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    ServerFile(psutil.Process().pid, listener.getsockname()[1], TOKEN, "0", 0.0).write(folders.server_file)
    with pytest.raises(ConnectionFailedError) as caught:
        find_server(folders, timeout_s=0.2)
    assert caught.value.code == "server-not-answering"
    listener.close()


def test_the_lock_is_held_by_one_and_freed_with_it(tmp_path: Path) -> None:
    path = tmp_path / "server.lock"
    assert not lock_held(path)
    with InstanceLock(path) as lock:
        assert lock.acquire()
        assert lock_held(path)
        assert not InstanceLock(path).acquire()
    assert not lock_held(path)


def test_queries_leave_out_what_is_not_given() -> None:
    assert with_query("/p", {"a": None, "b": True, "c": ["x", "y z"], "d": 0}) == "/p?b=true&c=x&c=y+z&d=0"


PAIRS = [
    (documents.ClusterDocument, clusters.ClusterDocument),
    (documents.JobSummary, jobs.JobSummary),
    (documents.JobDocument, jobs.JobDocument),
    (documents.JobList, jobs.JobList),
    (documents.JobFiles, jobs.JobFiles),
    (documents.JobScript, jobs.JobScript),
    (documents.LogText, jobs.LogText),
    (documents.Energies, jobs.Energies),
    (documents.DryRun, jobs.DryRun),
    (documents.InputDocument, jobs.InputDocument),
    (documents.OutputDocument, jobs.OutputDocument),
    (documents.TaskDocument, tasks.TaskDocument),
    (documents.TaskProgress, tasks.TaskProgress),
    (documents.PromptDocument, tasks.PromptDocument),
    (documents.TemplateValidation, templates.TemplateValidation),
    (documents.TemplateSummary, templates.TemplateSummary),
    (documents.RenderedTemplate, templates.RenderedTemplate),
    (documents.StatusDocument, system.StatusDocument),
    (documents.OpenTicket, system.OpenTicket),
    (documents.UploadDocument, system.UploadDocument),
]


@pytest.mark.parametrize(("client_side", "server_side"), PAIRS, ids=lambda c: c.__module__.split(".")[1])
def test_client_and_server_speak_of_the_same_fields(client_side: type, server_side: type[BaseModel]) -> None:
    assert set(typing.get_type_hints(client_side)) == set(server_side.model_fields)


def test_the_token_never_shows_in_an_error(client: Client, live: Live) -> None:
    live.stop()
    with pytest.raises(ConnectionFailedError) as caught:
        client.jobs.list()
    assert TOKEN not in json.dumps(caught.value.document())
