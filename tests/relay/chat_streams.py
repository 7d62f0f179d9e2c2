"""Chat streams for property tests: what servers say, in every spelling that JSON and SSE allow."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from strictwire.relay.splice import FRAMES_BEFORE_LEARNING

DONE = b"data: [DONE]\n\n"
# Frames of text after which the relay has learned to splice: the first of them is its first
# token, and two more prove and use what it learned.
WARM_UP_FRAMES = FRAMES_BEFORE_LEARNING + 3


def chunk(choices: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-x",
        "object": "chat.completion.chunk",
        "created": 5,
        "model": "m",
        "choices": choices,
        **more,
    }


def said(delta: Any, index: int = 0, finish: Any = None, **more: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish, **more}


def frame(value: Any) -> bytes:
    """One frame, spelled as most servers do."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return b"data: %b\n\n" % text.encode()


def text_frame(text: str, index: int = 0, **more: Any) -> bytes:
    return frame(chunk([said({"content": text}, index)], **more))


ROLE = frame(chunk([said({"role": "assistant"})]))
STOP = frame(chunk([said({}, finish="stop")]))


@dataclass(frozen=True)
class Style:
    """How one server spells. ``is_ascii`` and ``has_spaces`` change within some streams."""

    line_end: bytes = b"\n"
    prefix: bytes = b"data: "
    envelope_last: bool = False
    model: str = "m"
    reason: Any = None
    every_delta: dict[str, Any] = field(default_factory=dict)
    every_choice: dict[str, Any] = field(default_factory=dict)
    every_chunk: dict[str, Any] = field(default_factory=dict)
    id_changes: bool = False
    usage_counts: bool = False
    repeats_key: bool = False
    echoes_text: bool = False


# ``m`` and ``stop`` are also what a model may say: the text then stands elsewhere in the frame.
TEXTS = st.sampled_from(
    ["a", "Hello", " ", "m", "stop", "content", "0", "null", "é", "日本", "🦜", "\u2028", '"', "\\",
     '\\"', "\n", "\r\n", "\t", "\0", "\x1f", "\x7f", "/", "</b>", "data: [DONE]", "\n\ndata: x",
     '"}}],"usage":1', "{", "assistant", "chatcmpl-x", "\ufeff", "\ufffd", "😀" * 3,
     "strictwire0splice1proof2"]
) | st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)  # fmt: skip
KINDS = st.sampled_from(["content", "content", "reasoning_content", "reasoning", "refusal"])
STYLES = st.builds(
    Style,
    line_end=st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"]),
    prefix=st.sampled_from([b"data: ", b"data: ", b"data:", b": hi\ndata: ", b"event: x\ndata: ",
                            b"id: 1\ndata: "]),
    envelope_last=st.booleans(),
    model=st.sampled_from(["m", "a", "Hello", "stop", "é"]),
    reason=st.sampled_from([None, None, "", "stop", "eos"]),
    every_delta=st.sampled_from([{}, {}, {"role": "assistant"}, {"role": None}, {"content": ""},
                                 {"content": None}, {"tool_calls": None}, {"vendor": "a"},
                                 {"role": "assistant", "content": ""}]),
    every_choice=st.sampled_from([{}, {}, {"logprobs": None}, {"token": "a"}]),
    every_chunk=st.sampled_from([{}, {}, {"usage": None}, {"system_fingerprint": "a"},
                                 {"provider": "Hello"}, {"object": "chunk"}, {"error": None}]),
    id_changes=st.sampled_from([False, False, False, True]),
    usage_counts=st.sampled_from([False, False, False, True]),
    repeats_key=st.sampled_from([False, False, False, True]),
    echoes_text=st.sampled_from([False, False, False, True]),
)  # fmt: skip


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """A whole stream: runs of text with other things in between, ended in some way or cut."""
    style = draw(STYLES)
    writer = _Writer(style)
    writer.say(said({"role": "assistant"}))
    for _ in range(WARM_UP_FRAMES if draw(st.booleans()) else 0):
        writer.say(said({"content": "w"}))
    for _ in range(draw(st.integers(1, 5))):
        _run(draw, writer)
        _interlude(draw, writer)
    ending = draw(st.sampled_from(["healthy", "healthy", "done", "finish", "cut", "error"]))
    if ending in ("healthy", "finish"):
        for index in sorted(writer.begun):
            writer.say(said({}, index, "stop"))
    if ending == "error":
        writer.put({"error": {"message": "no", "code": 5}})
    if ending in ("healthy", "done"):
        writer.out.append(DONE)
    stream = b"".join(writer.out)
    return stream[: -draw(st.integers(1, 30))] if ending == "cut" else stream


class _Writer:
    def __init__(self, style: Style) -> None:
        self.style = style
        self.out: list[bytes] = []
        self.begun: set[int] = set()
        self.is_ascii = False
        self.has_spaces = False

    def say(self, choice: dict[str, Any], echo: str = "") -> None:
        style, number = self.style, len(self.out)
        self.begun.add(choice["index"])
        choice["delta"] = style.every_delta | choice["delta"]
        choice["finish_reason"] = choice["finish_reason"] or style.reason
        value = chunk([choice | style.every_choice], model=style.model, **style.every_chunk)
        if style.id_changes:
            value["id"] = f"x{number}"
        if style.usage_counts:
            value["usage"] = {"prompt_tokens": 1, "completion_tokens": number}
        if style.echoes_text and echo:
            value = {"echo": echo, **value, "echo2": {"content": echo}}
        if style.envelope_last:
            value = dict(reversed(value.items()))
        self.put(value)

    def put(self, value: Any) -> None:
        spaces = (", ", ": ") if self.has_spaces else (",", ":")
        text = json.dumps(value, ensure_ascii=self.is_ascii, separators=spaces)
        if self.style.repeats_key:
            # Readers take the last of two; a splice must not change the first alone.
            text = text.replace('"content"', '"content":"a","content"', 1)
        block = self.style.prefix + text.encode() + b"\n\n"
        self.out.append(block.replace(b"\n", self.style.line_end))


def _run(draw: st.DrawFn, writer: _Writer) -> None:
    """Deltas of one or two kinds, for one or two choices in turn."""
    kinds = draw(st.lists(st.tuples(KINDS, st.integers(0, 1)), min_size=1, max_size=2))
    for number, text in enumerate(draw(st.lists(TEXTS, min_size=1, max_size=8))):
        kind, index = kinds[number % len(kinds)]
        writer.is_ascii = draw(st.booleans())
        writer.say(said({kind: text}, index), text)


def _interlude(draw: st.DrawFn, writer: _Writer) -> None:
    end = writer.style.line_end
    match draw(st.sampled_from(["", "", "call", "comment", "empty", "stop", "foreign", "spaces"])):
        case "call":
            head = {"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}
            writer.say(said({"tool_calls": [head]}))
            for text in draw(st.lists(TEXTS, max_size=3)):
                writer.say(said({"tool_calls": [{"index": 0, "function": {"arguments": text}}]}))
        case "comment":
            writer.out.append(b": keep-alive" + end + end)
        case "empty":
            writer.say(said({"content": ""}))
        case "stop":
            writer.say(said({}, finish=draw(st.sampled_from(["stop", "length"]))))
        case "foreign":
            writer.out.append(b"data: ping" + end + end)
        case "spaces":
            writer.has_spaces = not writer.has_spaces
