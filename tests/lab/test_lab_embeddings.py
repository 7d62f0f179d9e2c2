"""Embeddings: what is asked, what each scenario plants, and what the official SDK makes of them."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import AsyncIterator

import pytest
from lab_wire import ask, json_request
from openai import AsyncOpenAI

from relay.playing import PROMISE
from strictwire.lab.embeddings import (
    DIMENSIONS,
    EMBEDDINGS_SCENARIOS,
    EmbeddingsAsk,
    EmbeddingsScenario,
    as_base64,
    vector_of,
)
from strictwire.lab.server import LabServer
from strictwire.model.embeddings import EmbeddingsAsk as Asked
from strictwire.model.errors import CallerError
from strictwire.relay.embeddings import EmbeddingsRelay

TEXTS = ("one two", "three")
ENCODINGS = pytest.mark.parametrize("is_base64", [False, True], ids=["float", "base64"])
EACH = pytest.mark.parametrize("row", EMBEDDINGS_SCENARIOS.values(), ids=lambda row: row.name)


@pytest.fixture
async def server() -> AsyncIterator[LabServer]:
    async with LabServer() as started:
        yield started


def asked(**fields: object) -> EmbeddingsAsk:
    return EmbeddingsAsk.parse(json.dumps({"model": "m", "input": "x", **fields}).encode())


@pytest.mark.parametrize(
    ("told", "texts"),
    [
        ("one", ("one",)),
        (["one", "two"], ("one", "two")),
        ([1, 2], ("1 2",)),
        ([[1, 2], [3]], ("1 2", "3")),
    ],
)
def test_inputs_are_read(told: object, texts: tuple[str, ...]) -> None:
    assert asked(input=told).texts == texts


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": ""}, "model"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": [1.5]}, "input"),
        ({"dimensions": 0}, "dimensions"),
        ({"dimensions": 10**9}, "dimensions"),
    ],
)
def test_a_broken_request_is_a_400_that_names_the_field(
    fields: dict[str, object], param: str
) -> None:
    with pytest.raises(CallerError) as caught:
        asked(**fields)
    assert caught.value.param == param


def test_a_vector_survives_both_encodings() -> None:
    vector = vector_of("text", 40)
    assert len(set(vector)) > 30
    assert list(struct.unpack("<40f", base64.b64decode(as_base64(vector)))) == vector
    assert vector_of("text", 5) == vector[:5]
    assert vector_of("other", 5) != vector[:5]


@ENCODINGS
@EACH
def test_a_row_plants_what_it_says(row: EmbeddingsScenario, is_base64: bool) -> None:
    lab_ask = EmbeddingsAsk("m", TEXTS, is_base64)
    relay = EmbeddingsRelay(PROMISE, Asked(len(TEXTS), "base64" if is_base64 else "float"))
    out = relay.feed(b"".join(row.reply(lab_ask).frames)) + relay.finish()
    assert relay.repairs == set(row.base64_rules if is_base64 else row.rules)
    assert (relay.failure is not None) == row.fails
    if not row.fails:
        told = [one["embedding"] for one in json.loads(out)["data"]]
        assert told == [as_base64(v) if is_base64 else v for v in lab_ask.vectors]
        assert relay.knows_usage == row.tells_usage


@pytest.mark.parametrize("encoding", ["float", "base64", None])
async def test_the_sdk_reads_healthy_vectors(server: LabServer, encoding: str | None) -> None:
    extra = {"encoding_format": encoding} if encoding else {}
    async with AsyncOpenAI(base_url=server.url, api_key="sk-dummy", max_retries=0) as client:
        made = await client.embeddings.create(
            model="embeddings-healthy",
            input=list(TEXTS),
            **extra,  # type: ignore[arg-type]
        )
    expected = [vector_of(text) for text in TEXTS]
    if encoding == "base64":
        assert [one.embedding for one in made.data] == [as_base64(v) for v in expected]  # type: ignore[comparison-overlap]
    else:
        assert [one.embedding for one in made.data] == expected
    assert len(expected[0]) == DIMENSIONS


@pytest.mark.parametrize(
    ("model", "status"), [("error-429", 429), ("error-500-html", 500), ("no-such", 404)]
)
async def test_errors_are_those_of_chat(server: LabServer, model: str, status: int) -> None:
    request = json_request("/v1/embeddings", {"model": model, "input": "x"})
    assert (await ask(server, request)).status == status
