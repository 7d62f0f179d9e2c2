"""Healthy responses: what no chat scenario can show. A gateway must leave each untouched."""

from __future__ import annotations

from dataclasses import replace

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import (
    REASONING_PIECES,
    Answer,
    Choice,
    tell_bare_call,
    tell_calls,
    tell_custom_call,
    tell_namespaced_call,
    telling,
)
from strictwire.lab.scenarios.responses.changes import row
from strictwire.lab.scenarios.responses.items import ItemLife, items_of
from strictwire.lab.scenarios.responses.strict import (
    numbered,
    response_frames,
    strict_events,
)
from strictwire.lab.script import Json, Reply

# As opaque as a real one, in the letters of base64.
SEAL = "gAAAAABlab" + "c3RyaWN0d2lyZQ" * 6 + "=="
PAGES = ("https://example.com/first", "https://example.com/second")
CACHED_TOKENS = 7

_sealed = telling(Choice(("Hello", " there", "."), REASONING_PIECES, seal=SEAL))
_only_sealed = telling(Choice(("Hello", "."), seal=SEAL))
_thought = telling(Choice(("Hello", "."), REASONING_PIECES, reasoning_form="text"))
_two_messages = telling(Choice(("Let me ", "think.", "Done", "."), seams=(2,)))
_cited = telling(Choice(("It is ", "sunny."), cited=PAGES))
_searched = telling(
    Choice(("It is ", "sunny."), REASONING_PIECES, searched="weather Paris", cited=PAGES[:1])
)
_filtered = telling(Choice(("Hello", " the"), finish="content_filter"))


def _cached(ask: Ask) -> Answer:
    return Answer((Choice(("Hello", "."), REASONING_PIECES),), cached_tokens=CACHED_TOKENS)


def _sealed_call(ask: Ask) -> Answer:
    """As the models of OpenAI answer a coding agent."""
    told = tell_calls(ask)
    if not told.choices[0].calls:
        return told
    return Answer((replace(told.choices[0], reasoning=REASONING_PIECES, seal=SEAL),))


def _interleaved(answer: Answer, ask: Ask) -> Reply:
    """Two calls that grow in turn, which the format allows: their index tells them apart."""
    events = strict_events(answer, ask)
    lives = items_of(answer.choices[0], ask)
    if len(lives) == 2:
        events[2:-1] = _in_turn(*lives)
    return Reply(response_frames(numbered(events)))


def _in_turn(first: ItemLife, second: ItemLife) -> list[Json]:
    left, right = list(first.events(0)), list(second.events(1))
    count = min(len(left), len(right))
    pairs = [event for pair in zip(left, right, strict=False) for event in pair]
    return [*pairs, *left[count:], *right[count:]]


ROWS = (
    row("responses-sealed", "Reasoning with encrypted content, then text", tell=_sealed),
    row("responses-only-sealed", "Encrypted reasoning and no summary of it", tell=_only_sealed),
    row("responses-sealed-tools", "Encrypted reasoning, then two tool calls", tell=_sealed_call),
    row("responses-thoughts", "Reasoning told in its own words, not as a summary", tell=_thought),
    row("responses-bare-tool", "A call of a tool without arguments", tell=tell_bare_call),
    row("responses-custom-tool", "A call of a custom tool, with plain text", tell=tell_custom_call),
    row(
        "responses-namespaced-tool",
        "A call of a tool that stands in a namespace",
        tell=tell_namespaced_call,
    ),
    row(
        "responses-interleaved-tools",
        "Two tool calls whose items grow in turn",
        tell=tell_calls,
        stream=_interleaved,
    ),
    row("responses-two-messages", "Two message items", tell=_two_messages),
    row("responses-annotations", "Text with two pages cited", tell=_cited),
    row("responses-web-search", "Reasoning, a search on the web, text", tell=_searched),
    row("responses-cached-usage", "Cached and reasoning tokens in the usage", tell=_cached),
    row("responses-incomplete", "Cut off by the content filter", tell=_filtered),
)
