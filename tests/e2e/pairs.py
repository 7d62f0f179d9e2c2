"""What a client of one dialect must see of a scenario that an upstream of another dialect plays.

The table of the lab says what a correct client of the upstream's own dialect sees. Dialects differ
in what they have words for: a Messages client sees a refusal as text with a stop reason, nobody but
chat has a bare function call, and so on. ``expected`` makes the one of the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from asking import asked_of
from expectations import PROMPT, TOOLS, Asked, Seen, SeenChoice, differences, of_scenario

from strictwire.lab.ask import Dialect
from strictwire.lab.scenarios import ALL_SCENARIOS, Scenario
from strictwire.model.request import Dialect as AnyDialect

_WEATHER = [
    {
        "name": tool["function"]["name"],
        "description": tool["function"]["description"],
        "parameters": tool["function"]["parameters"],
    }
    for tool in TOOLS
]
_TOOLS: dict[Dialect, list[dict[str, Any]]] = {
    "chat": TOOLS,
    "responses": [{"type": "function", "strict": False, **tool} for tool in _WEATHER],
    "messages": [
        {
            "name": tool["name"],
            "description": tool["description"],
            "input_schema": tool["parameters"],
        }
        for tool in _WEATHER
    ],
    "ollama": TOOLS,
}
_QUESTIONS: dict[Dialect, dict[str, Any]] = {
    "responses": {"input": PROMPT, "store": False},
    "messages": {"messages": [{"role": "user", "content": PROMPT}], "max_tokens": 1000},
    "ollama": {"messages": [{"role": "user", "content": PROMPT}]},
}


class Question(Asked):
    """A request in the client's dialect."""

    @property
    def body(self) -> dict[str, Any]:
        if self.dialect not in _QUESTIONS:
            return super().body
        return {**_QUESTIONS[self.dialect], "stream": self.is_stream, **self.fields}


def question(row: Scenario, client: Dialect, *, is_stream: bool) -> Question:
    has_tools = bool(row.ask.tools) and client != "completions"
    fields: dict[str, Any] = {"tools": _TOOLS[client]} if has_tools else {}
    if client in ("chat", "completions") and is_stream:
        return Question(is_stream, includes_usage=True, fields=fields, dialect=client)
    return Question(is_stream, fields=fields, dialect=client)  # type: ignore[arg-type]


def is_askable(row: Scenario, client: AnyDialect, upstream: Dialect) -> bool:
    """Whether the scenario has a meaning for this pair at all."""
    is_told = upstream in row.dialects and not row.modes and row.extra_fields == "keep"
    if client != "responses" and "custom" in row.name:
        return False  # chat's official stream, and Messages, have no word for such a tool
    if row.is_early_error and client != upstream and not row.only:
        # One status in many shapes: the shape is mended before any dialect is crossed.
        return row.name.count("-") == 1
    # Several choices, and prompts that are no conversation, exist in chat and completions only.
    return is_told and row.choices == 1 and len(row.ask.prompts) <= 1


def upstreams_for(client: AnyDialect, name: str, upstreams: Iterable[Dialect]) -> list[Dialect]:
    """Those that can play the scenario to such a client. Chat to chat has tests of its own."""
    row = ALL_SCENARIOS[name]
    return [
        upstream
        for upstream in upstreams
        if (client, upstream) != ("chat", "chat") and is_askable(row, client, upstream)
    ]


def expected(row: Scenario, client: AnyDialect, upstream: Dialect, *, is_stream: bool) -> Seen:
    """What ``client`` must see behind a gateway that asks the upstream as it was asked."""
    asked = replace(asked_of(row, is_stream=is_stream), includes_usage=True)
    if upstream != "chat":
        asked = replace(question(row, upstream, is_stream=is_stream), includes_usage=True)
    seen = of_scenario(row, asked, mode="auto")
    if seen.error is not None:
        return replace(seen, choices=tuple(_in(client, one) for one in seen.choices))
    return Seen(tuple(_in(client, choice) for choice in seen.choices), seen.usage)


def _in(client: AnyDialect, choice: SeenChoice) -> SeenChoice:
    if client == "chat":
        return choice
    if client == "completions":
        has_called = choice.finish_reason in ("tool_calls", "function_call")
        reason = "stop" if has_called else choice.finish_reason
        return SeenChoice(text=choice.text + choice.refusal, finish_reason=reason)
    reason = choice.finish_reason
    calls = choice.calls
    if choice.legacy_call is not None:
        calls, reason = (*calls, choice.legacy_call), "tool_calls"
    told = replace(choice, calls=calls, legacy_call=None, finish_reason=reason, logprob_tokens=())
    if client == "messages" and choice.refusal:
        text = choice.text + choice.refusal
        told = replace(told, text=text, refusal="", finish_reason="content_filter")
    return told


def found_wrong(right: Seen, seen: Seen, client: AnyDialect) -> list[str]:
    """As ``differences``, for a client that may have no word for what is different."""
    if right.error is not None and seen.error is not None:
        # Codes are put into words that clients know.
        seen = replace(seen, error=replace(seen.error, code=right.error.code))
        if client == "completions" and not any(choice.text for choice in right.choices):
            # What came before has no place in a completion: so nothing had been sent yet.
            right = replace(right, error=seen.error)
    if right.error is not None and right.error.retry_after is None and seen.error is not None:
        # Where the message says when to come back, a header says it too.
        seen = replace(seen, error=replace(seen.error, retry_after=None))
    if client != "chat" or right.usage is None:
        # Usage that nobody told is zeros, or an estimate, or nothing.
        if not right.usage or not any(right.usage):
            seen = replace(seen, usage=right.usage)
        seen = replace(seen, choices=tuple(replace(c, logprob_tokens=()) for c in seen.choices))
    return differences(right, seen, has_logprobs=client == "chat")
