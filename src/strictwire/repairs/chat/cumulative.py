"""Rules for text that is told again: as a message beside the deltas, or as the text so far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from strictwire.repairs.chat.said import Said
from strictwire.repairs.chat.tool_index import MAX_CALLS
from strictwire.repairs.chat.tools import arguments_text, body_of
from strictwire.repairs.rule import ChoiceRule

_TEXTS = ("reasoning_content", "reasoning", "content", "refusal")
# What tells a part of the reply.
_TELLING = (*_TEXTS, "tool_calls", "function_call")
_OWN = frozenset((*_TELLING, "role"))


@dataclass(slots=True)
class MessageBesideDelta(ChoiceRule):
    """Read ``message`` in a stream only where no delta says the same.

    Some servers tell the whole message so far beside each delta, or once more at the end; a
    client that knows both shows everything twice. Others stream nothing but the message, or one
    whole completion as if it were a chunk; a client that knows only deltas shows nothing. What
    is new in such a message becomes the delta.
    """

    name = "chat.message-beside-delta"
    title = "A streamed choice holds a message"
    quirks = (43,)
    evidence = "lab:message-beside-delta"
    is_foundation = True  # nothing later can read what it mends: it would be lost

    # Choices that deltas told, and what the messages of others said of each text.
    told: tuple[int, ...] = ()
    said: dict[tuple[int, str], Said] = field(default_factory=dict)

    def mend(self, choice: dict[str, Any]) -> dict[str, Any]:
        index, delta = choice["index"], choice.get("delta")
        if not isinstance(delta, dict):
            delta = {}
        if "message" not in choice:
            self._note(index, delta)
            return choice
        message = choice["message"]
        rest = {name: choice[name] for name in choice if name != "message"}
        is_whole = any(key[0] == index for key in self.said)
        if not is_whole and _tells(delta):
            self._note(index, delta)
        if not isinstance(message, dict) or index in self.told:
            return rest | {"delta": delta}
        kept = {name: delta[name] for name in delta if name not in _TELLING}
        if not is_whole and "role" not in kept:
            kept = {"role": message.get("role") or "assistant", **kept}
        kept |= self._new(index, message)
        if choice.get("finish_reason"):
            # Annotations and the like: a server that repeats them is through with them now.
            kept |= {name: message[name] for name in message if name not in _OWN}
        return rest | {"delta": kept}

    def _note(self, index: int, delta: dict[str, Any]) -> None:
        """What deltas say counts as said, so that no message says it again."""
        if index in self.told or not _tells(delta):
            return
        if not any(key[0] == index for key in self.said):
            self.told = (*self.told, index)
            return
        for name in _TEXTS:
            if isinstance(delta.get(name), str):
                self._said(index, name).add(delta[name])

    def _said(self, index: int, name: str) -> Said:
        return self.said.setdefault((index, name), Said())

    def _new(self, index: int, message: dict[str, Any]) -> dict[str, Any]:
        delta: dict[str, Any] = {}
        for name in _TEXTS:
            text = message.get(name)
            if text and isinstance(text, str):
                text = self._said(index, name).more(text)
            elif (index, name) in self.said:
                continue
            if text:
                self._said(index, name)
                delta[name] = text
        calls = message.get("tool_calls")
        pieces = list(self._pieces(index, calls)) if isinstance(calls, list) else []
        if pieces:
            delta["tool_calls"] = pieces
        legacy = message.get("function_call")
        if legacy and (index, "function_call") not in self.said:
            self._said(index, "function_call")
            delta["function_call"] = legacy
        return delta

    def _pieces(self, index: int, calls: list[Any]) -> Iterator[dict[str, Any]]:
        """Each call as it is; where its beginning was said, only more arguments."""
        # One more than may pass, so that the rule of calls sees it and ends the reply.
        for place, call in enumerate(calls[: MAX_CALLS + 1]):
            if not isinstance(call, dict):
                continue
            kind, text, body = body_of(call)
            arguments = arguments_text(body.get(text))
            if (index, f"call {place}") not in self.said:
                self._said(index, f"call {place}").add(arguments)
                yield call | {"index": place}
                continue
            more = self._said(index, f"call {place}").more(arguments)
            if more:
                yield {"index": place, kind: {text: more}}


def _tells(delta: dict[str, Any]) -> bool:
    return any(delta.get(name) for name in _TELLING)


@dataclass(slots=True)
class CumulativeText(ChoiceRule):
    """Say only what is new where each delta holds the whole text so far.

    Clients append, so they would show "H", "HHe", "HHeHel". Which it is cannot be told from one
    delta, and a model may say the same word twice: so this must be switched on for the provider.
    A text that does not go on with what was said is taken for a delta.
    """

    name = "chat.cumulative-text"
    title = "Each delta holds the whole text so far"
    quirks = (44,)
    evidence = "lab:cumulative-text"
    modes = ("off", "on")
    reads_text = True

    said: dict[tuple[int, str], Said] = field(default_factory=dict)

    def mend(self, choice: dict[str, Any]) -> dict[str, Any] | None:
        index, delta = choice["index"], choice["delta"]
        mended = delta
        for name in _TEXTS:
            text = delta.get(name)
            if not isinstance(text, str) or not text:
                continue
            new = self.said.setdefault((index, name), Said()).more(text)
            if new != text:
                mended = {key: value for key, value in mended.items() if key != name or new}
                mended |= {name: new} if new else {}
        if mended is delta:
            return choice
        if not mended and not choice.get("finish_reason") and not choice.get("logprobs"):
            return None
        return choice | {"delta": mended}
