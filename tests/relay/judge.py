"""A strict judge of chat replies: bytes in, faults in plain words out; and what the reply said.

Written from docs/contract.md ("Chat", "Whole objects") and the published format alone: it shares no
code with the relay that it judges. It reads one frame a line, as simple clients do, so whatever
needs a real parser is a fault already.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

REASONS = {"stop", "length", "tool_calls", "content_filter", "function_call"}
TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
ERROR_KEYS = {"message", "type", "param", "code"}


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
    has_role: bool = False


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

    def fault(self, text: str) -> None:
        self.faults.append(text)


# ---- a stream ----


def judge_stream(data: bytes, *, includes_usage: bool = False) -> Told:
    told = Told()
    for payload in _payloads(data, told):
        if told.is_ended:
            told.fault("something follows [DONE]")
        elif payload == "[DONE]":
            told.is_ended = True
        elif told.error is not None:
            told.fault("something other than [DONE] follows an error")
        else:
            _judge_payload(payload, told, includes_usage)
    if not told.is_ended:
        told.fault("[DONE] is missing")
    if told.error is None:
        _judge_end(told)
    return told


def _payloads(data: bytes, told: Told) -> list[str]:
    if data.startswith(b"\xef\xbb\xbf"):
        told.fault("a byte order mark")
    if b"\r" in data:
        told.fault("a carriage return")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        told.fault("invalid UTF-8")
        text = data.decode("utf-8", "replace")
    if not text.endswith("\n\n"):
        told.fault("the last block is not ended")
    payloads = []
    for block in text.removesuffix("\n\n").split("\n\n"):
        if not block.startswith("data: ") or "\n" in block:
            told.fault(f"a block that is not one data line: {block[:60]!r}")
        payloads.append(block.removeprefix("data: "))
    return payloads


def _judge_payload(payload: str, told: Told, includes_usage: bool) -> None:
    try:
        chunk = json.loads(payload, parse_constant=_no_constant)
    except ValueError:
        told.fault(f"data that is no JSON: {payload[:60]!r}")
        return
    if not isinstance(chunk, dict):
        told.fault(f"data that is no object: {payload[:60]!r}")
    elif "error" in chunk:
        _judge_error(chunk, told)
    elif not isinstance(chunk.get("choices"), list):
        told.fault(f"an object that is no chunk: {payload[:60]!r}")
    else:
        told.chunks.append(chunk)
        _judge_chunk(chunk, told, includes_usage)


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _judge_error(chunk: dict[str, Any], told: Told) -> None:
    error = chunk["error"]
    told.error = error if isinstance(error, dict) else {}
    if set(chunk) != {"error"} or set(told.error) != ERROR_KEYS:
        told.fault(f"an error of another shape: {chunk!r}")
        return
    if not isinstance(error["message"], str) or not error["message"]:
        told.fault("an error without a message")
    if not isinstance(error["type"], str) or not isinstance(error["code"], str | None):
        told.fault("an error whose type or code is no string")


def _judge_chunk(chunk: dict[str, Any], told: Told, includes_usage: bool) -> None:
    if told.usage is not None:
        told.fault("a chunk follows the usage chunk")
    envelope = tuple(chunk.get(name) for name in ("id", "object", "created", "model"))
    kinds = (str, str, int, str)
    if not all(type(one) is kind and one for one, kind in zip(envelope, kinds, strict=True)):
        told.fault(f"an incomplete envelope: {envelope!r}")
    if chunk.get("object") != "chat.completion.chunk":
        told.fault(f"object is {chunk.get('object')!r}")
    if told.envelope not in (None, envelope):
        told.fault(f"the envelope changed to {envelope!r}")
    told.envelope = told.envelope or envelope
    _judge_usage(chunk, told, includes_usage)
    if "prompt_progress" in chunk:
        told.fault("progress leaked into a chunk")
    choices = chunk["choices"]
    if len(choices) > 1:
        told.fault("several choices in one chunk")
    if not choices and chunk.get("usage") is None:
        told.fault("a chunk without a choice and without usage")
    for choice in choices:
        _judge_choice(choice, told)


def _judge_usage(chunk: dict[str, Any], told: Told, includes_usage: bool) -> None:
    usage = chunk.get("usage")
    if not includes_usage:
        if "usage" in chunk:
            told.fault("usage that was not asked for")
    elif chunk["choices"]:
        if "usage" not in chunk or usage is not None:
            told.fault("usage is not null on a chunk with a choice")
    elif usage is not None:
        told.usage = usage
        _judge_counts(usage, told)


def _judge_counts(usage: Any, told: Told) -> None:
    counts = [usage.get(name) for name in COUNTS] if isinstance(usage, dict) else [None]
    if not all(type(count) is int and count >= 0 for count in counts):
        told.fault(f"usage without its three counts: {usage!r}")


def _judge_choice(choice: dict[str, Any], told: Told) -> None:
    index, delta, reason = choice.get("index"), choice.get("delta"), choice.get("finish_reason")
    if type(index) is not int or index < 0:
        told.fault(f"a choice with index {index!r}")
    if not isinstance(delta, dict):
        told.fault(f"a choice with delta {delta!r}")
        return
    if "finish_reason" not in choice or (reason is not None and reason not in REASONS):
        told.fault(f"finish_reason is {choice.get('finish_reason', 'missing')!r}")
    _judge_logprobs(choice.get("logprobs"), told)
    known = told.choices.setdefault(index, Choice())
    if known.finish is not None:
        told.fault(f"choice {index} goes on after its finish")
    known.tokens += _tokens(choice.get("logprobs"))
    if reason is not None:
        known.finish = reason
        if delta:
            told.fault(f"the finish chunk's delta holds {sorted(delta)}")
    else:
        _judge_delta(delta, known, index, told, has_more=set(choice) - {"index", "delta"})


def _judge_logprobs(logprobs: Any, told: Told) -> None:
    if logprobs is None:
        return
    if not isinstance(logprobs, dict):
        told.fault(f"logprobs is {logprobs!r}")
        return
    lists = [logprobs.get(name, 0) for name in ("content", "refusal")]
    if not all(one is None or isinstance(one, list) for one in lists):
        told.fault(f"logprobs without both its lists: {sorted(logprobs)}")


def _tokens(logprobs: Any) -> list[str]:
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    tokens = content if isinstance(content, list) else ()
    return [token["token"] for token in tokens if isinstance(token, dict) and "token" in token]


def _judge_delta(
    delta: dict[str, Any], known: Choice, index: int, told: Told, *, has_more: set[str]
) -> None:
    if not known.has_role:
        if set(delta) != {"role"}:
            told.fault(f"choice {index} begins with {sorted(delta)}, not with its role alone")
        known.has_role = True
        if delta.get("role"):
            return
    if "role" in delta:
        told.fault(f"choice {index} repeats its role")
    if not delta and not has_more - {"finish_reason"}:
        told.fault(f"choice {index} has a delta that says nothing")
    for name in TEXTS:
        if name in delta and (not isinstance(delta[name], str) or not delta[name]):
            told.fault(f"{name} is {delta[name]!r}")
            return
    known.text += delta.get("content", "")
    known.reasoning += delta.get("reasoning_content", delta.get("reasoning", ""))
    known.refusal += delta.get("refusal", "")
    if "tool_calls" in delta:
        _judge_piece(delta["tool_calls"], known, told)
    if "function_call" in delta:
        _judge_legacy(delta["function_call"], known, told)


def _judge_piece(pieces: Any, known: Choice, told: Told) -> None:
    if not isinstance(pieces, list) or len(pieces) != 1:
        told.fault(f"tool_calls is {pieces!r}")
        return
    piece = pieces[0]
    kind = "custom" if "custom" in piece else "function"
    text = "input" if kind == "custom" else "arguments"
    body, place = piece.get(kind), piece.get("index")
    if type(place) is not int or not isinstance(body, dict):
        told.fault(f"a tool piece of another shape: {piece!r}")
    elif place == len(known.calls):
        known.calls.append(Call(piece.get("id", ""), body.get("name", ""), kind=kind))
        if not {"index", "id", "type", kind} <= set(piece) or piece["type"] != kind:
            told.fault(f"a call begins without all its keys: {piece!r}")
        if not piece.get("id") or not body.get("name") or body.get(text) != "":
            told.fault(f"a call begins with {piece!r}")
    elif 0 <= place < len(known.calls):
        if set(piece) != {"index", kind} or set(body) != {text} or not body[text]:
            told.fault(f"a piece of arguments is {piece!r}")
        known.calls[place].arguments += str(body.get(text) or "")
    else:
        told.fault(f"call index {place} is not dense")


def _judge_legacy(body: Any, known: Choice, told: Told) -> None:
    if known.legacy is None:
        known.legacy = Call("", str(body.get("name")), kind="legacy")
        if set(body) != {"name", "arguments"} or body["arguments"] != "":
            told.fault(f"function_call begins with {body!r}")
        return
    if set(body) != {"arguments"} or not body["arguments"]:
        told.fault(f"a piece of function_call is {body!r}")
    known.legacy.arguments += str(body.get("arguments") or "")


def _judge_end(told: Told) -> None:
    if not told.choices:
        told.fault("no choice at all")
    for index, known in told.choices.items():
        _judge_outcome(index, known, told)


def _judge_outcome(index: int, known: Choice, told: Told) -> None:
    """What holds for a finished choice, streamed or whole."""
    if known.finish is None:
        told.fault(f"choice {index} never finished")
    if known.calls and known.legacy:
        told.fault(f"choice {index} mixes tool calls and function_call")
    has_called = bool(known.calls or known.legacy)
    if has_called and known.finish == "stop":
        told.fault(f"choice {index} called a tool and finished with stop")
    if not has_called and known.finish in ("tool_calls", "function_call"):
        told.fault(f"choice {index} called nothing and finished with {known.finish}")
    if len({call.id for call in known.calls}) < len(known.calls):
        told.fault(f"choice {index} has calls with the same id")
    for call in known.calls:
        if call.kind == "function" and not call.arguments:
            told.fault(f"call {call.id} has no arguments at all")


# ---- one object ----


def judge_object(data: bytes) -> Told:
    told = Told(is_ended=True)
    value = json.loads(data, parse_constant=_no_constant)
    required = {"id", "object", "created", "model", "choices", "usage"}
    if not required <= set(value) or value["object"] != "chat.completion":
        told.fault(f"an object with {sorted(value)}, named {value.get('object')!r}")
        return told
    told.envelope = tuple(value[name] for name in ("id", "object", "created", "model"))
    if not all(told.envelope):
        told.fault(f"an incomplete envelope: {told.envelope!r}")
    told.usage = value["usage"]
    _judge_counts(told.usage, told)
    for choice in value["choices"]:
        _judge_whole_choice(choice, told)
    _judge_end(told)
    return told


def _judge_whole_choice(choice: dict[str, Any], told: Told) -> None:
    missing = {"index", "message", "logprobs", "finish_reason"} - set(choice)
    message = choice.get("message", {})
    missing |= {"role", "content", "refusal"} - set(message)
    if missing:
        told.fault(f"a choice lacks {sorted(missing)}")
        return
    if choice["finish_reason"] not in REASONS:
        told.fault(f"finish_reason is {choice['finish_reason']!r}")
    _judge_logprobs(choice["logprobs"], told)
    if not isinstance(message["content"], str | None) or not message["role"]:
        told.fault(f"content is {message['content']!r}, the role {message['role']!r}")
    known = told.choices[choice["index"]] = Choice(
        text=message["content"] or "",
        reasoning=message.get("reasoning_content") or message.get("reasoning") or "",
        refusal=message["refusal"] or "",
        finish=choice["finish_reason"],
        tokens=_tokens(choice["logprobs"]),
        has_role=True,
    )
    for call in message.get("tool_calls", ()):
        known.calls.append(_whole_call(call, told))
    legacy = message.get("function_call")
    if legacy is not None:
        known.legacy = Call("", legacy["name"], legacy["arguments"], "legacy")


def _whole_call(call: dict[str, Any], told: Told) -> Call:
    kind = call.get("type")
    body = call.get(kind) if kind in ("function", "custom") else None
    text = "input" if kind == "custom" else "arguments"
    if not isinstance(body, dict) or not call.get("id") or not isinstance(body.get(text), str):
        told.fault(f"a tool call of another shape: {call!r}")
        return Call("", "")
    return Call(call["id"], body["name"], body[text], str(kind))
