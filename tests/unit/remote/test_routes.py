from __future__ import annotations

from pathlib import Path

import asyncssh
import pytest

from namdrunner.errors import ConnectionFailedError
from namdrunner.remote.hostkeys import HostKeyBook, host_pattern
from namdrunner.remote.keys import openssh_public_blob, public_half
from namdrunner.remote.routes import parse_jump, resolve_route
from namdrunner.remote.values import ConnectionSpec


def spec(folder: Path, config: str, **changes: object) -> ConnectionSpec:
    path = folder / "config"
    path.write_text(config)
    values: dict[str, object] = {"cluster": "c", "host": "inner", "ssh_config": path} | changes
    return ConnectionSpec(**values)  # type: ignore[arg-type]


def test_the_configuration_is_honoured_and_what_is_given_wins(tmp_path: Path) -> None:
    config = (
        "Host inner\n HostName inner.example.org\n Port 2222\n User ada\n IdentityFile ~/.ssh/cluster\n"
        " IdentitiesOnly yes\n HostKeyAlias inner-key\n"
    )
    (hop,) = resolve_route(spec(tmp_path, config))
    assert (hop.host, hop.port, hop.user, hop.key_name) == ("inner.example.org", 2222, "ada", "inner-key")
    assert hop.identity_files == (Path.home() / ".ssh" / "cluster",)
    assert hop.identities_only
    assert hop.default_identities == ()
    (given,) = resolve_route(spec(tmp_path, config, port=22, user="bob", identity_file=tmp_path / "id"))
    assert (given.port, given.user) == (22, "bob")
    assert given.identity_files[0] == tmp_path / "id"


def test_jump_hosts_come_in_order_with_their_own_settings(tmp_path: Path) -> None:
    config = (
        "Host inner\n ProxyJump first,eve@second:2200\n User ada\n"
        "Host first\n HostName first.example.org\n ProxyJump gate\n User carol\n"
        "Host gate\n User dan\n"
    )
    route = resolve_route(spec(tmp_path, config))
    assert [(h.name, h.user, h.port) for h in route] == [
        ("gate", "dan", 22),
        ("first", "carol", 22),
        ("second", "eve", 2200),
        ("inner", "ada", 22),
    ]
    assert len(resolve_route(spec(tmp_path, "Host inner\n ProxyJump none\n"))) == 1


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ("Host inner\n ProxyJump inner\n", "jump-loop"),
        ("Host inner\n Port notanumber\n", "ssh-config-invalid"),
        ("Host inner\n ProxyJump a@b:c:d@:99999x\n", "ssh-config-invalid"),
    ],
)
def test_a_configuration_that_cannot_be_followed_is_said_so(tmp_path: Path, config: str, code: str) -> None:
    with pytest.raises(ConnectionFailedError) as caught:
        resolve_route(spec(tmp_path, config))
    assert caught.value.code == code
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("host", (None, "host", None)),
        ("ada@host:22", ("ada", "host", 22)),
        ("ssh://ada@host:22/", ("ada", "host", 22)),
        ("[::1]:2222", (None, "::1", 2222)),
        ("ada@fe80::1", ("ada", "fe80::1", None)),
    ],
)
def test_jumps_are_read_as_openssh_reads_them(text: str, parts: tuple[str | None, str, int | None]) -> None:
    assert parse_jump(text) == parts


def test_host_keys_are_kept_per_port_and_can_be_forgotten(tmp_path: Path) -> None:
    one, two = (asyncssh.generate_private_key("ssh-ed25519").convert_to_public() for _ in range(2))
    book = HostKeyBook(tmp_path / "sub" / "known_hosts")
    book.add("login.example.org", 22, one)
    book.add("login.example.org", 2222, two)
    assert host_pattern("login.example.org", 2222) == "[login.example.org]:2222"
    assert book.exact("login.example.org", 22) == (one,)
    assert book.exact("login.example.org", 2222) == (two,)
    assert book.exact("login.example.org", 2223) == ()
    assert book.lookup("login.example.org", 2223).keys == (one,)
    assert book.where("login.example.org", 2222) == (f"{tmp_path}/sub/known_hosts:2",)
    assert book.forget("login.example.org", 22) == 1
    assert book.exact("login.example.org", 22) == ()
    assert book.exact("login.example.org", 2222) == (two,)
    assert (tmp_path / "sub" / "known_hosts").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp384"])
@pytest.mark.parametrize("passphrase", [None, "secret"])
def test_the_public_half_is_read_without_the_passphrase(tmp_path: Path, kind: str, passphrase: str | None) -> None:
    key = asyncssh.generate_private_key(kind)
    path = tmp_path / "id"
    key.write_private_key(str(path), passphrase=passphrase)
    assert openssh_public_blob(path.read_bytes()) == key.public_data
    assert public_half(path) == key.convert_to_public()
    path.write_bytes(path.read_bytes()[:60])
    assert public_half(path) is None
    assert public_half(tmp_path / "absent") is None
