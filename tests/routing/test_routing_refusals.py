"""Fields that upstreams refuse, found in their error bodies."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictwire.routing import ADDED_FIELDS, Refusals, joins_fields, refused_fields, refuses_way
from strictwire.routing.refusals import MAX_BODY_BYTES, MAX_MODEL_CHARACTERS, MAX_PLACES

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
def test_fields_that_the_gateway_added(body: object, names: tuple[str, ...], status: int) -> None:
    assert refused_fields(status, json.dumps(body).encode(), added=ADDED_FIELDS) == names


def test_a_bare_text_may_name_one() -> None:
    for body in (b"unknown field return_progress\n", b"\xff return_progress"):
        assert refused_fields(400, body, added=ADDED_FIELDS) == ("return_progress",)


@pytest.mark.parametrize("status", [200, 401, 404, 413, 429, 500])
def test_other_statuses_name_none(status: int) -> None:
    assert refused_fields(status, json.dumps(OPENAI).encode(), added=ADDED_FIELDS) == ()
    assert not refuses_way(status, b"streaming is not supported", asked_stream=True)


def test_only_candidates_are_named() -> None:
    assert refused_fields(400, json.dumps(OPENAI).encode(), added=["stream_options"]) == ()
    assert refused_fields(400, json.dumps(OPENAI).encode()) == ()


def test_bodies_beyond_the_bounds_name_none() -> None:
    huge = b"return_progress" + b" " * MAX_BODY_BYTES
    assert refused_fields(400, huge, added=ADDED_FIELDS) == ()
    assert refused_fields(400, b"[" * 60_000, added=ADDED_FIELDS) == ()


# ---- fields that the client sent ----

SENT = ("user", "seed", "top_k", "min_p", "temperature", "max_tokens", "reasoning_effort", "store")


def extra(*path: str) -> dict[str, object]:
    return {"type": "extra_forbidden", "loc": list(path), "msg": "Extra inputs are not permitted"}


# How servers say that they do not know or support a field, and what they name.
UNKNOWN: list[tuple[object, tuple[str, ...]]] = [
    (
        {
            "error": {
                "message": "Unsupported parameter: 'max_tokens' is not supported with this model. "
                "Use 'max_completion_tokens' instead.",
                "param": "max_tokens",
                "code": "unsupported_parameter",
            }
        },
        ("max_tokens",),
    ),
    (
        {
            "error": {
                "message": "Unsupported value: 'temperature' does not support 0.2 with this "
                "model. Only the default (1) value is supported.",
                "param": "temperature",
                "code": "unsupported_value",
            }
        },
        ("temperature",),
    ),
    (
        {"error": {"message": "Unrecognized request arguments supplied: seed, user"}},
        ("user", "seed"),
    ),
    ({"error": {"message": "No.", "param": "top_k", "code": "unknown_parameter"}}, ("top_k",)),
    ({"error": {"message": "property 'seed' is unsupported"}}, ("seed",)),
    (
        {
            "error": {
                "message": 'Invalid JSON payload received. Unknown name "seed": Cannot find field.'
            }
        },
        ("seed",),
    ),
    ({"detail": [extra("body", "top_k"), extra("body", "min_p")]}, ("top_k", "min_p")),
    ({"detail": [extra("body", "function-wrap[__log_extra_fields__()]", "top_k")]}, ("top_k",)),
    ({"detail": [extra("body", "ChatRequest", "top_k")]}, ("top_k",)),
    (
        {
            "message": "[{'type': 'extra_forbidden', 'loc': ('body', 'min_p'), 'msg': "
            "'Extra inputs are not permitted', 'input': 'user seed'}]"
        },
        ("min_p",),
    ),
    (
        "2 validation errors for Request\ntop_k\n  Extra inputs are not permitted "
        "[type=extra_forbidden, input_value=5, input_type=int]\ntemperature\n  Input should be "
        "less than 2 [type=less_than, input_value=5, input_type=int]\n",
        ("top_k",),
    ),
    ({"error": "additional properties are not allowed ('store' was unexpected)"}, ("store",)),
    ({"detail": "create() got an unexpected keyword argument 'top_k'"}, ("top_k",)),
    ({"message": "seed is not supported"}, ("seed",)),
    ({"message": "This model does not support the temperature parameter."}, ("temperature",)),
    ({"message": "reasoning_effort unsupported here"}, ("reasoning_effort",)),
]
# Where the value is what is wrong, or the name stands for something else.
NOT_UNKNOWN: list[object] = [
    {"error": {"message": "temperature must be at most 2", "param": "temperature"}},
    {
        "error": {
            "message": "temperature must be between 0 and 2; 5 is not supported",
            "param": "temperature",
        }
    },
    {"detail": [{"loc": ["body", "top_k"], "msg": "Unsupported value: larger than 100"}]},
    {"message": "seed is too large and not supported"},
    {"error": {"message": "Invalid value", "param": "seed", "code": "invalid_value"}},
    {"detail": [{"type": "int_parsing", "loc": ["body", "top_k"], "msg": "should be an integer"}]},
    {"detail": [extra("body", "messages", "0", "user")]},
    {"error": {"message": "Unknown parameter: 'messages[0].user'.", "param": "messages[0].user"}},
    {"error": {"message": "Unknown parameter: 'tools.seed'."}},
    {"error": {"message": "Image content is unsupported in a user message."}},
    {"error": {"message": "Unknown field. The seed was fine."}},
    {"error": {"message": "Unsupported: 'seed' goes with 'top_k'", "param": "messages"}},
    {"error": {"message": "Unsupported parameter: 'n'", "param": "n", "code": "unknown_parameter"}},
    {"detail": [{"loc": ["body", "x"], "msg": "Extra inputs are not permitted", "input": "seed"}]},
]  # fmt: skip


@pytest.mark.parametrize(("body", "names"), UNKNOWN)
def test_fields_of_the_client_that_are_called_unknown(body: object, names: tuple[str, ...]) -> None:
    assert refused_fields(400, json.dumps(body).encode(), sent=SENT) == names


@pytest.mark.parametrize("body", NOT_UNKNOWN)
def test_a_wrong_value_is_the_clients_to_mend(body: object) -> None:
    assert refused_fields(400, json.dumps(body).encode(), sent=SENT) == ()


# ---- the way in which a reply is asked for ----


@pytest.mark.parametrize(
    ("text", "as_stream", "as_object"),
    [
        ("Streaming is not supported by this model.", True, True),
        ("Unsupported value: 'stream' does not support true with this model.", True, True),
        ("This model only support stream mode, please enable the stream parameter.", False, True),
        ("Stream must be set to true", False, True),
        ("stream_options is only allowed when stream is enabled", False, False),
        ("stream must be a boolean", False, True),  # one try more, and the same answer
        ("The model is overloaded.", False, False),
        ("Unknown model. Streaming was fine.", False, False),
        ("An upstream field is not supported.", False, False),
    ],
)
def test_a_way_that_is_refused(text: str, as_stream: bool, as_object: bool) -> None:
    for value in (text, {"error": text}, {"error": {"message": text}}, {"detail": [{"msg": text}]}):
        body = json.dumps(value).encode()
        assert refuses_way(400, body, asked_stream=True) == as_stream
        assert refuses_way(422, body, asked_stream=False) == as_object


@pytest.mark.parametrize(
    ("text", "joins"),
    [
        ("logprobs is not supported with tools + stream", True),
        ("Streaming is not supported for n > 1.", True),
        ("Streaming is not supported by this model.", False),
        ("stream is not supported for this user: see messages and input", False),
        ("tool_choice was fine. Streaming is not supported.", False),
        ("logprobs is not supported with tools", False),  # no way was refused
    ],
)
def test_a_way_that_is_refused_of_one_request_alone(text: str, joins: bool) -> None:
    sent = ("model", "messages", "input", "user", "stream", "n", "logprobs", "tools", "tool_choice")
    body = json.dumps({"error": {"message": text}}).encode()
    assert joins_fields(400, body, sent, asked_stream=True) == joins
    assert not joins_fields(400, body, ("model", "messages", "stream"), asked_stream=True)


@given(st.binary(max_size=200))
def test_no_body_is_too_strange(body: bytes) -> None:
    refused_fields(400, body, added=ADDED_FIELDS, sent=SENT)
    refuses_way(400, body, asked_stream=True)


# ---- what was learned ----


def test_learning_makes_another_one() -> None:
    before = Refusals()
    after = before.learned("one", "m", "return_progress").learned("one", "m", "stream_options")
    assert before.fields("one", "m") == frozenset()
    assert after.fields("one", "m") == {"return_progress", "stream_options"}
    assert after.fields("one", "other") == after.fields("two", "m") == frozenset()


def test_the_oldest_makes_room() -> None:
    refusals = Refusals()
    for number in range(MAX_PLACES):
        refusals = refusals.learned("one", str(number), "a")
    refusals = refusals.learned("one", "0", "b").learned("one", "new", "a")
    assert len(refusals.by_place) == MAX_PLACES
    assert refusals.fields("one", "0") == {"a", "b"}  # learned again, so no longer the oldest
    assert refusals.fields("one", "1") == frozenset()
    assert refusals.fields("one", "new") == {"a"}


def test_endless_names_fill_no_memory() -> None:
    refusals = Refusals().learned("one", "m" * (MAX_MODEL_CHARACTERS + 1), "a")
    assert not refusals.by_place
