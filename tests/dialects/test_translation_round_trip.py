"""A conversation that goes from one dialect to another and back keeps all that both can hold.

What that is, is said by ``essence``: the same words, calls, results, images, tools and wishes, in
the same order, by the same side; how a dialect cuts them into parts and turns is its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import groupby
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from translating import PARSERS, TARGETS, problems

from strictwire.dialects.chat.conversation_writing import write_conversation as write_chat
from strictwire.dialects.efforts import effort_of
from strictwire.dialects.losses import Losses
from strictwire.dialects.messages.conversation_writing import write_conversation as write_messages
from strictwire.dialects.model_request import ModelRequest
from strictwire.dialects.responses.conversation_writing import (
    write_conversation as write_responses,
)
from strictwire.dialects.translation import read_conversation, translate
from strictwire.model.conversation import (
    Conversation,
    File,
    Image,
    OutputFormat,
    Part,
    Reasoning,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolName,
    ToolResult,
    Turn,
)
from strictwire.model.request import Dialect

WRITERS = {"chat": write_chat, "responses": write_responses, "messages": write_messages}
PAIRS = [(one, other) for one in TARGETS for other in TARGETS if one != other]

# Anthropic refuses blank texts, so none are written there.
WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).map("w{}.".format)
NAMES = st.sampled_from(("look", "patch", "Run-1", "x" * 64))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)
ARGUMENTS = st.dictionaries(WORDS, JSON, max_size=3).map(json.dumps)
IMAGES = st.sampled_from(("https://x/y.png", "data:image/png;base64,iVBORw0KGgo=")).map(Image)
PDF = File("JVBERi0=", "application/pdf", "a.pdf")
SEALS = st.sampled_from(("", "sealed"))
SCHEMAS = st.dictionaries(WORDS, st.just({"type": "string"}), max_size=2).map(
    lambda properties: {"type": "object", "properties": properties}
)


@st.composite
def rounds(draw: st.DrawFn, number: int, *, has_files: bool) -> list[Turn]:
    """What the user says, what the assistant answers, and the results of its calls."""
    media = st.lists(IMAGES | st.just(PDF) if has_files else IMAGES, max_size=2)
    asked: list[Part] = [Text(text) for text in draw(st.lists(WORDS, min_size=1, max_size=2))]
    asked += draw(media)
    said: list[Part] = []
    if draw(st.booleans()):
        said.append(Reasoning((draw(WORDS),), seal=draw(SEALS)))
    said += [Text(text) for text in draw(st.lists(WORDS, min_size=1, max_size=2))]
    calls = [
        ToolCall(f"call_{number}_{place}", draw(NAMES), draw(ARGUMENTS))
        for place in range(draw(st.integers(0, 2)))
    ]
    results = tuple(ToolResult(call.id, (Text(draw(WORDS)),)) for call in calls)
    turns = [Turn("user", tuple(asked)), Turn("assistant", (*said, *calls))]
    return turns + ([Turn("tool", results)] if results else [])


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    turns = [Turn("system", (Text(text),)) for text in draw(st.lists(WORDS, max_size=2))]
    for number in range(draw(st.integers(0, 2))):
        turns += draw(rounds(number, has_files=True))
    turns.append(Turn("user", (Text(draw(WORDS)),)))
    names = draw(st.lists(NAMES, unique=True, min_size=1, max_size=2))
    tools = tuple(Tool(name, draw(WORDS), draw(SCHEMAS), is_strict=True) for name in names)
    modes = [ToolChoice(mode) for mode in ("auto", "none", "required")]
    named = ToolChoice("named", ToolName(names[0]))
    thinks = draw(st.booleans())
    options: dict[str, Any] = {"max_tokens": 60_000, "user": "u"}
    if not thinks:
        options["temperature"] = draw(st.sampled_from((0.0, 0.5, 1.0)))
    return Conversation(
        turns=tuple(turns),
        tools=tools,
        tool_choice=ToolChoice("auto") if thinks else draw(st.sampled_from((*modes, named))),
        calls_in_parallel=draw(st.sampled_from((None, False))),
        output=draw(
            st.none() | st.just(OutputFormat("json_schema", "answer", {"type": "object"}, "", True))
        ),
        thinking=Thinking(draw(st.sampled_from(("low", "medium", "high")))) if thinks else None,
        options=options,
    )


def as_request(dialect: Dialect, conversation: Conversation) -> ModelRequest:
    fields = WRITERS[dialect](conversation, Losses())
    return PARSERS[dialect](msgspec.json.encode({"model": "m", **fields}))


def essence(conversation: Conversation, *, keeps_unsealed: bool) -> dict[str, Any]:
    turns = [turn for turn in conversation.turns if turn.parts]
    grouped = groupby(turns, key=lambda turn: turn.role)
    choice = conversation.tool_choice
    parallel = conversation.calls_in_parallel
    if choice and choice.mode == "none":
        parallel = None  # nothing to say about calls that may not be made
    return {
        "turns": [
            (role, _parts((part for turn in told for part in turn.parts), keeps_unsealed))
            for role, told in grouped
        ],
        "tools": [(one.name, one.description, one.parameters) for one in conversation.tools],  # type: ignore[union-attr]
        "choice": (choice.mode, choice.named) if choice else None,
        "parallel": parallel,
        "schema": conversation.output.schema if conversation.output else None,
        "effort": effort_of(conversation.thinking) if conversation.thinking else "",
        "options": dict(conversation.options),
    }


def _parts(parts: Iterable[Part], keeps_unsealed: bool) -> list[Any]:
    told: list[Any] = []
    for part in parts:
        match part:
            case Text():
                told.append(part.text)
            case Image():
                told.append(("image", part.url))
            case File():
                told.append(("file", part.media_type, part.data, part.name))
            case Reasoning():
                if part.seal or keeps_unsealed:
                    told.append(("reasoning", part.text, part.seal))
            case ToolCall():
                told.append(("call", part.id, part.name, json.loads(part.arguments)))
            case ToolResult():
                told.append(("result", part.call_id, _parts(part.parts, keeps_unsealed)))
            case _:
                told.append(part)
    return _joined(told)


def _joined(told: list[Any]) -> list[Any]:
    """Texts side by side are one."""
    joined: list[Any] = []
    for one in told:
        if isinstance(one, str) and joined and isinstance(joined[-1], str):
            joined[-1] = f"{joined[-1]}\n\n{one}"
        else:
            joined.append(one)
    return joined


@pytest.mark.properties
@pytest.mark.parametrize(("source", "through"), PAIRS)
@given(conversation=conversations())
def test_there_and_back_again(
    source: Dialect, through: Dialect, conversation: Conversation
) -> None:
    first = as_request(source, conversation)
    there = translate(first, source, through).request
    back = translate(PARSERS[through](there.raw), through, source).request
    keeps_unsealed = "messages" not in (source, through)
    expected = essence(conversation, keeps_unsealed=keeps_unsealed)
    assert essence(read_conversation(first), keeps_unsealed=keeps_unsealed) == expected
    assert essence(read_conversation(back), keeps_unsealed=keeps_unsealed) == expected
    assert back.is_stream == first.is_stream


@pytest.mark.properties
@pytest.mark.parametrize("target", ["chat", "responses"])
@given(conversation=conversations())
def test_what_is_written_is_valid(target: Dialect, conversation: Conversation) -> None:
    fields = WRITERS[target](conversation, Losses())
    assert problems(target, {"model": "m", **fields}) == []
