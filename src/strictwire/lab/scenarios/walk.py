"""Ways through a list of chunks, for the scenarios that change one place in each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from strictwire.lab.script import Json

Change = Callable[[list[Json]], list[Json]]


def choices_of(chunks: Iterable[Json]) -> Iterator[Json]:
    """Every choice of every chunk, or of a whole object."""
    for chunk in chunks:
        yield from chunk["choices"]


def deltas_of(chunks: Iterable[Json]) -> Iterator[Json]:
    for choice in choices_of(chunks):
        yield choice["delta"]


def call_deltas_of(chunks: Iterable[Json]) -> Iterator[Json]:
    for delta in deltas_of(chunks):
        yield from delta.get("tool_calls", ())


def calls_of(whole: Json) -> Iterator[Json]:
    """The tool calls of a whole object."""
    for choice in choices_of([whole]):
        yield from choice["message"].get("tool_calls", ())


def is_role_only(chunk: Json) -> bool:
    return any("role" in choice["delta"] for choice in chunk["choices"])


def is_finish(chunk: Json) -> bool:
    return any(choice["finish_reason"] is not None for choice in chunk["choices"])


def each_choice(change: Callable[[Json], object]) -> Change:
    def changed(chunks: list[Json]) -> list[Json]:
        for choice in choices_of(chunks):
            change(choice)
        return chunks

    return changed


def each_delta(change: Callable[[Json], object]) -> Change:
    return each_choice(lambda choice: change(choice["delta"]))


def each_call(change: Callable[[Json], object]) -> Change:
    def changed(chunks: list[Json]) -> list[Json]:
        for call in call_deltas_of(chunks):
            change(call)
        return chunks

    return changed


def each_whole_call(change: Callable[[Json], object]) -> Callable[[Json], Json]:
    def changed(whole: Json) -> Json:
        for call in calls_of(whole):
            change(call)
        return whole

    return changed


def in_turn(*changes: Change) -> Change:
    def changed(chunks: list[Json]) -> list[Json]:
        for change in changes:
            chunks = change(chunks)
        return chunks

    return changed
