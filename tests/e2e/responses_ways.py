"""The official SDK as a client of Responses: loops over events, the stream helper, whole replies.

Strict validation is on. What an event loop must hold together is checked on the way: numbers
without gaps, no delta of an item that was not announced, and a last event whose output is what the
deltas said.
"""

from __future__ import annotations

import json
from typing import Any

import openai
from expectations import Asked, Error, Seen, SeenChoice
from openai import AsyncOpenAI, OpenAI
from openai.types.responses import Response
from sdk_ways import Way, error_of

_ENDS = ("response.completed", "response.incomplete", "response.failed")
_REASONS = {"max_output_tokens": "length", "content_filter": "content_filter"}


class _Told:
    """Events gathered the way a plain loop gathers them."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._announced: dict[str, int] = {}
        self._deltas: dict[str, str] = {}
        self.last: Response | None = None

    def add(self, event: Any) -> None:
        assert event.type != "error", "a bare error event"
        assert self.last is None, f"{event.type} after the last event"
        self._numbers.append(event.sequence_number)
        assert event.sequence_number == len(self._numbers) - 1, "a gap in the numbers"
        if event.type == "response.output_item.added":
            assert event.output_index == len(self._announced), "an index is not the next"
            self._announced[event.item.id] = event.output_index
        elif event.type.endswith(".delta"):
            assert self._announced[event.item_id] == event.output_index
            kind = event.type.removeprefix("response.").removesuffix(".delta")
            self._deltas[kind] = self._deltas.get(kind, "") + event.delta
        elif event.type in _ENDS:
            self.last = event.response

    def seen(self) -> Seen:
        assert self.last is not None, "the stream ended without its last event"
        assert [item.id for item in self.last.output] == list(self._announced)
        seen = of_response(self.last)
        if seen.error is None:
            (choice,) = seen.choices
            said = self._deltas
            assert choice.text == said.get("output_text", ""), "deltas and last event differ"
            assert choice.refusal == said.get("refusal", "")
            told = said.get("reasoning_summary_text", "") + said.get("reasoning_text", "")
            assert choice.reasoning == told
        return seen


def of_response(response: Response) -> Seen:
    """What one whole response says, in the words of the table."""
    text, refusal, reasoning = "", "", ""
    calls: list[tuple[str, Any]] = []
    ids: list[str] = []
    for item in response.output:
        if item.type == "message":
            for part in item.content:
                text += part.text if part.type == "output_text" else ""
                refusal += part.refusal if part.type == "refusal" else ""
        elif item.type == "reasoning":
            reasoning += "".join(one.text for one in (*item.summary, *(item.content or ())))
        elif item.type in ("function_call", "custom_tool_call"):
            ids.append(item.call_id)
            is_function = item.type == "function_call"
            is_whole = response.status == "completed"
            arguments = json.loads(item.arguments) if is_function and is_whole else None
            calls.append((item.name, arguments if is_function else item.input))
    assert all(ids), "a call without an id"
    assert len(set(ids)) == len(ids), "two calls with one id"
    error = None
    reason: str | None = "tool_calls" if calls else "stop"
    if response.status == "failed":
        assert response.error is not None
        error, reason = Error(None, response.error.code), None
    elif response.status == "incomplete":
        assert response.incomplete_details is not None
        reason = _REASONS[str(response.incomplete_details.reason)]
    usage = response.usage
    return Seen(
        (SeenChoice(text, reasoning, refusal, tuple(calls), None, reason),),
        (usage.input_tokens, usage.output_tokens) if usage else None,
        error,
    )


async def sync_loop(sync: OpenAI, later: AsyncOpenAI, model: str, asked: Asked) -> Seen:
    told = _Told()
    try:
        for event in sync.responses.create(model=model, **asked.body):
            told.add(event)
    except openai.APIStatusError as error:
        return Seen(error=error_of(error))
    return told.seen()


async def async_loop(sync: OpenAI, later: AsyncOpenAI, model: str, asked: Asked) -> Seen:
    told = _Told()
    try:
        async for event in await later.responses.create(model=model, **asked.body):
            told.add(event)
    except openai.APIStatusError as error:
        return Seen(error=error_of(error))
    return told.seen()


async def sync_helper(sync: OpenAI, later: AsyncOpenAI, model: str, asked: Asked) -> Seen:
    body = {name: value for name, value in asked.body.items() if name != "stream"}
    told = _Told()
    try:
        with sync.responses.stream(model=model, **body) as stream:
            for event in stream:
                told.add(event)
            if told.last is None or told.last.status == "completed":
                stream.get_final_response()
    except openai.APIStatusError as error:
        return Seen(error=error_of(error))
    return told.seen()


async def sync_whole(sync: OpenAI, later: AsyncOpenAI, model: str, asked: Asked) -> Seen:
    try:
        return of_response(sync.responses.create(model=model, **asked.body))
    except openai.APIStatusError as error:
        return Seen(error=error_of(error))


STREAMED: dict[str, Way] = {
    "sync loop": sync_loop, "async loop": async_loop, "sync helper": sync_helper,
}  # fmt: skip
WHOLE: dict[str, Way] = {"sync": sync_whole}
