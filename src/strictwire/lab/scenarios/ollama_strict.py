"""An answer as Ollama's own API tells it: the lines of a stream, the object, and their bytes.

Written from the published format alone, by hand. Each call makes fresh dictionaries, so a scenario
may change them in place. Source: Ollama's API documentation, "Generate a chat completion".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import Answer, Call, Choice
from strictwire.lab.script import Json, Reply, json_reply, to_json

NDJSON_TYPE = "application/x-ndjson"
# As Go writes a time; what ``ask.created`` stands for.
CREATED_AT = "2023-11-14T22:13:20.123456789Z"
_DURATIONS_NS = {"total_duration": 123_456_789, "load_duration": 1_234_567}
_EVALUATIONS_NS = {"prompt_eval_duration": 21_000_000, "eval_duration": 98_000_000}


def line(value: object) -> bytes:
    return to_json(value) + b"\n"


def lines_reply(values: Iterable[Json]) -> Reply:
    return Reply(tuple(map(line, values)), content_type=NDJSON_TYPE, body="chunked")


def strict_ollama_stream(answer: Answer, ask: Ask) -> Reply:
    return lines_reply(strict_lines(answer, ask))


def strict_ollama_object(answer: Answer, ask: Ask) -> Reply:
    return json_reply(ollama_object(answer, ask))


def strict_lines(answer: Answer, ask: Ask) -> list[Json]:
    """Thinking, text, each call whole in a line of its own, and the last line."""
    said = answer.choices[0]
    pieces = [_object(ask, message, done=False) for message in _messages(said)]
    return [*pieces, {**_object(ask, _message(), done=True), **_end(said, answer)}]


def ollama_object(answer: Answer, ask: Ask) -> Json:
    said = answer.choices[0]
    message = _message("".join(said.text))
    if said.reasoning:
        message["thinking"] = "".join(said.reasoning)
    if said.calls:
        message["tool_calls"] = [_call(call, place) for place, call in enumerate(said.calls)]
    told = {**_object(ask, message, done=True), **_end(said, answer)}
    return {**told, "logprobs": _logprobs(said.text)} if said.has_logprobs else told


def _messages(said: Choice) -> Iterator[Json]:
    for piece in said.reasoning:
        yield {"message": {**_message(), "thinking": piece}}
    for piece in said.text:
        logprobs: Json = {"logprobs": _logprobs((piece,))} if said.has_logprobs else {}
        yield {"message": _message(piece), **logprobs}
    for place, call in enumerate(said.calls):
        yield {"message": {**_message(), "tool_calls": [_call(call, place)]}}


def _object(ask: Ask, message: Json, *, done: bool) -> Json:
    told = message if "message" in message else {"message": message}
    return {"model": ask.model, "created_at": CREATED_AT, **told, "done": done}


def _message(content: str = "") -> Json:
    return {"role": "assistant", "content": content}


def _call(call: Call, place: int) -> Json:
    arguments: Any = json.loads(call.arguments)
    return {"id": call.id, "function": {"index": place, "name": call.name, "arguments": arguments}}


def _end(said: Choice, answer: Answer) -> Json:
    """A call is no reason to end here: the model stopped."""
    prompt, completion = answer.usage
    return {
        "done_reason": "length" if said.finish == "length" else "stop",
        **_DURATIONS_NS,
        "prompt_eval_count": prompt,
        "eval_count": completion,
        **_EVALUATIONS_NS,
    }


def _logprobs(tokens: Iterable[str]) -> list[Json]:
    return [{**_token(token), "top_logprobs": [_token(token)]} for token in tokens]


def _token(token: str) -> Json:
    return {"token": token, "logprob": -0.25, "bytes": list(token.encode())}
