"""Healthy servers: exactly the promised wire. A gateway must leave each of them untouched."""

from __future__ import annotations

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import (
    Answer,
    tell_call,
    tell_calls,
    tell_legacy_call,
    tell_length,
    tell_logprobs,
    tell_long,
    tell_reasoned_call,
    tell_reasoning,
    tell_refusal,
    tell_text_then_calls,
    tell_two,
)
from strictwire.lab.scenarios.scenario import Scenario
from strictwire.lab.scenarios.strict import call_deltas, strict_chunks, strict_frames
from strictwire.lab.scenarios.walk import call_deltas_of
from strictwire.lab.script import Json, Reply


def _interleaved(answer: Answer, ask: Ask) -> Reply:
    """Two calls that grow in turn, which the format allows: their index tells them apart."""
    chunks = strict_chunks(answer, ask)
    calls = answer.choices[0].calls
    if len(calls) == 2:
        first, second = (call_deltas(call, position) for position, call in enumerate(calls))
        turns: list[Json] = [delta for pair in zip(first, second, strict=False) for delta in pair]
        turns += first[len(second) :] + second[len(first) :]
        for chunk, delta in zip(_call_chunks(chunks), turns, strict=True):
            chunk["choices"][0]["delta"]["tool_calls"] = [delta]
    return Reply(strict_frames(chunks, ask))


def _call_chunks(chunks: list[Json]) -> list[Json]:
    return [chunk for chunk in chunks if any(call_deltas_of([chunk]))]


ROWS = (
    Scenario(name="healthy-text", title="Text in every script, quotes, backslashes, line ends"),
    Scenario(name="healthy-length", title="Text cut off by the token limit", tell=tell_length),
    Scenario(name="healthy-long", title="500 deltas of text", tell=tell_long),
    Scenario(name="healthy-reasoning", title="Reasoning, then text", tell=tell_reasoning),
    Scenario(name="healthy-refusal", title="A refusal", tell=tell_refusal),
    Scenario(name="healthy-logprobs", title="Text with log probabilities", tell=tell_logprobs),
    Scenario(name="healthy-n2", title="Two choices, interleaved", tell=tell_two),
    Scenario(name="healthy-tools", title="One tool call", tell=tell_call),
    Scenario(
        name="healthy-parallel-tools", title="Text, then two tool calls", tell=tell_text_then_calls
    ),
    Scenario(
        name="healthy-interleaved-tools",
        title="Two tool calls whose arguments grow in turn",
        tell=tell_calls,
        stream=_interleaved,
    ),
    Scenario(
        name="healthy-function-call",
        title="A bare function_call, as before there were tools",
        tell=tell_legacy_call,
    ),
    Scenario(
        name="healthy-reasoning-tools", title="Reasoning, then a tool call", tell=tell_reasoned_call
    ),
)
