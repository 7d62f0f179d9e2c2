"""The official SDK as a client of text completions: a loop over a stream, and a whole reply.

The SDK's type says that a streamed chunk has a finish reason too, which contradicts every server,
OpenAI's own included: so streams are read without its validation, and each chunk is held against
the same type with a finish reason that may be null. Whole replies are validated by the SDK.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import openai
from expectations import Asked, Seen, SeenChoice
from openai import AsyncOpenAI, OpenAI
from openai.types import Completion, CompletionChoice
from sdk_ways import Way, error_of


class StreamedChoice(CompletionChoice):
    finish_reason: Literal["stop", "length", "content_filter"] | None  # type: ignore[assignment]


class StreamedCompletion(Completion):
    choices: list[StreamedChoice]  # type: ignore[assignment]


class _Told:
    """Chunks gathered the way a plain loop gathers them."""

    def __init__(self) -> None:
        self._choices: dict[int, SeenChoice] = {}
        self._usage: tuple[int, int] | None = None
        self._envelope: tuple[str, int, str] | None = None

    def add(self, chunk: Completion) -> None:
        StreamedCompletion.model_validate(chunk.to_dict(), strict=True)
        envelope = (chunk.id, chunk.created, chunk.model)
        assert self._envelope in (None, envelope), "the envelope changed"
        self._envelope = envelope
        if chunk.usage is not None:
            assert self._usage is None, "usage came twice"
            assert not chunk.choices, "usage came beside a choice"
            self._usage = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
        for choice in chunk.choices:
            before = self._choices.get(choice.index, SeenChoice())
            assert before.finish_reason is None, "a choice goes on after its finish"
            self._choices[choice.index] = SeenChoice(
                text=before.text + choice.text,
                finish_reason=choice.finish_reason,
                logprob_tokens=before.logprob_tokens + _tokens(choice),
            )

    def seen(self, error: openai.APIError | None = None) -> Seen:
        choices = tuple(self._choices[index] for index in sorted(self._choices))
        told = error_of(error) if error is not None else None
        assert told or sorted(self._choices) == list(range(len(choices)))
        return Seen(choices, self._usage, told)


def _tokens(choice: CompletionChoice) -> tuple[str, ...]:
    return tuple(choice.logprobs.tokens or ()) if choice.logprobs else ()


def _whole(completion: Completion) -> Seen:
    usage = completion.usage
    return Seen(
        tuple(_whole_choices(completion)),
        (usage.prompt_tokens, usage.completion_tokens) if usage else None,
    )


def _whole_choices(completion: Completion) -> Iterator[SeenChoice]:
    for index, choice in enumerate(completion.choices):
        assert choice.index == index
        yield SeenChoice(
            text=choice.text, finish_reason=choice.finish_reason, logprob_tokens=_tokens(choice)
        )


# ---- the ways ----


async def sync_loop(sync: OpenAI, later: AsyncOpenAI, model: str, asked: Asked) -> Seen:
    told = _Told()
    try:
        for chunk in sync.with_options(max_retries=0).completions.create(model=model, **asked.body):
            told.add(chunk)
    except openai.APIError as error:
        return told.seen(error)
    return told.seen()


async def async_loop(sync: OpenAI, later: AsyncOpenAI, model: str, asked: Asked) -> Seen:
    told = _Told()
    lenient = later.with_options(max_retries=0)
    try:
        async for chunk in await lenient.completions.create(model=model, **asked.body):
            told.add(chunk)
    except openai.APIError as error:
        return told.seen(error)
    return told.seen()


async def sync_whole(sync: OpenAI, later: AsyncOpenAI, model: str, asked: Asked) -> Seen:
    try:
        return _whole(sync.completions.create(model=model, **asked.body))
    except openai.APIError as error:
        return Seen(error=error_of(error))


async def async_whole(sync: OpenAI, later: AsyncOpenAI, model: str, asked: Asked) -> Seen:
    try:
        return _whole(await later.completions.create(model=model, **asked.body))
    except openai.APIError as error:
        return Seen(error=error_of(error))


# The SDK has no stream helper for text completions.
STREAMED: dict[str, tuple[Way, bool]] = {
    "sync loop with usage": (sync_loop, True),
    "async loop": (async_loop, False),
}
WHOLE: dict[str, Way] = {"sync": sync_whole, "async": async_whole}
