"""An answer as the wire should be: OpenAI's chat chunks, the whole object, and their bytes.

Written from the published format alone, by hand; it is what every scenario spoils. Each call makes
fresh dictionaries, so a scenario may change them in place.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import Answer, Call, Choice
from strictwire.lab.scenarios.completion import in_dialect
from strictwire.lab.script import Json, Reply, json_reply, to_json

DONE = b"data: [DONE]\n\n"


def frame(value: object) -> bytes:
    """One ``data:`` line of JSON and the blank line that ends it."""
    return b"data: " + to_json(value) + b"\n\n"


def comment(text: str) -> bytes:
    return f": {text}".rstrip(" ").encode() + b"\n\n"


def chunk_frames(chunks: Iterable[Json], ask: Ask) -> tuple[bytes, ...]:
    """Chat chunks, however spoiled, as frames of the dialect that was asked."""
    return tuple(map(frame, in_dialect(chunks, ask)))


def strict_frames(chunks: Iterable[Json], ask: Ask) -> tuple[bytes, ...]:
    return (*chunk_frames(chunks, ask), DONE)


def strict_stream(answer: Answer, ask: Ask) -> Reply:
    return Reply(strict_frames(strict_chunks(answer, ask), ask))


def strict_object(answer: Answer, ask: Ask) -> Reply:
    return object_reply(whole_object(answer, ask), ask)


def object_reply(whole: Json, ask: Ask) -> Reply:
    """A chat object, however spoiled, as the reply of the dialect that was asked."""
    return json_reply(in_dialect([whole], ask)[0])


def chunk(ask: Ask, choices: list[Json], **more: Any) -> Json:
    return {
        "id": f"chatcmpl-{ask.id}",
        "object": "chat.completion.chunk",
        "created": ask.created,
        "model": ask.model,
        "choices": choices,
        **more,
    }


def choice(delta: Json, *, index: int = 0, finish: str | None = None, **more: Any) -> Json:
    return {"index": index, "delta": delta, **more, "finish_reason": finish}


def usage_object(answer: Answer) -> Json:
    prompt, completion = answer.usage
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def strict_chunks(answer: Answer, ask: Ask) -> list[Json]:
    """Roles first, then the choices' deltas in turn, then the finishes, then usage if asked."""
    nulls: Json = {"usage": None} if ask.includes_usage else {}
    in_turn = itertools.zip_longest(
        *(list(_deltas(said, index)) for index, said in enumerate(answer.choices))
    )
    choices = [
        *(choice({"role": "assistant"}, index=i) for i in range(len(answer.choices))),
        *(said for turn in in_turn for said in turn if said is not None),
        *(choice({}, index=i, finish=said.finish) for i, said in enumerate(answer.choices)),
    ]
    chunks = [chunk(ask, [said], **nulls) for said in choices]
    if ask.includes_usage:
        chunks.append(chunk(ask, [], usage=usage_object(answer)))
    return chunks


def _deltas(said: Choice, index: int) -> Iterator[Json]:
    for piece in said.reasoning:
        yield choice({"reasoning_content": piece}, index=index)
    for piece in said.text:
        logprobs: Json = {"logprobs": _logprobs([piece])} if said.has_logprobs else {}
        yield choice({"content": piece}, index=index, **logprobs)
    for piece in said.refusal:
        yield choice({"refusal": piece}, index=index)
    if said.legacy is not None:
        head = {"name": said.legacy.name, "arguments": ""}
        yield choice({"function_call": head}, index=index)
        for piece in said.legacy.argument_pieces:
            yield choice({"function_call": {"arguments": piece}}, index=index)
    for position, call in enumerate(said.calls):
        for delta in call_deltas(call, position):
            yield choice({"tool_calls": [delta]}, index=index)


def call_deltas(call: Call, position: int) -> list[Json]:
    head = {"name": call.name, "arguments": ""}
    begun: Json = {"index": position, "id": call.id, "type": "function", "function": head}
    pieces: list[Json] = [
        {"index": position, "function": {"arguments": piece}} for piece in call.argument_pieces
    ]
    return [begun, *pieces]


def whole_object(answer: Answer, ask: Ask) -> Json:
    return {
        "id": f"chatcmpl-{ask.id}",
        "object": "chat.completion",
        "created": ask.created,
        "model": ask.model,
        "choices": [_whole_choice(said, index) for index, said in enumerate(answer.choices)],
        "usage": usage_object(answer),
    }


def _whole_choice(said: Choice, index: int) -> Json:
    message: Json = {
        "role": "assistant",
        "content": "".join(said.text) if said.text else None,
        "refusal": "".join(said.refusal) if said.refusal else None,
    }
    if said.reasoning:
        message["reasoning_content"] = "".join(said.reasoning)
    if said.legacy is not None:
        legacy = said.legacy
        message["function_call"] = {"name": legacy.name, "arguments": legacy.arguments}
    if said.calls:
        message["tool_calls"] = [whole_call(call) for call in said.calls]
    logprobs = _logprobs(list(said.text)) if said.has_logprobs else None
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": said.finish}


def whole_call(call: Call) -> Json:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _logprobs(tokens: list[str]) -> Json:
    return {"content": [_token(token) for token in tokens], "refusal": None}


def _token(token: str) -> Json:
    told: Json = {"token": token, "logprob": -0.25, "bytes": list(token.encode())}
    return {**told, "top_logprobs": [dict(told)]}
