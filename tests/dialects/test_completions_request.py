"""A text completion request's body: what is refused and how it is said, what passes."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictwire.dialects.completions import CompletionsRequest, parse_request
from strictwire.dialects.completions.request import MAX_COMPLETIONS
from strictwire.dialects.model_request import UpstreamAsk
from strictwire.model.errors import CallerError

MARK = "zebra-7f3a"
HEALTHY = f'{{"model":"m","prompt":"{MARK}"}}'


def asked(prompt: Any = "hi", **fields: Any) -> CompletionsRequest:
    return parse_request(json.dumps({"model": "m", "prompt": prompt, **fields}).encode())


def refusal_of(body: bytes) -> CallerError:
    with pytest.raises(CallerError) as caught:
        parse_request(body)
    return caught.value


TYPE, VALUE, MISSING = "invalid_type", "invalid_value", "missing_required_parameter"
BAD: list[tuple[str, str, str]] = [
    ('"stream":"yes"', "stream", TYPE),
    ('"stream_options":{"include_usage":1}', "stream_options.include_usage", TYPE),
    ('"n":"2"', "n", TYPE),
    ('"n":0', "n", VALUE),
    ('"n":129', "n", VALUE),
    ('"best_of":1.5', "best_of", TYPE),
    ('"best_of":9223372036854775808', "best_of", VALUE),
    ('"echo":1', "echo", TYPE),
    ('"logprobs":true', "logprobs", TYPE),
    ('"max_tokens":"5"', "max_tokens", TYPE),
    ('"max_tokens":9223372036854775808', "max_tokens", VALUE),
    ('"suffix":5', "suffix", TYPE),
    ('"temperature":"hot"', "temperature", TYPE),
    ('"top_p":[]', "top_p", TYPE),
    ('"stop":[5]', "stop[0]", TYPE),
    ('"logit_bias":{"5":"x"}', "logit_bias[...]", TYPE),
    ('"user":{}', "user", TYPE),
    ('"temperature":NaN', "temperature", "invalid_json"),
    ('"stop":"a","stop":"b"', "stop", "invalid_json"),
]
BAD_PROMPTS: list[tuple[str, str, str]] = [
    ("5", "prompt", TYPE),
    ('{"text":"zebra-7f3a"}', "prompt", TYPE),
    ("[]", "prompt", VALUE),
    ("[[]]", "prompt[0]", VALUE),
    ("[[1],[]]", "prompt[1]", VALUE),
    ('["zebra-7f3a",5]', "prompt[1]", TYPE),
    ("[5,[5]]", "prompt[1]", TYPE),
    ("[1,2.5]", "prompt[1]", TYPE),
    ("[true]", "prompt[0]", TYPE),
    ("[null]", "prompt[0]", TYPE),
    ('[["zebra-7f3a"]]', "prompt[0][0]", TYPE),
]


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        *((f"{HEALTHY[:-1]},{text}}}", param, code) for text, param, code in BAD),
        *((f'{{"model":"m","prompt":{text}}}', param, code) for text, param, code in BAD_PROMPTS),
        (f'{{"prompt":"{MARK}"}}', "model", MISSING),
        (f'{{"model":" ","prompt":"{MARK}"}}', "model", VALUE),
        ('{"model":"m"}', "prompt", MISSING),
        ('{"model":"m","messages":[]}', "prompt", MISSING),
    ],
)
def test_a_bad_body_is_a_400_that_names_the_field_and_repeats_nothing(
    body: str, param: str, code: str
) -> None:
    error = refusal_of(body.encode())
    assert (error.status, error.param, error.code) == (400, param, code)
    assert f"'{param}'" in error.message
    assert error.message.endswith(".")
    assert MARK not in f"{error.message} {error!r}"


@pytest.mark.parametrize(
    ("prompt", "n", "choices"),
    [
        ("hi", None, 1),
        ("", None, 1),
        (None, None, 1),
        ("hi", 3, 3),
        (["hi"], None, 1),
        (["hi", "ho"], None, 2),
        (["hi", "ho"], 3, 6),
        ([1, 2, 3], None, 1),
        ([1, 2, 3], 2, 2),
        ([[1], [2, 3]], 2, 4),
    ],
)
def test_the_choices_that_were_asked_for_are_counted(prompt: Any, n: Any, choices: int) -> None:
    assert asked(prompt, n=n).choices == choices


def test_no_reply_is_asked_for_that_could_not_be_held() -> None:
    assert asked(["x"] * (MAX_COMPLETIONS // 128), n=128).choices == MAX_COMPLETIONS
    body = json.dumps({"model": "m", "prompt": ["x"] * (MAX_COMPLETIONS + 1)}).encode()
    assert refusal_of(body).param == "prompt"


def test_what_was_asked_is_read() -> None:
    request = asked(stream=True, stream_options={"include_usage": True})
    assert (request.model, request.is_stream, request.includes_usage) == ("m", True, True)
    assert not asked(stream_options={"include_usage": True}).includes_usage
    assert asked().tools == frozenset()


def test_a_body_that_needs_no_change_goes_as_it_came() -> None:
    body = b'{ "model":"m", "prompt" : [1, 2],"top_k":4e1 }'
    request = parse_request(body)
    assert request.upstream_body(UpstreamAsk("m", is_stream=False)) == body
    changed = request.upstream_body(UpstreamAsk("o", is_stream=True, asks_usage=True))
    assert b'"top_k":4e1' in changed
    assert json.loads(changed) == {
        "model": "o",
        "prompt": [1, 2],
        "top_k": 40.0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.properties
@given(st.integers(0, len(HEALTHY) - 1), st.binary(min_size=1, max_size=3))
def test_a_spoiled_body_passes_or_is_refused(place: int, noise: bytes) -> None:
    body = HEALTHY.encode()
    with contextlib.suppress(CallerError):
        parse_request(body[:place] + noise + body[place:])
