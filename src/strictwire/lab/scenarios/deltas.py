"""What a choice says: role, content, reasoning, log probabilities, and deltas that say nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from strictwire.lab.scenarios.answer import tell_logprobs, tell_reasoning, tell_two
from strictwire.lab.scenarios.scenario import Scenario, chunks_by, object_by
from strictwire.lab.scenarios.strict import choice
from strictwire.lab.scenarios.walk import (
    choices_of,
    deltas_of,
    each_choice,
    each_delta,
    is_role_only,
)
from strictwire.lab.script import Json


def _role_everywhere(delta: Json) -> None:
    delta["role"] = "assistant"


def _without_roles(chunks: list[Json]) -> list[Json]:
    return [chunk for chunk in chunks if not is_role_only(chunk)]


def _later_roles(role: str | None) -> Any:
    def changed(chunks: list[Json]) -> list[Json]:
        for delta in deltas_of(chunks):
            delta.setdefault("role", role)
        return chunks

    return changed


def _first_role_empty(chunks: list[Json]) -> list[Json]:
    for delta in deltas_of(chunks):
        if "role" in delta:
            delta["role"] = ""
    return chunks


def _role_with_content(chunks: list[Json]) -> list[Json]:
    """Each role moves into the first delta of its choice."""
    waiting = {said["index"] for said in choices_of(chunks)}
    rest = _without_roles(chunks)
    for said in choices_of(rest):
        if said["index"] in waiting:
            waiting.discard(said["index"])
            said["delta"] = {"role": "assistant", **said["delta"]}
    return rest


def _role_with(content: str | None) -> Any:
    def changed(delta: Json) -> None:
        if "role" in delta:
            delta["content"] = content

    return each_delta(changed)


def _empty_between(chunks: list[Json]) -> list[Json]:
    """An empty delta, of each kind in turn, before every chunk that has a choice."""
    kinds: Iterator[Json] = itertools.cycle(
        ({"content": ""}, {}, {"reasoning_content": ""}, {"content": None})
    )
    mixed: list[Json] = []
    for told in chunks:
        if told["choices"]:
            index = told["choices"][0]["index"]
            mixed.append({**told, "choices": [choice(dict(next(kinds)), index=index)]})
        mixed.append(told)
    return mixed


def _one_list(said: Json) -> None:
    if said.get("logprobs"):
        del said["logprobs"]["refusal"]


def _whole_one_list(whole: Json) -> Json:
    for said in choices_of([whole]):
        _one_list(said)
    return whole


def _async_filter(chunks: list[Json]) -> list[Json]:
    """Chunks of a content filter that have a choice and no delta, and a finish without one."""
    offsets = {"check_offset": 44, "start_offset": 44, "end_offset": 99}
    annotation: Json = {"index": 0, "finish_reason": None, "content_filter_offsets": offsets}
    for said in choices_of(chunks):
        if said["finish_reason"]:
            del said["delta"]
    mixed: list[Json] = []
    for told in chunks:
        mixed.append(told)
        if told["choices"]:
            mixed.append({**chunks[0], "choices": [dict(annotation)]})
    return mixed


def _null_delta(said: Json) -> None:
    said["delta"] = said["delta"] or None


def _thinking(text: str) -> Json:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}


def _parts(delta: Json) -> None:
    if "reasoning_content" in delta:
        delta["content"] = [_thinking(delta.pop("reasoning_content"))]
    elif "content" in delta:
        delta["content"] = [{"type": "text", "text": delta["content"]}]


def _whole_parts(whole: Json) -> Json:
    for said in choices_of([whole]):
        message = said["message"]
        text = {"type": "text", "text": message["content"]}
        message["content"] = [_thinking(message.pop("reasoning_content")), text]
    return whole


def _rename_reasoning(delta: Json) -> None:
    if "reasoning_content" in delta:
        delta["reasoning"] = delta.pop("reasoning_content")


def _rename_whole_reasoning(whole: Json) -> Json:
    for said in choices_of([whole]):
        _rename_reasoning(said["message"])
    return whole


ROWS = (
    Scenario(
        name="role-repeated",
        title="The role in every delta",
        rules=("chat.role-repeated",),
        quirks=(34,),
        stream=chunks_by(each_delta(_role_everywhere)),
    ),
    Scenario(
        name="role-null-later",
        title="role null in every later delta",
        rules=("chat.role-repeated",),
        quirks=(35,),
        stream=chunks_by(_later_roles(None)),
    ),
    Scenario(
        name="role-missing",
        title="The role is never sent",
        rules=("chat.role-missing",),
        quirks=(35,),
        stream=chunks_by(_without_roles),
    ),
    Scenario(
        name="role-missing-n2",
        title="Two choices, the role is never sent",
        rules=("chat.role-missing",),
        quirks=(35,),
        tell=tell_two,
        stream=chunks_by(_without_roles),
    ),
    Scenario(
        name="role-empty",
        title='role ""',
        rules=(
            "chat.role-repeated",
            "chat.role-missing",
            "chat.empty-delta",
        ),
        completions_rules=(),
        quirks=(35,),
        stream=chunks_by(_first_role_empty),
    ),
    Scenario(
        name="role-with-content",
        title="The role shares its delta with the first text",
        rules=("chat.role-alone",),
        quirks=(34, 36),
        stream=chunks_by(_role_with_content),
    ),
    Scenario(
        name="content-null-first",
        title="content null beside the role",
        rules=("chat.empty-delta",),
        quirks=(36, 87),
        stream=chunks_by(_role_with(None)),
    ),
    Scenario(
        name="content-empty-first",
        title='content "" beside the role',
        rules=("chat.empty-delta",),
        quirks=(36,),
        stream=chunks_by(_role_with("")),
    ),
    Scenario(
        name="empty-deltas",
        title="Empty deltas between the chunks",
        rules=("chat.empty-delta",),
        quirks=(46,),
        tell=tell_reasoning,
        stream=chunks_by(_empty_between),
    ),
    Scenario(
        name="logprobs-one-list",
        title="Log probabilities without the list for refusals",
        rules=("chat.logprobs-lists",),
        whole_rules=("chat.logprobs-lists",),
        quirks=(87,),
        tell=tell_logprobs,
        stream=chunks_by(each_choice(_one_list)),
        whole=object_by(_whole_one_list),
    ),
    Scenario(
        name="delta-missing",
        title="Choices without a delta",
        rules=("chat.delta-missing",),
        completions_rules=("completions.text-missing",),
        completions_faults=("completions.logprobs-missing",),
        quirks=(39,),
        stream=chunks_by(_async_filter),
    ),
    Scenario(
        name="delta-null",
        title="delta null in the finish chunk",
        rules=("chat.delta-missing",),
        quirks=(39,),
        stream=chunks_by(each_choice(_null_delta)),
    ),
    Scenario(
        name="content-parts",
        title="content as a list of thinking and text",
        rules=("chat.content-parts",),
        whole_rules=("chat.content-parts",),
        quirks=(47,),
        tell=tell_reasoning,
        stream=chunks_by(each_delta(_parts)),
        whole=object_by(_whole_parts),
    ),
    Scenario(
        name="reasoning-key",
        title="Reasoning under the key reasoning",
        rules=("chat.reasoning-key",),
        whole_rules=("chat.reasoning-key",),
        quirks=(58, 90),
        tell=tell_reasoning,
        stream=chunks_by(each_delta(_rename_reasoning)),
        whole=object_by(_rename_whole_reasoning),
    ),
)
