"""Tool calls: ids, indexes and names that are missing, repeated or misplaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from strictwire.lab.scenarios.answer import tell_call, tell_calls
from strictwire.lab.scenarios.scenario import Scenario, chunks_by, object_by
from strictwire.lab.scenarios.walk import call_deltas_of, each_call, each_whole_call, is_finish
from strictwire.lab.script import Json

GONE: Any = object()


def put(key: str, value: object) -> Callable[[Json], None]:
    """Puts a value, or takes the key away, where a call has it."""

    def changed(call: Json) -> None:
        place = call if key in call else call.get("function", {})
        if key not in place:
            return
        if value is GONE:
            del place[key]
        else:
            place[key] = value

    return changed


def _sign(call: Json) -> None:
    """A field of Gemini's that no format knows and that the next turn must give back."""
    call["extra_content"] = {"google": {"thought_signature": "c2lnbmVk"}}


def _signed_beginning(call: Json) -> None:
    if "id" in call:
        _sign(call)


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


def _repeated_calls(chunks: list[Json]) -> list[Json]:
    """Each call once more, whole and with its id, at an index of its own."""
    template = next((chunk for chunk in chunks if any(call_deltas_of([chunk]))), None)
    if template is None:
        return chunks
    told: dict[int, Json] = {}
    for call in call_deltas_of(chunks):
        known = told.setdefault(call["index"], {**call, "function": {**call["function"]}})
        if known["id"] != call.get("id"):
            known["function"]["arguments"] += call["function"]["arguments"]
    again = [
        {**template["choices"][0], "delta": {"tool_calls": [{**call, "index": len(told) + at}]}}
        for at, call in told.items()
    ]
    tails = [chunk for chunk in chunks if is_finish(chunk) or not chunk["choices"]]
    heads = [chunk for chunk in chunks if chunk not in tails]
    return [*heads, *({**template, "choices": [said]} for said in again), *tails]


ROWS = (
    Scenario(
        name="tool-index-missing",
        title="A tool call without an index",
        rules=("chat.tool-index",),
        quirks=(48,),
        tell=tell_call,
        stream=chunks_by(each_call(put("index", GONE))),
    ),
    Scenario(
        name="tool-index-missing-parallel",
        title="Two tool calls without an index",
        rules=("chat.tool-index",),
        quirks=(48,),
        tell=tell_calls,
        stream=chunks_by(each_call(put("index", GONE))),
    ),
    Scenario(
        name="tool-index-zero",
        title="Two tool calls, both at index 0, with distinct ids",
        rules=("chat.tool-index",),
        quirks=(49,),
        tell=tell_calls,
        stream=chunks_by(each_call(put("index", 0))),
    ),
    Scenario(
        name="tool-index-negative",
        title="A tool call at index -1",
        rules=("chat.tool-index",),
        quirks=(49,),
        tell=tell_call,
        stream=chunks_by(each_call(put("index", -1))),
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
        name="tool-call-repeated",
        title="The same call once more at another index",
        rules=(
            "chat.tool-index",
            "chat.tool-shape",
            "chat.tool-name",
            "chat.tool-arguments",
        ),
        quirks=(94,),
        tell=tell_call,
        stream=chunks_by(_repeated_calls),
    ),
    Scenario(
        name="tool-id-missing",
        title="Tool calls without an id",
        rules=("chat.tool-id",),
        whole_rules=("chat.tool-id",),
        quirks=(50,),
        tell=tell_calls,
        stream=chunks_by(each_call(put("id", GONE))),
        whole=object_by(each_whole_call(put("id", GONE))),
    ),
    Scenario(
        name="tool-id-empty",
        title='A tool call with id ""',
        rules=("chat.tool-id",),
        whole_rules=("chat.tool-id",),
        quirks=(50,),
        tell=tell_call,
        stream=chunks_by(each_call(put("id", ""))),
        whole=object_by(each_whole_call(put("id", ""))),
    ),
    Scenario(
        name="tool-id-null",
        title="A tool call with id null",
        rules=("chat.tool-id",),
        whole_rules=("chat.tool-id",),
        quirks=(50,),
        tell=tell_call,
        stream=chunks_by(each_call(put("id", None))),
        whole=object_by(each_whole_call(put("id", None))),
    ),
    Scenario(
        name="tool-id-same",
        title="Two tool calls with one id",
        rules=(
            "chat.tool-index",
            "chat.tool-shape",
            "chat.tool-id",
        ),
        whole_rules=(
            "chat.tool-index",
            "chat.tool-shape",
            "chat.tool-id",
        ),
        quirks=(50,),
        tell=tell_calls,
        stream=chunks_by(each_call(put("id", "call_same"))),
        whole=object_by(each_whole_call(put("id", "call_same"))),
    ),
    Scenario(
        name="tool-id-repeated",
        title="The id and the name in every delta of a call",
        rules=(
            "chat.tool-shape",
            "chat.tool-name",
        ),
        quirks=(51,),
        tell=tell_calls,
        stream=chunks_by(_put_everywhere(id=None, name=None)),
    ),
    Scenario(
        name="tool-name-repeated",
        title="The name in every delta of a call",
        rules=(
            "chat.tool-shape",
            "chat.tool-id",
            "chat.tool-name",
        ),
        quirks=(51,),
        tell=tell_call,
        stream=chunks_by(_put_everywhere(name=None)),
    ),
    Scenario(
        name="tool-name-empty-later",
        title='name "" in every later delta of a call',
        rules=("chat.tool-shape",),
        quirks=(51,),
        tell=tell_call,
        stream=chunks_by(_put_everywhere(name="")),
    ),
    Scenario(
        name="tool-name-null-first",
        title="name null first, the name in a delta of its own",
        rules=(
            "chat.tool-shape",
            "chat.tool-id",
            "chat.tool-name",
        ),
        quirks=(51,),
        tell=tell_call,
        stream=chunks_by(_name_null_first),
    ),
    Scenario(
        name="tool-name-split",
        title="The name in two pieces",
        rules=(
            "chat.tool-shape",
            "chat.tool-id",
            "chat.tool-name",
        ),
        quirks=(51,),
        tell=tell_call,
        stream=chunks_by(_name_split),
    ),
    Scenario(
        name="tool-extra-fields",
        title="Tool calls with a field that the format does not know",
        tell=tell_calls,
        stream=chunks_by(each_call(_signed_beginning)),
        whole=object_by(each_whole_call(_sign)),
    ),
    Scenario(
        name="tool-extra-fields-dropped",
        title="The same, where such fields are to be dropped",
        rules=("chat.extra-fields",),
        whole_rules=("chat.extra-fields",),
        quirks=(37,),
        extra_fields="drop",
        tell=tell_calls,
        stream=chunks_by(each_call(_signed_beginning)),
        whole=object_by(each_whole_call(_sign)),
    ),
)
