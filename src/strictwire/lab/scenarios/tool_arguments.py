"""Tool calls: arguments that are missing, doubled or no text, and calls in another shape."""

from __future__ import annotations

import json
from collections.abc import Callable

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import (
    Answer,
    tell_bare_call,
    tell_call,
    tell_calls,
    tell_legacy_call,
)
from strictwire.lab.scenarios.scenario import Builder, Scenario, chunks_by, object_by
from strictwire.lab.scenarios.strict import strict_chunks, strict_frames, whole_call
from strictwire.lab.scenarios.tools import GONE, put
from strictwire.lab.scenarios.walk import (
    call_deltas_of,
    each_call,
    each_whole_call,
    is_finish,
    is_role_only,
)
from strictwire.lab.script import Json, Reply


def _doubled(chunks: list[Json]) -> list[Json]:
    for call in call_deltas_of(chunks):
        if "id" in call:
            call["function"]["arguments"] = "{}"
    return chunks


def _null_pieces(chunks: list[Json]) -> list[Json]:
    """Before each piece of arguments, a delta whose name and arguments are null."""
    mixed: list[Json] = []
    for chunk in chunks:
        for call in call_deltas_of([chunk]):
            if "id" not in call:
                nothing: Json = {"name": None, "arguments": None}
                empty: Json = {"index": call["index"], "function": nothing}
                silent = {**chunk["choices"][0], "delta": {"tool_calls": [empty]}}
                mixed.append({**chunk, "choices": [silent]})
        mixed.append(chunk)
    return mixed


def _whole_calls(
    change: Callable[[Json], None] = lambda call: None, *, is_joined: bool = False
) -> Builder:
    """Each call whole in one delta, or all calls in one, as a server that cannot stream them."""

    def build(answer: Answer, ask: Ask) -> Reply:
        chunks = strict_chunks(answer, ask)
        template = next((chunk for chunk in chunks if any(call_deltas_of([chunk]))), None)
        if template is None:
            return Reply(strict_frames(chunks, ask))
        calls = [
            {"index": position, **whole_call(call)}
            for position, call in enumerate(answer.choices[0].calls)
        ]
        for call in calls:
            change(call)
        groups = [calls] if is_joined else [[call] for call in calls]
        said = [
            {**template, "choices": [{**template["choices"][0], "delta": {"tool_calls": group}}]}
            for group in groups
        ]
        heads = [chunk for chunk in chunks if is_role_only(chunk)]
        tails = [chunk for chunk in chunks if is_finish(chunk) or not chunk["choices"]]
        return Reply(strict_frames([*heads, *said, *tails], ask))

    return build


def _arguments_as_object(call: Json) -> None:
    call["function"]["arguments"] = json.loads(call["function"]["arguments"])


def _no_arguments(chunks: list[Json]) -> list[Json]:
    """Only the call's head: its arguments "" are all that ever comes."""
    heads: list[Json] = []
    for chunk in chunks:
        calls = list(call_deltas_of([chunk]))
        if not calls or any("id" in call for call in calls):
            heads.append(chunk)
    return heads


def _function_call_as_object(chunks: list[Json]) -> list[Json]:
    """A bare function call whole in its first delta, its arguments an object."""
    pieces = [c for c in chunks if c["choices"] and "function_call" in c["choices"][0]["delta"]]
    told = [chunk["choices"][0]["delta"]["function_call"] for chunk in pieces]
    text = "".join(piece["arguments"] for piece in told)
    if told:
        told[0]["arguments"] = json.loads(text)
    return [chunk for chunk in chunks if chunk not in pieces[1:]]


def _message_call_as_object(whole: Json) -> Json:
    for choice in whole["choices"]:
        call = choice["message"].get("function_call")
        if call:
            call["arguments"] = json.loads(call["arguments"])
    return whole


def _function_name_everywhere(chunks: list[Json]) -> list[Json]:
    name = ""
    for chunk in chunks:
        call = chunk["choices"][0]["delta"].get("function_call") if chunk["choices"] else None
        if call is not None:
            name = call.setdefault("name", name)
    return chunks


ROWS = (
    Scenario(
        name="function-call-object",
        title="A bare function_call with its arguments as an object",
        rules=("chat.function-call",),
        whole_rules=("chat.function-call",),
        quirks=(52,),
        tell=tell_legacy_call,
        stream=chunks_by(_function_call_as_object),
        whole=object_by(_message_call_as_object),
    ),
    Scenario(
        name="function-call-name-repeated",
        title="A bare function_call whose name is on each delta",
        rules=("chat.function-call",),
        quirks=(51,),
        tell=tell_legacy_call,
        stream=chunks_by(_function_name_everywhere),
    ),
    Scenario(
        name="tool-arguments-object",
        title="Arguments as an object, not as text",
        rules=(
            "chat.tool-shape",
            "chat.tool-arguments",
        ),
        whole_rules=("chat.tool-arguments",),
        quirks=(52,),
        tell=tell_call,
        stream=_whole_calls(_arguments_as_object),
        whole=object_by(each_whole_call(_arguments_as_object)),
    ),
    Scenario(
        name="tool-arguments-empty",
        title='A tool without arguments, called with ""',
        rules=("chat.tool-arguments",),
        whole_rules=("chat.tool-arguments",),
        quirks=(53,),
        tell=tell_bare_call,
        stream=chunks_by(_no_arguments),
        whole=object_by(each_whole_call(put("arguments", ""))),
    ),
    Scenario(
        name="tool-arguments-doubled",
        title="{} first, then the real arguments",
        rules=(
            "chat.tool-shape",
            "chat.tool-arguments",
        ),
        quirks=(53,),
        tell=tell_call,
        stream=chunks_by(_doubled),
    ),
    Scenario(
        name="tool-arguments-null",
        title="Deltas whose name and arguments are null",
        rules=("chat.tool-shape",),
        quirks=(54,),
        tell=tell_call,
        stream=chunks_by(_null_pieces),
    ),
    Scenario(
        name="tool-arguments-key-missing",
        title="No arguments key in a call's first delta",
        rules=("chat.tool-shape",),
        quirks=(90,),
        tell=tell_call,
        stream=chunks_by(
            each_call(lambda call: "id" in call and call["function"].pop("arguments"))
        ),
    ),
    Scenario(
        name="tool-type-missing",
        title="Tool calls without a type",
        rules=("chat.tool-shape",),
        whole_faults=("whole.call-shape",),
        quirks=(55,),
        tell=tell_call,
        stream=chunks_by(each_call(put("type", GONE))),
        whole=object_by(each_whole_call(put("type", GONE))),
    ),
    Scenario(
        name="tool-whole",
        title="Each call whole in one delta",
        rules=("chat.tool-shape",),
        quirks=(55,),
        tell=tell_calls,
        stream=_whole_calls(),
    ),
    Scenario(
        name="tool-whole-joined",
        title="Two whole calls in one delta",
        rules=("chat.tool-shape",),
        quirks=(55,),
        tell=tell_calls,
        stream=_whole_calls(is_joined=True),
    ),
)
