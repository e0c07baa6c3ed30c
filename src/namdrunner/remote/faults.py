"""What asyncssh and the operating system report, turned into the errors a person can act on."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator, Sequence

import asyncssh

from namdrunner.errors import (
    AuthenticationError,
    BusyError,
    ConnectionFailedError,
    NamdrunnerError,
)
from namdrunner.remote.plaintext import plain_line

CHECK_ADDRESS = "Check the host name and port of the cluster, and whether a VPN is needed to reach it."
RECONNECT = "Connect the cluster again; what was under way is taken up where it stopped."

_NETWORK_ERRNOS = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL}


def network_fault(exc: OSError, place: str) -> ConnectionFailedError:
    """A TCP connection that could not be opened or broke; ``place`` is ``host:port``."""
    context = {"place": place, "detail": str(exc)}
    if isinstance(exc, socket.gaierror):
        return ConnectionFailedError(
            f"The host name of {place} is not known.",
            code="unknown-host",
            remedy="Check the spelling of the host name, and whether a VPN is needed to find it.",
            retryable=False,
            context=context,
        )
    if isinstance(exc, ConnectionRefusedError) or "Errno 111" in str(exc) or "Errno 61" in str(exc):
        return ConnectionFailedError(
            f"Nothing answers at {place}: the connection was refused.",
            code="connection-refused",
            remedy="Check the port, and whether the cluster's login node is up (its status page says).",
            context=context,
        )
    if isinstance(exc, TimeoutError):
        return timeout_fault(place)
    if exc.errno in _NETWORK_ERRNOS:
        return ConnectionFailedError(
            f"There is no route to {place}.",
            code="network-unreachable",
            remedy="Check this computer's network connection and whether a VPN is needed.",
            context=context,
        )
    return ConnectionFailedError(
        f"The connection to {place} broke: {exc}.", code="connection-lost", remedy=RECONNECT, context=context
    )


def timeout_fault(place: str) -> ConnectionFailedError:
    return ConnectionFailedError(
        f"{place} did not answer in time.",
        code="connection-timeout",
        remedy=CHECK_ADDRESS,
        context={"place": place},
    )


def lost_fault(place: str, detail: str = "") -> ConnectionFailedError:
    """A connection that stood and went away."""
    detail = plain_line(detail)
    because = f": {detail.rstrip('.')}" if detail else ""
    return ConnectionFailedError(
        f"The connection to {place} was lost{because}.",
        code="connection-lost",
        remedy=RECONNECT,
        context={"place": place, "detail": detail},
    )


def garbled_fault(place: str, detail: str) -> ConnectionFailedError:
    detail = plain_line(detail)
    return ConnectionFailedError(
        f"{place} says that it is an SSH server, but what it sends makes no sense ({detail}).",
        code="protocol-broken",
        remedy=CHECK_ADDRESS,
        retryable=False,
        context={"place": place, "detail": detail},
    )


@contextlib.contextmanager
def stream_work(place: str) -> Iterator[None]:
    """Whatever breaks while talking to a remote process is a lost connection."""
    try:
        yield
    except (asyncssh.Error, OSError, EOFError) as exc:
        raise lost_fault(place, str(exc)) from exc


def disconnect_fault(exc: asyncssh.DisconnectError, place: str, *, spoke_ssh: bool) -> NamdrunnerError:
    """A connection that ended during the handshake or the login."""
    detail = plain_line(exc.reason)
    if "too many authentication failures" in detail.lower():
        return AuthenticationError(
            f"{place} ended the login: too many keys or passwords were offered.",
            code="too-many-authentication-failures",
            remedy="Name the right key for this cluster (identity file), or set IdentitiesOnly in ~/.ssh/config.",
            context={"place": place},
        )
    if isinstance(exc, asyncssh.KeyExchangeFailed):
        return ConnectionFailedError(
            f"{place} and this computer have no encryption method in common ({detail}).",
            code="no-common-algorithm",
            remedy="Ask the cluster's administrators; a restriction in ~/.ssh/config (Ciphers, KexAlgorithms) "
            "can be the cause too.",
            retryable=False,
            context={"place": place, "detail": detail},
        )
    if isinstance(exc, asyncssh.ConnectionLost):
        return ConnectionFailedError(
            f"{place} closed the connection during the login.",
            code="connection-closed",
            remedy="The server may limit how often one may log in, or have ended the login for taking too long: "
            "wait a minute and try again.",
            context={"place": place, "detail": detail},
        )
    if not spoke_ssh:
        return ConnectionFailedError(
            f"What answers at {place} is not an SSH server.",
            code="not-ssh",
            remedy=CHECK_ADDRESS,
            retryable=False,
            context={"place": place},
        )
    return ConnectionFailedError(
        f"{place} ended the connection: {detail}.",
        code="connection-closed",
        remedy="Try again in a minute; if it stays so, ask the cluster's administrators.",
        context={"place": place, "detail": detail},
    )


def refused_login(place: str, user: str, *, reason: str, methods: Sequence[str], banner: str) -> AuthenticationError:
    """The login was not accepted. ``reason``: declined, passphrase, expired, secret or nothing-accepted."""
    context = {"place": place, "user": user, "methods": list(methods)}
    if banner:
        context["banner"] = banner
    offered = ", ".join(methods) or "none that is known here"
    words = {
        "declined": (
            "login-declined",
            f"The login to {place} was not completed: a question was left unanswered.",
            "Connect again and answer the questions of the cluster.",
        ),
        "passphrase": (
            "passphrase-wrong",
            f"The passphrase does not open the key for {user} at {place}.",
            "Connect again with the right passphrase, or load the key into the SSH agent with ssh-add.",
        ),
        "expired": (
            "password-expired",
            f"The password of {user} at {place} has expired.",
            "Log in once with ssh in a terminal and set a new password, then connect again.",
        ),
        "secret": (
            "authentication-failed",
            f"{place} did not accept the password or code given for {user}.",
            "Check user name and password and connect again. Too many failures can lock the account: "
            "nothing is tried again by itself.",
        ),
    }
    code, message, remedy = words.get(
        reason,
        (
            "no-login-method",
            f"{place} accepted none of the ways to log in that are set up here for {user}.",
            f"The server accepts: {offered}. Check the user name, name the key to use (identity file), or load it "
            "into the SSH agent.",
        ),
    )
    return AuthenticationError(message, code=code, remedy=remedy, context=context)


def no_session_left(place: str, open_here: int) -> BusyError:
    return BusyError(
        f"{place} opens no further session on this connection.",
        code="too-many-sessions",
        remedy="Wait until a transfer or command has ended, and try again.",
        context={"place": place, "open": open_here},
    )
