"""A Messages stream: begun, its blocks told one after the other, ended with reason and usage.

Contract: ``chunk`` judges one event, ``end`` what only the end can tell. Events of blocks are for
``BlocksJudge``. Source: docs/contract.md, "Messages"; docs/quirks.md, 79 to 83.
"""

from __future__ import annotations

from typing import Any

from strictwire.conformance.errors import FAILED_REASONS
from strictwire.conformance.json_text import JsonText, Where
from strictwire.conformance.messages.blocks import BlocksJudge
from strictwire.conformance.messages.fields import (
    CALLED,
    STOP_REASONS,
    has_known_type,
    is_error_shaped,
    is_usage,
    wrong_in_message,
)
from strictwire.conformance.named_events import judge_characters, kind_of
from strictwire.conformance.reply import Reply

Json = dict[str, Any]

_START, _DELTA, _STOP, _PING = "message_start", "message_delta", "message_stop", "ping"
_NAMING = ("messages.event-type", "messages.event-type")
_BLOCK = "content_block_"
_KINDS = frozenset(
    (_START, _DELTA, _STOP, _PING, f"{_BLOCK}start", f"{_BLOCK}delta", f"{_BLOCK}stop")
)


class MessagesStream:
    """Judges one stream."""

    names_events = True

    __slots__ = (
        "_blocks",
        "_early_ping",
        "_found",
        "_has_delta",
        "_has_start",
        "_has_stop",
        "_reason",
        "_reply",
    )

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._found = reply.found
        self._blocks = BlocksJudge(reply.found)
        self._early_ping: int | None = None
        self._has_start = False
        self._has_delta = False
        self._has_stop = False
        self._reason: tuple[Any, Where] = (None, 0)

    @property
    def has_begun(self) -> bool:
        return self._has_start or self._blocks.has_blocks

    @property
    def keeps_alive_by_comment(self) -> bool:
        return not self.has_begun

    @property
    def over(self) -> str:
        if self._reply.error_at is not None:
            return "reply.after-error"
        return "messages.after-stop" if self._has_stop else ""

    def chunk(self, text: JsonText, event: bytes) -> None:
        judge_characters(text, self._found)
        if _is_error(text.value, event):
            self._error(text, event)
            return
        kind = kind_of(text, event, _NAMING, self._found)
        if kind not in _KINDS:
            self._found.add("messages.foreign-event", text.start, kind)
            return
        if "prompt_progress" in text.value:
            self._found.add("messages.progress-frame", text.at("prompt_progress"))
        if kind == _PING:
            if not self.has_begun and self._early_ping is None:
                self._early_ping = text.start
        elif kind == _START:
            self._start(text)
        else:
            self._told(kind, text)

    def end(self, offset: Where, *, has_done: bool) -> None:
        if has_done:
            self._found.add("messages.done-mark", offset)
        if self._reply.error_at is not None:
            return
        if not self.has_begun:
            self._found.add("reply.empty", offset)
            return
        if not self._has_stop:
            if not (has_done or self._reason[0]):
                self._found.add("reply.truncated", offset)
                return
            self._found.add("messages.stop-missing", offset)
            self._finish(offset)
        self._judge_reason()

    # ---- events ----

    def _start(self, text: JsonText) -> None:
        if self.has_begun:
            self._found.add("messages.start-fields", text.start, "it comes again")
            return
        self._has_start = True
        if self._early_ping is not None:
            self._found.add("messages.ping-early", self._early_ping)
        message = text.value.get("message")
        message = message if isinstance(message, dict) else {}
        wrong = list(wrong_in_message(message))
        if message.get("content"):
            wrong.append("content")
        usage = message.get("usage")
        if not isinstance(usage, dict):
            wrong.append("usage")
        elif not is_usage(usage, is_final=False):
            self._found.add("messages.usage", text.at("message", "usage"))
        for name in wrong:
            self._found.add("messages.start-fields", text.at("message", name), name)

    def _told(self, kind: str, text: JsonText) -> None:
        if not self._has_start:
            self._found.add("messages.start-missing", text.start)
            self._has_start = True
        if kind == _DELTA:
            self._delta(text)
            return
        if kind == _STOP:
            self._has_stop = True
            self._finish(text.start)
            return
        if self._has_delta:
            self._found.add("messages.block-late", text.start)
        if kind == f"{_BLOCK}start":
            self._blocks.start(text)
        elif kind == f"{_BLOCK}delta":
            self._blocks.delta(text)
        else:
            self._blocks.stop(text)

    def _delta(self, text: JsonText) -> None:
        if self._has_delta:
            self._found.add("messages.message-delta", text.start, "it comes again")
        self._has_delta = True
        self._blocks.end(text.start)
        if not is_usage(text.value.get("usage"), is_final=True):
            self._found.add("messages.usage", text.at("usage"))
        delta = text.value.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        if "stop_sequence" not in delta:
            self._found.add("messages.message-delta", text.at("delta"), "no stop_sequence")
        reason = delta.get("stop_reason")
        if reason is not None or self._reason[0] is None:
            self._reason = reason, text.at("delta", "stop_reason")

    def _finish(self, offset: Where) -> None:
        """The message is over, by its own word or not."""
        self._blocks.end(offset)
        if not self._has_delta:
            self._found.add("messages.message-delta", offset, "there is none")

    def _judge_reason(self) -> None:
        reason, at = self._reason
        if self._has_delta and is_wrong_reason(reason, has_called=self._blocks.has_called):
            self._found.add("messages.stop-reason", at)
        self._blocks.judge_last(reason if isinstance(reason, str) else "")

    def _error(self, text: JsonText, event: bytes) -> None:
        is_shaped = is_error_shaped(text.value)
        if not is_shaped or text.value.get("type") != "error":
            self._found.add("messages.error-shape", text.start)
        if is_shaped and not has_known_type(text.value):
            self._found.add("messages.error-type", text.at("error", "type"))
        kind_of(text, event, _NAMING, self._found)
        self._reply.error_at = text.start


def is_wrong_reason(reason: Any, *, has_called: bool) -> bool:
    if not isinstance(reason, str) or reason not in STOP_REASONS:
        return True
    return reason == "end_turn" if has_called else reason == CALLED


def _is_error(value: Json, event: bytes) -> bool:
    kind = value.get("type")
    if kind == "error" or (kind is None and event == b"error"):
        return True
    if value.get("error"):
        return True
    if isinstance(kind, str) and kind in _KINDS:
        delta = value.get("delta")
        reason = delta.get("stop_reason") if isinstance(delta, dict) else None
        return isinstance(reason, str) and reason.lower() in FAILED_REASONS
    return bool(value.get("detail"))
