"""One choice of a completion's chunk: its text, its token probabilities, its finish reason.

Source: docs/contract.md, "Completions"; OpenAI API reference, "The completion object".
"""

from __future__ import annotations

from typing import Any

from strictwire.conformance.choice_fields import Names, index_of, reason_of
from strictwire.conformance.extra_fields import without_strangers
from strictwire.conformance.json_text import JsonText, Path, Where
from strictwire.conformance.reply import Reply

Json = dict[str, Any]

_OWN = Names(
    chunk_object="text_completion",
    envelope_rule="completions.envelope",
    empty_rule="completions.empty-text",
    known_fields=frozenset(("index", "text", "logprobs", "finish_reason")),
    foreign_prefix="chatcmpl-",
)
# A reply in chat's shape is told once, as that: of its name and its id no more is said.
_CHAT_SHAPED = Names(
    chunk_object="text_completion",
    other_objects=("chat.completion.chunk", "chat.completion"),
    envelope_rule="completions.envelope",
    empty_rule="completions.empty-text",
    known_fields=_OWN.known_fields,
)


class CompletionsChoices:
    """Judges the choices of one stream, or of one object."""

    __slots__ = ("_found", "_reply", "names")

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._found = reply.found
        self.names = _OWN

    def choice(self, value: Json, place: int, text: JsonText) -> bool:
        path: Path = ("choices", place)
        index = index_of(value, place, text, self._reply)
        if is_chat_shaped(value):
            self.names = _CHAT_SHAPED
            value = _as_completion(value)
        if self.names is _CHAT_SHAPED:
            self._found.add("completions.chat-shape", text.at(*path))
            if not _says_something(value, self.names):
                return False
        said = self.text_of(value, path, text)
        value = without_strangers(value, self.names.known_fields, path, text, self._reply)
        reason = reason_of(value, path, text, self._found)
        more = any(value[name] for name in value if name not in self.names.known_fields)
        if not (said or reason or more):
            self._found.add("completions.empty-text", text.at(*path, "text"))
            return False
        if "logprobs" not in value and self.names is _OWN:
            self._found.add("completions.logprobs-missing", text.at(*path))
        self._reply.begin(index, text.start, is_ordered=False)
        if said:
            self._reply.content(index, text.at(*path, "text"))
        if reason:
            if said:
                self._found.add("completions.finish-alone", text.at(*path, "finish_reason"))
            self._reply.finish(index, reason, text.at(*path, "finish_reason"))
        return True

    def text_of(self, value: Json, path: Path, text: JsonText) -> str:
        """The text, with what is wrong about it and its probabilities told."""
        said = value.get("text")
        if not isinstance(said, str):
            self._found.add("completions.text-missing", text.at(*path, "text"))
            said = _text_in(said)
        logprobs = value.get("logprobs")
        if logprobs is not None and (
            not isinstance(logprobs, dict)
            or ("tokens" not in logprobs and isinstance(logprobs.get("content"), list))
        ):
            self._found.add("completions.logprobs-shape", text.at(*path, "logprobs"))
        return said

    def close(self, offset: Where) -> None:
        """Nothing is told late here."""


def is_chat_shaped(choice: Json) -> bool:
    is_told = any(isinstance(choice.get(name), dict) for name in ("delta", "message"))
    return is_told and not isinstance(choice.get("text"), str)


def _as_completion(choice: Json) -> Json:
    body = choice.get("message") or choice.get("delta") or {}
    rest = {name: choice[name] for name in choice if name not in ("delta", "message")}
    more = {name: body[name] for name in body if body[name] and name not in _CHAT_TEXTS}
    return more | rest | {"text": _text_in(body.get("content")) or _text_in(body.get("refusal"))}


_CHAT_TEXTS = frozenset(("role", "content", "refusal", "text", "index", "logprobs"))


def _says_something(choice: Json, names: Names) -> bool:
    told = any(choice.get(name) for name in ("text", "finish_reason", "logprobs"))
    return told or bool(choice.keys() - names.known_fields)


def _text_in(content: Any) -> str:
    if isinstance(content, list):
        parts = (part.get("text") if isinstance(part, dict) else part for part in content)
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""
