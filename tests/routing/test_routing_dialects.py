"""Which dialect an upstream is asked in, and what counts as a path that is not there."""

from __future__ import annotations

import json

import pytest

from strictwire.model.errors import CallerError
from strictwire.model.request import Dialect
from strictwire.routing import (
    Refusals,
    dialect_refusal,
    dialects_refused,
    lacks_endpoint,
    upstream_dialect,
)
from strictwire.routing.dialects import DIALECTS, MAX_BODY_BYTES


@pytest.mark.parametrize("client", DIALECTS)
def test_auto_asks_in_the_clients_own_dialect_until_it_is_missing(client: Dialect) -> None:
    assert upstream_dialect(client, (), ()) == client
    assert upstream_dialect(client, (), {client}) == "chat"
    others = set(DIALECTS) - {client}
    assert upstream_dialect(client, (), others) == client


@pytest.mark.parametrize(
    ("client", "listed", "asked"),
    [
        ("responses", ("chat",), "chat"),
        ("messages", ("responses", "chat"), "chat"),
        ("messages", ("messages", "responses"), "messages"),
        ("chat", ("messages", "responses"), "responses"),
        ("chat", ("messages",), "messages"),
        ("completions", ("completions", "chat"), "completions"),
        ("completions", ("responses",), "responses"),
        ("responses", ("completions", "messages"), "messages"),
    ],
)
def test_of_a_list_the_own_dialect_or_the_first_that_stands_in(
    client: Dialect, listed: tuple[Dialect, ...], asked: Dialect
) -> None:
    assert upstream_dialect(client, listed, ()) == asked
    assert upstream_dialect(client, listed, DIALECTS) == asked, "a list is never overruled"


def test_a_list_in_which_nothing_stands_in() -> None:
    with pytest.raises(CallerError) as caught:
        upstream_dialect("messages", ("completions",), ())
    assert (caught.value.status, caught.value.code) == (404, "dialect_not_served")


def test_missing_dialects_travel_among_the_refused_fields() -> None:
    names = {"top_k", dialect_refusal("responses"), dialect_refusal("messages")}
    assert dialects_refused(names) == {"responses", "messages"}
    assert dialects_refused({"top_k", "messages"}) == frozenset()


def test_what_was_learned_of_one_provider_is_not_held_against_another() -> None:
    before = Refusals()
    after = before.learned_missing("one", "responses").learned_missing("one", "messages")
    assert after.missing("one") == {"responses", "messages"}
    assert after.missing("two") == before.missing("one") == frozenset()


def test_a_field_is_refused_in_one_dialect_only() -> None:
    refusals = (
        Refusals().learned("one", "m", "max_tokens", "chat").learned_missing("one", "messages")
    )
    assert refusals.fields("one", "m", "chat") == refusals.fields("one", "m") == {"max_tokens"}
    assert refusals.fields("one", "m", "messages") == frozenset()


# How servers say that they have no such path.
NO_PATH: dict[str, object] = {
    "transformers, vLLM, FastAPI": {"detail": "Not Found"},
    "mlx-lm": "Not Found",
    "llama.cpp": {"error": {"message": "File Not Found", "type": "not_found_error", "code": 404}},
    "Ollama": "404 page not found",
    "Express": "<!DOCTYPE html><pre>Cannot POST /v1/responses</pre>",
    "a page of many words": "\n<html><title>Not found</title>See all our models</html>",
    "OpenAI": {
        "error": {
            "message": "Invalid URL (POST /v1/messages)",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
    },
    "Anthropic": {"type": "error", "error": {"type": "not_found_error", "message": "Not Found"}},
    "LM Studio": {"error": "Unexpected endpoint or method. (POST /v1/messages)"},
    "LocalAI": {"error": {"code": 404, "message": "Not Found", "type": ""}},
    "nothing": "",
    "a number": "404",
    "a list": [1],
    "a page": "<p>" + "model " * MAX_BODY_BYTES,
    "a name inside a word": {"detail": "There is no tiny-m here, /v1/m neither"},
}
# How they say that they do not have the model.
NO_MODEL: dict[str, object] = {
    "OpenAI": {"error": {"message": "No access.", "param": None, "code": "model_not_found"}},
    "OpenAI, by field": {"error": {"message": "Not here.", "param": "model", "code": None}},
    "OpenAI, in words": {"error": {"message": "The model `x` does not exist", "code": None}},
    "vLLM": {"object": "error", "message": "No.", "type": "NotFoundError", "param": "model"},
    "Ollama": {"error": {"message": 'model "x" not found, try pulling it first'}},
    "Anthropic": {"type": "error", "error": {"type": "not_found_error", "message": "model: x"}},
    "Azure": {"error": {"code": "DeploymentNotFound", "message": "It does not exist."}},
    "transformers": {"detail": "Server is pinned to 'tiny/hf'; requested 'm'."},
    "a bare string": {"error": "No such adapter."},
    "text": "no model of that name",
}


@pytest.mark.parametrize("name", NO_PATH)
@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_path_that_is_not_there(name: str, status: int) -> None:
    assert lacks_endpoint(status, _body(NO_PATH[name]), "m")


@pytest.mark.parametrize("name", NO_MODEL)
def test_a_model_that_is_not_there(name: str) -> None:
    assert not lacks_endpoint(404, _body(NO_MODEL[name]), "m")


@pytest.mark.parametrize("status", [200, 400, 401, 403, 410, 422, 429, 500, 502, 503])
def test_no_other_status_says_that_a_path_is_missing(status: int) -> None:
    assert not lacks_endpoint(status, b'{"detail":"Not Found"}', "m")


def test_a_body_that_is_made_to_be_deep_is_no_word_of_a_model() -> None:
    deep = {"error": {"error": {"error": {"error": {"message": "model"}}}}}
    assert lacks_endpoint(404, _body(deep), "m")
    assert lacks_endpoint(404, b"[" * 50_000, "m")


def _body(told: object) -> bytes:
    return told.encode() if isinstance(told, str) else json.dumps(told).encode()
