"""A scenario: one pretended server, and what a correct strict client must see of it in the end.

A row says an answer, how the stream and the whole object spoil it, and which rules and quirks it
shows. Expectations follow from the answer, so that they cannot drift from what is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from strictwire.lab.ask import Ask, Dialect
from strictwire.lab.scenarios.answer import Answer, Choice, Teller, tell_text
from strictwire.lab.scenarios.strict import (
    object_reply,
    strict_chunks,
    strict_frames,
    strict_object,
    strict_stream,
    whole_object,
)
from strictwire.lab.script import Json, Reply

Builder = Callable[[Answer, Ask], Reply]
ExtraFields = Literal["keep", "drop"]
# Rules of chat that have another name where a completion says the same, or no place at all.
_IN_COMPLETIONS: Mapping[str, str] = MappingProxyType(
    {
        "chat.envelope": "completions.envelope",
        "chat.delta-missing": "completions.text-missing",
        "chat.empty-delta": "completions.empty-text",
        "chat.finish-alone": "completions.finish-alone",
        "chat.logprobs-lists": "",
        "chat.role-alone": "",
        "chat.role-missing": "",
        "chat.role-repeated": "",
        "reply.choice-order": "",
    }
)

# The request that ``expect`` and ``rules`` speak of where a row names no other: no tools, usage
# and prompt progress asked for.
PLAIN_ASK = Ask(model="lab", is_stream=True, includes_usage=True, wants_progress=True)
# The same of a completions client.
COMPLETIONS_ASK = replace(PLAIN_ASK, dialect="completions", prompts=("Say hello.",))


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
    """What it plants: ``rules`` are the repair rules that mend the streamed reply to ``ask``, all
    of them and no others; ``faults`` are the checks of ``strictwire lint`` that find in it what no
    rule but a part of the gateway mends. ``whole_rules`` and ``whole_faults`` say the same of the
    whole object. All of chat; see ``rules_of`` for completions.

    ``completions_rules`` and so on are those of a completion where they do not follow from chat's.

    ``modes`` and ``extra_fields`` are the provider's settings that what is expected needs, beside
    the defaults. ``only`` is the one dialect that it speaks, where it is not all that fit.

    ``failure`` and ``whole_failure``: the error that a strict client must get instead.
    ``pieces_before_failure`` counts the text pieces (of choice 0) that a stream says before it.
    """

    name: str
    title: str
    rules: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    whole_rules: tuple[str, ...] = ()
    whole_faults: tuple[str, ...] = ()
    completions_rules: tuple[str, ...] | None = None
    completions_faults: tuple[str, ...] | None = None
    completions_whole_faults: tuple[str, ...] | None = None
    quirks: tuple[int, ...] = ()
    ask: Ask = PLAIN_ASK
    modes: Mapping[str, str] = field(default_factory=dict)
    extra_fields: ExtraFields = "keep"
    only: Dialect | None = None
    tell: Teller = tell_text
    stream: Builder = strict_stream
    whole: Builder = strict_object
    failure: ExpectedError | None = None
    whole_failure: ExpectedError | None = None
    pieces_before_failure: int = 0
    tells_usage: bool = True
    tells_whole_usage: bool = True

    @property
    def dialects(self) -> frozenset[Dialect]:
        """Chat, and completions too where the answer to ``ask`` is nothing but text."""
        if self.only is not None:
            return frozenset((self.only,))
        is_text = all(said.is_text for said in self.tell(self.ask).choices)
        return frozenset(("chat", "completions") if is_text else ("chat",))

    @property
    def choices(self) -> int:
        """How many a client must ask for, to be given what the answer says."""
        return len(self.tell(self.ask).choices)

    def rules_of(self, dialect: Dialect, *, is_stream: bool = True) -> frozenset[str]:
        """The repair rules that mend the reply to ``ask_in(dialect)``."""
        rules = self.rules if is_stream else self.whole_rules
        if dialect == "chat":
            return frozenset(rules)
        if is_stream and self.completions_rules is not None:
            return frozenset(self.completions_rules)
        return frozenset(filter(None, (_IN_COMPLETIONS.get(rule, rule) for rule in rules)))

    def faults_of(self, dialect: Dialect, *, is_stream: bool = True) -> frozenset[str]:
        """What ``strictwire lint`` finds in the same reply that no rule mends."""
        own = self.completions_faults if is_stream else self.completions_whole_faults
        if dialect == "completions" and own is not None:
            return frozenset(own)
        return frozenset(self.faults if is_stream else self.whole_faults)

    def ask_in(self, dialect: Dialect) -> Ask:
        """``ask`` as a client of that dialect says it."""
        if self.ask.dialect == dialect:
            return self.ask
        return replace(self.ask, dialect=dialect, prompts=COMPLETIONS_ASK.prompts)

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
        return self.expect_for(self.ask)

    @property
    def expect_whole(self) -> Expect:
        return self.expect_for(replace(self.ask, is_stream=False))


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
    return lambda answer, ask: Reply(strict_frames(change(strict_chunks(answer, ask)), ask))


def frames_by(change: Callable[[tuple[bytes, ...]], tuple[bytes, ...]], **more: Any) -> Builder:
    """A stream whose bytes are changed frame by frame; ``more`` are fields of its ``Reply``."""

    def build(answer: Answer, ask: Ask) -> Reply:
        return Reply(change(strict_frames(strict_chunks(answer, ask), ask)), **more)

    return build


def object_by(change: Callable[[Json], Json]) -> Builder:
    """A whole reply whose object is changed."""
    return lambda answer, ask: object_reply(change(whole_object(answer, ask)), ask)


def always(reply: Reply) -> Builder:
    """The same reply to every request."""
    return lambda answer, ask: reply
