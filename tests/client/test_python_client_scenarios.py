"""Every scenario of the lab, straight to the client: no gateway mends the stream before.

What a correct client sees stands in the scenario's own table; the sync and the async client must
both see it, in every dialect, whether a stream or one object was asked for.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from client_ways import AsyncWay, Heard, SyncWay

from strictwire.client import (
    Annotation,
    Answer,
    ApiError,
    ClientError,
    Finish,
    ReasoningSeal,
    Retries,
    Usage,
)
from strictwire.client.question import ClientDialect
from strictwire.lab.scenarios import SCENARIOS_OF, Expect, ExpectedChoice, Scenario
from strictwire.lab.server import LabServer

NO_RETRIES = Retries(count=0)
DIALECTS: tuple[ClientDialect, ...] = ("chat", "responses", "messages")
# This client reads one answer: where a scenario says two, it would be asked for one.
CASES = [
    (name, dialect)
    for dialect in DIALECTS
    for name, row in SCENARIOS_OF[dialect].items()
    if row.choices == 1
]
# What this server tells of its usage is told, wrong as it is; a gateway estimates instead.
WRONG_USAGE = ("messages-zero-input-tokens",)
AT_ONCE = 8


@pytest.fixture(scope="module")
def sync_way() -> Iterator[SyncWay]:
    way = SyncWay()
    yield way
    way.close()


@pytest.mark.parametrize(
    ("name", "dialect"), CASES, ids=[f"{dialect}-{name}" for name, dialect in CASES]
)
def test_a_stream_is_heard_whole(
    name: str, dialect: ClientDialect, sync_way: SyncWay, lab: LabServer
) -> None:
    row = SCENARIOS_OF[dialect][name]
    told = sync_way.hear(lab.url, options=options_of(row), **asked(row, dialect))
    check_stream(row, dialect, told)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("is_stream", [True, False], ids=["streams", "objects"])
def test_many_are_heard_at_once(dialect: ClientDialect, is_stream: bool, lab: LabServer) -> None:
    """By the async client: all scenarios of a dialect, several at a time."""
    names = [name for name, of in CASES if of == dialect]
    way = AsyncWay()
    failures = way.run(_check_all(way, names, dialect, is_stream, lab.url))
    way.close()
    assert failures == []


async def _check_all(
    way: AsyncWay, names: list[str], dialect: ClientDialect, is_stream: bool, url: str
) -> list[str]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def check(name: str) -> str | None:
        row = SCENARIOS_OF[dialect][name]
        options = options_of(row)
        async with gate:
            if is_stream:
                told = await way.heard(url, options, **asked(row, dialect))
            else:
                told = await way.answered(url, options, stream=False, **asked(row, dialect))
        try:
            (check_stream if is_stream else check_object)(row, dialect, told)
        except AssertionError as wrong:
            return f"{name}: {wrong}"
        return None

    return [wrong for wrong in await asyncio.gather(*map(check, names)) if wrong is not None]


def check_stream(row: Scenario, dialect: ClientDialect, told: Heard) -> None:
    expect = expected(row, dialect, is_stream=True)
    if expect.error is not None:
        assert told.error is not None, told.events
        assert_is_the_error(told.error, expect)
        assert told.text == (expect.choices[0].text if expect.choices else "")
        assert not any(isinstance(event, Finish) for event in told.events)
        return
    assert told.error is None, told.error
    right = expect.choices[0]
    assert (told.text, told.reasoning, told.refusal) == said_by(right)
    assert [(call.name, arguments(call.arguments)) for call in told.calls] == calls_of(right)
    assert told.events[-1] == Finish(reason_of(right))  # type: ignore[arg-type]
    seals = [event.seal for event in told.events if isinstance(event, ReasoningSeal)]
    assert seals == ([right.seal] if right.seal else [])
    cited = [event.value for event in told.events if isinstance(event, Annotation)]
    assert [value["url_citation"]["url"] for value in cited] == list(right.cited)
    usage = [event for event in told.events if isinstance(event, Usage)]
    if row.name not in WRONG_USAGE:
        counts = [(one.input_tokens, one.output_tokens) for one in usage]
        assert counts == ([expect.usage] if expect.usage else [])


def check_object(row: Scenario, dialect: ClientDialect, told: Answer | ClientError) -> None:
    expect = expected(row, dialect, is_stream=False)
    if expect.error is not None:
        assert isinstance(told, ClientError), told
        assert_is_the_error(told, expect)
        return
    assert isinstance(told, Answer), told
    right = expect.choices[0]
    assert (told.text, told.reasoning, told.refusal) == said_by(right)
    assert [(call.name, arguments(call.arguments)) for call in told.tool_calls] == calls_of(right)
    assert told.finish_reason == reason_of(right)


def expected(row: Scenario, dialect: ClientDialect, *, is_stream: bool) -> Expect:
    # Usage is asked for in a stream of chat; all else tells it anyway.
    ask = replace(row.ask_in(dialect), is_stream=is_stream, includes_usage=is_stream)
    return row.expect_for(ask)


def options_of(row: Scenario) -> dict[str, Any]:
    return {"rules": dict(row.modes), "retries": NO_RETRIES}


def asked(row: Scenario, dialect: ClientDialect) -> dict[str, Any]:
    tools = [
        {"type": "custom", "custom": {"name": tool.name}}
        if tool.kind == "custom"
        else {"name": tool.name, "parameters": dict(tool.parameters)}
        for tool in row.ask.tools
    ]
    return {"model": row.name, "input": "Say hello.", "tools": tools, "dialect": dialect}


def said_by(right: ExpectedChoice) -> tuple[str, str, str]:
    return right.text, right.reasoning, right.refusal


def calls_of(right: ExpectedChoice) -> list[tuple[str, object]]:
    calls = (*right.calls, *((right.legacy_call,) if right.legacy_call else ()))
    return [(call.name, arguments(call.arguments)) for call in calls]


def arguments(text: str) -> object:
    """What a function's JSON says, however it is written; of a custom tool the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def reason_of(right: ExpectedChoice) -> str | None:
    return "tool_calls" if right.finish_reason == "function_call" else right.finish_reason


def assert_is_the_error(error: ClientError, expect: Expect) -> None:
    assert expect.error is not None
    if isinstance(error, ApiError) and expect.error.code is not None:
        assert error.code == expect.error.code
    if expect.error.retry_after is not None:
        assert error.retry_after_s == float(expect.error.retry_after)
