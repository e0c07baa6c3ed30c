"""The keys a login may offer: from named files, the agent and the default files, in that order.

An encrypted key is offered by its public half; its passphrase is asked for only when the server would accept it.
"""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import asyncssh

from namdrunner.remote.routes import Hop

AskPassphrase = Callable[[Path], Awaitable[str | None]]
_OPENSSH_MAGIC = b"openssh-key-v1\0"


class WrongPassphrase(ValueError):
    """The passphrase does not open the key; asyncssh goes on to the next method on a ``ValueError``."""


class LockedKey(asyncssh.SSHKeyPair):
    """An encrypted key whose public half is known. Unlocked on the first signature."""

    def __init__(self, path: Path, public: asyncssh.SSHKey, ring: KeyRing) -> None:
        super().__init__(
            public.algorithm,
            public.algorithm,
            public.sig_algorithms,
            public.sig_algorithms,
            public.public_data,
            path.name,
        )
        self._path = path
        self._ring = ring

    async def sign_async(self, data: bytes) -> bytes:
        key = self._ring.unlocked.get(self._path)
        if key is None:
            key = self._ring.unlocked[self._path] = await self._unlock()
        return key.sign(data, self.sig_algorithm)

    async def _unlock(self) -> asyncssh.SSHKey:
        passphrase = await self._ring.ask(self._path)
        if passphrase is None:
            raise WrongPassphrase("no passphrase was given")
        try:
            return await asyncio.to_thread(asyncssh.read_private_key, str(self._path), passphrase)
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as exc:
            self._ring.wrong_passphrase = True
            raise WrongPassphrase("the passphrase does not open the key") from exc


OfferedKey = asyncssh.SSHKeyPair | asyncssh.SSHKey | tuple[asyncssh.SSHKey, asyncssh.SSHCertificate]


class KeyRing:
    """The keys for one hop. ``close`` lets go of the agent when the login is over."""

    def __init__(self, hop: Hop, ask: AskPassphrase, unlocked: dict[Path, asyncssh.SSHKey]) -> None:
        self._hop = hop
        self.unlocked = unlocked
        self.ask = ask
        self.wrong_passphrase = False
        self._agent: asyncssh.SSHAgentClient | None = None

    async def offers(self) -> list[OfferedKey]:
        """Every key to offer, best first; each certificate comes before its bare key."""
        agent_keys = await self._agent_keys()
        by_public = {key.public_data: key for key in agent_keys}
        result: list[OfferedKey] = []
        taken: set[bytes] = set()
        named = await asyncio.to_thread(self._file_offers, self._hop.identity_files, by_public)
        for public, offers in named:
            taken.add(public)
            result += offers
        if not self._hop.identities_only:
            result += [key for key in agent_keys if key.public_data not in taken]
            taken |= set(by_public)
        for public, offers in await asyncio.to_thread(self._file_offers, self._hop.default_identities, by_public):
            if public not in taken:
                result += offers
        return result

    def close(self) -> None:
        if self._agent is not None:
            self._agent.close()
            self._agent = None

    async def _agent_keys(self) -> list[asyncssh.SSHKeyPair]:
        if self._hop.agent_path is None:
            return []
        try:
            self._agent = await asyncssh.connect_agent(self._hop.agent_path)
            return list(await asyncio.wait_for(self._agent.get_keys(), timeout=5))
        except (OSError, ValueError, asyncssh.Error, TimeoutError):
            return []  # no agent runs: that is the usual case, not a fault

    def _file_offers(
        self, paths: Sequence[Path], agent: dict[bytes, asyncssh.SSHKeyPair]
    ) -> list[tuple[bytes, list[OfferedKey]]]:
        """Reads key files; returns (public blob, offers) of each that can be used."""
        found = []
        for path in paths:
            public = public_half(path)
            if public is None:
                continue
            offers: list[OfferedKey] = []
            held = agent.get(public.public_data)
            private = None if held else unencrypted_key(path)
            for certificate in self._certificates(path, public):
                if private is not None:
                    offers.append((private, certificate))
                elif held is None:
                    locked = LockedKey(path, public, self)
                    locked.set_certificate(certificate)
                    offers.append(locked)
            if held is not None:
                offers.append(held)
            elif private is not None:
                offers.append(private)
            elif is_private_key(path):
                offers.append(LockedKey(path, public, self))
            found.append((public.public_data, offers))
        return found

    def _certificates(self, path: Path, public: asyncssh.SSHKey) -> list[asyncssh.SSHCertificate]:
        certificates = []
        for candidate in (path.with_name(path.name + "-cert.pub"), *self._hop.certificate_files):
            try:
                certificate = asyncssh.read_certificate(str(candidate))
            except (OSError, ValueError):
                continue
            if certificate.key.public_data == public.public_data:
                certificates.append(certificate)
        return certificates


def is_private_key(path: Path) -> bool:
    try:
        return b"PRIVATE KEY-----" in path.read_bytes()[:4096]
    except OSError:
        return False


def unencrypted_key(path: Path) -> asyncssh.SSHKey | None:
    try:
        return asyncssh.read_private_key(str(path))
    except (OSError, ValueError):
        return None


def public_half(path: Path) -> asyncssh.SSHKey | None:
    """The public key of a private key file: from the file itself, or ``.pub`` beside it."""
    try:
        text = path.read_bytes()
    except OSError:
        return None
    blob = openssh_public_blob(text)
    if blob is not None:
        words = _first_string(blob)
        try:
            return asyncssh.import_public_key(words + b" " + base64.b64encode(blob))
        except ValueError:
            return None
    private = unencrypted_key(path)
    if private is not None:
        return private.convert_to_public()
    for candidate in (path.with_name(path.name + ".pub"), path):
        try:
            return asyncssh.read_public_key(str(candidate))
        except (OSError, ValueError):
            continue
    return None


def openssh_public_blob(text: bytes) -> bytes | None:
    """The public key inside an OpenSSH private key file, which is readable without the passphrase.

    Layout: magic, cipher, kdf, kdf options, number of keys, public key (OpenSSH's PROTOCOL.key).
    """
    lines = [line.strip() for line in text.splitlines()]
    if b"-----BEGIN OPENSSH PRIVATE KEY-----" not in lines:
        return None
    body = b"".join(line for line in lines if line and not line.startswith(b"-----"))
    try:
        data = base64.b64decode(body, validate=True)
        if not data.startswith(_OPENSSH_MAGIC):
            return None
        rest = data[len(_OPENSSH_MAGIC) :]
        for _ in range(3):
            rest = rest[4 + struct.unpack(">I", rest[:4])[0] :]
        return _first_string(rest[4:]) or None
    except (ValueError, struct.error):
        return None


def _first_string(data: bytes) -> bytes:
    length = int(struct.unpack(">I", data[:4])[0])
    return data[4 : 4 + length]
