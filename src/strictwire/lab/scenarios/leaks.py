"""What leaks into the text: thinking between tags, and tool calls as the model wrote them.

Each is mended only where the provider's settings say so, because text may speak of such things.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from strictwire.lab.ask import Ask
from strictwire.lab.scenarios.answer import (
    REASONING_PIECES,
    Answer,
    Choice,
    Teller,
    one_text,
    tell_call,
    tell_reasoning,
    telling,
)
from strictwire.lab.scenarios.scenario import PLAIN_ASK, Builder, Scenario
from strictwire.lab.scenarios.strict import (
    object_reply,
    strict_chunks,
    strict_frames,
    strict_object,
    strict_stream,
    whole_object,
)
from strictwire.lab.scenarios.walk import call_deltas_of, choices_of
from strictwire.lab.script import Json, Reply
from strictwire.lab.tools import Tool

_SPLIT = {"chat.think-tags": "split"}
_OPENED = {"chat.think-tags": "opened"}
_LEAKED = {"chat.leaked-call": "on"}
_WEATHER = Tool("get_weather", {"type": "object", "properties": {"city": {"type": "string"}}})
_WITH_TOOL = replace(PLAIN_ASK, tools=(_WEATHER,))

Wrap = Callable[[Choice], tuple[str, ...]]


def _with_usage_of(answer: Answer, told: Answer, ask: Ask) -> list[Json]:
    """The chunks of what is told; usage is that of the answer, however its tokens are told."""
    chunks = strict_chunks(told, ask)
    return [*chunks[:-1], *strict_chunks(answer, ask)[-1:]] if ask.includes_usage else chunks


# ---- thinking ----


def _as_text(wrap: Wrap) -> tuple[Builder, Builder]:
    """A stream, and an object, whose reasoning is told as text in the way of ``wrap``."""

    def told(answer: Answer) -> Answer:
        return Answer(
            tuple(replace(said, text=wrap(said), reasoning=()) for said in answer.choices)
        )

    def stream(answer: Answer, ask: Ask) -> Reply:
        return Reply(strict_frames(_with_usage_of(answer, told(answer), ask), ask))

    def whole(answer: Answer, ask: Ask) -> Reply:
        usage = whole_object(answer, ask)["usage"]
        return object_reply({**whole_object(told(answer), ask), "usage": usage}, ask)

    return stream, whole


def _tagged(said: Choice) -> tuple[str, ...]:
    return ("<think>", *said.reasoning, "</think>", "\n\n", *said.text)


def _tagged_thinking(said: Choice) -> tuple[str, ...]:
    return ("\n<thinking>", *said.reasoning, "</thinking>\n", *said.text)


def _by_character(said: Choice) -> tuple[str, ...]:
    """One character a piece, so that every tag is cut at every place."""
    return tuple("".join(_tagged(said)))


def _in_one_piece(said: Choice) -> tuple[str, ...]:
    return ("".join(_tagged(said)),)


def _closer_only(said: Choice) -> tuple[str, ...]:
    return (*said.reasoning, "</think>", "\n\n", *said.text)


def _unclosed(said: Choice) -> tuple[str, ...]:
    return ("<think>", *said.reasoning)


def _half_closed(said: Choice) -> tuple[str, ...]:
    """Cut off by the token limit inside of the closing tag."""
    return ("<think>", *said.reasoning[:-1], "</thi")


def _thinking(
    name: str,
    title: str,
    wrap: Wrap,
    *,
    tell: Teller = tell_reasoning,
    modes: dict[str, str] | None = None,
) -> Scenario:
    stream, whole = _as_text(wrap)
    return Scenario(
        name=name,
        title=title,
        rules=("chat.think-tags",),
        whole_rules=("chat.think-tags",),
        quirks=(59, 95),
        only="chat",
        modes=modes or _SPLIT,
        tell=tell,
        stream=stream,
        whole=whole,
    )


_ONLY_THOUGHT = Choice(reasoning=REASONING_PIECES, finish="length")
_HALF_THOUGHT = Choice(reasoning=(*REASONING_PIECES[:-1], "</thi"), finish="length")
_MENTION = ("In ", "<think>", "a</think>", " the tags ", "stay; so does a <thi")


# ---- calls ----


def _tell_leaked(spell: Callable[[str, str], str]) -> Teller:
    """A call where the request has tools, else the text that the call leaked as."""

    def tell(ask: Ask) -> Answer:
        answer = tell_call(ask)
        if ask.tools or not ask.is_tool_turn:
            return answer
        return one_text(_leaked_text(answer, spell))

    return tell


def _leaked_text(answer: Answer, spell: Callable[[str, str], str]) -> str:
    return "".join(spell(call.name, call.arguments) for call in answer.choices[0].calls)


def _leaking(name: str, title: str, spell: Callable[[str, str], str]) -> Scenario:
    """The call as text, in three pieces, and "stop"."""

    def leaked(answer: Answer) -> Answer:
        if not answer.choices[0].calls:
            return answer
        text = _leaked_text(answer, spell)
        cuts = (text[:3], text[3:20], text[20:])
        return Answer((replace(answer.choices[0], text=cuts, calls=(), finish="stop"),))

    def stream(answer: Answer, ask: Ask) -> Reply:
        return Reply(strict_frames(_with_usage_of(answer, leaked(answer), ask), ask))

    def whole(answer: Answer, ask: Ask) -> Reply:
        usage = whole_object(answer, ask)["usage"]
        return object_reply({**whole_object(leaked(answer), ask), "usage": usage}, ask)

    return Scenario(
        name=name,
        title=title,
        rules=("chat.leaked-call", "reply.tool-finish"),
        whole_rules=("chat.leaked-call", "reply.tool-finish"),
        quirks=(56,),
        only="chat",
        ask=_WITH_TOOL,
        modes=_LEAKED,
        tell=_tell_leaked(spell),
        stream=stream,
        whole=whole,
    )


def _object(name: str, arguments: str) -> str:
    return f'{{"name": "{name}", "arguments": {arguments}}}'


def _parameters(name: str, arguments: str) -> str:
    return f'{{"name": "{name}", "parameters": {arguments}}}'


def _fenced(name: str, arguments: str) -> str:
    return f"```json\n{_object(name, arguments)}\n```"


def _in_tags(name: str, arguments: str) -> str:
    return f"<tool_call>\n{_object(name, arguments)}\n</tool_call>"


def _arguments_too(answer: Answer, ask: Ask) -> Reply:
    """The call's arguments also as text, piece by piece, before each piece of the call."""
    mixed: list[Json] = []
    for told in strict_chunks(answer, ask):
        for call in call_deltas_of([told]):
            text = call["function"]["arguments"]
            if text:
                said = {**told["choices"][0], "delta": {"content": text}}
                mixed.append({**told, "choices": [said]})
        mixed.append(told)
    return Reply(strict_frames(mixed, ask))


def _arguments_too_whole(answer: Answer, ask: Ask) -> Reply:
    whole = whole_object(answer, ask)
    for said in choices_of([whole]):
        for call in said["message"].get("tool_calls", ()):
            said["message"]["content"] = call["function"]["arguments"]
    return object_reply(whole, ask)


ROWS = (
    _thinking("think-tags", "Thinking between <think> tags in the content", _tagged),
    _thinking(
        "think-tags-cut", "Thinking between tags, one character in each chunk", _by_character
    ),
    _thinking("think-tags-one-piece", "Thinking, tags and answer in one delta", _in_one_piece),
    _thinking("think-tags-long", "Thinking between <thinking> tags", _tagged_thinking),
    _thinking(
        "think-closer-only",
        "Only the closing tag: the opening one stood in the prompt",
        _closer_only,
        modes=_OPENED,
    ),
    _thinking(
        "think-unclosed",
        "Thinking whose tag is never closed",
        _unclosed,
        tell=telling(_ONLY_THOUGHT),
    ),
    _thinking(
        "think-half-closer",
        "Thinking that ends inside its closing tag",
        _half_closed,
        tell=telling(_HALF_THOUGHT),
    ),
    Scenario(
        name="think-tags-mentioned",
        title="Text that speaks of <think> tags, and ends in half a tag",
        quirks=(59,),
        only="chat",
        modes=_SPLIT,
        tell=telling(Choice(_MENTION)),
        stream=strict_stream,
        whole=strict_object,
    ),
    Scenario(
        name="think-tags-kept",
        title="Thinking between tags, where nobody asked to split it",
        quirks=(59,),
        only="chat",
        tell=telling(Choice(("<think>", "The user says hello.", "</think>", "\n\n", "Hello."))),
        stream=strict_stream,
        whole=strict_object,
    ),
    _leaking("leaked-call", "A tool call as JSON text", _object),
    _leaking("leaked-call-parameters", "A tool call as JSON text, its key parameters", _parameters),
    _leaking("leaked-call-fenced", "A tool call as JSON text in a fence", _fenced),
    _leaking("leaked-call-tags", "A tool call as JSON text in <tool_call> tags", _in_tags),
    Scenario(
        name="leaked-arguments",
        title="A call's arguments also as text",
        rules=("chat.leaked-call",),
        whole_rules=("chat.leaked-call",),
        quirks=(56,),
        only="chat",
        ask=_WITH_TOOL,
        modes=_LEAKED,
        tell=tell_call,
        stream=_arguments_too,
        whole=_arguments_too_whole,
    ),
)
