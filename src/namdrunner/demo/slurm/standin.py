"""What runs when somebody types ``squeue`` on the demo cluster: hands the call to the scheduler, prints its answer.

Copied to the demo's folder and started with ``python -I -S``, so it uses only modules that need no search of a path:
a call takes about 20 ms, most of it the interpreter's start.
"""

import _socket
import os
import sys


def main() -> int:
    command = sys.argv[1]
    folder = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib takes longer than the call
    connection = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    try:
        with open(folder + "/address", encoding="ascii") as file:  # noqa: PTH123
            port, token = file.read().split()
        connection.connect(("127.0.0.1", int(port)))
    except OSError:
        sys.stderr.write(_unreachable(command))
        return 1
    umask = os.umask(0)
    os.umask(umask)
    words = [token, command, _folder(), f"{umask:o}", str(len(sys.argv) - 2), *sys.argv[2:]]
    request = b"\0".join(
        [w.encode("utf-8", "surrogateescape") for w in words]
        + [name + b"=" + value for name, value in os.environb.items()]
    )
    connection.sendall(b"%d\n" % len(request) + request)
    reply = _line(connection)
    if reply == b"stdin":
        data = sys.stdin.buffer.read()
        connection.sendall(b"%d\n" % len(data) + data)
        reply = _line(connection)
    if not reply:
        sys.stderr.write(_unreachable(command))
        return 1
    status, out, err = (int(n) for n in reply.split())
    body = b""
    while len(body) < out + err:
        piece = connection.recv(1 << 20)
        if not piece:
            break
        body += piece
    _write(1, body[:out])
    _write(2, body[out:])
    return status


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:
        return "/"


def _line(connection: _socket.socket) -> bytes:
    text = b""
    while not text.endswith(b"\n"):
        piece = connection.recv(1)
        if not piece:
            return b""
        text += piece
    return text[:-1]


def _write(descriptor: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        pass


_PREFIX = {
    "sbatch": "sbatch: error: Batch job submission failed",
    "scancel": "scancel: error: Kill job error",
    "sinfo": "slurm_load_partitions",
    "squeue": "slurm_load_jobs error",
    "scontrol": "slurm_load_jobs error",
}


def _unreachable(command: str) -> str:
    prefix = _PREFIX.get(command, f"{command}: error")
    return f"{prefix}: Unable to contact slurm controller (connect failure)\n"


if __name__ == "__main__":
    sys.exit(main())
