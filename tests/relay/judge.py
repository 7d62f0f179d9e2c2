"""A strict judge of replies: bytes in, faults in plain words out; and what the reply said.

The faults are those of ``strictwire lint``, which shares no code with the relay that it judges.
What was said is gathered here as a simple client would, one frame a line: whatever needs a real
parser is a fault already.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from strictwire.conformance import Asked, lint
from strictwire.model.request import Dialect

ENVELOPE = ("id", "object", "created", "model")


@dataclass
class Call:
    id: str
    name: str
    arguments: str = ""
    kind: str = "function"


@dataclass
class Choice:
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: list[Call] = field(default_factory=list)
    legacy: Call | None = None
    finish: str | None = None
    tokens: list[str] = field(default_factory=list)


@dataclass
class Told:
    """One reply as a strict client understood it, and the faults that a strict client met."""

    faults: list[str] = field(default_factory=list)
    choices: dict[int, Choice] = field(default_factory=dict)
    usage: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    is_ended: bool = False
    envelope: tuple[Any, ...] | None = None
    chunks: list[dict[str, Any]] = field(default_factory=list)


def faults_in(data: bytes, asked: Asked) -> list[str]:
    return [f"{one.offset}: {one.rule}: {one.message}" for one in lint(data, asked)]


# ---- a stream ----


def judge_stream(
    data: bytes, *, includes_usage: bool = False, dialect: Dialect = "chat", **asked: Any
) -> Told:
    """``asked`` are more fields of ``conformance.Asked``."""
    law = Asked(dialect=dialect, is_stream=True, includes_usage=includes_usage, **asked)
    told = Told(faults_in(data, law))
    for block in data.split(b"\n\n"):
        payload = block.removeprefix(b"data: ")
        if payload == block or told.is_ended:
            continue
        if payload == b"[DONE]":
            told.is_ended = True
            continue
        try:
            value = json.loads(payload)
        except ValueError:
            continue
        if isinstance(value, dict):
            _gather_chunk(value, told)
    return told


def _gather_chunk(chunk: dict[str, Any], told: Told) -> None:
    if "error" in chunk:
        told.error = chunk["error"]
        return
    told.chunks.append(chunk)
    told.envelope = told.envelope or tuple(chunk.get(name) for name in ENVELOPE)
    told.usage = chunk.get("usage") or told.usage
    for choice in chunk.get("choices", ()):
        known = told.choices.setdefault(choice["index"], Choice())
        known.finish = choice["finish_reason"] or known.finish
        known.tokens += _tokens(choice.get("logprobs"))
        _gather_text(choice.get("delta", choice), known)


def _gather_text(said: dict[str, Any], known: Choice) -> None:
    """A delta, a message, or a completion's choice."""
    # A chat delta may hold a stranger's "text"; beside a completion's own stands its reason.
    known.text += said.get("text" if "finish_reason" in said else "content") or ""
    known.reasoning += said.get("reasoning_content") or said.get("reasoning") or ""
    known.refusal += said.get("refusal") or ""
    for piece in said.get("tool_calls", ()):
        kind = "custom" if "custom" in piece else "function"
        body = piece[kind]
        if piece.get("id"):
            known.calls.append(Call(piece["id"], body["name"], kind=kind))
        known.calls[piece.get("index", -1)].arguments += body.get(
            "input" if kind == "custom" else "arguments", ""
        )
    legacy = said.get("function_call")
    if legacy:
        known.legacy = known.legacy or Call("", legacy.get("name", ""), kind="legacy")
        known.legacy.arguments += legacy.get("arguments", "")


def _tokens(logprobs: Any) -> list[str]:
    """Chat's list of tokens, or a completion's."""
    told = logprobs if isinstance(logprobs, dict) else {}
    tokens = told.get("content") or told.get("tokens") or ()
    return [token["token"] if isinstance(token, dict) else token for token in tokens]


# ---- one object ----


def judge_object(data: bytes, *, dialect: Dialect = "chat", **asked: Any) -> Told:
    told = Told(faults_in(data, Asked(dialect=dialect, is_stream=False, **asked)), is_ended=True)
    value = json.loads(data)
    told.envelope = tuple(value.get(name) for name in ENVELOPE)
    told.usage = value.get("usage")
    for choice in value.get("choices", ()):
        known = told.choices[choice["index"]] = Choice(
            finish=choice["finish_reason"], tokens=_tokens(choice["logprobs"])
        )
        _gather_text(choice.get("message", choice), known)
    return told
