"""What goes into a shell and what comes out of listings: any bytes a name may have."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namdrunner.errors import ClusterError
from namdrunner.remote import listing
from namdrunner.remote.plaintext import plain_line, plain_text
from namdrunner.remote.shell import bash

NAMES = st.text(st.characters(blacklist_characters="\0/", blacklist_categories=["Cs"]), min_size=1, max_size=30)
SHELLS = [s for s in ("sh", "bash", "dash", "tcsh", "csh", "fish", "zsh") if shutil.which(s)]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "word", ["plain", "it's", 'say "x"', "a!b", "new\nline", "$(id)", "`id`", "~", "ü 漢", "\\", ""]
)
def test_arguments_arrive_in_bash_whatever_the_login_shell_is(shell: str, word: str) -> None:
    command = bash('printf \'%s|\' "$1" "$2"', word, "end")
    done = subprocess.run([shell, "-c", command], capture_output=True, check=True)
    assert done.stdout.decode() == f"{word}|end|"


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=40))
def test_any_argument_arrives_as_it_was(word: str) -> None:
    done = subprocess.run(["sh", "-c", bash('printf %s "$1"', word)], capture_output=True, check=True)
    assert done.stdout.decode() == word


def test_a_listing_cut_short_is_an_error_not_a_shorter_listing(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    command = bash(listing.LIST_TREE, str(tmp_path), "100")
    output = subprocess.run(["sh", "-c", command], capture_output=True, check=True).stdout
    assert {e.path for e in listing.parse_tree(output)} == {"one", "two"}
    for cut in range(1, len(output)):
        if output[:cut].count(b"\0") % 4 == 0 and output[cut - 1] == 0:
            continue  # whole entries: the connection's own end tells of these
        with pytest.raises(ClusterError) as caught:
            listing.parse_tree(output[:cut])
        assert caught.value.code == "answer-incomplete"
        assert caught.value.retryable


@settings(max_examples=25, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=4, unique=True))
def test_checksums_are_read_back_for_any_name(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    folder = tmp_path_factory.mktemp("names")
    kept = []
    for name in names:
        try:
            (folder / name).write_bytes(b"content")
        except (OSError, ValueError):
            continue
        if (folder / name).is_file():
            kept.append(folder / name)
    done = subprocess.run(
        ["sh", "-c", bash(listing.SMALL_DIGESTS, listing.wording(map(str, kept)))],
        input=listing.nul_joined(map(str, kept)),
        capture_output=True,
        check=True,
    )
    digest = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"
    assert listing.parse_digests(done.stdout) == {str(p): digest for p in kept}


def test_looking_makes_folders_and_tells_of_room(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    made = tmp_path / "a" / "b"
    paths = [str(tmp_path / n) for n in ("file", "link", "absent", "a")]
    stdin = listing.nul_joined([str(made)]) + b"\0" + listing.nul_joined(paths)
    done = subprocess.run(["sh", "-c", bash(listing.MAKE_AND_LOOK)], input=stdin, capture_output=True, check=True)
    look = listing.parse_look(done.stdout)
    assert made.is_dir()
    assert {Path(p).name: s.kind for p, s in look.stats.items()} == {"file": "file", "link": "link", "a": "folder"}
    assert look.stats[str(tmp_path / "file")].bytes == 5
    assert look.free_bytes is not None
    assert look.free_bytes > 0


def test_words_of_a_server_lose_what_could_deceive() -> None:
    assert plain_text("\x1b[31mred\x1b[0m\r\nnext\x07\x1b]0;title\x07!") == "red\nnext!"
    assert plain_line("a\u202eb\u200bc\n d") == "abc d"
    assert len(plain_text("x" * 100_000)) == 2000
