"""An answer as a strict message: the whole life of events, the object, and their bytes.

Written from the published format alone, by hand. Each call makes fresh dictionaries, so a scenario
may change them in place. Source: Anthropic API reference, "Messages" and "Streaming messages".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import Answer, Call, Choice
from strictwire.lab.script import Json, Reply, json_reply, to_json

# Chat's finish reason, and how it is said here.
_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
_INDEX = "encrypted-index"


def event_frame(event: Json) -> bytes:
    return f"event: {event['type']}\n".encode() + b"data: " + to_json(event) + b"\n\n"


def strict_message_stream(answer: Answer, ask: Ask) -> Reply:
    return message_stream(strict_events(answer, ask))


def message_stream(events: Iterable[Json]) -> Reply:
    return Reply(tuple(map(event_frame, events)))


def strict_message(answer: Answer, ask: Ask) -> Reply:
    return json_reply(message_object(answer, ask))


def strict_events(answer: Answer, ask: Ask) -> list[Json]:
    said = answer.choices[0]
    head = {**_head(ask), "usage": usage_object(answer, output_tokens=0)}
    events: list[Json] = [{"type": "message_start", "message": head}, {"type": "ping"}]
    for index, life in enumerate(blocks_of(said, ask)):
        events += life.events(index)
    told = {"stop_reason": _STOP_REASONS[said.finish], "stop_sequence": None}
    return [
        *events,
        {"type": "message_delta", "delta": told, "usage": usage_object(answer)},
        {"type": "message_stop"},
    ]


def message_object(answer: Answer, ask: Ask) -> Json:
    said = answer.choices[0]
    return {
        **_head(ask),
        "content": [life.whole for life in blocks_of(said, ask)],
        "stop_reason": _STOP_REASONS[said.finish],
        "usage": usage_object(answer),
    }


def usage_object(answer: Answer, *, output_tokens: int | None = None) -> Json:
    """Cached tokens are not counted in ``input_tokens`` here."""
    prompt, completion = answer.usage
    return {
        "input_tokens": prompt - answer.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": answer.cached_tokens,
        "output_tokens": completion if output_tokens is None else output_tokens,
    }


def _head(ask: Ask) -> Json:
    return {
        "id": f"msg_{ask.id}",
        "type": "message",
        "role": "assistant",
        "model": ask.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


# ---- blocks ----


@dataclass(frozen=True, slots=True)
class BlockLife:
    """``start`` is the block as it is announced, ``whole`` as an object has it."""

    start: Json
    deltas: tuple[Json, ...]
    whole: Json

    def events(self, index: int) -> list[Json]:
        return [
            {"type": "content_block_start", "index": index, "content_block": self.start},
            *(
                {"type": "content_block_delta", "index": index, "delta": delta}
                for delta in self.deltas
            ),
            {"type": "content_block_stop", "index": index},
        ]


def blocks_of(said: Choice, ask: Ask) -> list[BlockLife]:
    """In the order in which they are said: thinking, a search, texts, calls."""
    lives: list[BlockLife] = []
    if said.is_redacted:
        lives.append(_ready({"type": "redacted_thinking", "data": said.seal}))
    elif said.reasoning:
        lives.append(_thinking(said))
    if said.searched:
        lives += _search(said.searched, ask)
    lives += (_text(block, said.cited) for block in said.text_blocks if block)
    lives += map(_tool_use, said.calls)
    return lives


def _ready(block: Json) -> BlockLife:
    """A block that is told whole when it begins."""
    return BlockLife(dict(block), (), dict(block))


def _text(pieces: tuple[str, ...], cited: tuple[str, ...]) -> BlockLife:
    text = "".join(pieces)
    citations = [_citation(url, text) for url in cited]
    more: Json = {"citations": citations} if citations else {}
    empty: Json = {"citations": []} if citations else {}
    deltas: list[Json] = [
        *({"type": "text_delta", "text": piece} for piece in pieces),
        *({"type": "citations_delta", "citation": citation} for citation in citations),
    ]
    return BlockLife(
        {"type": "text", "text": "", **empty},
        tuple(deltas),
        {"type": "text", "text": text, **more},
    )


def _citation(url: str, text: str) -> Json:
    return {
        "type": "web_search_result_location",
        "cited_text": text,
        "encrypted_index": _INDEX,
        "title": "A page",
        "url": url,
    }


def _thinking(said: Choice) -> BlockLife:
    deltas: list[Json] = [{"type": "thinking_delta", "thinking": piece} for piece in said.reasoning]
    if said.seal:
        deltas.append({"type": "signature_delta", "signature": said.seal})
    return BlockLife(
        {"type": "thinking", "thinking": "", "signature": ""},
        tuple(deltas),
        {"type": "thinking", "thinking": "".join(said.reasoning), "signature": said.seal},
    )


def _tool_use(call: Call) -> BlockLife:
    return _use("tool_use", call.id, call.name, call.argument_pieces)


def _use(kind: str, identity: str, name: str, pieces: tuple[str, ...]) -> BlockLife:
    head: Json = {"type": kind, "id": identity, "name": name}
    arguments: Any = json.loads("".join(pieces))
    return BlockLife(
        {**head, "input": {}},
        tuple({"type": "input_json_delta", "partial_json": piece} for piece in pieces),
        {**head, "input": arguments},
    )


def _search(query: str, ask: Ask) -> list[BlockLife]:
    """A tool that the server runs itself: the call and its result are both blocks of the answer."""
    identity = f"srvtoolu_{ask.id}"
    asked = json.dumps({"query": query}, ensure_ascii=False)
    result = {
        "type": "web_search_result",
        "url": "https://example.com/",
        "title": "A page",
        "encrypted_content": _INDEX,
        "page_age": None,
    }
    found: Json = {
        "type": "web_search_tool_result",
        "tool_use_id": identity,
        "content": [result],
    }
    return [_use("server_tool_use", identity, "web_search", (asked,)), _ready(found)]
