"""An embeddings request's body: what is refused and how, what is read, what goes upstream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from strictwire.dialects.embeddings import parse_request
from strictwire.dialects.model_request import UpstreamAsk
from strictwire.model.embeddings import EmbeddingsAsk
from strictwire.model.errors import CallerError

MARK = "do-not-repeat-me"

# (body, the field that is named, the code)
BAD: list[tuple[str, str | None, str]] = [
    ("", None, "invalid_json"),
    ("[]", None, "invalid_json"),
    ('{"model":"m","input":"x"', "input", "invalid_json"),
    ('{"input":"x"}', "model", "missing_required_parameter"),
    ('{"model":"m"}', "input", "missing_required_parameter"),
    ('{"model":5,"input":"x"}', "model", "invalid_type"),
    ('{"model":" ","input":"x"}', "model", "invalid_value"),
    ('{"model":"m","input":null}', "input", "invalid_type"),
    ('{"model":"m","input":5}', "input", "invalid_type"),
    (f'{{"model":"m","input":{{"{MARK}":1}}}}', "input", "invalid_type"),
    ('{"model":"m","input":[]}', "input", "invalid_value"),
    ('{"model":"m","input":[null]}', "input[0]", "invalid_type"),
    ('{"model":"m","input":["x",1.5]}', "input[1]", "invalid_type"),
    ('{"model":"m","input":[[1,"x"]]}', "input[0][1]", "invalid_type"),
    (f'{{"model":"m","input":["{MARK}",1]}}', "input", "invalid_value"),
    ('{"model":"m","input":"x","encoding_format":5}', "encoding_format", "invalid_type"),
    ('{"model":"m","input":"x","dimensions":"3"}', "dimensions", "invalid_type"),
    ('{"model":"m","input":"x","dimensions":0}', "dimensions", "invalid_value"),
    ('{"model":"m","input":"x","user":5}', "user", "invalid_type"),
    ('{"model":"m","input":"x","input":"y"}', "input", "invalid_json"),
    ('{"model":"m","input":["\\ud800"]}', "input[0]", "invalid_json"),
]


@pytest.mark.parametrize(("body", "param", "code"), BAD)
def test_a_bad_body_is_a_400_that_names_the_field_and_repeats_nothing(
    body: str, param: str | None, code: str
) -> None:
    with pytest.raises(CallerError) as caught:
        parse_request(body.encode())
    error = caught.value
    assert (error.status, error.param, error.code) == (400, param, code)
    assert MARK not in error.message


@pytest.mark.parametrize(
    ("told", "ask"),
    [
        ({"input": "x"}, EmbeddingsAsk(1, "float")),
        ({"input": ["x", "y"]}, EmbeddingsAsk(2, "float")),
        ({"input": [1, 2, 3]}, EmbeddingsAsk(1, "float")),
        ({"input": [[1, 2], [3]]}, EmbeddingsAsk(2, "float")),
        ({"input": [{"image": "data:"}, "x"]}, EmbeddingsAsk(2, "float")),
        ({"input": "", "encoding_format": "base64"}, EmbeddingsAsk(1, "base64")),
        ({"input": "x", "encoding_format": None}, EmbeddingsAsk(1, "float")),
        ({"input": "x", "encoding_format": "int8"}, EmbeddingsAsk(1, None)),
    ],
)
def test_what_was_asked_is_read(told: dict[str, Any], ask: EmbeddingsAsk) -> None:
    request = parse_request(json.dumps({"model": "m", **told}).encode())
    assert (request.model, request.ask, request.is_stream) == ("m", ask, False)


def test_the_body_goes_on_as_it_came_or_under_another_name() -> None:
    body = b'{ "model":"m", "input": ["x"], "unknown": 1.0e5 }'
    request = parse_request(body)
    assert request.upstream_body(UpstreamAsk("m", is_stream=False)) == body
    other = request.upstream_body(UpstreamAsk("other", is_stream=False, without=("unknown",)))
    assert json.loads(other) == {"model": "other", "input": ["x"]}
