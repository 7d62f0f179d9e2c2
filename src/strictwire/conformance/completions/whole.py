"""The choices of a whole text completion.

Source: docs/contract.md, "Completions" and "Whole objects".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from strictwire.conformance.choice_fields import index_of, reason_of
from strictwire.conformance.completions.choice import CompletionsChoices, is_chat_shaped
from strictwire.conformance.json_text import JsonText, Path
from strictwire.conformance.reply import Reply
from strictwire.conformance.whole_object import WholeNames

_OWN = WholeNames(
    kind="text_completion",
    kind_rule="completions.envelope",
    envelope_rule="completions.envelope",
    empty_rule="completions.empty-text",
    foreign_prefix="chatcmpl-",
)


class CompletionsWhole:
    __slots__ = ("_found", "_reply", "_stream", "names")

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._found = reply.found
        self._stream = CompletionsChoices(reply)
        self.names = _OWN

    def choice(self, value: dict[str, Any], place: int, text: JsonText) -> None:
        path: Path = ("choices", place)
        if is_chat_shaped(value):
            self._found.add("completions.chat-shape", text.at(*path))
            # Told once, as that: of its name and its id no more is said.
            self.names = replace(_OWN, kind="", foreign_prefix="")
        else:
            for name in ("index", "logprobs"):
                if name not in value:
                    self._found.add("whole.keys", text.at(*path), name)
            self._stream.text_of(value, path, text)
        index = index_of({"index": place} | value, place, text, self._reply)
        self._reply.begin(index, text.at(*path), is_ordered=False)
        reason = reason_of(value, path, text, self._found)
        if reason:
            self._reply.finish(index, reason, text.at(*path, "finish_reason"))
