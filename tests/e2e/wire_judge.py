"""The second judge: the bytes themselves, by the contract's letter and by OpenAI's own schema.

The SDK forgives much. Here one request is asked over a plain HTTP client, its bytes go to the
relay tests' strict judge, which is ``strictwire lint`` and knows what was asked for, and each
chunk, object and error is held against the published schema where that is at hand (``SCHEMA``;
without it the tests say so and skip that part).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
from expectations import Asked, Error, Seen, SeenChoice
from jsonschema import Draft202012Validator

from relay import completions_judge
from relay.judge import Choice, Told, judge_object, judge_stream
from strictwire.lab.ask import Dialect

SCHEMA = (
    Path(__file__).resolve().parents[3] / "shared/data/openai-schema/responses.relaxed.schema.json"
)
STREAM_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}
# Ids and times differ between replies and say nothing to a schema: without them most chunks of
# most scenarios are the same, and each is judged once.
_VARYING = re.compile(rb'"(?:id|created|model)":(?:"[^"\\]*"|\d+)')
_STANDING = {b'"id"': b'"id":"x"', b'"created"': b'"created":1', b'"model"': b'"model":"x"'}
MAX_REMEMBERED = 4096


@dataclass(frozen=True)
class Law:
    """How one dialect is judged: by whom, and the schema's names for what it sends."""

    path: str
    judge_stream: Callable[..., Told]
    judge_object: Callable[..., Told]
    chunk_schema: str
    object_schema: str


LAWS: dict[Dialect, Law] = {
    "chat": Law(
        "/chat/completions",
        judge_stream,
        judge_object,
        "CreateChatCompletionStreamResponse",
        "CreateChatCompletionResponse",
    ),
    "completions": Law(
        "/completions",
        completions_judge.judge_stream,
        completions_judge.judge_object,
        "CreateCompletionResponse",
        "CreateCompletionResponse",
    ),
}


def judge(
    client: httpx.Client, url: str, model: str, asked: Asked, settings: Mapping[str, Any]
) -> tuple[Seen, list[str]]:
    """What a strict client saw, and every fault of the reply's head and body. ``settings`` are the
    provider's, in the words of ``conformance.Asked``."""
    law = LAWS[asked.dialect]
    body = {"model": model, **asked.body}
    reply = client.post(url + law.path, json=body, headers=asked.headers)
    return judge_reply(reply, asked, settings)


def judge_reply(
    reply: httpx.Response, asked: Asked, settings: Mapping[str, Any]
) -> tuple[Seen, list[str]]:
    """The same of a reply that has come."""
    law = LAWS[asked.dialect]
    promised = {"choices": asked.choices, "tools": asked.tools, **settings}
    faults = [] if reply.headers.get("x-request-id") else ["no x-request-id"]
    if "content-encoding" in reply.headers:
        faults.append("the reply is compressed")
    if reply.status_code != 200:
        return _judge_status(reply, faults)
    if not asked.is_stream:
        told = law.judge_object(reply.content, **promised)
        return _seen(told), faults + told.faults + _whole_faults(reply, law, told)
    faults += [
        f"{name} is {reply.headers.get(name)!r}"
        for name, value in STREAM_HEADERS.items()
        if reply.headers.get(name) != value
    ]
    told = law.judge_stream(
        reply.content, includes_usage=asked.includes_usage, progress=asked.progress, **promised
    )
    for block in reply.content.split(b"\n\n"):
        payload = block.removeprefix(b"data: ")
        if payload.startswith(b'{"error"'):
            faults += schema_faults("ErrorResponse", payload)
        elif payload.startswith(b"{"):
            faults += schema_faults(law.chunk_schema, payload)
    has_closed = reply.headers.get("connection") == "close"
    if told.error is None and has_closed:
        faults.append("a reply in good order closes the connection")
    return _seen(told), faults + told.faults


def _judge_status(reply: httpx.Response, faults: list[str]) -> tuple[Seen, list[str]]:
    if reply.headers.get("content-type") != "application/json":
        faults.append(f"an error as {reply.headers.get('content-type')!r}")
    error = reply.json()["error"]
    if set(error) != {"message", "type", "param", "code"} or not error["message"]:
        faults.append(f"an error of another shape: {error}")
    faults += schema_faults("ErrorResponse", reply.content)
    retry_after = reply.headers.get("retry-after")
    return Seen(error=Error(reply.status_code, error["code"], retry_after)), faults


def _whole_faults(reply: httpx.Response, law: Law, told: Told) -> list[str]:
    faults = schema_faults(law.object_schema, reply.content)
    if reply.headers.get("content-type") != "application/json":
        faults.append(f"an object as {reply.headers.get('content-type')!r}")
    is_unknown = reply.headers.get("x-strictwire-usage") == "unknown"
    if is_unknown and _seen(told).usage != (0, 0):
        faults.append("usage is said to be unknown, and is told")
    return faults


def _seen(told: Told) -> Seen:
    error = Error(None, told.error.get("code")) if told.error is not None else None
    usage = told.usage
    return Seen(
        tuple(_seen_choice(told.choices[at], error is None) for at in sorted(told.choices)),
        (usage["prompt_tokens"], usage["completion_tokens"]) if usage else None,
        error,
    )


def _seen_choice(known: Choice, is_whole: bool) -> SeenChoice:
    calls = known.calls if is_whole else []
    legacy = known.legacy if is_whole else None
    return SeenChoice(
        text=known.text,
        reasoning=known.reasoning,
        refusal=known.refusal,
        calls=tuple((call.name, json.loads(call.arguments)) for call in calls),
        legacy_call=(legacy.name, json.loads(legacy.arguments)) if legacy else None,
        finish_reason=known.finish,
        logprob_tokens=tuple(known.tokens),
    )


# ---- OpenAI's schema ----


def schema_faults(name: str, payload: bytes) -> list[str]:
    """What the schema called ``name`` finds wrong; nothing where there is no schema."""
    if not SCHEMA.exists():
        return []
    return _schema_faults(name, _VARYING.sub(_standing, payload))


def _standing(match: re.Match[bytes]) -> bytes:
    return _STANDING[match[0].partition(b":")[0]] if match[0][-2:] != b'""' else match[0]


@lru_cache(maxsize=MAX_REMEMBERED)
def _schema_faults(name: str, payload: bytes) -> list[str]:
    found = _validator(name).iter_errors(json.loads(payload))
    return [f"{name}: {fault.json_path}: {fault.message}"[:300] for fault in found]


@lru_cache
def _validator(name: str) -> Any:
    definitions = _schema()["$defs"]
    return Draft202012Validator({"$defs": definitions, "$ref": f"#/$defs/{name}"})


@lru_cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(SCHEMA.read_text("utf-8"))
    return schema
