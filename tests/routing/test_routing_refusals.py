"""Fields that upstreams refuse, found in their error bodies."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictwire.routing import ADDED_FIELDS, Refusals, named_field, named_fields
from strictwire.routing.refusals import MAX_BODY_BYTES, MAX_PAIRS

OPENAI = {
    "error": {
        "message": "Unrecognized request argument supplied: return_progress",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
}
# (body, the fields it names)
BODIES: list[tuple[object, tuple[str, ...]]] = [
    (OPENAI, ("return_progress",)),
    ({"error": {"message": "Unknown parameter.", "param": "stream_options"}}, ("stream_options",)),
    (
        {"error": {"message": "No.", "param": "stream_options.include_obfuscation"}},
        ("include_obfuscation",),
    ),
    (
        {"error": {"message": "Unknown parameter: 'stream_options.include_obfuscation'."}},
        ("include_obfuscation",),
    ),
    (
        {
            "detail": [
                {
                    "type": "extra_forbidden",
                    "loc": ["body", "return_progress"],
                    "msg": "Extra inputs are not permitted",
                    "input": True,
                }
            ]
        },
        ("return_progress",),
    ),
    (
        {"detail": [{"loc": ["body", "stream_options", "include_obfuscation"], "msg": "x"}]},
        ("include_obfuscation",),
    ),
    ({"detail": "Unexpected fields in the request: {'return_progress'}"}, ("return_progress",)),
    (
        {"detail": "Unexpected fields in the request: {'stream_options', 'return_progress'}"},
        ("return_progress", "stream_options"),
    ),
    ({"error": "unknown field: stream_options"}, ("stream_options",)),
    ({"message": "stream_options is not supported"}, ("stream_options",)),
    ({"object": "error", "message": "x", "param": "stream_options"}, ("stream_options",)),
    ("json: unknown field return_progress", ("return_progress",)),
    # Named by accident: as a part of another word, in what the error repeats of the request.
    ({"error": {"message": "my_return_progress is wrong"}}, ()),
    ({"error": {"message": "return_progressive is wrong"}}, ()),
    ({"detail": [{"loc": ["body", "messages"], "input": "return_progress"}]}, ()),
    ({"detail": [{"loc": ["body", "x"], "input": {"return_progress": True}}]}, ()),
    ({"error": {"message": "x [type=a, input_value='return_progress', b=1]"}}, ()),
    ({"error": {"message": "temperature must be positive", "param": "temperature"}}, ()),
    # Nothing that could name one.
    ({"error": None}, ()),
    ({"error": {"message": 5, "param": ["return_progress"]}}, ()),
    ({"detail": {"return_progress": 1}}, ()),
    ({"detail": ["return_progress", {"loc": "return_progress"}, None]}, ()),
    ([], ()),
    (5, ()),
]


@pytest.mark.parametrize(("body", "names"), BODIES)
@pytest.mark.parametrize("status", [400, 422])
def test_named_fields(body: object, names: tuple[str, ...], status: int) -> None:
    raw = json.dumps(body).encode()
    assert named_fields(status, raw, ADDED_FIELDS) == names
    assert named_field(status, raw, ADDED_FIELDS) == (names[0] if names else None)


def test_a_bare_text_may_name_one() -> None:
    assert named_field(400, b"unknown field return_progress\n", ADDED_FIELDS) == "return_progress"
    assert named_field(400, b"\xff stream_options", ADDED_FIELDS) == "stream_options"


@pytest.mark.parametrize("status", [200, 401, 404, 413, 429, 500])
def test_other_statuses_name_none(status: int) -> None:
    assert named_field(status, json.dumps(OPENAI).encode(), ADDED_FIELDS) is None


def test_only_candidates_are_named() -> None:
    assert named_field(400, json.dumps(OPENAI).encode(), ["stream_options"]) is None
    assert named_field(400, json.dumps(OPENAI).encode(), []) is None


def test_bodies_beyond_the_bounds_name_none() -> None:
    assert named_field(400, b"return_progress" + b" " * MAX_BODY_BYTES, ADDED_FIELDS) is None
    assert named_field(400, b"[" * 60_000, ADDED_FIELDS) is None


@given(st.binary(max_size=200))
def test_no_body_is_too_strange(body: bytes) -> None:
    named_fields(400, body, ADDED_FIELDS)


def test_learning_makes_another_one() -> None:
    before = Refusals()
    after = before.learned("one", "m", "return_progress").learned("one", "m", "stream_options")
    assert before.fields("one", "m") == frozenset()
    assert after.fields("one", "m") == {"return_progress", "stream_options"}
    assert after.fields("one", "other") == after.fields("two", "m") == frozenset()


def test_the_oldest_makes_room() -> None:
    refusals = Refusals()
    for number in range(MAX_PAIRS):
        refusals = refusals.learned("one", str(number), "a")
    refusals = refusals.learned("one", "0", "b").learned("one", "new", "a")
    assert len(refusals.by_pair) == MAX_PAIRS
    assert refusals.fields("one", "0") == {"a", "b"}  # learned again, so no longer the oldest
    assert refusals.fields("one", "1") == frozenset()
    assert refusals.fields("one", "new") == {"a"}
