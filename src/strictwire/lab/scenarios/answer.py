"""What a scenario says, before anyone decides how badly it is said.

An ``Answer`` is what a correct client must have in the end; ``strict.py`` renders it as the wire
should be, and a scenario spoils that rendering.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from strictwire.lab.ask import Ask

PROMPT_TOKENS = 11
# Short pieces, so that a call's arguments take several deltas.
ARGUMENTS_PIECE_CHARACTERS = 5

# Everything that cutting, escaping or splicing may hurt: two, three and four byte characters, a
# joined emoji, a quote, a backslash, line ends, a tab, and characters that some serialisers escape.
TEXT_PIECES = (
    "Hello",
    ", ",
    "café ",
    "日本語 ",
    "🦜👩‍💻",
    ' says "hi"',
    " C:\\path\\n",
    "\nsecond line",
    "\r\n\tthird </b> & ' / \u2028",
    ' {"not": ["json"]}',
    " data: [DONE]",
    ".",
)
REASONING_PIECES = ("The user ", "says hello", '; answer "politely".\n')
REFUSAL_PIECES = ("I cannot ", "help ", "with that.")
LONG_DELTAS = 500


@dataclass(frozen=True, slots=True)
class Call:
    id: str
    name: str
    arguments: str

    @property
    def argument_pieces(self) -> tuple[str, ...]:
        step = ARGUMENTS_PIECE_CHARACTERS
        return tuple(self.arguments[at : at + step] for at in range(0, len(self.arguments), step))


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice in pieces, in the order in which they are said: reasoning, text, calls."""

    text: tuple[str, ...] = ()
    reasoning: tuple[str, ...] = ()
    refusal: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    legacy: Call | None = None
    finish: str = "stop"
    has_logprobs: bool = False

    @property
    def is_text(self) -> bool:
        """Whether a text completion can say it."""
        return not (self.reasoning or self.refusal or self.calls or self.legacy)

    @property
    def token_count(self) -> int:
        said = (self.text, self.reasoning, self.refusal)
        calls = (*self.calls, self.legacy) if self.legacy else self.calls
        arguments = (call.argument_pieces for call in calls)
        return sum(map(len, itertools.chain(said, arguments))) + len(calls)


@dataclass(frozen=True, slots=True)
class Answer:
    choices: tuple[Choice, ...]

    @property
    def usage(self) -> tuple[int, int]:
        return PROMPT_TOKENS, sum(choice.token_count for choice in self.choices)


Teller = Callable[[Ask], Answer]


def telling(*choices: Choice) -> Teller:
    """The same answer to every request."""
    answer = Answer(choices)
    return lambda ask: answer


def one_text(*pieces: str) -> Answer:
    return Answer((Choice(tuple(filter(None, pieces))),))


tell_text = telling(Choice(TEXT_PIECES))
tell_length = telling(Choice(TEXT_PIECES[:4], finish="length"))
tell_refusal = telling(Choice(refusal=REFUSAL_PIECES))
tell_logprobs = telling(Choice(TEXT_PIECES, has_logprobs=True))
tell_reasoning = telling(Choice(("Hello", " there", "."), REASONING_PIECES))
tell_two = telling(
    Choice(("Hello", " the", "re", ".")),
    Choice(("Good", " day", " to", " you", "!"), finish="length"),
)
tell_two_logprobs = telling(
    Choice(("Hello", " there"), has_logprobs=True), Choice(("Good", " day"), has_logprobs=True)
)
tell_long = telling(Choice(tuple(f"{number} " for number in range(LONG_DELTAS))))


def tell_call(ask: Ask) -> Answer:
    return _calling(ask, count=1)


def tell_calls(ask: Ask) -> Answer:
    """Two calls at once."""
    return _calling(ask, count=2)


def tell_text_then_calls(ask: Ask) -> Answer:
    return _calling(ask, count=2, text=("Let me ", "look."))


def tell_reasoned_call(ask: Ask) -> Answer:
    return _calling(ask, count=1, reasoning=REASONING_PIECES)


def tell_bare_call(ask: Ask) -> Answer:
    """A call without arguments, of a tool that needs none where the request has one."""
    if not ask.is_tool_turn:
        return _after_tool(ask)
    use = ask.tool_use(prefers_bare=True)
    return Answer((Choice(calls=(Call(_call_id(ask, 0), use.name, "{}"),), finish="tool_calls"),))


def tell_legacy_call(ask: Ask) -> Answer:
    """A bare ``function_call``, as before there were tools: no id, no index."""
    if not ask.is_tool_turn:
        return _after_tool(ask)
    use = ask.tool_use()
    return Answer((Choice(legacy=Call("", use.name, use.arguments), finish="function_call"),))


def tell_call_if_tools(ask: Ask) -> Answer:
    """As a real server: a tool call where the request has tools, else text."""
    return tell_call(ask) if ask.tools or ask.tool_result is not None else tell_text(ask)


def _calling(
    ask: Ask, *, count: int, text: tuple[str, ...] = (), reasoning: tuple[str, ...] = ()
) -> Answer:
    if not ask.is_tool_turn:
        return _after_tool(ask)
    uses = [ask.tool_use(position) for position in range(count)]
    calls = tuple(
        Call(_call_id(ask, position), use.name, use.arguments) for position, use in enumerate(uses)
    )
    return Answer((Choice(text, reasoning, calls=calls, finish="tool_calls"),))


def _call_id(ask: Ask, position: int) -> str:
    return f"call_{ask.id}_{position}"


def _after_tool(ask: Ask) -> Answer:
    if ask.tool_result is None:
        return one_text("No tool ", "may be called.")
    return one_text("The tool ", "said: ", ask.tool_result)
