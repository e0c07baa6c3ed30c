"""Requests to the server: plain ``http.client``, because a command line has to start in no time."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote, urlencode

from namdrunner.client.presence import ServerFile, process_alive
from namdrunner.errors import ConnectionFailedError, NamdrunnerError, NotFoundError, from_document

API = "/api/v1"
Query = Mapping[str, object]


def path_of(*parts: str) -> str:
    """A path below the API with every part quoted: names are data, never path syntax.

    Raises NotFoundError for what cannot be the name of anything: nothing, a path, a dot.
    """
    for part in parts:
        if part in ("", ".", "..") or "/" in part:
            raise NotFoundError(f"There is nothing called '{part}'.", remedy="Check the id or name.")
    return API + "".join("/" + quote(part, safe="") for part in parts)


class Transport:
    """Keeps one connection per thread to one server; raises the errors of ``namdrunner.errors``."""

    def __init__(self, server: ServerFile, *, timeout_s: float = 60.0) -> None:
        self.server = server
        self.timeout_s = timeout_s
        self._local = threading.local()

    def get(self, path: str, query: Query | None = None, *, timeout_s: float | None = None) -> Any:
        return self.request("GET", path, query=query, timeout_s=timeout_s)

    def post(self, path: str, body: object = None, *, query: Query | None = None) -> Any:
        return self.request("POST", path, query=query, body={} if body is None else body)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: object = None,
        timeout_s: float | None = None,
    ) -> Any:
        """The decoded JSON answer, ``None`` for an empty one."""
        target = with_query(path, query)
        payload = None if body is None else json.dumps(body).encode()
        status, data = self._exchange(method, target, payload, timeout_s or self.timeout_s)
        return decode(status, data)

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str], *, timeout_s: float) -> Iterator[http.client.HTTPResponse]:
        """A response whose body is read as it comes, on a connection of its own."""
        connection = self._open(timeout_s)
        with closing(connection):
            try:
                connection.request("GET", path, headers={**self._headers(), **headers})
                response = connection.getresponse()
                if response.status >= 400:
                    decode(response.status, response.read())
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(error) from error
            with closing(response):
                yield response

    def close(self) -> None:
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _exchange(self, method: str, target: str, payload: bytes | None, timeout_s: float) -> tuple[int, bytes]:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        reused = connection is not None
        if connection is None:
            connection = self._local.connection = self._open(timeout_s)
        if connection.sock is not None:
            connection.sock.settimeout(timeout_s)
        connection.timeout = timeout_s
        headers = self._headers()
        if payload is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, target, body=payload, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as error:
            self.close()
            # An idle connection the server closed in the meantime: nothing was processed, so asking again is safe
            # for reads. A write is repeated only by the person.
            if reused and method == "GET":
                return self._exchange(method, target, payload, timeout_s)
            raise self._unreachable(error) from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._unreachable(error) from error

    def _open(self, timeout_s: float) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=timeout_s)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.server.token}", "Accept": "application/json"}

    def _unreachable(self, error: Exception) -> ConnectionFailedError:
        if isinstance(error, TimeoutError):
            return ConnectionFailedError(
                "The NAMDRunner server did not answer in time.",
                code="server-not-answering",
                remedy="Try again; if it stays silent, stop it with `namdrunner stop --force`.",
                context={"pid": self.server.pid, "port": self.server.port},
            )
        return ConnectionFailedError(
            "The NAMDRunner server is not there any more.",
            code="server-gone",
            remedy="Repeat the command: it starts a new server. Jobs on the cluster are not affected.",
            context={"pid": self.server.pid, "port": self.server.port, "reason": str(error)},
        )


def with_query(path: str, query: Query | None) -> str:
    """Append the query; ``None`` values are left out, booleans written as JSON writes them."""
    pairs = [(k, json.dumps(v) if isinstance(v, bool) else v) for k, v in (query or {}).items() if v is not None]
    return f"{path}?{urlencode(pairs, doseq=True)}" if pairs else path


def decode(status: int, data: bytes) -> Any:
    try:
        document = json.loads(data) if data else None
    except ValueError:
        document = None
    if status < 400:
        return document
    if isinstance(document, dict) and ("code" in document or "title" in document):
        raise from_document(document, http_status=status)
    raise ConnectionFailedError(
        f"What answers on the server's port is not NAMDRunner (HTTP status {status}).",
        code="server-foreign",
        remedy="Run `namdrunner status`; a new server starts on a free port.",
    )


def answers_as(server: ServerFile, *, timeout_s: float) -> bool:
    """Whether a NAMDRunner server with this process id and token answers on its port.

    Raises ConnectionFailedError (``server-not-answering``) when it is alive but silent.
    """
    transport = Transport(server, timeout_s=timeout_s)
    try:
        answer = transport.get(path_of("ping"))
    except NamdrunnerError as error:
        if error.code == "server-not-answering" and process_alive(server.pid):
            raise
        return False
    finally:
        transport.close()
    return isinstance(answer, dict) and answer.get("pid") == server.pid
