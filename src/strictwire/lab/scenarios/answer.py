"""What a scenario says, before anyone decides how badly it is said.

An ``Answer`` is what a correct client must have in the end; ``strict.py`` renders it as the wire
should be, and a scenario spoils that rendering.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from strictwire.lab.ask import Ask, Dialect
from strictwire.lab.tools import CallKind, Preference

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
    """``arguments`` is JSON text, of a custom tool its plain input."""

    id: str
    name: str
    arguments: str
    kind: CallKind = "function"
    namespace: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether every dialect with tools can say it."""
        return self.kind == "function" and not self.namespace

    @property
    def argument_pieces(self) -> tuple[str, ...]:
        step = ARGUMENTS_PIECE_CHARACTERS
        return tuple(self.arguments[at : at + step] for at in range(0, len(self.arguments), step))


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice in pieces, in the order in which they are said: reasoning, text, calls.

    ``seal`` is what a server wants given back with the reasoning: Anthropic's signature, OpenAI's
    encrypted content; ``is_redacted``: the reasoning is nothing else. ``seams`` are the pieces of
    text with which another item, or block, begins. ``searched``: the server looked on the web
    first, which only its own dialect can say. ``cited`` are pages that the text names.
    """

    text: tuple[str, ...] = ()
    reasoning: tuple[str, ...] = ()
    refusal: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    legacy: Call | None = None
    finish: str = "stop"
    has_logprobs: bool = False
    reasoning_form: Literal["summary", "text"] = "summary"
    seal: str = ""
    is_redacted: bool = False
    seams: tuple[int, ...] = ()
    searched: str = ""
    cited: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether a text completion can say it."""
        return not (self.reasoning or self.refusal or self.calls or self.legacy)

    def is_sayable_in(self, dialect: Dialect) -> bool:
        """Whether nothing of it is lost there."""
        match dialect:
            case "chat":
                return True
            case "completions":
                return self.is_text
            case "responses":
                return self.legacy is None
            case "messages":
                is_plain = all(call.is_plain for call in self.calls)
                return is_plain and not (self.legacy or self.refusal or self.has_logprobs)
            case "ollama":
                is_plain = all(call.is_plain for call in self.calls)
                beyond = self.legacy or self.refusal or self.seal or self.cited or self.searched
                return is_plain and not beyond and self.finish != "content_filter"

    @property
    def text_blocks(self) -> tuple[tuple[str, ...], ...]:
        """The text, cut at its seams."""
        edges = (0, *self.seams, len(self.text))
        return tuple(self.text[start:end] for start, end in itertools.pairwise(edges))

    @property
    def token_count(self) -> int:
        said = (self.text, self.reasoning, self.refusal)
        calls = (*self.calls, self.legacy) if self.legacy else self.calls
        arguments = (call.argument_pieces for call in calls)
        return sum(map(len, itertools.chain(said, arguments))) + len(calls)


@dataclass(frozen=True, slots=True)
class Answer:
    """``cached_tokens`` of the prompt were found ready; chat's own scenarios do not tell them."""

    choices: tuple[Choice, ...]
    cached_tokens: int = 0

    @property
    def usage(self) -> tuple[int, int]:
        return PROMPT_TOKENS, sum(choice.token_count for choice in self.choices)

    @property
    def usage_details(self) -> tuple[int, int]:
        """Cached tokens of the prompt, and tokens of reasoning; both counted in ``usage`` too."""
        return self.cached_tokens, sum(len(choice.reasoning) for choice in self.choices)


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
    use = ask.tool_use(prefers="bare")
    call = Call(_call_id(ask, 0), use.name, "{}", namespace=use.namespace)
    return Answer((Choice(calls=(call,), finish="tool_calls"),))


def tell_custom_call(ask: Ask) -> Answer:
    """A call of a tool whose input is plain text."""
    return _calling(ask, count=1, prefers="custom")


def tell_namespaced_call(ask: Ask) -> Answer:
    """A call of a tool that stands in a group."""
    return _calling(ask, count=1, prefers="namespaced")


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
    ask: Ask,
    *,
    count: int,
    text: tuple[str, ...] = (),
    reasoning: tuple[str, ...] = (),
    prefers: Preference = "",
) -> Answer:
    if not ask.is_tool_turn:
        return _after_tool(ask)
    uses = [ask.tool_use(position, prefers=prefers) for position in range(count)]
    calls = tuple(
        Call(_call_id(ask, position), use.name, use.arguments, use.kind, use.namespace)
        for position, use in enumerate(uses)
    )
    return Answer((Choice(text, reasoning, calls=calls, finish="tool_calls"),))


def _call_id(ask: Ask, position: int) -> str:
    return f"call_{ask.id}_{position}"


def _after_tool(ask: Ask) -> Answer:
    if ask.tool_result is None:
        return one_text("No tool ", "may be called.")
    return one_text("The tool ", "said: ", ask.tool_result)
