"""What a strict client must see of one request: from the lab's table or the corpus's index.

A scenario tells what a correct client sees of the reply that the upstream gave. Here that becomes
what the client behind the gateway sees: the upstream may have been asked for another kind of reply
than the client asked for, and an error is a status or in-band, by when it comes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from strictwire.lab.ask import Ask, Dialect
from strictwire.lab.scenarios import Expect, ExpectedCall, ExpectedChoice, ExpectedError, Scenario
from strictwire.model.request import Carrier

# Recorded errors of which the client sees another status: asking again would be of no use, and on a
# 500 SDKs do.
TOLD_ANEW = {"0091-llamacpp-err-image-unsupported.http": 400}
# Statuses of an upstream that mean the same to the client; others become 502.
KEPT = frozenset((400, 401, 402, 403, 404, 408, 409, 413, 422, 429, *range(500, 600)))
NO_COUNTS = (0, 0)
# Whole replies that say an answer and an error: a client that streams gets both.
SAYS_THEN_FAILS = ("error-finish", "error-finish-bare")
# A gateway that was told to ask for streams only does not ask in another way.
REFUSES_STREAMS = "refuses-stream"
TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "run",
            "description": "Runs a command.",
            "parameters": {
                "type": "object",
                "properties": {"command": {"type": "string"}},
                "required": ["command"],
            },
        },
    }
]
PROMPT = "Say hello."
# What is asked, by the dialect in which it is asked.
QUESTIONS: dict[Dialect, dict[str, Any]] = {
    "chat": {"messages": [{"role": "user", "content": PROMPT}]},
    "completions": {"prompt": PROMPT},
}


@dataclass(frozen=True)
class Asked:
    """One kind of request. ``fields`` go into the body beside the model and the question.
    ``progress`` is the carrier in which prefill progress is asked for, in a header."""

    is_stream: bool
    includes_usage: bool = False
    fields: dict[str, Any] = field(default_factory=dict)
    dialect: Dialect = "chat"
    progress: Carrier | None = None

    @property
    def body(self) -> dict[str, Any]:
        body = {**QUESTIONS[self.dialect], "stream": self.is_stream, **self.fields}
        if self.includes_usage:
            body["stream_options"] = {"include_usage": True}
        return body

    @property
    def headers(self) -> dict[str, str]:
        return {"x-strictwire-prefill-progress": self.progress} if self.progress else {}

    @property
    def choices(self) -> int:
        prompts = self.fields.get("prompt")
        return self.fields.get("n", 1) * (len(prompts) if isinstance(prompts, list) else 1)

    @property
    def tools(self) -> frozenset[str]:
        return frozenset(tool["function"]["name"] for tool in self.fields.get("tools", ()))


@dataclass(frozen=True)
class Error:
    """``status`` None: in-band, after the reply had begun."""

    status: int | None
    code: str | None = None
    retry_after: str | None = None


@dataclass(frozen=True)
class Seen:
    """What one client made of one reply. Ids of calls are not told: they are only to be there, and
    to differ, which whoever fills this in has checked. Arguments are parsed."""

    choices: tuple[SeenChoice, ...] = ()
    usage: tuple[int, int] | None = None
    error: Error | None = None


@dataclass(frozen=True)
class SeenChoice:
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: tuple[tuple[str, Any], ...] = ()
    legacy_call: tuple[str, Any] | None = None
    finish_reason: str | None = None
    logprob_tokens: tuple[str, ...] = ()


def of_scenario(row: Scenario, asked: Asked, *, mode: str) -> Seen:
    """What the client must see of ``row`` behind a gateway whose ``stream`` setting is ``mode``."""
    asks_stream = {"always": True, "never": False}.get(mode, asked.is_stream)
    # A gateway that collects asks for usage itself.
    includes_usage = asks_stream and (asked.includes_usage or not asked.is_stream)
    body = {**asked.body, "model": row.name, "stream": asks_stream}
    ask = Ask.parse(json.dumps(body).encode(), dialect=asked.dialect)
    ask = replace(ask, includes_usage=includes_usage)
    expect = row.expect_for(ask)
    if expect.error and row.name in SAYS_THEN_FAILS and asked.is_stream and not asks_stream:
        said = "".join(row.tell(ask).choices[0].text)
        late = replace(expect.error, is_early=False)
        expect = Expect((ExpectedChoice(text=said, finish_reason=None),), error=late)
    elif expect.error and asked.is_stream and row.reply(ask).is_event_stream:
        # A stream, though an object was asked for: this client sees what came before the error.
        expect = row.expect_for(replace(ask, is_stream=True))
    elif row.name == REFUSES_STREAMS and mode == "always":
        expect = Expect(error=ExpectedError(400, "unsupported_parameter"))
    return _seen(expect, asked)


def of_recording(entry: dict[str, Any], asked: Asked) -> Seen:
    """What the client must see of a recording, whatever the upstream was asked for."""
    told = entry["expect"]
    if "error" in told:
        status = TOLD_ANEW.get(entry["file"], told["error"]["status"])
        failure = ExpectedError(status, is_early=told["error"]["is_early"])
        return _seen(Expect(error=failure), asked)
    choices = tuple(
        ExpectedChoice(
            text=choice["text"],
            reasoning=choice.get("reasoning", ""),
            calls=tuple(ExpectedCall(**call) for call in choice.get("tool_calls", ())),
            finish_reason=choice["finish_reason"],
        )
        for choice in told["choices"]
    )
    usage = told["usage"]
    return _seen(Expect(choices, tuple(usage) if usage else None), asked)


def _seen(expect: Expect, asked: Asked) -> Seen:
    if expect.error is not None:
        return _seen_error(expect, expect.error, asked)
    usage = expect.usage
    if not asked.is_stream:
        usage = usage or NO_COUNTS
    elif not asked.includes_usage:
        usage = None
    return Seen(tuple(_seen_choice(choice) for choice in expect.choices), usage)


def _seen_error(expect: Expect, failure: ExpectedError, asked: Asked) -> Seen:
    status = failure.status if failure.status in KEPT else 502
    if failure.is_early or not asked.is_stream:
        return Seen(error=Error(status, failure.code, failure.retry_after))
    text = expect.choices[0].text if expect.choices else ""
    return Seen((SeenChoice(text=text),), error=Error(None, failure.code))


def _seen_choice(expected: ExpectedChoice) -> SeenChoice:
    legacy = expected.legacy_call
    return SeenChoice(
        text=expected.text,
        reasoning=expected.reasoning,
        refusal=expected.refusal,
        calls=tuple((call.name, _arguments(call.arguments)) for call in expected.calls),
        legacy_call=(legacy.name, json.loads(legacy.arguments)) if legacy else None,
        finish_reason=expected.finish_reason,
        logprob_tokens=expected.logprob_tokens,
    )


def _arguments(text: str) -> Any:
    """What a call says: a JSON value, or the plain input of a custom tool."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def index_of(corpus: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((corpus / "index.json").read_text("utf-8"))[
        "recordings"
    ]
    return entries


def differences(expected: Seen, seen: Seen, *, has_logprobs: bool = True) -> list[str]:
    """What of ``seen`` is not as expected; of a reply that failed, only what came before counts.

    A corpus entry says nothing of logprobs (``has_logprobs`` False).
    """
    found: list[str] = []
    if expected.error is not None or seen.error is not None:
        if not _is_same_error(expected.error, seen.error):
            return [f"the error is {seen.error}, not {expected.error}"]
        before = expected.choices[0].text if expected.choices else ""
        said = seen.choices[0].text if seen.choices else ""
        return [] if said == before else [f"before the error came {said!r}, not {before!r}"]
    if len(seen.choices) != len(expected.choices):
        return [f"{len(seen.choices)} choices, not {len(expected.choices)}"]
    for index, (right, got) in enumerate(zip(expected.choices, seen.choices, strict=True)):
        for name in SeenChoice.__dataclass_fields__:
            if name == "logprob_tokens" and not has_logprobs:
                continue
            if getattr(got, name) != getattr(right, name):
                found.append(
                    f"choice {index}: {name} is {getattr(got, name)!r}, "
                    f"not {getattr(right, name)!r}"
                )
    if seen.usage != expected.usage:
        found.append(f"usage is {seen.usage}, not {expected.usage}")
    return found


def _is_same_error(expected: Error | None, seen: Error | None) -> bool:
    if expected is None or seen is None:
        return expected is seen
    return (
        expected.status == seen.status
        and expected.code in (None, seen.code)
        and expected.retry_after == seen.retry_after
    )
