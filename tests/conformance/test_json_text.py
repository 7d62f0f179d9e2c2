"""Where the values of a JSON text lie, however it is spelled and however it was cut in lines."""

from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from strictwire.conformance.json_text import MAX_PLACES, JsonText, part_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def every_path(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    below: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        below = list(value.items())
    elif isinstance(value, list):
        below = list(enumerate(value))
    return [(path, value), *(one for k, v in below for one in every_path(v, (*path, k)))]


@given(JSON, st.booleans(), st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :\t")]))
def test_every_value_is_found_at_its_place(
    value: Any, is_ascii: bool, separators: tuple[str, str]
) -> None:
    data = json.dumps(value, ensure_ascii=is_ascii, separators=separators).encode()
    text = JsonText.read((100, data))
    reader = json.JSONDecoder()
    as_latin = data.decode("latin-1")
    for path, inner in every_path(value):
        told, _ = reader.raw_decode(as_latin, text.offset(*path) - 100)
        expected = json.loads(json.dumps(inner, ensure_ascii=False).encode().decode("latin-1"))
        if is_ascii:
            expected = inner
        assert told == expected


def test_what_is_not_there_is_told_by_what_is_around_it() -> None:
    text = JsonText.read((10, b'{"a":{"b":1}}'))
    assert text.offset("a", "x", "y") == text.offset("a") == 15
    assert text.offset("z") == text.offset() == 10


def test_lines_of_data_have_places_of_their_own() -> None:
    text = JsonText.read((6, b'{"a":'), (20, b" [1,"), (30, b"2]}"))
    assert [text.offset("a"), text.offset("a", 0), text.offset("a", 1)] == [21, 22, 30]
    assert part_of(text.pieces, 0, 8) == [(6, b'{"a":'), (20, b" [")]


def test_a_text_with_very_many_values_has_bounded_places() -> None:
    data = b"[" + b",".join(itertools.repeat(b"0", MAX_PLACES * 2)) + b"]"
    text = JsonText.read((0, data))
    assert text.offset(MAX_PLACES * 2 - 1) == 0
    assert text.offset(5) == 11


def test_what_is_wrong_with_the_spelling_is_told() -> None:
    assert JsonText.read((0, b'{"a":NaN}')).problems == {"lenient"}
    assert JsonText.read((0, b'{"a":"\n"}')).problems == {"lenient"}
    assert JsonText.read((0, rb'{"a":"\ud800"}')).problems == {"characters"}
    assert JsonText.read((0, b'{"a":"\xff","b":NaN}')).problems == {"characters", "lenient"}
    assert JsonText.read((0, b'{"a"')).problems == {"invalid"}
