"""Tool calls: ids, indexes, names and arguments that are missing, doubled or misplaced."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import (
    Answer,
    tell_bare_call,
    tell_call,
    tell_calls,
    tell_legacy_call,
)
from strictwire.lab.scenarios.scenario import Builder, Scenario, chunks_by, object_by
from strictwire.lab.scenarios.strict import Json, strict_chunks, strict_frames, whole_call
from strictwire.lab.scenarios.walk import (
    call_deltas_of,
    each_call,
    each_whole_call,
    is_finish,
    is_role_only,
)
from strictwire.lab.script import Reply

_GONE: Any = object()


def _set(key: str, value: object) -> Callable[[Json], None]:
    """Puts a value, or takes the key away, where a call has it."""

    def changed(call: Json) -> None:
        place = call if key in call else call.get("function", {})
        if key not in place:
            return
        if value is _GONE:
            del place[key]
        else:
            place[key] = value

    return changed


def _put_everywhere(**fields: Any) -> Callable[[list[Json]], list[Json]]:
    """The fields of a call's first delta, given or repeated, in each of its deltas."""

    def changed(chunks: list[Json]) -> list[Json]:
        begun: dict[int, Json] = {}
        for call in call_deltas_of(chunks):
            first = begun.setdefault(call["index"], call)
            if call is first:
                continue
            if "name" in fields:
                told = fields["name"]
                call["function"]["name"] = first["function"]["name"] if told is None else told
            if "id" in fields:
                call["id"] = first["id"] if fields["id"] is None else fields["id"]
                call["type"] = "function"
        return chunks

    return changed


def _name_null_first(chunks: list[Json]) -> list[Json]:
    """The id alone first, with a null name; the name comes in a delta of its own."""
    return _first_split(
        chunks,
        lambda name: (None, name),
    )


def _name_split(chunks: list[Json]) -> list[Json]:
    return _first_split(chunks, lambda name: (name[: len(name) // 2], name[len(name) // 2 :]))


def _first_split(chunks: list[Json], parts: Callable[[str], tuple[str | None, str]]) -> list[Json]:
    """Each call's first delta in two, its name cut as ``parts`` says."""
    split: list[Json] = []
    for chunk in chunks:
        split.append(chunk)
        for call in call_deltas_of([chunk]):
            if "id" not in call:
                continue
            first, second = parts(call["function"]["name"])
            call["function"]["name"] = first
            rest: Json = {"index": call["index"], "function": {"name": second}}
            again = {**chunk["choices"][0], "delta": {"tool_calls": [rest]}}
            split.append({**chunk, "choices": [again]})
    return split


def _index_drifts(chunks: list[Json]) -> list[Json]:
    """The head of a call has index 0, all its pieces index 1."""
    for call in call_deltas_of(chunks):
        call["index"] = 0 if "id" in call else 1
    return chunks


def _index_shifted(by: int) -> Callable[[list[Json]], list[Json]]:
    def shifted(call: Json) -> None:
        call["index"] += by

    return each_call(shifted)


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
            return Reply(strict_frames(chunks))
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
        return Reply(strict_frames([*heads, *said, *tails]))

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
        name="tool-index-missing",
        title="A tool call without an index",
        rules=("chat.tool-index",),
        quirks=(48,),
        tell=tell_call,
        stream=chunks_by(each_call(_set("index", _GONE))),
    ),
    Scenario(
        name="tool-index-missing-parallel",
        title="Two tool calls without an index",
        rules=("chat.tool-index",),
        quirks=(48,),
        tell=tell_calls,
        stream=chunks_by(each_call(_set("index", _GONE))),
    ),
    Scenario(
        name="tool-index-zero",
        title="Two tool calls, both at index 0, with distinct ids",
        rules=("chat.tool-index",),
        quirks=(49,),
        tell=tell_calls,
        stream=chunks_by(each_call(_set("index", 0))),
    ),
    Scenario(
        name="tool-index-negative",
        title="A tool call at index -1",
        rules=("chat.tool-index",),
        quirks=(49,),
        tell=tell_call,
        stream=chunks_by(each_call(_set("index", -1))),
    ),
    Scenario(
        name="tool-index-from-one",
        title="Two tool calls, counted from 1",
        rules=("chat.tool-index",),
        quirks=(49,),
        tell=tell_calls,
        stream=chunks_by(_index_shifted(1)),
    ),
    Scenario(
        name="tool-index-drifts",
        title="A tool call's head at index 0, its arguments at index 1",
        rules=("chat.tool-index",),
        quirks=(49,),
        tell=tell_call,
        stream=chunks_by(_index_drifts),
    ),
    Scenario(
        name="tool-id-missing",
        title="Tool calls without an id",
        rules=("chat.tool-id",),
        quirks=(50,),
        tell=tell_calls,
        stream=chunks_by(each_call(_set("id", _GONE))),
        whole=object_by(each_whole_call(_set("id", _GONE))),
    ),
    Scenario(
        name="tool-id-empty",
        title='A tool call with id ""',
        rules=("chat.tool-id",),
        quirks=(50,),
        tell=tell_call,
        stream=chunks_by(each_call(_set("id", ""))),
        whole=object_by(each_whole_call(_set("id", ""))),
    ),
    Scenario(
        name="tool-id-null",
        title="A tool call with id null",
        rules=("chat.tool-id",),
        quirks=(50,),
        tell=tell_call,
        stream=chunks_by(each_call(_set("id", None))),
        whole=object_by(each_whole_call(_set("id", None))),
    ),
    Scenario(
        name="tool-id-same",
        title="Two tool calls with one id",
        rules=("chat.tool-id",),
        quirks=(50,),
        tell=tell_calls,
        stream=chunks_by(each_call(_set("id", "call_same"))),
        whole=object_by(each_whole_call(_set("id", "call_same"))),
    ),
    Scenario(
        name="tool-id-repeated",
        title="The id and the name in every delta of a call",
        rules=("chat.tool-name",),
        quirks=(51,),
        tell=tell_calls,
        stream=chunks_by(_put_everywhere(id=None, name=None)),
    ),
    Scenario(
        name="tool-name-repeated",
        title="The name in every delta of a call",
        rules=("chat.tool-name",),
        quirks=(51,),
        tell=tell_call,
        stream=chunks_by(_put_everywhere(name=None)),
    ),
    Scenario(
        name="tool-name-empty-later",
        title='name "" in every later delta of a call',
        rules=("chat.tool-name",),
        quirks=(51,),
        tell=tell_call,
        stream=chunks_by(_put_everywhere(name="")),
    ),
    Scenario(
        name="tool-name-null-first",
        title="name null first, the name in a delta of its own",
        rules=("chat.tool-name",),
        quirks=(51,),
        tell=tell_call,
        stream=chunks_by(_name_null_first),
    ),
    Scenario(
        name="tool-name-split",
        title="The name in two pieces",
        rules=("chat.tool-name",),
        quirks=(51,),
        tell=tell_call,
        stream=chunks_by(_name_split),
    ),
    Scenario(
        name="tool-arguments-object",
        title="Arguments as an object, not as text",
        rules=("chat.tool-arguments",),
        quirks=(52,),
        tell=tell_call,
        stream=_whole_calls(_arguments_as_object),
        whole=object_by(each_whole_call(_arguments_as_object)),
    ),
    Scenario(
        name="tool-arguments-empty",
        title='A tool without arguments, called with ""',
        rules=("chat.tool-arguments",),
        quirks=(53,),
        tell=tell_bare_call,
        stream=chunks_by(_no_arguments),
        whole=object_by(each_whole_call(_set("arguments", ""))),
    ),
    Scenario(
        name="tool-arguments-doubled",
        title="{} first, then the real arguments",
        rules=("chat.tool-arguments",),
        quirks=(53,),
        tell=tell_call,
        stream=chunks_by(_doubled),
    ),
    Scenario(
        name="tool-arguments-null",
        title="Deltas whose name and arguments are null",
        rules=("chat.tool-arguments",),
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
        quirks=(55,),
        tell=tell_call,
        stream=chunks_by(each_call(_set("type", _GONE))),
        whole=object_by(each_whole_call(_set("type", _GONE))),
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
