"""One choice of a chat chunk: its index, its finish reason, and what its delta says.

Contract: ``choice`` tells what is wrong, and follows what a forgiving client would have understood
all the same, so that one mistake is not told again as another.
Source: docs/contract.md, "Chat chunks".
"""

from __future__ import annotations

from typing import Any

from strictwire.conformance import logprobs
from strictwire.conformance.chat.calls import CallsJudge
from strictwire.conformance.chat.delta import EMPTIABLE, DeltaJudge, says_nothing
from strictwire.conformance.chat.legacy import LegacyJudge
from strictwire.conformance.chat.retold import Messages
from strictwire.conformance.chat.texts import TextsJudge
from strictwire.conformance.choice_fields import Names, index_of, reason_of
from strictwire.conformance.extra_fields import without_strangers
from strictwire.conformance.json_text import JsonText, Path, Where
from strictwire.conformance.reply import Reply, Said

Json = dict[str, Any]

# Token probabilities belong to a text, and usage is told as what it is.
_CHOICE_OWN = frozenset(("index", "delta", "finish_reason", "logprobs", "usage"))


class ChatChoices:
    """Judges the choices of one stream."""

    names = Names(
        chunk_object="chat.completion.chunk",
        envelope_rule="chat.envelope",
        empty_rule="chat.empty-delta",
        known_fields=frozenset(("index", "delta", "finish_reason", "logprobs")),
    )

    __slots__ = ("_calls", "_delta", "_found", "_legacy", "_messages", "_reply", "_texts")

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._found = reply.found
        self._calls = CallsJudge(reply)
        self._legacy = LegacyJudge(reply)
        self._messages = Messages()
        self._texts = TextsJudge(reply, self._calls.told)
        self._delta = DeltaJudge(reply)

    def choice(self, value: Json, place: int, text: JsonText) -> bool:
        path: Path = ("choices", place)
        index = index_of(value, place, text, self._reply)
        said = self._reply.said(index)
        value, delta = self._read(value, index, path, text)
        if not logprobs.is_well_shaped(value.get("logprobs")):
            self._found.add("chat.logprobs-lists", text.at(*path, "logprobs"))
        delta = self._delta.readable(delta, (*path, "delta"), text)
        reason = reason_of(value, path, text, self._found)
        at = text.at(*path, "delta")
        new = self._texts.new_of(index, delta, at)
        if delta and not new and not reason and not value.get("logprobs"):
            return False
        kept = self._delta.with_role_judged(new, said, (*path, "delta"), text)
        if not self._says(kept, said, reason, value, at):
            return False
        self._reply.begin(index, text.start)
        said.has_role = said.has_role or "role" in kept
        rest = {name: kept[name] for name in kept if name != "role"}
        if "role" in kept and (rest or reason):
            self._found.add("chat.role-alone", text.at(*path, "delta", "role"))
        self._tell(index, rest, text, place)
        if reason:
            self._finish(index, reason, text, path, rides=bool(rest))
        return True

    def close(self, offset: Where) -> None:
        """The stream has ended: nothing more comes for texts and calls. A finish reason alone
        does not say so, since some come too early."""
        for index in self._reply.choices:
            self._texts.close(index, offset)
            self._calls.close(index, offset)
            self._legacy.close(index, offset)

    def _read(self, value: Json, index: int, path: Path, text: JsonText) -> tuple[Json, Json]:
        """The choice without a message, and its delta."""
        delta = value.get("delta")
        if "message" in value:
            self._found.add("chat.message-beside-delta", text.at(*path, "message"))
            delta = self._messages.delta_of(index, value)
            value = {name: value[name] for name in value if name != "message"} | {"delta": delta}
        elif not isinstance(delta, dict):
            self._found.add("chat.delta-missing", text.at(*path, "delta"))
            delta = {}
        else:
            self._messages.note(index, delta)
        value = without_strangers(value, self.names.known_fields, path, text, self._reply)
        return value, dict(delta)

    def _says(self, kept: Json, said: Said, reason: str | None, value: Json, at: Where) -> bool:
        """Whether the choice says anything; drops from ``kept`` what says nothing."""
        # A choice may say something beside its delta, a filter's verdict for one.
        beside = value.keys() - _CHOICE_OWN
        is_extension = any(map(value.get, beside))
        is_told = reason or any(kept.values()) or kept.keys() - EMPTIABLE or is_extension
        if not said.has_begun and "role" not in kept and is_told:
            self._found.add("chat.role-missing", at)
        empty = [name for name in EMPTIABLE if name in kept and says_nothing(name, kept[name])]
        for name in empty:
            del kept[name]
            self._found.add("chat.empty-delta", at, name)
        if kept or reason:
            return True
        if not empty and not is_extension:
            self._found.add("chat.empty-delta", at, "it says nothing")
        return is_extension

    def _tell(self, index: int, rest: Json, text: JsonText, place: int) -> None:
        if not rest:
            return
        self._reply.content(index, text.at("choices", place, "delta"))
        if "tool_calls" in rest:
            self._calls.pieces(index, rest, text, place)
        if "function_call" in rest:
            self._legacy.piece(index, rest, text, place)

    def _finish(self, index: int, reason: str, text: JsonText, path: Path, *, rides: bool) -> None:
        at = text.at(*path, "finish_reason")
        if rides:
            self._found.add("chat.finish-alone", at)
        self._reply.finish(index, reason, at)
