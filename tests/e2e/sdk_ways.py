"""The official SDK as a client: one function for each way in which people use it.

Each way asks once and returns what it saw. Strict response validation is on and retries are off in
every client: what the SDK would forgive or hide counts as a failure.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import openai
from expectations import Asked, Error, Seen, SeenChoice
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk

TIMEOUT_S = 10.0
KEY = "sk-dummy"

Way = Callable[[OpenAI, AsyncOpenAI, str, Asked], Awaitable[Seen]]
C = TypeVar("C", OpenAI, AsyncOpenAI)
# Both clients of each gateway, by its name.
Clients = dict[str, tuple[OpenAI, AsyncOpenAI]]


def client(kind: type[C], base_url: str, *, api_key: str = KEY, **more: Any) -> C:
    return kind(
        base_url=base_url,
        api_key=api_key,
        max_retries=0,
        timeout=TIMEOUT_S,
        _strict_response_validation=True,
        **more,
    )


class _Told:
    """Chunks gathered the way a plain loop gathers them."""

    def __init__(self) -> None:
        self._choices: dict[int, dict[str, Any]] = {}
        self._usage: tuple[int, int] | None = None

    def add(self, chunk: ChatCompletionChunk) -> None:
        if chunk.usage is not None:
            assert self._usage is None, "usage came twice"
            assert not chunk.choices, "usage came beside a choice"
            self._usage = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
        for choice in chunk.choices:
            told = self._choices.setdefault(
                choice.index,
                {"text": "", "reasoning": "", "refusal": "", "calls": {}, "legacy": None,
                 "finish": None, "tokens": []},
            )  # fmt: skip
            self._add_delta(told, choice.delta)
            if choice.finish_reason is not None:
                assert told["finish"] is None, "a choice finished twice"
                told["finish"] = choice.finish_reason
            if choice.logprobs is not None:
                told["tokens"] += [token.token for token in choice.logprobs.content or ()]

    def _add_delta(self, told: dict[str, Any], delta: Any) -> None:
        told["text"] += delta.content or ""
        told["reasoning"] += (delta.model_extra or {}).get("reasoning_content") or ""
        told["refusal"] += delta.refusal or ""
        if delta.function_call is not None:
            legacy = told["legacy"] = told["legacy"] or ["", ""]
            legacy[0] += delta.function_call.name or ""
            legacy[1] += delta.function_call.arguments or ""
        for piece in delta.tool_calls or ():
            call = told["calls"].setdefault(piece.index, [piece.id, "", ""])
            call[1] += piece.function.name or ""
            call[2] += piece.function.arguments or ""

    def seen(self, error: Error | None = None) -> Seen:
        is_whole = error is None
        choices = [self._choices[index] for index in sorted(self._choices)]
        assert not is_whole or sorted(self._choices) == list(range(len(choices)))
        return Seen(
            tuple(_told_choice(told, is_whole=is_whole) for told in choices), self._usage, error
        )


def _told_choice(told: dict[str, Any], *, is_whole: bool) -> SeenChoice:
    """Arguments of a reply that broke off are no JSON yet, and are left out."""
    calls = [told["calls"][index] for index in sorted(told["calls"])] if is_whole else []
    legacy = told["legacy"] if is_whole else None
    return SeenChoice(
        text=told["text"],
        reasoning=told["reasoning"],
        refusal=told["refusal"],
        calls=_calls(calls),
        legacy_call=(legacy[0], json.loads(legacy[1])) if legacy else None,
        finish_reason=told["finish"],
        logprob_tokens=tuple(told["tokens"]),
    )


def _calls(calls: Iterable[tuple[str, str, str]]) -> tuple[tuple[str, Any], ...]:
    calls = list(calls)
    ids = [call_id for call_id, _, _ in calls]
    assert all(ids), f"a call without an id: {ids}"
    assert len(set(ids)) == len(ids), f"two calls with one id: {ids}"
    return tuple((name, json.loads(arguments)) for _, name, arguments in calls)


def _whole(completion: ChatCompletion) -> Seen:
    usage = completion.usage
    return Seen(
        tuple(_whole_choice(choice) for choice in completion.choices),
        (usage.prompt_tokens, usage.completion_tokens) if usage else None,
    )


def _whole_choice(choice: Any) -> SeenChoice:
    message = choice.message
    legacy = message.function_call
    calls = [
        (call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ()
    ]
    tokens = choice.logprobs.content or () if choice.logprobs else ()
    return SeenChoice(
        text=message.content or "",
        reasoning=(message.model_extra or {}).get("reasoning_content") or "",
        refusal=message.refusal or "",
        calls=_calls(calls),
        legacy_call=(legacy.name, json.loads(legacy.arguments)) if legacy else None,
        finish_reason=choice.finish_reason,
        logprob_tokens=tuple(token.token for token in tokens),
    )


def error_of(error: openai.APIError) -> Error:
    code = error.code if error.code is None else str(error.code)
    if isinstance(error, openai.APIStatusError):
        retry_after = error.response.headers.get("retry-after")
        return Error(error.status_code, code, retry_after)
    assert type(error) is openai.APIError, f"{type(error).__name__}: {error}"
    return Error(None, code)


# ---- the ways ----


async def sync_loop(sync: OpenAI, later: AsyncOpenAI, model: str, asked: Asked) -> Seen:
    told = _Told()
    try:
        for chunk in sync.chat.completions.create(model=model, **asked.body):
            told.add(chunk)
    except openai.APIError as error:
        return told.seen(error_of(error))
    return told.seen()


async def async_loop(sync: OpenAI, later: AsyncOpenAI, model: str, asked: Asked) -> Seen:
    told = _Told()
    try:
        async for chunk in await later.chat.completions.create(model=model, **asked.body):
            told.add(chunk)
    except openai.APIError as error:
        return told.seen(error_of(error))
    return told.seen()


def _without_stream(asked: Asked) -> dict[str, Any]:
    """The helper asks for a stream itself."""
    return {name: value for name, value in asked.body.items() if name != "stream"}


async def sync_helper(sync: OpenAI, later: AsyncOpenAI, model: str, asked: Asked) -> Seen:
    told = _Told()
    try:
        with sync.chat.completions.stream(model=model, **_without_stream(asked)) as stream:
            for event in stream:
                if event.type == "chunk":
                    told.add(event.chunk)
            return _whole(stream.get_final_completion())
    except openai.LengthFinishReasonError as cut:
        return _whole(cut.completion)
    except openai.ContentFilterFinishReasonError:
        return told.seen()  # the helper gives nothing back
    except openai.APIError as error:
        return told.seen(error_of(error))


async def async_helper(sync: OpenAI, later: AsyncOpenAI, model: str, asked: Asked) -> Seen:
    told = _Told()
    try:
        async with later.chat.completions.stream(model=model, **_without_stream(asked)) as stream:
            async for event in stream:
                if event.type == "chunk":
                    told.add(event.chunk)
            return _whole(await stream.get_final_completion())
    except openai.LengthFinishReasonError as cut:
        return _whole(cut.completion)
    except openai.ContentFilterFinishReasonError:
        return told.seen()
    except openai.APIError as error:
        return told.seen(error_of(error))


async def sync_whole(sync: OpenAI, later: AsyncOpenAI, model: str, asked: Asked) -> Seen:
    try:
        return _whole(sync.chat.completions.create(model=model, **asked.body))
    except openai.APIError as error:
        return Seen(error=error_of(error))


async def async_whole(sync: OpenAI, later: AsyncOpenAI, model: str, asked: Asked) -> Seen:
    try:
        return _whole(await later.chat.completions.create(model=model, **asked.body))
    except openai.APIError as error:
        return Seen(error=error_of(error))


# Each way with and without usage over the two kinds of client, so that all four are seen.
STREAMED: dict[str, tuple[Way, bool]] = {
    "sync loop with usage": (sync_loop, True),
    "async loop": (async_loop, False),
    "sync helper": (sync_helper, False),
    "async helper with usage": (async_helper, True),
}
WHOLE: dict[str, Way] = {"sync": sync_whole, "async": async_whole}
