"""The chunk's shape: role, envelope, choices, deltas, content, and frames that are no chunks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import (
    Answer,
    tell_logprobs,
    tell_reasoning,
    tell_two,
)
from strictwire.lab.scenarios.scenario import Scenario, chunks_by, object_by
from strictwire.lab.scenarios.strict import (
    DONE,
    Json,
    choice,
    chunk,
    frame,
    strict_chunks,
    strict_frames,
)
from strictwire.lab.scenarios.walk import (
    choices_of,
    deltas_of,
    each_choice,
    each_delta,
    is_role_only,
)
from strictwire.lab.script import Reply

_ENVELOPE = ("id", "object", "created", "model")


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


def _without_envelope(value: Json) -> Json:
    return {key: told for key, told in value.items() if key not in _ENVELOPE}


def _changing_envelope(chunks: list[Json]) -> list[Json]:
    for number, told in enumerate(chunks):
        told.update(id=f"{told['id']}-{number}", created=told["created"] + number)
        told["model"] = told["model"] if number == 0 else f"{told['model']}-replica-{number}"
    return chunks


def _empty_envelope(chunks: list[Json]) -> list[Json]:
    for told in chunks:
        told.update(id="", object="", created=0, model="")
    return chunks


def _wrong_object(chunks: list[Json]) -> list[Json]:
    for told in chunks:
        told["object"] = "chat.completion" if not told["choices"] else "chat.chunk"
    return chunks


def _azure(chunks: list[Json]) -> list[Json]:
    safe = {"hate": {"filtered": False, "severity": "safe"}}
    filters = [{"prompt_index": 0, "content_filter_results": safe}]
    first: Json = {"choices": [], "created": 0, "id": "", "model": "", "object": ""}
    for said in choices_of(chunks):
        said["content_filter_results"] = {} if said["finish_reason"] else safe
    return [{**first, "prompt_filter_results": filters}, *chunks]


def _null_choices(chunks: list[Json]) -> list[Json]:
    """Null where a list belongs: at the start, in the middle, and with the usage."""
    for told in chunks:
        told["choices"] = told["choices"] or None
    empty: Json = {**chunks[0], "choices": None}
    middle = len(chunks) // 2
    return [empty, *chunks[:middle], dict(empty), *chunks[middle:]]


def _together(chunks: list[Json]) -> list[Json]:
    """Neighbours that speak of different choices become one chunk."""
    joined: list[Json] = []
    for told in chunks:
        before = {said["index"] for said in choices_of(joined[-1:])}
        if told["choices"] and before and before.isdisjoint(c["index"] for c in told["choices"]):
            joined[-1] = {**joined[-1], "choices": [*joined[-1]["choices"], *told["choices"]]}
        else:
            joined.append(told)
    return joined


def _one_list(said: Json) -> None:
    if said.get("logprobs"):
        del said["logprobs"]["refusal"]


def _whole_one_list(whole: Json) -> Json:
    for said in choices_of([whole]):
        _one_list(said)
    return whole


def _without_index(said: Json) -> None:
    del said["index"]


def _last_choice_first(chunks: list[Json]) -> list[Json]:
    """All of choice 1 before anything of choice 0; the usage stays last."""
    return sorted(chunks, key=lambda told: [-said["index"] for said in told["choices"]] or [1])


def _async_filter(chunks: list[Json]) -> list[Json]:
    """Chunks of a content filter that have a choice and no delta, and a finish without one."""
    offsets = {"check_offset": 44, "start_offset": 44, "end_offset": 99}
    annotation: Json = {"index": 0, "finish_reason": None, "content_filter_offsets": offsets}
    for said in choices_of(chunks):
        if said["finish_reason"]:
            del said["delta"]
    return [one for told in chunks for one in (told, {**chunks[0], "choices": [dict(annotation)]})]


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


def _foreign_frames(answer: Answer, ask: Ask) -> Reply:
    """JSON objects that are no chunks, named and unnamed, between chunks and before them."""
    progress = {"status": "processing", "n_past": 32, "n_prompt_tokens": 128, "fraction": 0.25}
    tool_result = {"type": "mcp_tool_result", "name": "search", "result": "nothing found"}
    strangers = itertools.cycle(
        (
            b"event: prefill_progress\n" + frame(progress),
            frame(tool_result),
            frame({"type": "status", "message": "thinking"}),
        )
    )
    frames = (frame(told) for told in strict_chunks(answer, ask))
    mixed = (piece for told in frames for piece in (next(strangers), told))
    return Reply((*mixed, DONE))


def _progress_frames(answer: Answer, ask: Ask) -> Reply:
    """Progress that nobody asked for: in a chunk without choices, and with an empty one."""
    counts = [{"total": 96, "cache": 0, "processed": n, "time_ms": n} for n in (32, 64, 96)]
    bare = [chunk(ask, [], prompt_progress=count) for count in counts[:1]]
    silent = [
        chunk(ask, [choice({"role": "assistant", "content": None})], prompt_progress=count)
        for count in counts[1:]
    ]
    return Reply(strict_frames([*bare, *silent, *strict_chunks(answer, ask)]))


def _extra_fields(chunks: list[Json]) -> list[Json]:
    for told in chunks:
        told.update(provider="lab", system_fingerprint="fp_lab", service_tier="default")
        for said in told["choices"]:
            said["native_finish_reason"] = said["finish_reason"]
    return chunks


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
        rules=("chat.role-missing",),
        quirks=(35,),
        stream=chunks_by(_first_role_empty),
    ),
    Scenario(
        name="role-with-content",
        title="The role shares its delta with the first text",
        rules=("chat.role-alone",),
        quirks=(36,),
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
        name="envelope-missing",
        title="No id, object, created or model",
        rules=("chat.envelope",),
        quirks=(41,),
        stream=chunks_by(lambda chunks: list(map(_without_envelope, chunks))),
        whole=object_by(_without_envelope),
    ),
    Scenario(
        name="envelope-changing",
        title="Another id, time and model in every chunk",
        rules=("chat.envelope",),
        quirks=(40,),
        stream=chunks_by(_changing_envelope),
    ),
    Scenario(
        name="envelope-empty",
        title="Empty id, object and model, and time 0",
        rules=("chat.envelope",),
        quirks=(37, 41),
        stream=chunks_by(_empty_envelope),
    ),
    Scenario(
        name="envelope-object",
        title="The wrong object name",
        rules=("chat.envelope",),
        quirks=(88,),
        stream=chunks_by(_wrong_object),
    ),
    Scenario(
        name="azure-first-chunk",
        title="A first chunk of filter results with an empty envelope",
        rules=("chat.envelope",),
        quirks=(37,),
        stream=chunks_by(_azure),
    ),
    Scenario(
        name="choices-null",
        title="choices null",
        rules=("chat.choices-null",),
        quirks=(38,),
        stream=chunks_by(_null_choices),
    ),
    Scenario(
        name="choice-index-missing",
        title="Choices without an index",
        rules=("chat.choice-index",),
        quirks=(42,),
        stream=chunks_by(each_choice(_without_index)),
    ),
    Scenario(
        name="choice-order",
        title="The last choice comes first, and whole",
        rules=("reply.choice-order",),
        quirks=(87,),
        tell=tell_two,
        stream=chunks_by(_last_choice_first),
    ),
    Scenario(
        name="choices-together",
        title="Several choices in one chunk",
        rules=("chat.choices-together",),
        quirks=(21,),
        tell=tell_two,
        stream=chunks_by(_together),
    ),
    Scenario(
        name="logprobs-one-list",
        title="Log probabilities without the list for refusals",
        rules=("chat.logprobs-lists",),
        quirks=(87,),
        tell=tell_logprobs,
        stream=chunks_by(each_choice(_one_list)),
        whole=object_by(_whole_one_list),
    ),
    Scenario(
        name="delta-missing",
        title="Choices without a delta",
        rules=("chat.delta-missing",),
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
        quirks=(47,),
        tell=tell_reasoning,
        stream=chunks_by(each_delta(_parts)),
        whole=object_by(_whole_parts),
    ),
    Scenario(
        name="reasoning-key",
        title="Reasoning under the key reasoning",
        rules=("chat.reasoning-key",),
        quirks=(58, 90),
        tell=tell_reasoning,
        stream=chunks_by(each_delta(_rename_reasoning)),
        whole=object_by(_rename_whole_reasoning),
    ),
    Scenario(
        name="foreign-frames",
        title="JSON objects that are no chunks",
        rules=("chat.foreign-frame",),
        quirks=(94,),
        stream=_foreign_frames,
    ),
    Scenario(
        name="progress-frames",
        title="Prompt progress that nobody asked for",
        rules=("chat.progress-frame",),
        quirks=(84, 87),
        stream=_progress_frames,
    ),
    Scenario(
        name="extra-fields",
        title="Fields that the format does not know",
        stream=chunks_by(_extra_fields),
    ),
)
