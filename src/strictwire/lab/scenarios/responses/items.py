"""The items of a strict response: what each is when it is done, and the events that tell it.

Written from the published format alone, by hand. Each call makes fresh dictionaries, so a scenario
may change them in place. Source: OpenAI API reference, "Responses", streaming events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import Call, Choice
from strictwire.lab.script import Json

# What stands before the number of an item in its id.
_MESSAGE, _REASONING, _SEARCH = "msg", "rs", "ws"
_CALLS = {"function": "fc", "custom": "ctc"}
_ARGUMENTS_EVENTS = {
    "function": ("response.function_call_arguments", "arguments"),
    "custom": ("response.custom_tool_call_input", "input"),
}


@dataclass(frozen=True, slots=True)
class ItemLife:
    """``added`` and ``done`` are the item's two states; ``inner`` the events between, without their
    place in the response."""

    added: Json
    inner: tuple[Json, ...]
    done: Json

    def events(self, output_index: int) -> Iterator[Json]:
        yield _event("response.output_item.added", output_index=output_index, item=self.added)
        for event in self.inner:
            kind = event.pop("type")
            place = {"item_id": self.done["id"], "output_index": output_index}
            yield _event(kind, **place, **event)
        yield _event("response.output_item.done", output_index=output_index, item=self.done)


def items_of(said: Choice, ask: Ask) -> list[ItemLife]:
    """In the order in which they are said: reasoning, a search, messages, calls."""
    lives: list[tuple[str, Callable[[str], ItemLife]] | None] = [
        (_REASONING, partial(_reasoning, said)) if said.reasoning or said.seal else None,
        (_SEARCH, partial(_search, said.searched)) if said.searched else None,
        *((_MESSAGE, partial(_message, said, block)) for block in said.text_blocks if block),
        (_MESSAGE, partial(_refusal, said.refusal)) if said.refusal else None,
        *((_CALLS[call.kind], partial(_call, call)) for call in said.calls),
    ]
    told = [life for life in lives if life is not None]
    return [build(f"{prefix}_{ask.id}_{number}") for number, (prefix, build) in enumerate(told)]


def _event(kind: str, **fields: Any) -> Json:
    """The number comes second, as OpenAI has it; it is set once the order is known."""
    return {"type": kind, "sequence_number": 0, **fields}


# ---- messages ----


def _message(said: Choice, block: tuple[str, ...], identity: str) -> ItemLife:
    place = {"content_index": 0}
    part = _text_part(said, block)
    empty = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
    inner = [
        _inner("response.content_part.added", **place, part=empty),
        *(
            _inner(
                "response.output_text.delta", **place, delta=piece, logprobs=_logprobs(said, piece)
            )
            for piece in block
        ),
        *(
            _inner(
                "response.output_text.annotation.added",
                **place,
                annotation_index=number,
                annotation=annotation,
            )
            for number, annotation in enumerate(part["annotations"])
        ),
        _inner("response.output_text.done", **place, text=part["text"], logprobs=part["logprobs"]),
        _inner("response.content_part.done", **place, part=part),
    ]
    return _message_life(identity, inner, part, is_cut=said.finish != "stop" and not said.calls)


def _refusal(pieces: tuple[str, ...], identity: str) -> ItemLife:
    place = {"content_index": 0}
    part = {"type": "refusal", "refusal": "".join(pieces)}
    inner = [
        _inner("response.content_part.added", **place, part={"type": "refusal", "refusal": ""}),
        *(_inner("response.refusal.delta", **place, delta=piece) for piece in pieces),
        _inner("response.refusal.done", **place, refusal=part["refusal"]),
        _inner("response.content_part.done", **place, part=part),
    ]
    return _message_life(identity, inner, part, is_cut=False)


def _message_life(identity: str, inner: list[Json], part: Json, *, is_cut: bool) -> ItemLife:
    def item(status: str, content: list[Json]) -> Json:
        return {
            "id": identity,
            "type": "message",
            "status": status,
            "content": content,
            "role": "assistant",
        }

    done = item("incomplete" if is_cut else "completed", [dict(part)])
    return ItemLife(item("in_progress", []), tuple(inner), done)


def _text_part(said: Choice, block: tuple[str, ...]) -> Json:
    text = "".join(block)
    logprobs = [token for piece in block for token in _logprobs(said, piece)]
    annotations = [_citation(url, text) for url in said.cited]
    return {
        "type": "output_text",
        "annotations": annotations,
        "logprobs": logprobs,
        "text": text,
    }


def _citation(url: str, text: str) -> Json:
    return {
        "type": "url_citation",
        "start_index": 0,
        "end_index": len(text),
        "title": "A page",
        "url": url,
    }


def _logprobs(said: Choice, piece: str) -> list[Json]:
    if not said.has_logprobs:
        return []
    told = {"token": piece, "logprob": -0.25, "bytes": list(piece.encode())}
    return [{**told, "top_logprobs": [dict(told)]}]


# ---- reasoning ----


def _reasoning(said: Choice, identity: str) -> ItemLife:
    text = "".join(said.reasoning)
    is_summary = said.reasoning_form == "summary"
    inner = _summary_events(said.reasoning) if is_summary else _thought_events(said.reasoning)
    added: Json = {"id": identity, "type": "reasoning", "status": "in_progress", "summary": []}
    done: Json = {**added, "status": "completed", "summary": []}
    if said.reasoning and is_summary:
        done["summary"] = [{"type": "summary_text", "text": text}]
    elif said.reasoning:
        done["content"] = [{"type": "reasoning_text", "text": text}]
    if said.seal:
        done["encrypted_content"] = said.seal
    return ItemLife(added, tuple(inner), done)


def _summary_events(pieces: tuple[str, ...]) -> list[Json]:
    if not pieces:
        return []
    place = {"summary_index": 0}
    part = {"type": "summary_text", "text": "".join(pieces)}
    kind = "response.reasoning_summary"
    return [
        _inner(f"{kind}_part.added", **place, part={"type": "summary_text", "text": ""}),
        *(_inner(f"{kind}_text.delta", **place, delta=piece) for piece in pieces),
        _inner(f"{kind}_text.done", **place, text=part["text"]),
        _inner(f"{kind}_part.done", **place, part=part),
    ]


def _thought_events(pieces: tuple[str, ...]) -> list[Json]:
    place = {"content_index": 0}
    part = {"type": "reasoning_text", "text": "".join(pieces)}
    return [
        _inner("response.content_part.added", **place, part={"type": "reasoning_text", "text": ""}),
        *(_inner("response.reasoning_text.delta", **place, delta=piece) for piece in pieces),
        _inner("response.reasoning_text.done", **place, text=part["text"]),
        _inner("response.content_part.done", **place, part=part),
    ]


# ---- calls ----


def _call(call: Call, identity: str) -> ItemLife:
    kind, field = _ARGUMENTS_EVENTS[call.kind]
    # The format wants the name of a function here, though OpenAI's own server leaves it out.
    named = {"name": call.name} if call.kind == "function" else {}

    def item(status: str, arguments: str) -> Json:
        told: Json = {
            "id": identity,
            "type": "function_call" if call.kind == "function" else "custom_tool_call",
            "status": status,
            field: arguments,
            "call_id": call.id,
            "name": call.name,
        }
        return {**told, "namespace": call.namespace} if call.namespace else told

    inner = [
        *(_inner(f"{kind}.delta", delta=piece) for piece in call.argument_pieces),
        _inner(f"{kind}.done", **named, **{field: call.arguments}),
    ]
    return ItemLife(item("in_progress", ""), tuple(inner), item("completed", call.arguments))


def _search(query: str, identity: str) -> ItemLife:
    def item(status: str) -> Json:
        action = {"type": "search", "query": query}
        return {"id": identity, "type": "web_search_call", "status": status, "action": action}

    steps = ("in_progress", "searching", "completed")
    inner = [_inner(f"response.web_search_call.{step}") for step in steps]
    return ItemLife(item("in_progress"), tuple(inner), item("completed"))


def _inner(kind: str, **fields: Any) -> Json:
    return {"type": kind, **fields}
