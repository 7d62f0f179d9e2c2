"""Whole servers, with all their habits at once, as recorded or as reported.

Each calls a tool where the request has tools and answers in text where not, like a real one.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import (
    PROMPT_TOKENS,
    Answer,
    tell_call_if_tools,
    tell_reasoned_call,
    tell_reasoning,
)
from strictwire.lab.scenarios.blocks import progress_event
from strictwire.lab.scenarios.completion import in_dialect
from strictwire.lab.scenarios.scenario import Scenario
from strictwire.lab.scenarios.strict import (
    DONE,
    choice,
    chunk,
    chunk_frames,
    comment,
    object_reply,
    strict_chunks,
    strict_frames,
    strict_object,
    usage_object,
    whole_call,
    whole_object,
)
from strictwire.lab.scenarios.walk import (
    call_deltas_of,
    calls_of,
    choices_of,
    deltas_of,
    is_finish,
    is_role_only,
)
from strictwire.lab.script import Json, Reply

_ZEROS: Json = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
_TIMINGS: Json = {"cache_n": 0, "prompt_n": PROMPT_TOKENS, "prompt_ms": 1.5, "predicted_n": 12}


def _without_usage(answer: Answer, ask: Ask) -> list[Json]:
    return strict_chunks(answer, replace(ask, includes_usage=False))


# ---- LocalAI ----


def _localai(answer: Answer, ask: Ask) -> Reply:
    """Zero usage on each chunk, "" for no reason, a first chunk without its object, no [DONE]."""
    chunks = _without_usage(answer, ask)
    del chunks[0]["object"]
    for told in chunks:
        told["usage"] = usage_object(answer) if is_finish(told) else dict(_ZEROS)
    for said in choices_of(chunks):
        said["finish_reason"] = said["finish_reason"] or ""
    return Reply(chunk_frames(chunks, ask))


# ---- mlx-lm ----


def _mlx_frame(value: Json) -> bytes:
    """Python's default spelling, with spaces and escapes."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _mlx_like(answer: Answer, ask: Ask) -> Reply:
    chunks = [told for told in _without_usage(answer, ask) if not is_role_only(told)]
    chunks = _calls_whole(chunks, answer)
    for delta in deltas_of(chunks):
        delta["role"] = "assistant"
    frames = [comment(f"keepalive {done}/{PROMPT_TOKENS}") for done in (5, PROMPT_TOKENS)]
    said = in_dialect(chunks, ask)
    if ask.dialect == "completions":
        for completion in choices_of(said):
            del completion["logprobs"]
    frames += map(_mlx_frame, said)
    if ask.includes_usage:
        # Its usage chunk has this object's name in completions too.
        (told,) = in_dialect([chunk(ask, [], usage=usage_object(answer))], ask)
        frames.append(_mlx_frame({**told, "object": "chat.completion"}))
    return Reply((*frames, DONE), content_type="text/event-stream", body="http1.0")


def _mlx_like_whole(answer: Answer, ask: Ask) -> Reply:
    return replace(strict_object(answer, ask), body="http1.0")


def _calls_whole(chunks: list[Json], answer: Answer) -> list[Json]:
    """The pieces of tool calls replaced by one delta with each call whole."""
    pieces = [told for told in chunks if any(call_deltas_of([told]))]
    if not pieces:
        return chunks
    calls = answer.choices[0].calls
    whole = [{**whole_call(call), "index": at} for at, call in enumerate(calls)]
    pieces[0]["choices"][0]["delta"]["tool_calls"] = whole
    return [told for told in chunks if told is pieces[0] or not any(call_deltas_of([told]))]


# ---- llama.cpp ----


def llamacpp_head(ask: Ask, **more: Any) -> Json:
    """Its first chunk, and with ``prompt_progress`` each of its progress chunks."""
    return _llamacpp_order(chunk(ask, [choice({"role": "assistant", "content": None})], **more))


def _llamacpp_like(answer: Answer, ask: Ask) -> Reply:
    chunks = [told for told in _without_usage(answer, ask) if not is_role_only(told)]
    for call in call_deltas_of(chunks):
        if "id" in call:
            call["id"] = call["id"].removeprefix("call_")
    if ask.includes_usage:
        chunks.append(chunk(ask, [], usage=usage_object(answer)))
    chunks[-1]["timings"] = dict(_TIMINGS)
    heads = [llamacpp_head(ask, prompt_progress=done) for done in _llamacpp_progress(ask)]
    said = [*heads, llamacpp_head(ask), *map(_llamacpp_order, chunks)]
    return Reply(strict_frames(said, ask), content_type="text/event-stream")


def _llamacpp_progress(ask: Ask) -> list[Json]:
    if not ask.wants_progress:
        return []
    return [
        {"total": PROMPT_TOKENS, "cache": 0, "processed": done, "time_ms": done}
        for done in (0, PROMPT_TOKENS)
    ]


def _llamacpp_order(told: Json) -> Json:
    """Its order of keys: choices first, the object's name last of the envelope."""
    envelope = {key: told[key] for key in ("choices", "created", "id", "model")}
    rest = {key: value for key, value in told.items() if key not in (*envelope, "object")}
    return {**envelope, "system_fingerprint": "b0-unknown", "object": told["object"], **rest}


def _llamacpp_like_whole(answer: Answer, ask: Ask) -> Reply:
    whole = _llamacpp_order(whole_object(answer, ask))
    for said in choices_of([whole]):
        said["message"]["content"] = said["message"]["content"] or ""
        del said["message"]["refusal"], said["logprobs"]
    for call in calls_of(whole):
        call["id"] = call["id"].removeprefix("call_")
    return object_reply({**whole, "timings": dict(_TIMINGS)}, ask)


# ---- vLLM ----


def _tell_vllm(ask: Ask) -> Answer:
    has_tools = bool(ask.tools) or ask.tool_result is not None
    return tell_reasoned_call(ask) if has_tools else tell_reasoning(ask)


def _vllm_like(answer: Answer, ask: Ask) -> Reply:
    """Reasoning under its own key, no arguments key first, the reason rides on the last delta."""
    chunks = strict_chunks(answer, ask)
    for delta in deltas_of(chunks):
        if "role" in delta:
            delta["content"] = ""
        if "reasoning_content" in delta:
            delta["reasoning"] = delta.pop("reasoning_content")
    for call in call_deltas_of(chunks):
        if "id" in call:
            del call["function"]["arguments"]
    for said in choices_of(chunks):
        said["logprobs"] = None
    finish = next(told for told in chunks if is_finish(told))
    last = chunks[chunks.index(finish) - 1]["choices"][0]
    last.update(finish_reason=finish["choices"][0]["finish_reason"], stop_reason=None)
    chunks.remove(finish)
    return Reply(strict_frames(chunks, ask))


def _vllm_like_whole(answer: Answer, ask: Ask) -> Reply:
    whole = whole_object(answer, ask)
    for said in choices_of([whole]):
        message = said["message"]
        message["reasoning"] = message.pop("reasoning_content", None)
        message.update(annotations=None, audio=None, function_call=None)
        message.setdefault("tool_calls", [])
        said.update(stop_reason=None, token_ids=None)
    whole.update(service_tier=None, system_fingerprint=None, prompt_logprobs=None)
    return object_reply(whole, ask)


# ---- transformers ----


def _transformers_like(answer: Answer, ask: Ask) -> Reply:
    """No finish_reason key before the end, usage always and in the finish chunk, no [DONE]."""
    chunks = _without_usage(answer, ask)
    for said in choices_of(chunks):
        if said["finish_reason"] is None:
            del said["finish_reason"]
    for told in chunks:
        told.update(model=f"{ask.model}@main", id=ask.id, system_fingerprint="")
    chunks[-1]["usage"] = usage_object(answer)
    return Reply(chunk_frames(chunks, ask))


# ---- SwiftLM ----


def _swiftlm_like(answer: Answer, ask: Ask) -> Reply:
    """CRLF but for [DONE], progress in events, a new id in each chunk, timings inside usage."""
    chunks = _without_usage(answer, ask)
    for number, told in enumerate(chunks):
        told["id"] = f"{told['id']}-{number}"
    frames = [progress_event(done, PROMPT_TOKENS) for done in (5, PROMPT_TOKENS)]
    frames += chunk_frames(chunks, ask)
    if ask.includes_usage:
        usage = {**usage_object(answer), "timings": dict(_TIMINGS)}
        frames += chunk_frames([chunk(ask, [], usage=usage)], ask)
    return Reply((*(frame.replace(b"\n", b"\r\n") for frame in frames), DONE))


# ---- the worst of all ----


def _everything(answer: Answer, ask: Ask) -> Reply:
    """role, content and finish_reason "" in every chunk, and no [DONE]."""
    chunks = strict_chunks(answer, ask)
    for said in choices_of(chunks):
        said["delta"] = {"role": "assistant", "content": "", **said["delta"]}
        said["finish_reason"] = said["finish_reason"] or ""
    return Reply(chunk_frames(chunks, ask))


ROWS = (
    Scenario(
        name="localai",
        title="LocalAI: zero usage and empty finish reasons on each chunk, no [DONE]",
        rules=(
            "chat.finish-empty",
            "chat.usage-placement",
            "chat.envelope",
            "reply.done-missing",
            "reply.usage-repeated",
        ),
        # Its chunk without an object is the one that has the role.
        completions_rules=(
            "chat.finish-empty",
            "chat.usage-placement",
            "reply.done-missing",
            "reply.usage-repeated",
        ),
        quirks=(10, 26, 94),
        tell=tell_call_if_tools,
        stream=_localai,
    ),
    Scenario(
        name="mlx-like",
        title="mlx-lm: HTTP/1.0, role in each delta, progress in comments, whole tool calls",
        rules=(
            "sse.comment-progress",
            "chat.role-repeated",
            "chat.role-alone",
            "chat.envelope",
        ),
        faults=("reply.usage-null",),
        completions_faults=("completions.logprobs-missing", "reply.usage-null"),
        quirks=(88,),
        tell=tell_call_if_tools,
        stream=_mlx_like,
        whole=_mlx_like_whole,
    ),
    Scenario(
        name="llamacpp-like",
        title="llama.cpp: null content first, progress if asked, timings last",
        rules=(
            "chat.progress-frame",
            "chat.empty-delta",
        ),
        faults=("reply.usage-null",),
        whole_faults=("whole.keys",),
        completions_whole_faults=(),
        quirks=(36, 64, 84, 87),
        tell=tell_call_if_tools,
        stream=_llamacpp_like,
        whole=_llamacpp_like_whole,
    ),
    Scenario(
        name="vllm-like",
        title="vLLM: the finish reason rides, reasoning under its own key, null keys",
        rules=("chat.reasoning-key", "chat.finish-alone", "chat.empty-delta"),
        whole_rules=("chat.reasoning-key",),
        whole_faults=("whole.nulls",),
        quirks=(32, 58, 90),
        tell=_tell_vllm,
        stream=_vllm_like,
        whole=_vllm_like_whole,
    ),
    Scenario(
        name="transformers-like",
        title="transformers serve: no finish_reason key, usage unasked, no [DONE]",
        rules=("chat.finish-missing", "chat.usage-placement", "reply.done-missing"),
        faults=("reply.usage-null",),
        quirks=(89,),
        tell=tell_call_if_tools,
        stream=_transformers_like,
    ),
    Scenario(
        name="swiftlm-like",
        title="SwiftLM: CRLF, progress in events, another id in each chunk, timings in usage",
        rules=(
            "sse.progress-event",
            "chat.envelope",
        ),
        faults=("reply.usage-null", "sse.event-name", "sse.line-ends"),
        quirks=(95,),
        tell=tell_call_if_tools,
        stream=_swiftlm_like,
    ),
    Scenario(
        name="quirky-everything",
        title="role, empty content and empty finish_reason in every chunk, no [DONE]",
        rules=(
            "chat.role-repeated",
            "chat.empty-delta",
            "chat.finish-empty",
            "reply.done-missing",
        ),
        quirks=(10, 26, 34, 46),
        tell=tell_call_if_tools,
        stream=_everything,
    ),
)
