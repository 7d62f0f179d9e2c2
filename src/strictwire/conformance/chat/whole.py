"""The choices of a whole chat completion: their keys, their message, its calls.

Source: docs/contract.md, "Whole objects"; OpenAI API reference, "The chat completion
object".
"""

from __future__ import annotations

from typing import Any

from strictwire.conformance import logprobs
from strictwire.conformance.chat.calls import kind_and_body, known_call, written_arguments
from strictwire.conformance.chat.choice import ChatChoices
from strictwire.conformance.chat.delta import DeltaJudge
from strictwire.conformance.chat.texts import TextsJudge
from strictwire.conformance.choice_fields import index_of, reason_of
from strictwire.conformance.extra_fields import without_strangers
from strictwire.conformance.json_text import JsonText, Path
from strictwire.conformance.reply import Reply
from strictwire.conformance.whole_object import WholeNames

Json = dict[str, Any]

# May be left out, but neither null nor empty. Annotations may be an empty list.
_OPTIONAL = ("tool_calls", "function_call", "reasoning_content", "reasoning")


_NAMES = WholeNames(
    kind="chat.completion",
    kind_rule="whole.kind",
    envelope_rule="chat.envelope",
    empty_rule="chat.empty-delta",
)


class ChatWhole:
    """Judges the choices of one object. The words of a choice are judged as in a stream."""

    __slots__ = ("_delta", "_found", "_ids", "_reply", "_text", "_texts", "_told", "names")

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._found = reply.found
        self._delta = DeltaJudge(reply)
        self._ids: set[str] = set()
        self._told: list[tuple[str, str]] = []  # the calls of the choice in hand
        self._texts = TextsJudge(reply, lambda _: self._told)
        self.names = _NAMES

    def choice(self, value: Json, place: int, text: JsonText) -> None:
        choice, self._text = value, text
        path: Path = ("choices", place)
        self._told = []
        known = ChatChoices.names.known_fields | {"message"}
        choice = without_strangers(choice, known, path, text, self._reply)
        self._keys(choice, ("index", "logprobs"), path)
        index = index_of({"index": place} | choice, place, text, self._reply)
        if not logprobs.is_well_shaped(choice.get("logprobs")):
            self._found.add("chat.logprobs-lists", self._text.at(*path, "logprobs"))
        reason = reason_of(choice, path, self._text, self._found)
        message = choice.get("message")
        if not isinstance(message, dict):
            self._found.add("whole.keys", self._text.at(*path), "message")
            delta = choice.get("delta")
            message = delta if isinstance(delta, dict) else {}
        self._reply.begin(index, self._text.at(*path))
        self._message(index, message, (*path, "message"))
        if reason:
            self._reply.finish(index, reason, self._text.at(*path, "finish_reason"))

    def _keys(self, value: Json, names: tuple[str, ...], path: Path) -> None:
        for name in names:
            if name not in value:
                self._found.add("whole.keys", self._text.at(*path), name)

    def _message(self, index: int, message: Json, path: Path) -> None:
        at, found = self._text.at, self._found
        self._keys(message, ("role", "content", "refusal"), path)
        if message.get("role") and message["role"] != "assistant":
            found.add("chat.role-repeated", at(*path, "role"))
        for name in _OPTIONAL:
            if name in message and not message[name]:
                found.add("whole.nulls", at(*path, name), name)
        if not isinstance(message.get("annotations", []), list):
            found.add("whole.nulls", at(*path, "annotations"), "annotations")
        told = {name: value for name, value in message.items() if value}
        is_both = self._reply.asked.reasoning_key == "both"
        if told.get("reasoning") == told.get("reasoning_content", 0) and not is_both:
            del told["reasoning"]
        told = self._delta.readable(told, path, self._text)
        self._texts.new_of(index, told, at(*path, "content"))
        calls, legacy = told.get("tool_calls"), told.get("function_call")
        if calls is not None:
            self._calls(index, calls, (*path, "tool_calls"))
        if legacy is not None:
            self._legacy(index, legacy, (*path, "function_call"), has_calls=bool(calls))
        self._texts.close(index, at(*path))
        self._content(message, bool(calls or legacy or message.get("refusal")), path)

    def _content(self, message: Json, is_silent: bool, path: Path) -> None:
        content = message.get("content")
        is_wrong = (content is None) != is_silent if not content else False
        if is_wrong and "content" in message:
            self._found.add("whole.content", self._text.at(*path, "content"))

    def _calls(self, index: int, calls: Any, path: Path) -> None:
        if not isinstance(calls, list):
            self._found.add("whole.call-shape", self._text.at(*path), "no list of calls")
            return
        for number, call in enumerate(calls):
            if isinstance(call, dict):
                self._reply.said(index).has_called = True
                known = known_call(call, (*path, number), self._text, self._reply)
                self._call(known, (*path, number))

    def _call(self, call: Json, path: Path) -> None:
        at = self._text.at(*path)
        kind, body = kind_and_body(call)
        text_key = "input" if kind == "custom" else "arguments"
        identity, arguments = call.get("id"), body.get(text_key)
        if call.get("type") != kind or "index" in call:
            self._found.add("whole.call-shape", at)
        # An empty one is all that can be said of a name that never came.
        if not isinstance(body.get("name"), str):
            self._found.add("chat.tool-shape", at, "a call has no name")
        if not isinstance(identity, str) or not identity:
            self._found.add("chat.tool-id", at, "there is none")
        elif identity in self._ids:
            self._found.add("chat.tool-id", at, "another call has the same")
        self._ids.add(str(identity))
        self._told.append((str(body.get("name")), written_arguments(arguments)))
        if not isinstance(arguments, str) or (not arguments and kind == "function"):
            self._found.add("chat.tool-arguments", at)

    def _legacy(self, index: int, legacy: Any, path: Path, *, has_calls: bool) -> None:
        self._reply.said(index).has_called = True
        is_right = (
            isinstance(legacy, dict)
            and isinstance(legacy.get("name"), str)
            and isinstance(legacy.get("arguments"), str)
            and legacy["arguments"]
        )
        if has_calls or not is_right:
            self._found.add("chat.function-call", self._text.at(*path))
