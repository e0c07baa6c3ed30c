"""Logging in to one host: key, agent, keyboard-interactive or password, each tried once and never again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import asyncssh
from asyncssh.constants import MSG_IGNORE
from asyncssh.public_key import get_default_public_key_algs

from namdrunner.errors import ConnectionFailedError, HostKeyError, NamdrunnerError
from namdrunner.remote import faults, hostkeys
from namdrunner.remote.hostkeys import HostKeyBook
from namdrunner.remote.keys import KeyRing, OfferedKey
from namdrunner.remote.plaintext import plain_line, plain_text
from namdrunner.remote.questions import HANDSHAKE_TIMEOUT_S, VERDICT_TIMEOUT_S, Questions
from namdrunner.remote.routes import Hop

KEEPALIVE_INTERVAL_S = 15
KEEPALIVE_COUNT = 3
CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
)
"""AES-GCM first: three times the speed of ChaCha20 with hardware support, measured with asyncssh."""
MAX_ROUNDS = 20
MAX_PACKET = 128 * 1024
WINDOW = 4 * 1024 * 1024
"""What the server may send unasked on one session; larger packets cost less work for each byte."""

OnLost = Callable[[asyncssh.SSHClientConnection | None, Exception | None], None]


class LoginClient(asyncssh.SSHClient):
    """What asyncssh asks during one login. One instance per TCP connection."""

    def __init__(self, hop: Hop, questions: Questions, ring: KeyRing, book: HostKeyBook, on_lost: OnLost) -> None:
        self._hop = hop
        self._questions = questions
        self._ring = ring
        self._book = book
        self._on_lost = on_lost
        self._connection: asyncssh.SSHClientConnection | None = None
        self._methods_tried: set[str] = set()
        self._answered: set[str] = set()
        self._rounds = 0
        self._notes: list[str] = []
        self.key_fault: HostKeyError | None = None
        self.unknown_key: asyncssh.SSHKey | None = None
        self.began = False
        self.rejected = False
        self.password_expired = False
        self.banner = ""
        self.methods: Sequence[str] = ()

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self._connection = conn

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost(self._connection, exc)

    @property
    def spoke_ssh(self) -> bool:
        """Whether the other side introduced itself as an SSH server."""
        return self._connection is not None and bool(self._connection.get_extra_info("server_version"))

    # Host key

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Called for keys that no file trusts: either a first contact or a changed key."""
        name, port = self._hop.key_name, self._hop.port
        known = self._book.lookup(name, port)
        exact = self._book.exact(name, port)
        if key in known.revoked:
            self.key_fault = hostkeys.revoked_key(name, port, key)
        elif exact:
            self.key_fault = hostkeys.changed_key(self._book, name, port, key, exact)
        else:
            self.unknown_key = key
        return False

    # Authentication

    def auth_banner_received(self, msg: str, lang: str) -> None:
        self.banner = plain_text(self.banner + msg)

    def begin_auth(self, username: str) -> None:
        self.began = True
        self._questions.extend(VERDICT_TIMEOUT_S)

    def _may_try(self, method: str) -> bool:
        """Each method once. Being asked again after an answer means that the answer was refused."""
        if self._connection is not None:
            self.methods = sorted({*self.methods, *self._connection.get_server_auth_methods()})
        if method in self._methods_tried:
            self.rejected = self.rejected or method in self._answered
            return False
        if self.rejected or self._questions.declined or self._ring.wrong_passphrase or self.password_expired:
            return False
        self._methods_tried.add(method)
        return True

    async def public_key_auth_requested(self) -> Sequence[OfferedKey] | None:
        if not self._may_try("publickey"):
            return None
        return await self._ring.offers()

    async def password_auth_requested(self) -> str | None:
        if not self._may_try("password"):
            return None
        answer = await self._questions.password(self._hop, self.banner)
        if answer is not None:
            self._answered.add("password")
        return answer

    def password_change_requested(self, prompt: str, lang: str) -> Any:
        self.password_expired = True
        return NotImplemented

    def kbdint_auth_requested(self) -> str | None:
        return "" if self._may_try("keyboard-interactive") else None

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> Sequence[str] | None:
        self._rounds += 1
        if self._rounds > MAX_ROUNDS or self._questions.declined:
            return None
        if not prompts:  # a message without a question; shown with the next one
            self._notes.append(instructions)
            return []
        words = "\n".join([self.banner, *self._notes, instructions])
        self._notes.clear()
        self.banner = ""
        answers = await self._questions.challenge(self._hop, name, words, prompts)
        if answers is not None:
            self._answered.add("keyboard-interactive")
        return answers

    def refusal_reason(self) -> str:
        if self._ring.wrong_passphrase:
            return "passphrase"
        if self._questions.declined:
            return "declined"
        if self.password_expired:
            return "expired"
        return "secret" if self.rejected or self._answered else "nothing-accepted"


async def open_hop(
    hop: Hop,
    questions: Questions,
    book: HostKeyBook,
    *,
    tunnel: asyncssh.SSHClientConnection | None,
    on_lost: OnLost,
) -> asyncssh.SSHClientConnection:
    """Connect and log in to one host, asking about its key on the first contact.

    Raises:
        ConnectionFailedError: with ``AuthenticationError`` and ``HostKeyError`` as its kinds.
    """
    try:
        return await _attempt(hop, questions, book, tunnel, on_lost)
    except _FirstContact as contact:
        if not await questions.trust(hop, contact.key):
            raise hostkeys.refused_key(hop.key_name, hop.port, contact.key) from None
        book.add(hop.key_name, hop.port, contact.key)
    # The key is on file now: a second, different one in the same breath counts as changed.
    return await _attempt(hop, questions, book, tunnel, on_lost)


class _FirstContact(Exception):
    def __init__(self, key: asyncssh.SSHKey) -> None:
        super().__init__("host key not known yet")
        self.key = key


async def _attempt(
    hop: Hop,
    questions: Questions,
    book: HostKeyBook,
    tunnel: asyncssh.SSHClientConnection | None,
    on_lost: OnLost,
) -> asyncssh.SSHClientConnection:
    async def ask_passphrase(path: Path) -> str | None:
        return await questions.passphrase(hop, path)

    ring = KeyRing(hop, ask_passphrase, questions.unlocked)
    client = LoginClient(hop, questions, ring, book, on_lost)
    try:
        async with asyncio.timeout(HANDSHAKE_TIMEOUT_S) as deadline:
            questions.deadline = deadline
            connection = await asyncssh.connect(hop.name, client_factory=lambda: client, **_options(hop, book, tunnel))
            _without_filler(connection)
            return connection
    except (asyncssh.Error, OSError, ValueError, EOFError, TimeoutError) as exc:
        fault = login_fault(exc, hop, client)
        raise fault from (None if isinstance(fault, _FirstContact) else exc)
    finally:
        questions.deadline = None
        ring.close()


def _without_filler(connection: asyncssh.SSHClientConnection) -> None:
    """Leave out the empty packet that asyncssh sends before every other one.

    It protects ciphers in CBC mode only (CVE-2008-5161, RFC 4253 section 9), and costs a fifth of an upload's time.
    """
    if "-cbc" in str(connection.get_extra_info("send_cipher")):
        return
    send = connection.send_packet

    def send_packet(pkttype: int, *arguments: bytes, **more: Any) -> None:
        if pkttype != MSG_IGNORE:
            send(pkttype, *arguments, **more)

    connection.send_packet = send_packet  # type: ignore[method-assign]


def _options(hop: Hop, book: HostKeyBook, tunnel: asyncssh.SSHClientConnection | None) -> dict[str, Any]:
    known = book.lookup(hop.key_name, hop.port)
    options: dict[str, Any] = {
        "port": hop.port,
        "username": hop.user,
        "tunnel": tunnel,
        "config": [str(f) for f in hop.config_files] or None,
        "known_hosts": (list(known.keys), list(known.authorities), list(known.revoked)),
        # Keys come from the key ring through the callback: asyncssh would load files and agent in its own order.
        "client_keys": None,
        "login_timeout": 0,
        "utf8_decode_errors": "replace",
        "max_pktsize": MAX_PACKET,
        "window": WINDOW,
    }
    if tunnel is not None:
        options["proxy_command"] = None
    if not hop.keepalive_configured:
        options["keepalive_interval"] = KEEPALIVE_INTERVAL_S
        options["keepalive_count_max"] = KEEPALIVE_COUNT
    if not hop.ciphers_configured:
        options["encryption_algs"] = list(CIPHERS)
    if not known.authorities and not hop.host_key_algorithms_configured:
        options["server_host_key_algs"] = _host_key_algorithms(known.keys)
    return options


def _as_ssh_prefers(algorithm: str) -> int:
    kinds = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
    return kinds.index(algorithm) if algorithm in kinds else len(kinds)


def _host_key_algorithms(known: Sequence[asyncssh.SSHKey]) -> list[str]:
    """Algorithms of the known keys first, so that a server with several shows the one on file; no certificates.

    Then in the order of the ssh program, so that both show a person the same key at the first contact.
    """
    names = [alg.decode() for key in known for alg in key.sig_algorithms]
    names += sorted((alg.decode() for alg in get_default_public_key_algs()), key=_as_ssh_prefers)
    return list(dict.fromkeys(names))


def login_fault(exc: Exception, hop: Hop, client: LoginClient) -> Exception:
    """The error of a failed attempt, most specific cause first."""
    place = hop.place
    if client.key_fault is not None:
        return client.key_fault
    if client.unknown_key is not None:
        return _FirstContact(client.unknown_key)
    if client.began and (isinstance(exc, asyncssh.PermissionDenied) or client.refusal_reason() == "declined"):
        return faults.refused_login(
            place, hop.user, reason=client.refusal_reason(), methods=client.methods, banner=client.banner
        )
    if isinstance(exc, NamdrunnerError):
        return exc
    if isinstance(exc, asyncssh.HostKeyNotVerifiable):
        return HostKeyError(
            f"The host certificate of {place} cannot be verified: {plain_line(exc.reason)}.",
            code="host-certificate-invalid",
            remedy="Ask the cluster's administrators; do not connect before they have answered.",
            context={"place": place},
        )
    if isinstance(exc, asyncssh.DisconnectError):
        return faults.disconnect_fault(exc, place, spoke_ssh=client.spoke_ssh)
    if isinstance(exc, asyncssh.ChannelOpenError):
        return ConnectionFailedError(
            f"The jump host could not reach {place}: {plain_line(exc.reason)}.",
            code="jump-refused",
            remedy="Check the host behind the jump host, and whether the jump host may forward connections.",
            context={"place": place},
        )
    if isinstance(exc, TimeoutError):
        return faults.timeout_fault(place)
    if isinstance(exc, OSError):
        return faults.network_fault(exc, place)
    if client.spoke_ssh and isinstance(exc, ValueError | EOFError):
        return faults.garbled_fault(place, str(exc))
    return ConnectionFailedError(
        f"The login to {place} failed: {exc}.",
        code="login-failed",
        remedy="Try 'ssh' with the same host and user in a terminal: what it says is the way on.",
        retryable=False,
        context={"place": place},
    )
