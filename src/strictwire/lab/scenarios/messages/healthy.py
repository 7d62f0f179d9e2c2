"""Healthy messages: what no chat scenario can show. A gateway must leave each untouched."""

from __future__ import annotations

from dataclasses import replace

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import (
    REASONING_PIECES,
    Answer,
    Choice,
    tell_bare_call,
    tell_calls,
    telling,
)
from strictwire.lab.scenarios.messages.changes import DELTA, each, events_by, object_by, row
from strictwire.lab.script import Json

# As opaque as a real one, in the letters of base64.
SIGNATURE = "EqQBCkYIlab" + "c3RyaWN0d2lyZQ" * 6 + "=="
CACHED_TOKENS = 7
_PAGES = ("https://example.com/first", "https://example.com/second")
_STOP_SEQUENCE = "END"

_signed = telling(Choice(("Hello", " there", "."), REASONING_PIECES, seal=SIGNATURE))
_redacted = telling(Choice(("Hello", "."), seal=SIGNATURE, is_redacted=True))
_two_texts = telling(Choice(("Let me ", "think.", "Done", "."), seams=(2,)))
_cited = telling(Choice(("It is ", "sunny."), cited=_PAGES))
_searched = telling(Choice(("It is ", "sunny."), searched="weather Paris", cited=_PAGES[:1]))
_refused = telling(Choice(("I cannot ", "help."), finish="content_filter"))
_stopped = telling(Choice(("Hello", " the", "re.")))


def _cached(ask: Ask) -> Answer:
    return Answer((Choice(("Hello", "."), REASONING_PIECES),), cached_tokens=CACHED_TOKENS)


def _signed_calls(ask: Ask) -> Answer:
    """As the models of Anthropic answer a coding agent."""
    told = tell_calls(ask)
    if not told.choices[0].calls:
        return told
    return Answer((replace(told.choices[0], reasoning=REASONING_PIECES, seal=SIGNATURE),))


def _at_sequence(told: Json) -> Json:
    told.update(stop_reason="stop_sequence", stop_sequence=_STOP_SEQUENCE)
    return told


ROWS = (
    row("messages-thinking", "Thinking with a signature, then text", tell=_signed),
    row("messages-redacted-thinking", "Redacted thinking, then text", tell=_redacted),
    row("messages-thinking-tools", "Thinking with a signature, then two tools", tell=_signed_calls),
    row("messages-bare-tool", "A call of a tool without input", tell=tell_bare_call),
    row("messages-two-texts", "Two blocks of text", tell=_two_texts),
    row("messages-citations", "A block of text with two pages cited", tell=_cited),
    row("messages-web-search", "A search that the server runs, then text", tell=_searched),
    row("messages-cached-usage", "Cached tokens in the usage", tell=_cached),
    row("messages-refusal", 'Text that ends with stop_reason "refusal"', tell=_refused),
    row(
        "messages-stop-sequence",
        "Text that ends at a stop sequence",
        tell=_stopped,
        stream=events_by(each(lambda event: _at_sequence(event["delta"]), DELTA)),
        whole=object_by(_at_sequence),
    ),
    row(
        "messages-no-count-tokens",
        "A server that counts no tokens: 404 for count_tokens",
        quirks=(82,),
        counts_tokens=False,
    ),
)
