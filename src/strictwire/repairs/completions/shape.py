"""Rules for what a completion's choice is: that it has a text, and is none of chat's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from strictwire.model.chunks import Chunk
from strictwire.repairs.chat.split import extras_of
from strictwire.repairs.completions.envelope import KIND, own_id
from strictwire.repairs.completions.known import CHOICE_FIELDS
from strictwire.repairs.rule import ChoiceRule, ChunkRule

_CHAT_KINDS = ("chat.completion", "chat.completion.chunk")
# Where chat says what a completion says in its text, or, as the role, not at all.
_SAID = frozenset(("role", "content", "refusal"))


@dataclass(slots=True)
class ChatShape(ChunkRule):
    """Say as a completion what the server says as chat.

    Some servers answer every path with chat's chunks, or put their one reply into a ``message``.
    Clients of this path read ``text`` and see nothing, or fail. Content, or a refusal, becomes
    the text; what a completion has no place for (reasoning, calls) goes along as fields of the
    choice, for whoever knows them.
    """

    name = "completions.chat-shape"
    title = "The reply has chat's shape"
    quirks = (45,)
    evidence = "lab:completions-chat-shape"
    is_foundation = True

    is_chat: bool = False

    def feed(self, item: Chunk) -> Iterator[Chunk]:
        value = item.value
        choices = value.get("choices")
        if choices and any(map(_is_chat, choices)):
            self.is_chat = True
        # Chunks without choices have the same name and id as those with some.
        if not self.is_chat or choices is None:
            yield item
            return
        self.fired = True
        turned = [_as_completion(one) if _is_chat(one) else one for one in choices]
        kept = [choice for choice in turned if _tells_something(choice)]
        if not kept and value.get("usage") is None and not extras_of(value):
            return
        mended = value | {"choices": kept}
        if isinstance(value.get("id"), str):
            mended["id"] = own_id(value["id"])
        if value.get("object") in _CHAT_KINDS:
            mended["object"] = KIND
        yield item.repaired(mended)


def _is_chat(choice: dict[str, Any]) -> bool:
    return not isinstance(choice.get("text"), str) and _body_of(choice) is not None


def _body_of(choice: dict[str, Any]) -> dict[str, Any] | None:
    for body in (choice.get("message"), choice.get("delta")):
        if isinstance(body, dict):
            return body
    return None


def _as_completion(choice: dict[str, Any]) -> dict[str, Any]:
    body = _body_of(choice) or {}
    rest = {name: choice[name] for name in choice if name not in ("delta", "message", "text")}
    more = {name: body[name] for name in body if body[name] and name not in _SAID | CHOICE_FIELDS}
    return rest | more | {"text": text_in(body.get("content")) or text_in(body.get("refusal"))}


def text_in(content: Any) -> str:
    """Text, or the texts of a list of parts."""
    if isinstance(content, list):
        parts = (part.get("text") if isinstance(part, dict) else part for part in content)
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _tells_something(choice: dict[str, Any]) -> bool:
    return bool(
        choice.get("text")
        or choice.get("finish_reason")
        or choice.get("logprobs")
        or choice.keys() - CHOICE_FIELDS
    )


@dataclass(slots=True)
class TextMissing(ChoiceRule):
    """Give a choice without a text an empty one.

    ``text`` is a string on this wire: clients that add up what they get fail at a null, or at the
    key that is not there.
    """

    name = "completions.text-missing"
    title = "A choice has no text, or a null"
    quirks = (36, 39, 41)
    evidence = "lab:completions-text-null"
    is_foundation = True

    def mend(self, choice: dict[str, Any]) -> dict[str, Any]:
        if isinstance(choice.get("text"), str):
            return choice
        return choice | {"text": text_in(choice.get("text"))}
