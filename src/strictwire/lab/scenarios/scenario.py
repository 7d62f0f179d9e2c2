"""A scenario: one pretended server, and what a correct strict client must see of it in the end.

A row says an answer, how the stream and the whole object spoil it, and which rules and quirks it
shows. Expectations follow from the answer, so that they cannot drift from what is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

from strictwire.lab.ask import Ask, Dialect
from strictwire.lab.scenarios.answer import Answer, Call, Choice, Teller, tell_text
from strictwire.lab.scenarios.messages.strict import strict_message, strict_message_stream
from strictwire.lab.scenarios.ollama_strict import strict_ollama_object, strict_ollama_stream
from strictwire.lab.scenarios.responses.strict import strict_response, strict_response_stream
from strictwire.lab.scenarios.strict import (
    object_reply,
    strict_chunks,
    strict_frames,
    strict_object,
    strict_stream,
    whole_object,
)
from strictwire.lab.script import Json, Reply
from strictwire.lab.tools import CallKind

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

# How a dialect says an answer whose scenario is another dialect's, streamed and whole.
_STRICTLY: Mapping[Dialect, tuple[Builder, Builder]] = MappingProxyType(
    {
        "responses": (strict_response_stream, strict_response),
        "messages": (strict_message_stream, strict_message),
        "ollama": (strict_ollama_stream, strict_ollama_object),
    }
)
_DIALECTS: tuple[Dialect, ...] = get_args(Dialect)

# The request that ``expect`` and ``rules`` speak of where a row names no other: no tools, usage
# and prompt progress asked for.
PLAIN_ASK = Ask(model="lab", is_stream=True, includes_usage=True, wants_progress=True)
# The same of a completions client.
COMPLETIONS_ASK = replace(PLAIN_ASK, dialect="completions", prompts=("Say hello.",))
# And of clients of the dialects that build their replies from items, or blocks.
RESPONSES_ASK = replace(PLAIN_ASK, dialect="responses")
MESSAGES_ASK = replace(PLAIN_ASK, dialect="messages")
# And of a gateway that asks a server of Ollama's own API.
OLLAMA_ASK = replace(PLAIN_ASK, dialect="ollama")


@dataclass(frozen=True, slots=True)
class ExpectedCall:
    """``arguments`` is JSON text; compare its value, since an object has no one spelling. Of a
    custom tool it is the plain input."""

    name: str
    arguments: str
    kind: CallKind = "function"
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class ExpectedChoice:
    """``finish_reason`` is None where an error came first; then ``calls`` are not told.

    ``seal`` comes back with the reasoning; ``cited`` are the pages that annotations name. Both are
    for who can hold them, as is a ``searched`` query."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: tuple[ExpectedCall, ...] = ()
    legacy_call: ExpectedCall | None = None
    finish_reason: str | None = "stop"
    logprob_tokens: tuple[str, ...] = ()
    seal: str = ""
    cited: tuple[str, ...] = ()
    searched: str = ""


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
    whole object. All of the row's own dialect; see ``rules_of`` for completions. A row of chat
    is told strictly in responses, messages and ollama, where nothing mends it.

    ``completions_rules`` and so on are those of a completion where they do not follow from chat's.

    ``counts_tokens``: whether a messages server of that kind has a path that counts tokens.

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
    is_early_error: bool = False
    counts_tokens: bool = True

    @property
    def dialects(self) -> frozenset[Dialect]:
        """Its own, or all that lose nothing of the answer to ``ask``.

        What is wrong in chat's chunks is wrong in completions too, but has no counterpart in the
        others: only healthy answers, and errors before any reply, are told there.
        """
        if self.only is not None:
            return frozenset((self.only,))
        return frozenset(dialect for dialect in _DIALECTS if self._is_told_in(dialect))

    def _is_told_in(self, dialect: Dialect) -> bool:
        said = self.tell(self.ask).choices
        is_sayable = all(choice.is_sayable_in(dialect) for choice in said)
        if dialect not in _STRICTLY or self.is_early_error:
            return is_sayable
        return is_sayable and len(said) == 1 and self._is_strict

    @property
    def _is_strict(self) -> bool:
        is_chat = self.stream is strict_stream and self.whole is strict_object
        return is_chat and self.failure is None

    @property
    def choices(self) -> int:
        """How many a client must ask for, to be given what the answer says."""
        return len(self.tell(self.ask).choices)

    def rules_of(self, dialect: Dialect, *, is_stream: bool = True) -> frozenset[str]:
        """The repair rules that mend the reply to ``ask_in(dialect)``."""
        rules = self.rules if is_stream else self.whole_rules
        if dialect in ("chat", self.only):
            return frozenset(rules)
        if dialect in _STRICTLY:
            return frozenset()
        if is_stream and self.completions_rules is not None:
            return frozenset(self.completions_rules)
        return frozenset(filter(None, (_IN_COMPLETIONS.get(rule, rule) for rule in rules)))

    def faults_of(self, dialect: Dialect, *, is_stream: bool = True) -> frozenset[str]:
        """What ``strictwire lint`` finds in the same reply that no rule mends."""
        if dialect in _STRICTLY and not self.is_early_error and self.only != dialect:
            return frozenset()
        own = self.completions_faults if is_stream else self.completions_whole_faults
        if dialect == "completions" and own is not None:
            return frozenset(own)
        return frozenset(self.faults if is_stream else self.whole_faults)

    def ask_in(self, dialect: Dialect) -> Ask:
        """``ask`` as a client of that dialect says it."""
        if self.ask.dialect == dialect:
            return self.ask
        prompts = COMPLETIONS_ASK.prompts if dialect == "completions" else ()
        return replace(self.ask, dialect=dialect, prompts=prompts)

    def reply(self, ask: Ask) -> Reply:
        stream, whole = self._builders(ask.dialect)
        builder = stream if ask.is_stream else whole
        return builder(self.tell(ask), ask)

    def _builders(self, dialect: Dialect) -> tuple[Builder, Builder]:
        own = self.stream, self.whole
        if self.is_early_error or self.only == dialect:
            return own
        return _STRICTLY.get(dialect, own)

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
        calls=tuple(map(_expected_call, said.calls)),
        legacy_call=None if said.legacy is None else _expected_call(said.legacy),
        finish_reason=said.finish,
        logprob_tokens=said.text if said.has_logprobs else (),
        seal=said.seal,
        cited=said.cited,
        searched=said.searched,
    )


def _expected_call(call: Call) -> ExpectedCall:
    return ExpectedCall(call.name, call.arguments, call.kind, call.namespace)


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
