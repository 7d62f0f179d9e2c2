"""The chunk around its choices: envelope, list and index of choices, frames that are no chunks."""

from __future__ import annotations

import itertools

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import Answer, tell_two
from strictwire.lab.scenarios.scenario import Scenario, chunks_by, object_by
from strictwire.lab.scenarios.strict import (
    DONE,
    choice,
    chunk,
    chunk_frames,
    frame,
    strict_chunks,
    strict_frames,
)
from strictwire.lab.scenarios.walk import choices_of, each_choice
from strictwire.lab.script import Json, Reply

_ENVELOPE = ("id", "object", "created", "model")


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


def _without_index(said: Json) -> None:
    del said["index"]


def _counting(chunks: list[Json]) -> list[Json]:
    """The index counts the chunks."""
    for number, said in enumerate(choices_of(chunks)):
        said["index"] = 190 + number
    return chunks


def _from_one(said: Json) -> None:
    said["index"] += 1


def _whole_from_one(whole: Json) -> Json:
    for said in choices_of([whole]):
        said["index"] += 1
    return whole


def _last_choice_first(chunks: list[Json]) -> list[Json]:
    """All of choice 1 before anything of choice 0; the usage stays last."""
    return sorted(chunks, key=lambda told: [-said["index"] for said in told["choices"]] or [1])


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
    frames = chunk_frames(strict_chunks(answer, ask), ask)
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
    return Reply(strict_frames([*bare, *silent, *strict_chunks(answer, ask)], ask))


def _extra_fields(chunks: list[Json]) -> list[Json]:
    for told in chunks:
        told.update(provider="lab", system_fingerprint="fp_lab", service_tier="default")
        for said in told["choices"]:
            said["native_finish_reason"] = said["finish_reason"]
    return chunks


ROWS = (
    Scenario(
        name="envelope-missing",
        title="No id, object, created or model",
        rules=("chat.envelope",),
        whole_rules=("chat.envelope",),
        whole_faults=("whole.kind",),
        completions_whole_faults=(),
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
        rules=("chat.empty-delta",),
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
        name="choice-counting",
        title="The choice's index counts the chunks",
        rules=("chat.choice-counting",),
        quirks=(42,),
        stream=chunks_by(_counting),
    ),
    Scenario(
        name="choice-from-one",
        title="The only choice has index 1",
        rules=("chat.choice-counting",),
        whole_rules=("chat.choice-counting",),
        quirks=(42,),
        stream=chunks_by(each_choice(_from_one)),
        whole=object_by(_whole_from_one),
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
        name="foreign-frames",
        title="JSON objects that are no chunks",
        rules=(
            "sse.progress-event",
            "chat.foreign-frame",
        ),
        faults=("sse.event-name",),
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
    Scenario(
        name="extra-fields-dropped",
        title="Fields that the format does not know, where they are to be dropped",
        rules=("chat.extra-fields",),
        whole_rules=("chat.extra-fields",),
        quirks=(37, 64, 87, 90),
        extra_fields="drop",
        stream=chunks_by(_extra_fields),
        whole=object_by(lambda whole: _extra_fields([whole])[0]),
    ),
)
