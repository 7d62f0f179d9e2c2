"""Text completions: chat's scenarios in another dialect, and completions' own; also on sockets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any

import pytest
from lab_wire import ask, json_request
from openai import AsyncOpenAI

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios import (
    ALL_SCENARIOS,
    COMPLETIONS_SCENARIOS,
    SCENARIOS,
    SCENARIOS_OF,
    Scenario,
)
from strictwire.lab.scenarios.scenario import COMPLETIONS_ASK
from strictwire.lab.server import LabServer
from strictwire.model.errors import CallerError

HEALTHY = [
    row
    for row in COMPLETIONS_SCENARIOS.values()
    if row.name.startswith("healthy-") or row.name == "completions-echo"
]
CHAT_ONLY = (b'"delta":', b'"message":{', b'"role":', b'"content":')
# They speak chat on purpose.
SPEAK_CHAT = ("completions-chat-shape", "completions-logprobs-chat")


@pytest.fixture
async def server() -> AsyncIterator[LabServer]:
    async with LabServer() as started:
        yield started


def completions_request(model: str, **fields: object) -> bytes:
    return json_request("/v1/completions", {"model": model, "prompt": "hi", **fields})


def asked(prompt: object, **fields: object) -> Ask:
    body = json.dumps({"model": "m", "prompt": prompt, **fields}).encode()
    return Ask.parse(body, dialect="completions")


def values_in(frames: Iterable[bytes]) -> list[Any]:
    text = b"".join(frames).replace(b"\r\n", b"\n")
    lines = [line.removeprefix(b"data: ") for line in text.split(b"\n")]
    return [json.loads(line) for line in lines if line.startswith(b"{")]


# ---- what is asked ----


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ("one", ("one",)),
        (["one", "two"], ("one", "two")),
        ([1, 2, 3], ("1 2 3",)),
        ([[1, 2], [3]], ("1 2", "3")),
        ("", ("",)),
    ],
)
def test_prompts_are_read(prompt: object, prompts: tuple[str, ...]) -> None:
    ask = asked(prompt, echo=True, stream=True)
    assert (ask.dialect, ask.prompts, ask.echoes, ask.is_stream) == (
        "completions",
        prompts,
        True,
        True,
    )


@pytest.mark.parametrize("prompt", [None, [], {}, 1, ["one", 2]])
def test_a_prompt_of_another_type_is_a_400_that_names_it(prompt: object) -> None:
    with pytest.raises(CallerError) as caught:
        asked(prompt)
    assert caught.value.param == "prompt"


# ---- what is said ----


def test_which_rows_speak_which_dialect() -> None:
    told = {name for table in SCENARIOS_OF.values() for name in table}
    assert told == ALL_SCENARIOS.keys()
    assert {
        "healthy-text",
        "finish-empty",
        "error-429",
        "truncated",
    } <= COMPLETIONS_SCENARIOS.keys()
    for name in ("healthy-tools", "healthy-reasoning", "healthy-refusal", "message-beside-delta"):
        assert name not in COMPLETIONS_SCENARIOS
    assert "completions-echo" not in SCENARIOS


@pytest.mark.parametrize("row", HEALTHY, ids=lambda row: row.name)
def test_a_healthy_stream_keeps_the_contract(row: Scenario) -> None:
    chunks = values_in(row.reply(row.ask_in("completions")).frames)
    *said, last = chunks
    assert (last["choices"], all(chunk["usage"] is None for chunk in said)) == ([], True)
    assert {(chunk["id"], chunk["object"]) for chunk in chunks} == {("cmpl-lab", "text_completion")}
    for index, expected in enumerate(row.expect_for(row.ask_in("completions")).choices):
        mine = [c["choices"][0] for c in said if c["choices"][0]["index"] == index]
        assert all(c.keys() == {"index", "text", "logprobs", "finish_reason"} for c in mine)
        assert "".join(choice["text"] for choice in mine) == expected.text
        assert [c["finish_reason"] for c in mine] == [
            *[None] * (len(mine) - 1),
            expected.finish_reason,
        ]
        assert all(choice["text"] for choice in mine[:-1])
        assert mine[-1]["text"] == ""


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("row", COMPLETIONS_SCENARIOS.values(), ids=lambda row: row.name)
def test_nothing_of_chat_is_left(row: Scenario, is_stream: bool) -> None:
    reply = row.reply(replace(row.ask_in("completions"), is_stream=is_stream))
    if row.name in SPEAK_CHAT or reply.status != 200 or reply.is_lazy:
        return
    told = b"".join(reply.frames)
    assert not any(mark in told for mark in CHAT_ONLY)
    assert (b"chatcmpl-" in told) == (row.name == "completions-chat-id")


def test_log_probabilities_stand_side_by_side() -> None:
    row = COMPLETIONS_SCENARIOS["healthy-logprobs"]
    chunks = values_in(row.reply(COMPLETIONS_ASK).frames)
    told = [c["choices"][0]["logprobs"] for c in chunks if c["choices"]][:-1]
    tokens = [token for one in told for token in one["tokens"]]
    offsets = [offset for one in told for offset in one["text_offset"]]
    text = "".join(tokens)
    assert text == row.expect.choices[0].text
    assert [text[at:].startswith(token) for at, token in zip(offsets, tokens, strict=True)]
    (whole,) = values_in(row.reply(replace(COMPLETIONS_ASK, is_stream=False)).frames)
    assert whole["choices"][0]["logprobs"]["text_offset"] == offsets


def test_each_prompt_is_echoed() -> None:
    row = COMPLETIONS_SCENARIOS["completions-echo"]
    texts = [choice.text for choice in row.expect_for(asked(["a", "b"], echo=True)).choices]
    assert [text[0] for text in texts] == ["a", "b"]
    assert not row.expect_for(asked("a")).choices[0].text.startswith("a")


# ---- on the wire ----


async def test_the_sdk_reads_healthy_completions(server: LabServer) -> None:
    async with AsyncOpenAI(base_url=server.url, api_key="sk-dummy", max_retries=0) as client:
        for row in HEALTHY:
            whole = await client.completions.create(model=row.name, prompt=["a", "b"], echo=True)
            texts: dict[int, str] = {}
            stream = await client.completions.create(
                model=row.name, prompt=["a", "b"], echo=True, stream=True
            )
            async for chunk in stream:
                for choice in chunk.choices:
                    texts[choice.index] = texts.get(choice.index, "") + choice.text
            assert [choice.text for choice in whole.choices] == [texts[at] for at in sorted(texts)]


@pytest.mark.parametrize("name", ["healthy-tools", "no-such"])
async def test_what_no_completion_can_say_is_not_there(server: LabServer, name: str) -> None:
    heard = await ask(server, completions_request(name))
    assert (heard.status, json.loads(heard.body)["error"]["code"]) == (404, "model_not_found")


async def test_playback_options_hold_here_too(server: LabServer) -> None:
    heard = await ask(server, completions_request("healthy-text@fault=cut:40", stream=True))
    assert len(heard.body) == 40
    assert server.log[0].path == "/v1/completions"
