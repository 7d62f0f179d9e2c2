"""Roles, finishes, usage, content and envelopes: rows of chunks in, and the chunks that come out.

Only what is odd is written down: a chunk is given by its choice and the fields beside it, and the
output is compared without its envelope.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from relay.judge import judge_stream
from relay.playing import PROMISE, play

ROLE: dict[str, Any] = {"delta": {"role": "assistant"}}
END: dict[str, Any] = {"delta": {}, "finish_reason": "stop"}
A: dict[str, Any] = {"delta": {"content": "a"}}
B: dict[str, Any] = {"delta": {"content": "b"}}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
ENVELOPE = {"id": "x", "object": "chat.completion.chunk", "created": 5, "model": "m"}


def chunk(choice: dict[str, Any], **more: Any) -> dict[str, Any]:
    told = {"index": 0, "finish_reason": None, **choice}
    return {**ENVELOPE, "choices": [told], **more}


def usage(value: Any, **more: Any) -> dict[str, Any]:
    return {**ENVELOPE, "choices": [], "usage": value, **more}


def passed(*chunks: dict[str, Any], **promised: Any) -> tuple[list[dict[str, Any]], frozenset[str]]:
    """The chunks that come out of a stream of these, which ends with [DONE]."""
    body = b"".join(b"data: %b\n\n" % json.dumps(one).encode() for one in chunks)
    promise = replace(PROMISE, **promised)
    played = play(body + b"data: [DONE]\n\n", promise)
    told = judge_stream(
        played.out,
        includes_usage=promise.includes_usage,
        reasoning_key=promise.reasoning_key,
    )
    assert told.faults == []
    return told.chunks, played.repairs


def choices_of(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each chunk's choice, as rows are written."""
    rows = []
    for one in chunks:
        for told in one["choices"]:
            rows.append({name: told[name] for name in told if name != "index"})
            if rows[-1]["finish_reason"] is None:
                del rows[-1]["finish_reason"]
    return rows


def without(choice: dict[str, Any], *names: str) -> dict[str, Any]:
    told = {"index": 0, "finish_reason": None, **choice}
    return {**ENVELOPE, "choices": [{name: told[name] for name in told if name not in names}]}


LOGPROBS = {"content": [{"token": "a", "logprob": -1, "bytes": None, "top_logprobs": []}]}
TOKENS = LOGPROBS | {"refusal": None}

# What comes, what goes out, and the rules that fired.
ROWS: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], set[str]]] = {
    "healthy": ([chunk(ROLE), chunk(A), chunk(END)], [ROLE, A, END], set()),
    # ---- roles ----
    "a role twice": (
        [chunk(ROLE), chunk(ROLE), chunk(A), chunk(END)], [ROLE, A, END],
        {"chat.role-repeated", "chat.empty-delta"},
    ),
    "a role on each chunk": (
        [chunk({"delta": {"role": "assistant", "content": text}}) for text in "ab"] + [chunk(END)],
        [ROLE, A, B, END],
        {"chat.role-repeated", "chat.role-alone"},
    ),
    "a role on the finish": (
        [chunk(ROLE), chunk(A), chunk({"delta": {"role": "assistant"}, "finish_reason": "stop"})],
        [ROLE, A, END],
        {"chat.role-repeated"},
    ),
    "role null and empty": (
        [chunk({"delta": {"role": "", "content": "a"}}), chunk({"delta": {"role": None}}),
         chunk(END)],
        [ROLE, A, END],
        {"chat.role-repeated", "chat.role-missing", "chat.empty-delta"},
    ),
    "a role after the text": (
        [chunk(A), chunk(ROLE), chunk(END)], [ROLE, A, END],
        {"chat.role-missing", "chat.empty-delta"},
    ),
    "a role with the text, late": (
        [chunk(A), chunk({"delta": {"role": "assistant", "content": "b"}}), chunk(END)],
        [ROLE, A, B, END],
        {"chat.role-missing"},
    ),
    "no role, an extra field first": (
        [chunk({"delta": {"audio": None}}), chunk(A), chunk(END)],
        [ROLE, {"delta": {"audio": None}}, A, END],
        {"chat.role-missing"},
    ),
    "nothing but a finish": ([chunk(END)], [ROLE, END], {"chat.role-missing"}),
    # ---- finish reasons ----
    "no key until the end": (
        [without(ROLE, "finish_reason"), without(A, "finish_reason"), chunk(END)],
        [ROLE, A, END],
        {"chat.finish-missing"},
    ),
    "empty until the end": (
        [chunk(ROLE | {"finish_reason": ""}), chunk(A | {"finish_reason": " "}), chunk(END)],
        [ROLE, A, END],
        {"chat.finish-empty"},
    ),
    "another type": (
        [chunk(ROLE), chunk(A | {"finish_reason": 5}), chunk(B | {"finish_reason": ["stop"]}),
         chunk(END)],
        [ROLE, A, B, END],
        {"chat.finish-value"},
    ),
    "spelled with capitals": (
        [chunk(ROLE), chunk(A), chunk({"delta": {}, "finish_reason": " STOP "})], [ROLE, A, END],
        {"chat.finish-value"},
    ),
    "a word that nobody knows": (
        [chunk(ROLE), chunk(A), chunk({"delta": {}, "finish_reason": "finito"})], [ROLE, A, END],
        {"chat.finish-value"},
    ),
    "on every chunk": (
        [chunk(one | {"finish_reason": "stop"}) for one in (ROLE, A, B)], [ROLE, A, B, END],
        {"chat.role-alone", "chat.finish-alone", "reply.finish-early"},
    ),
    "never": (
        [chunk(ROLE), chunk(A)], [ROLE, A, END], {"reply.finish-inferred"},
    ),
    "tool_calls without a call": (
        [chunk(ROLE), chunk(A), chunk({"delta": {}, "finish_reason": "tool_calls"})],
        [ROLE, A, END],
        {"reply.tool-finish-without-calls"},
    ),
    # ---- content ----
    "empty deltas": (
        [chunk({"delta": {"role": "assistant", "content": ""}}), chunk({"delta": {"content": ""}}),
         chunk({"delta": {"content": None}}), chunk({"delta": {}}), chunk(A),
         chunk({"delta": {"reasoning_content": ""}}), chunk({"delta": {"content": ""}} | {
             "finish_reason": "stop"})],
        [ROLE, A, END],
        {"chat.empty-delta"},
    ),
    "probabilities of an empty piece": (
        [chunk(ROLE), chunk({"delta": {"content": ""}, "logprobs": TOKENS}),
         chunk(A | {"logprobs": TOKENS}), chunk(END)],
        [ROLE, A | {"logprobs": {"content": TOKENS["content"] * 2, "refusal": None}}, END],
        {"chat.empty-delta"},
    ),
    "probabilities without their keys": (
        [chunk(ROLE), chunk(A | {"logprobs": {"content": [{"token": "a", "logprob": -1}, 5]}}),
         chunk(B | {"logprobs": "x"}), chunk(END)],
        [ROLE, A | {"logprobs": TOKENS}, B | {"logprobs": None}, END],
        {"chat.logprobs-lists"},
    ),
    "parts of text": (
        [chunk(ROLE), chunk({"delta": {"content": [{"type": "text", "text": "a"}, "b"]}}),
         chunk(END)],
        [ROLE, {"delta": {"content": "ab"}}, END],
        {"chat.content-parts"},
    ),
    "parts of thought and text": (
        [chunk(ROLE), chunk({"delta": {"content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "r"}]},
            {"type": "reasoning", "text": "s"}, {"type": "text", "text": "a"}]}}), chunk(END)],
        [ROLE, {"delta": {"reasoning_content": "rs"}}, A, END],
        {"chat.content-parts"},
    ),
    "parts that say nothing": (
        [chunk(ROLE), chunk({"delta": {"content": [None, 5, {"type": "image"}, {}]}}), chunk(A),
         chunk(END)],
        [ROLE, A, END],
        {"chat.content-parts", "chat.empty-delta"},
    ),
    "reasoning under the other key": (
        [chunk(ROLE), chunk({"delta": {"reasoning": "r"}}), chunk(A), chunk(END)],
        [ROLE, {"delta": {"reasoning_content": "r"}}, A, END],
        {"chat.reasoning-key"},
    ),
    "reasoning under both keys": (
        [chunk(ROLE), chunk({"delta": {"reasoning": "r", "reasoning_content": "r"}}), chunk(A),
         chunk(END)],
        [ROLE, {"delta": {"reasoning_content": "r"}}, A, END],
        {"chat.reasoning-key"},
    ),
    "everything at once": (
        [chunk({"delta": {"role": "assistant", "content": "a"}, "finish_reason": "stop"})],
        [ROLE, A, END],
        {"chat.role-alone", "chat.finish-alone"},
    ),
    # ---- choices ----
    "no delta": (
        [chunk(ROLE), chunk(A), without(END, "delta")], [ROLE, A, END], {"chat.delta-missing"},
    ),
    "delta null": (
        [chunk(ROLE), chunk(A), chunk({"delta": None, "finish_reason": "stop"})], [ROLE, A, END],
        {"chat.delta-missing"},
    ),
    "no index": (
        [without(ROLE, "index"), without(A, "index"), chunk(END)], [ROLE, A, END],
        {"chat.choice-index"},
    ),
    "choices null": (
        [{**ENVELOPE, "choices": None}, chunk(ROLE), chunk(A), chunk(END)], [ROLE, A, END],
        {"chat.choices-null"},
    ),
    "error null on each chunk": (
        [chunk(one, error=None) for one in (ROLE, A, END)],
        [ROLE, A, END],
        {"chat.error-shape"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("chunks", "rows", "rules"), ROWS.values(), ids=ROWS)
def test_each_chunk_becomes_what_it_should_be(
    chunks: list[dict[str, Any]], rows: list[dict[str, Any]], rules: set[str]
) -> None:
    told, repairs = passed(*chunks)
    assert choices_of(told) == rows
    assert repairs == rules
    # Asked for usage the same holds, though none is told.
    told, repairs = passed(*chunks, includes_usage=True)
    assert choices_of(told) == rows


USAGES: dict[str, tuple[list[dict[str, Any]], Any, set[str]]] = {
    "at the end": ([usage(USAGE)], USAGE, set()),
    "with details": (
        [usage(USAGE | {"prompt_tokens_details": {"cached_tokens": 1}})],
        USAGE | {"prompt_tokens_details": {"cached_tokens": 1}},
        set(),
    ),
    "no total": (
        [usage({"prompt_tokens": 3, "completion_tokens": 2})], USAGE, {"chat.usage-shape"},
    ),
    "nulls": (
        [usage({"prompt_tokens": None, "completion_tokens": 2, "total_tokens": None})],
        {"prompt_tokens": 0, "completion_tokens": 2, "total_tokens": 2},
        {"chat.usage-shape"},
    ),
    "only nulls": (
        [usage({"prompt_tokens": None, "completion_tokens": None})], None, {"chat.usage-shape"},
    ),
    "no object": ([usage("many")], None, {"chat.usage-shape"}),
    "floats": (
        [usage({"prompt_tokens": 3.0, "completion_tokens": 2.0, "total_tokens": 5})], USAGE,
        {"chat.usage-shape"},
    ),
    "twice": (
        [usage({"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}), usage(USAGE)],
        USAGE,
        {"reply.usage-repeated"},
    ),
    "zeros last": (
        [usage(USAGE), usage(dict.fromkeys(USAGE, 0))], USAGE, {"reply.usage-repeated"},
    ),
    "on a chunk with a choice": (
        [chunk({"delta": {}}, usage=USAGE)], USAGE, {"chat.empty-delta"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("tail", "want", "rules"), USAGES.values(), ids=USAGES)
def test_usage_is_told_once_at_the_end(
    tail: list[dict[str, Any]], want: Any, rules: set[str]
) -> None:
    told, repairs = passed(chunk(ROLE), chunk(A), chunk(END), *tail, includes_usage=True)
    assert [one["usage"] for one in told if not one["choices"]] == ([want] if want else [])
    assert repairs == rules
    told, _ = passed(chunk(ROLE), chunk(A), chunk(END), *tail)
    assert choices_of(told) == [ROLE, A, END]


ENVELOPES: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "changing": (
        [{"id": f"x{number}", "created": 5 + number, "model": f"m{number}"} for number in range(3)],
        {"id": "x0", "created": 5, "model": "m0"},
    ),
    "empty": (
        [{"id": "", "created": 0, "model": "", "object": ""}] * 3,
        {"id": "chatcmpl-own", "created": PROMISE.created, "model": "asked-model"},
    ),
    "null": (
        [{"id": None, "created": None, "model": None, "object": None}] * 3,
        {"id": "chatcmpl-own", "created": PROMISE.created, "model": "asked-model"},
    ),
    "of wrong types": (
        [{"id": 5, "created": "now", "model": ["m"], "object": {}}] * 3,
        {"id": "chatcmpl-own", "created": PROMISE.created, "model": "asked-model"},
    ),
    "true as a time": ([{"created": True}] * 3, {"created": PROMISE.created}),
    "the wrong object": ([{"object": "chat.completion"}] * 3, {}),
}


@pytest.mark.parametrize(("envelopes", "want"), ENVELOPES.values(), ids=ENVELOPES)
def test_the_envelope_is_whole_and_constant(
    envelopes: list[dict[str, Any]], want: dict[str, Any]
) -> None:
    rows = zip((ROLE, A, END), envelopes, strict=True)
    told, repairs = passed(*(chunk(row, **envelope) for row, envelope in rows))
    for one in told:
        assert {name: one[name] for name in ENVELOPE} == ENVELOPE | want
    assert repairs == {"chat.envelope"}


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "both"])
@pytest.mark.parametrize("told_as", ["reasoning_content", "reasoning"])
def test_reasoning_goes_out_under_the_key_that_was_promised(key: Any, told_as: str) -> None:
    row = {"delta": {told_as: "r"}}
    told, _ = passed(chunk(ROLE), chunk(row), chunk(A), chunk(END), reasoning_key=key)
    names = ["reasoning_content", "reasoning"] if key == "both" else [key]
    assert choices_of(told) == [ROLE, {"delta": dict.fromkeys(names, "r")}, A, END]


def test_fields_that_nobody_knows_pass_once() -> None:
    odd = chunk(A | {"stop_reason": 7}, provider="lab")
    rows = [chunk(ROLE), odd, chunk(END, timings={"n": 1})]
    told, repairs = passed(*rows)
    assert told == rows
    assert repairs == frozenset()


@pytest.mark.parametrize("first", [1, 2])
def test_choices_before_the_first_one_are_begun_and_finished(first: int) -> None:
    """A server that was asked for several choices and speaks of a later one only, or first."""
    later = [{"index": first, "finish_reason": None, **row} for row in (ROLE, A, END)]
    told, repairs = passed(*({**ENVELOPE, "choices": [row]} for row in later))
    assert [one["choices"][0]["index"] for one in told if one["choices"][0]["finish_reason"]] == [
        first,
        *range(first),
    ]
    assert repairs == {"reply.choice-order"}
