"""A healthy Responses stream with one item of each kind, and tools to break it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable
from typing import Any

from strictwire.dialects.responses import ResponsesLife, ResponsesReader
from strictwire.model.chunks import Chunk
from strictwire.model.events import (
    Ended,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolCallBegun,
    ToolCallDelta,
)
from strictwire.model.request import Promise

PROMISE = Promise(id="own", created=7, model="asked", dialect="responses", includes_usage=True)

RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 5,
    "status": "in_progress",
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "model": "m",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "temperature": 1.0,
    "top_p": 1.0,
    "metadata": {},
    "usage": None,
}
USAGE: dict[str, Any] = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 14,
}

Event = dict[str, Any]


class Script:
    """Writes the events of a strict server, one item after the other."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.output: list[dict[str, Any]] = []
        self.tell("response.created", response=RESPONSE)
        self.tell("response.in_progress", response=RESPONSE)

    def tell(self, kind: str, **fields: Any) -> None:
        self.events.append(
            {"type": kind, "sequence_number": len(self.events), **copy.deepcopy(fields)}
        )

    def item(self, opening: dict[str, Any]) -> int:
        self.tell("response.output_item.added", output_index=len(self.output), item=opening)
        self.output.append(opening)
        return len(self.output) - 1

    def done(self, **told: Any) -> None:
        index = len(self.output) - 1
        self.output[index] = self.output[index] | told
        self.tell("response.output_item.done", output_index=index, item=self.output[index])

    def text(self, kind: str, done: str, place: dict[str, Any], *pieces: str, **more: Any) -> None:
        for piece in pieces:
            told = {"logprobs": []} if kind == "response.output_text" else {}
            self.tell(f"{kind}.delta", **place, delta=piece, **told)
        told = {"logprobs": []} if kind == "response.output_text" else {}
        self.tell(f"{kind}.done", **place, **{done: "".join(pieces)}, **told, **more)

    def message(self, identity: str, *texts: Iterable[str]) -> None:
        opening = {"id": identity, "type": "message", "status": "in_progress", "role": "assistant"}
        index = self.item(opening | {"content": []})
        content = []
        for number, pieces in enumerate(texts):
            place = {"item_id": identity, "output_index": index, "content_index": number}
            part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
            self.tell("response.content_part.added", **place, part=part)
            self.text("response.output_text", "text", place, *pieces)
            content.append(part | {"text": "".join(pieces)})
            self.tell("response.content_part.done", **place, part=content[-1])
        self.done(status="completed", content=content)

    def reasoning(self, identity: str, *pieces: str, seal: str = "") -> None:
        index = self.item({"id": identity, "type": "reasoning", "summary": []})
        place = {"item_id": identity, "output_index": index, "summary_index": 0}
        part = {"type": "summary_text", "text": ""}
        self.tell("response.reasoning_summary_part.added", **place, part=part)
        self.text("response.reasoning_summary_text", "text", place, *pieces)
        part = part | {"text": "".join(pieces)}
        self.tell("response.reasoning_summary_part.done", **place, part=part)
        self.done(summary=[part], **({"encrypted_content": seal} if seal else {}))

    def call(self, identity: str, name: str, *pieces: str) -> None:
        opening = {"id": identity, "type": "function_call", "status": "in_progress"}
        more = {"call_id": f"call_{identity}", "name": name, "arguments": ""}
        index = self.item(opening | more)
        place = {"item_id": identity, "output_index": index}
        self.text("response.function_call_arguments", "arguments", place, *pieces, name=name)
        self.done(status="completed", arguments="".join(pieces))

    def custom(self, identity: str, name: str, *pieces: str) -> None:
        opening = {"id": identity, "type": "custom_tool_call", "status": "in_progress"}
        index = self.item(opening | {"call_id": f"call_{identity}", "name": name, "input": ""})
        place = {"item_id": identity, "output_index": index}
        self.text("response.custom_tool_call_input", "input", place, *pieces)
        self.done(status="completed", input="".join(pieces))

    def search(self, identity: str) -> None:
        opening = {"id": identity, "type": "web_search_call", "status": "in_progress"}
        action = {"type": "search", "query": "q"}
        index = self.item(opening | {"action": action})
        place = {"item_id": identity, "output_index": index}
        for step in ("in_progress", "searching", "completed"):
            self.tell(f"response.web_search_call.{step}", **place)
        self.done(status="completed")

    def end(self) -> list[Event]:
        told = {"status": "completed", "output": self.output, "usage": USAGE}
        self.tell("response.completed", response=RESPONSE | told)
        return self.events


def healthy() -> list[Event]:
    """Reasoning, text in two parts, a search, two calls, and a custom one."""
    script = Script()
    script.reasoning("rs_1", "Let me", " think.", seal="sealed")
    script.message("msg_1", ("Hel", "lo"), ("wor", "ld"))
    script.search("ws_1")
    script.call("fc_1", "look", '{"a"', ":1}")
    script.call("fc_2", "look", '{"b":2}')
    script.custom("ctc_1", "patch", "+a\n", "-b")
    return script.end()


def short() -> list[Event]:
    """What most broken servers try to say: a little reasoning, a text, a call."""
    script = Script()
    script.reasoning("rs_1", "Let me", " think.")
    script.message("msg_1", ("Hel", "lo"))
    script.call("fc_1", "look", '{"a"', ":1}")
    return script.end()


def without(*kinds: str) -> Callable[[list[Event]], list[Event]]:
    """Leave out the events of these types, by how they end."""
    return lambda events: [one for one in events if not one["type"].endswith(kinds)]


def each(change: Callable[[Event], Event | None]) -> Callable[[list[Event]], list[Event]]:
    def changed(events: list[Event]) -> list[Event]:
        told = (change(copy.deepcopy(event)) for event in events)
        return [event for event in told if event is not None]

    return changed


def dropped(*names: str) -> Callable[[list[Event]], list[Event]]:
    """Leave out these fields of every event."""
    return each(lambda event: {name: event[name] for name in event if name not in names})


def chunk(event: Event) -> Chunk:
    return Chunk(event, json.dumps(event).encode(), event.get("type", ""))


def lived(
    events: Iterable[Event], life: ResponsesLife | None = None, *, has_terminal: bool = True
) -> list[Event]:
    """What a life makes of events; afterwards ``[DONE]`` came."""
    life = life if life is not None else ResponsesLife(PROMISE)
    out = [strict.value for event in events for strict in life.feed(chunk(event))]
    return out + [strict.value for strict in life.end(has_terminal=has_terminal)]


def told(events: list[Event]) -> dict[str, Any]:
    """What a reader of another dialect takes from strict events: texts, calls, how it ended."""
    reader = ResponsesReader()
    said: dict[str, Any] = {"text": "", "reasoning": "", "calls": {}}
    for event in (read for one in events for read in reader.feed(Chunk(one))):
        match event:
            case TextDelta(_, text):
                said["text"] += text
            case ReasoningDelta(_, text):
                said["reasoning"] += text
            case ToolCallBegun(_, call, _, name):
                said["calls"][call] = [name, ""]
            case ToolCallDelta(_, call, text):
                said["calls"][call][1] += text
            case Finished(_, reason):
                said["reason"] = reason
            case Ended():
                said["is_ended"] = True
    return said
