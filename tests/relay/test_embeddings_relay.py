"""Embeddings replies: each known shape, what passes untouched, and what is no reply at all."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictwire.lab.embeddings import EMBEDDINGS_SCENARIOS, EmbeddingsScenario, as_base64, vector_of
from strictwire.lab.embeddings import EmbeddingsAsk as LabAsk
from strictwire.model.embeddings import EmbeddingsAsk
from strictwire.model.request import Promise
from strictwire.relay.embeddings import make_embeddings_relay
from strictwire.repairs.embeddings import EMBEDDINGS_RULES

PROMISE = Promise(id="1", created=1, model="m", is_stream=False)
ONE, TWO = [0.5, -0.25], [1.0, 2.0]


def packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def entry(index: int, vector: Any) -> dict[str, Any]:
    return {"object": "embedding", "index": index, "embedding": vector}


def reply(*entries: Any, **more: Any) -> dict[str, Any]:
    told = {"object": "list", "data": list(entries), "model": "m"}
    return told | {"usage": {"prompt_tokens": 3, "total_tokens": 3}} | more


def without(value: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value[name] for name in value if name not in names}


HEALTHY = reply(entry(0, ONE), entry(1, TWO))
PACKED = reply(entry(0, packed(ONE)), entry(1, packed(TWO)))
ASK = EmbeddingsAsk(inputs=2)
ASK_BASE64 = EmbeddingsAsk(inputs=2, encoding="base64")


class Played:
    """One reply through a relay of its own."""

    def __init__(self, value: Any, ask: EmbeddingsAsk = ASK, promise: Promise = PROMISE) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        relay = make_embeddings_relay(promise, ask=ask)
        for place in range(0, len(body), 7):
            assert relay.feed(body[place : place + 7]) == b""
        self.out = relay.finish()
        self.repairs = relay.repairs
        self.failure = relay.failure
        self.knows_usage = relay.knows_usage
        assert relay.is_done is relay.is_meaningful is (relay.failure is None)
        assert relay.wants_attention
        assert relay.feed(b"more") == relay.finish() == b""

    @property
    def value(self) -> Any:
        assert self.failure is None, self.failure
        return json.loads(self.out)


# ---- what is right already ----


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(HEALTHY).encode(),
        json.dumps(HEALTHY, indent=2).encode() + b"\n",
        b"\n\n " + json.dumps(HEALTHY | {"extra": {"a": 1.50}}).encode(),
        json.dumps(reply(entry(0, [1, -2]), entry(1, [0, 0])) | {"model": "other"}).encode(),
    ],
)
def test_a_reply_that_is_right_passes_byte_for_byte(body: bytes) -> None:
    result = Played(body)
    assert (result.out, result.repairs, result.knows_usage) == (body, set(), True)


def test_so_does_base64_where_it_was_asked_for() -> None:
    body = json.dumps(PACKED).encode()
    assert Played(body, ASK_BASE64).out == body


def test_and_an_encoding_that_only_the_upstream_knows() -> None:
    for value in (HEALTHY, PACKED):
        body = json.dumps(value).encode()
        assert Played(body, EmbeddingsAsk(2, None)).out == body


# ---- what is mended ----

# (what the upstream sent, the rules that mend it); each comes out as HEALTHY.
MENDED: list[tuple[Any, set[str]]] = [
    ([ONE, TWO], {"shape", "order", "envelope", "usage"}),
    ([entry(0, ONE), entry(1, TWO)], {"shape", "envelope", "usage"}),
    ({"embeddings": [ONE, TWO], "model": "m", "prompt_eval_count": 3},
     {"shape", "order", "envelope", "usage"}),
    (HEALTHY | {"data": [ONE, TWO]}, {"shape", "order", "envelope"}),
    (HEALTHY | {"data": [entry(0, [ONE]), entry(1, [TWO])]}, {"shape"}),
    ([{"index": 0, "embedding": [ONE]}, {"index": 1, "embedding": [TWO]}],
     {"shape", "envelope", "usage"}),
    (HEALTHY | {"data": [entry(1, TWO), entry(0, ONE)]}, {"order"}),
    (HEALTHY | {"data": [entry(0, ONE), entry(0, TWO)]}, {"order"}),
    (HEALTHY | {"data": [entry(1, ONE), entry(2, TWO)]}, {"order"}),
    (HEALTHY | {"data": [without(entry(0, ONE), "index"), entry(1, TWO)]}, {"order"}),
    (HEALTHY | {"data": [without(entry(0, ONE), "object"), entry(1, TWO)]}, {"envelope"}),
    (without(HEALTHY, "object"), {"envelope"}),
    (without(HEALTHY, "model"), {"envelope"}),
    (HEALTHY | {"model": ""}, {"envelope"}),
    (HEALTHY | {"object": "embeddings"}, {"envelope"}),
    (HEALTHY | {"usage": {"prompt_tokens": 3}}, {"usage"}),
    (HEALTHY | {"usage": {"total_tokens": 3, "prompt_tokens": None}}, {"usage"}),
    (PACKED, {"encoding"}),
    (HEALTHY | {"data": [entry(0, ONE), entry(1, packed(TWO))]}, {"encoding"}),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "rules"), MENDED)
def test_each_shape_becomes_the_promised_one(sent: Any, rules: set[str]) -> None:
    result = Played(sent)
    told = without(result.value, "prompt_eval_count")
    if not result.knows_usage:
        assert told["usage"] == {"prompt_tokens": 0, "total_tokens": 0}
        told["usage"] = HEALTHY["usage"]
    assert told == HEALTHY
    assert result.repairs == {f"embeddings.{rule}" for rule in rules}
    again = Played(result.out)
    assert (again.out, again.repairs) == (result.out, set()), "once is enough"


@pytest.mark.parametrize("sent", [HEALTHY, {"embeddings": [ONE, packed(TWO)]}])
def test_numbers_become_base64_where_that_was_asked_for(sent: Any) -> None:
    result = Played(sent, ASK_BASE64)
    assert [one["embedding"] for one in result.value["data"]] == [packed(ONE), packed(TWO)]
    assert "embeddings.encoding" in result.repairs


@pytest.mark.parametrize("key", ["embedding", "data"])
def test_one_vector_alone(key: str) -> None:
    result = Played({key: ONE, "model": "m"}, EmbeddingsAsk(1))
    assert result.value["data"] == [entry(0, ONE)]


def test_usage_that_nobody_told_is_unknown() -> None:
    assert not Played(without(HEALTHY, "usage")).knows_usage
    assert not Played(HEALTHY | {"usage": None}).knows_usage
    assert Played({"embeddings": [ONE, TWO], "prompt_eval_count": 3}).knows_usage


def test_extra_fields_stay() -> None:
    sent = without(HEALTHY, "object") | {
        "took": 5,
        "data": [entry(0, ONE) | {"x": 1}, entry(1, TWO)],
    }
    told = Played(sent).value
    assert (told["took"], told["data"][0]["x"]) == (5, 1)


def test_an_alias_is_shown_as_it_was_asked_for() -> None:
    pinned = replace(PROMISE, model="alias", is_model_pinned=True)
    result = Played(HEALTHY, promise=pinned)
    assert (result.value["model"], result.repairs) == ("alias", set())


@pytest.mark.parametrize("rule", EMBEDDINGS_RULES, ids=lambda rule: rule.name)
def test_a_rule_that_is_switched_off_does_nothing(rule: Any) -> None:
    off = replace(PROMISE, modes={rule.name: "off"})
    for sent, _ in MENDED:
        assert (rule.name in Played(sent, promise=off).repairs) <= rule.is_foundation


@pytest.mark.parametrize("row", EMBEDDINGS_SCENARIOS.values(), ids=lambda row: row.name)
@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_what_the_lab_plants_is_found_and_mended(row: EmbeddingsScenario, encoding: Any) -> None:
    asked = LabAsk("m", ("one", "two"), is_base64=encoding == "base64")
    body = b"".join(piece for piece in row.reply(asked).frames if isinstance(piece, bytes))
    result = Played(body, EmbeddingsAsk(2, encoding))
    assert result.repairs == set(row.base64_rules if asked.is_base64 else row.rules)
    assert (result.failure is not None) is row.fails
    if result.failure is None:
        due = [vector_of(text) for text in ("one", "two")]
        told = [one["embedding"] for one in result.value["data"]]
        assert told == ([as_base64(vector) for vector in due] if asked.is_base64 else due)
        assert result.knows_usage is row.tells_usage


# ---- what is no reply ----

ERRORS: list[Any] = [
    {"error": "too long"},
    {"error": {"message": "too long"}},
    {"detail": "too long"},
    {"message": "too long"},
    {"object": "error", "message": "too long"},
    {"error": "too long", "data": []},
    {"base_resp": {"status_code": 1004, "status_msg": "too long"}},
]


@pytest.mark.parametrize("sent", ERRORS)
def test_an_error_under_200_is_an_error(sent: Any) -> None:
    failure = Played(sent).failure
    assert failure is not None
    assert failure.message == "too long"
    assert failure.status >= 400


NONSENSE: list[Any] = [
    b"", b"{", b"null", b"5", b'"text"', b"[]", b"{}", b"\xff\xfe", b"data: {}\n\n", b"[" * 100_000,
    b'{"data":[{"embedding":["a"]},{"embedding":[1]}]}',
    b'{"data":[{"embedding":[1e999]},{"embedding":[1]}]}',
    b'{"data":[{"embedding":[NaN]},{"embedding":[1]}]}',
    b'{"data":[{"embedding":[' + b"9" * 400 + b']},{"embedding":[1]}]}',
    {"data": None}, {"data": {}}, {"data": [1, 2]}, {"data": [None, None]}, {"data": "x"},
    reply(entry(0, []), entry(1, TWO)), reply(entry(0, None), entry(1, TWO)),
    reply(entry(0, [ONE, TWO]), entry(1, TWO)), reply(entry(0, ""), entry(1, TWO)),
    reply(entry(0, [True]), entry(1, TWO)), reply(entry(0, {}), entry(1, TWO)),
    # Not as many as there were inputs.
    reply(entry(0, ONE)), reply(entry(0, ONE), entry(1, TWO), entry(2, TWO)), [ONE],
]  # fmt: skip


@pytest.mark.parametrize("sent", NONSENSE, ids=lambda sent: str(sent)[:40])
@pytest.mark.parametrize("ask", [ASK, ASK_BASE64], ids=["float", "base64"])
def test_nonsense_is_a_502(sent: Any, ask: EmbeddingsAsk) -> None:
    result = Played(sent, ask)
    assert result.failure is not None
    assert (result.failure.status, result.failure.code) == (502, "upstream_malformed")


@pytest.mark.parametrize("text", ["not base64!", "AAA", "AADAfw=="])  # the last is a NaN
def test_base64_that_is_no_vector_is_not_made_one(text: str) -> None:
    result = Played(reply(entry(0, text)), EmbeddingsAsk(1))
    assert result.failure is not None


def test_a_reply_over_the_limit_is_an_error_at_once() -> None:
    relay = make_embeddings_relay(replace(PROMISE, max_reply_bytes=10), ask=ASK)
    assert relay.feed(b"x" * 11) == b""
    assert relay.failure is not None
    assert relay.failure.code == "upstream_reply_too_large"
    assert relay.finish() == b""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["data", "embedding", "embeddings", "index", "object", "usage", "error"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(JSON, st.sampled_from([ASK, ASK_BASE64, EmbeddingsAsk(None, None)]))
def test_whatever_comes_is_a_reply_or_a_failure(value: Any, ask: EmbeddingsAsk) -> None:
    result = Played(value, ask)
    assert (result.failure is None) == bool(result.out)
