"""A scenario: one pretended server, and what a correct strict client must see of it in the end.

A row says an answer, how the stream and the whole object spoil it, and which rules and quirks it
shows. Expectations follow from the answer, so that they cannot drift from what is said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import Answer, Choice, Teller, tell_text
from strictwire.lab.scenarios.strict import (
    Json,
    strict_chunks,
    strict_frames,
    strict_object,
    strict_stream,
    whole_object,
)
from strictwire.lab.script import Reply, json_reply

Builder = Callable[[Answer, Ask], Reply]

# The request that ``expect`` speaks of: no tools, usage asked for.
PLAIN_ASK = Ask(model="lab", is_stream=True, includes_usage=True)


@dataclass(frozen=True, slots=True)
class ExpectedCall:
    """``arguments`` is JSON text; compare its value, since an object has no one spelling."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ExpectedChoice:
    """``finish_reason`` is None where an error came first; then ``calls`` are not told."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: tuple[ExpectedCall, ...] = ()
    legacy_call: ExpectedCall | None = None
    finish_reason: str | None = "stop"
    logprob_tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExpectedError:
    """``status`` is what an answer that is not yet committed carries; ``is_early`` says that the
    error comes before anything meaningful. ``code`` None: the scenario gives none to keep."""

    status: int = 502
    code: str | None = None
    is_early: bool = True
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Expect:
    """``usage`` is (prompt, completion) as a client that asked for it must see it; None: never
    told. With an ``error``, ``choices`` hold what a streaming client has seen before it."""

    choices: tuple[ExpectedChoice, ...] = ()
    usage: tuple[int, int] | None = None
    error: ExpectedError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """``failure`` and ``whole_failure``: the error that a strict client must get instead.

    ``pieces_before_failure`` counts the text pieces (of choice 0) that a stream says before it.
    """

    name: str
    title: str
    rules: tuple[str, ...] = ()
    quirks: tuple[int, ...] = ()
    tell: Teller = tell_text
    stream: Builder = strict_stream
    whole: Builder = strict_object
    failure: ExpectedError | None = None
    whole_failure: ExpectedError | None = None
    pieces_before_failure: int = 0
    tells_usage: bool = True
    tells_whole_usage: bool = True

    def reply(self, ask: Ask) -> Reply:
        builder = self.stream if ask.is_stream else self.whole
        return builder(self.tell(ask), ask)

    def expect_for(self, ask: Ask) -> Expect:
        """What a correct client sees of the reply to ``ask``, streamed or whole as it asks."""
        answer = self.tell(ask)
        failure = self.failure if ask.is_stream else self.whole_failure
        tells_usage = self.tells_usage if ask.is_stream else self.tells_whole_usage
        if failure is None:
            return Expect(
                tuple(_expected(said) for said in answer.choices),
                answer.usage if tells_usage else None,
            )
        if failure.is_early or not ask.is_stream:
            return Expect(error=failure)
        text = "".join(answer.choices[0].text[: self.pieces_before_failure])
        return Expect((ExpectedChoice(text=text, finish_reason=None),), error=failure)

    @property
    def expect(self) -> Expect:
        return self.expect_for(PLAIN_ASK)

    @property
    def expect_whole(self) -> Expect:
        return self.expect_for(replace(PLAIN_ASK, is_stream=False))


def _expected(said: Choice) -> ExpectedChoice:
    return ExpectedChoice(
        text="".join(said.text),
        reasoning="".join(said.reasoning),
        refusal="".join(said.refusal),
        calls=tuple(ExpectedCall(call.name, call.arguments) for call in said.calls),
        legacy_call=_expected_legacy(said),
        finish_reason=said.finish,
        logprob_tokens=said.text if said.has_logprobs else (),
    )


def _expected_legacy(said: Choice) -> ExpectedCall | None:
    call = said.legacy
    return None if call is None else ExpectedCall(call.name, call.arguments)


# ---- builders: how a row says what is spoiled ----


def chunks_by(change: Callable[[list[Json]], list[Json]]) -> Builder:
    """A stream whose chunks are changed; its framing stays strict."""
    return lambda answer, ask: Reply(strict_frames(change(strict_chunks(answer, ask))))


def frames_by(change: Callable[[tuple[bytes, ...]], tuple[bytes, ...]], **more: Any) -> Builder:
    """A stream whose bytes are changed frame by frame; ``more`` are fields of its ``Reply``."""
    return lambda answer, ask: Reply(change(strict_frames(strict_chunks(answer, ask))), **more)


def object_by(change: Callable[[Json], Json]) -> Builder:
    """A whole reply whose object is changed."""
    return lambda answer, ask: json_reply(change(whole_object(answer, ask)))


def always(reply: Reply) -> Builder:
    """The same reply to every request."""
    return lambda answer, ask: reply
