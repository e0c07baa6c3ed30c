"""Words and numbers found in bulk equal what Python makes of them one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from namdrunner.namd import tokens

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**11), max_value=10**11).map(str),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from([".5", "5.", "-.5", "+7.25", "00012", "1e5", "-1E-3", "inf", "-0"]),
)


@given(st.lists(NUMBERS, max_size=20), st.sampled_from([" ", "  ", "\n", "\t ", "\r\n"]))
def test_decimals_are_rounded_as_python_rounds_them(written: list[str], gap: str) -> None:
    text = tokens.as_array(gap.join(written).encode())
    starts, ends = tokens.find_words(text)
    assert tokens.floats(text, starts, ends).tolist() == [float(word) for word in written]


@given(st.lists(st.integers(-(10**17), 10**17), max_size=20))
def test_integers(written: list[int]) -> None:
    text = tokens.as_array(" ".join(map(str, written)).encode())
    assert tokens.integers(text, *tokens.find_words(text)).tolist() == written


@pytest.mark.parametrize("word", ["x", "1.5", "-", "1-2", "9" * 40, "1e3", "--1", "0x1f"])
def test_a_word_that_is_no_integer_is_named(word: str) -> None:
    text = tokens.as_array(f"1 {word} 3".encode())
    with pytest.raises(tokens.BadNumberError) as caught:
        tokens.integers(text, *tokens.find_words(text))
    assert caught.value.index == 1


def test_a_word_that_is_no_number_is_named_or_replaced() -> None:
    text = tokens.as_array(b"1.5 ******** 2")
    words = tokens.find_words(text)
    with pytest.raises(tokens.BadNumberError) as caught:
        tokens.floats(text, *words)
    assert caught.value.index == 1
    assert tokens.floats(text, *words, default=-1.0).tolist() == [1.5, -1.0, 2.0]


@given(st.binary(max_size=200), st.integers(1, 50))
def test_chunks_cover_the_text_and_end_at_lines(data: bytes, size: int) -> None:
    text = tokens.as_array(data)
    pieces = list(tokens.chunks(0, len(data), text, size))
    assert b"".join(data[a:b] for a, b in pieces) == data
    assert all(data[b - 1 : b] == b"\n" for _, b in pieces[:-1])


@given(st.lists(st.text("ABCXYZ0123456789", min_size=1, max_size=12), min_size=1, max_size=30))
def test_names_are_numbered_in_sorted_order(names: list[str]) -> None:
    array = np.array([name.encode() for name in names])
    distinct, index = tokens.encode_names(array)
    assert list(distinct) == sorted(set(names))
    assert [distinct[i] for i in index] == names
