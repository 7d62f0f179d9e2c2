"""A Responses stream: begun, numbered, its items told, ended by exactly one terminal event.

Contract: ``chunk`` judges one event, ``end`` what only the end can tell. Events of items are for
``ItemsJudge``. Source: docs/contract.md, "Responses"; docs/quirks.md, 72, 73, 76 and 78.
"""

from __future__ import annotations

from typing import Any

from strictwire.conformance.json_text import JsonText, Where
from strictwire.conformance.named_events import judge_characters, kind_of
from strictwire.conformance.reply import Reply
from strictwire.conformance.responses.fields import is_text, wrong_in_response
from strictwire.conformance.responses.items import ItemsJudge
from strictwire.conformance.responses.kinds import (
    BEGINNINGS,
    OTHER_NAMES,
    PREFIX,
    STEPS,
    TERMINALS,
)
from strictwire.conformance.responses.output import OutputJudge
from strictwire.conformance.usage import is_whole_number

Json = dict[str, Any]

_CREATED, _QUEUED, _IN_PROGRESS = BEGINNINGS
_NAMING = ("responses.event-type", "responses.event-unnamed")
_CONSTANT = ("id", "created_at", "model")

# OpenAI's own to that client (limits, for one); other clients pass over them.
_OF_CODEX = "codex."


class ResponsesStream:
    """Judges one stream."""

    names_events = True
    keeps_alive_by_comment = True

    __slots__ = ("_begun", "_envelope", "_found", "_items", "_next", "_reply", "_terminal")

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._found = reply.found
        self._items = ItemsJudge(reply)
        self._begun: list[str] = []
        self._next = 0
        self._terminal = ""
        self._envelope: Json = {}

    @property
    def has_begun(self) -> bool:
        return bool(self._begun)

    @property
    def over(self) -> str:
        if self._reply.error_at is not None:
            return "reply.after-error"
        return "responses.after-terminal" if self._terminal else ""

    def chunk(self, text: JsonText, event: bytes) -> None:
        value = text.value
        judge_characters(text, self._found)
        if _is_error(value, event):
            rule = "responses.error-event" if _is_official(value) else "responses.error-shape"
            self._found.add(rule, text.start)
            self._reply.error_at = text.start
            return
        kind = kind_of(text, event, _NAMING, self._found)
        if kind in OTHER_NAMES:
            self._found.add("responses.event-type", text.at("type"), kind)
            kind = OTHER_NAMES[kind]
        if kind.startswith(_OF_CODEX):
            return
        if not kind.startswith(PREFIX):
            self._found.add("responses.foreign-event", text.start, kind)
            if value.get("sequence_number") == self._next:
                self._next += 1
            return
        self._number(value, text)
        if "prompt_progress" in value:
            self._found.add("responses.progress-frame", text.at("prompt_progress"))
        if kind in BEGINNINGS:
            self._begin(kind, text)
            return
        self._has_beginning(text)
        if kind in TERMINALS:
            self._end(kind, text)
        else:
            self._items.event(STEPS.get(kind), text)

    def end(self, offset: Where, *, has_done: bool) -> None:
        if self._reply.error_at is not None:
            return
        if not self._begun:
            self._found.add("reply.empty", offset)
        elif not self._terminal:
            self._found.add("responses.terminal-missing" if has_done else "reply.truncated", offset)
            if has_done:
                self._items.close(offset)
        elif has_done != self._wants_done(has_done):
            self._found.add("responses.done-mark", offset)

    def _wants_done(self, has_done: bool) -> bool:
        """Where nobody knows what was promised, what came is right."""
        wanted = self._reply.asked.responses_done
        return has_done if wanted is None else wanted

    # ---- numbers and beginnings ----

    def _number(self, value: Json, text: JsonText) -> None:
        number = value.get("sequence_number")
        if not is_whole_number(number):
            self._found.add("responses.sequence", text.at("sequence_number"), "there is none")
            self._next += 1
            return
        if number != self._next:
            self._found.add(
                "responses.sequence", text.at("sequence_number"), f"{number}, not {self._next}"
            )
        self._next = int(str(number)) + 1

    def _begin(self, kind: str, text: JsonText) -> None:
        if kind in self._begun or self._items.ledger.items:
            # A server's report of its prompt repeats the beginning; it is told as what it is.
            if "prompt_progress" not in text.value:
                self._found.add("responses.created-missing", text.start, f"{kind} comes again")
        elif kind != _CREATED and not self._begun:
            self._missing(_CREATED, text)
        self._note(kind)
        self._response(text, ("queued", "in_progress"))

    def _has_beginning(self, text: JsonText) -> None:
        """Something else than a beginning: the response must have begun."""
        for kind in (_CREATED, _IN_PROGRESS):
            if kind not in self._begun:
                self._missing(kind, text)

    def _missing(self, kind: str, text: JsonText) -> None:
        self._found.add("responses.created-missing", text.start, kind)
        self._note(kind)

    def _note(self, kind: str) -> None:
        if kind not in self._begun:
            self._begun.append(kind)

    # ---- response objects ----

    def _response(self, text: JsonText, statuses: tuple[str, ...]) -> Json:
        """The response object of an event, judged but for what it lists."""
        told = text.value.get("response")
        if not isinstance(told, dict):
            self._found.add("responses.response-fields", text.at("response"), "there is none")
            return {}
        for name in wrong_in_response(told):
            self._found.add("responses.response-fields", text.at("response", name), name)
        if is_text(told.get("status")) and told["status"] not in statuses:
            self._found.add("responses.response-fields", text.at("response", "status"), "status")
        for name in _CONSTANT:
            value = told.get(name)
            if value is None or value == "":
                continue
            if self._envelope.setdefault(name, value) != value:
                self._found.add("responses.envelope", text.at("response", name), name)
        return told

    def _end(self, kind: str, text: JsonText) -> None:
        self._terminal = kind
        status = TERMINALS[kind]
        response = self._response(text, (status,))
        if status == "failed":
            # What was told up to there stands; nothing of it is done any more.
            self._failed(response.get("error"), text)
            return
        if status == "incomplete" and not _has_reason(response):
            at = text.at("response", "incomplete_details")
            self._found.add("responses.response-fields", at, "incomplete_details")
        if self._items.is_beyond:
            return
        self._items.close(text.start)
        output = response.get("output")
        if isinstance(output, list):
            OutputJudge(self._items.ledger, self._found).judge(output, text)

    def _failed(self, error: Any, text: JsonText) -> None:
        is_well = isinstance(error, dict) and is_text(error.get("code"))
        if not is_well or not is_text(error.get("message")):
            self._found.add("responses.failed-error", text.at("response", "error"))


def _is_error(value: Json, event: bytes) -> bool:
    """An error that is no ``response.failed``: a bare event, nested or not, or HTTP's envelope."""
    kind = value.get("type")
    if kind == "error" or (kind is None and event == b"error"):
        return True
    is_ours = isinstance(kind, str) and kind.startswith(PREFIX)
    return not is_ours and bool(value.get("error") or value.get("detail"))


def _is_official(value: Json) -> bool:
    """Whether it is the event that OpenAI has for it, told flat."""
    return value.get("type") == "error" and is_text(value.get("message")) and "error" not in value


def _has_reason(response: Json) -> bool:
    details = response.get("incomplete_details")
    return isinstance(details, dict) and is_text(details.get("reason"))
