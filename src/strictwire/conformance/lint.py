"""One body to the list of everything in it that the contract forbids.

Contract: ``lint`` is a pure function of the bytes and of what was asked for; it never raises for
what the bytes say, and its time grows with their number. It judges what a client gets, so the
output of the gateway has no findings, and a server's own has those that the gateway mends.
A new dialect is a row of ``DIALECTS``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from strictwire.conformance.asked import Asked
from strictwire.conformance.blocks import BOM
from strictwire.conformance.chat import ChatChoices, ChatWhole
from strictwire.conformance.chunk import ChoiceJudge, ChunkJudge
from strictwire.conformance.completions import CompletionsChoices, CompletionsWhole
from strictwire.conformance.finding import Finding, Findings
from strictwire.conformance.json_text import JsonText
from strictwire.conformance.messages import MessagesStream, judge_message
from strictwire.conformance.part import StreamPart
from strictwire.conformance.progress import ProgressJudge
from strictwire.conformance.reply import Reply
from strictwire.conformance.responses import ResponsesStream, judge_response
from strictwire.conformance.stream import DONE, StreamJudge
from strictwire.conformance.whole_object import WholeChoices, judge_object
from strictwire.model.request import Dialect

BodyKind = Literal["stream", "object", "other"]

# A field's name ends with a colon or with its line: "database" begins no event stream.
_FIELD = re.compile(rb":|(?:data|event|id|retry)(?:[:\r\n]|\Z)")


@dataclass(frozen=True, slots=True)
class DialectJudge:
    """What a dialect brings: the judge of its stream, and of its whole object."""

    stream: Callable[[Reply, ProgressJudge], StreamPart]
    whole: Callable[[JsonText, Reply], None]


def _told_in_choices(
    choices: Callable[[Reply], ChoiceJudge], whole: Callable[[Reply], WholeChoices]
) -> DialectJudge:
    def judge_whole(text: JsonText, reply: Reply) -> None:
        judge_object(text, reply, whole(reply))
        reply.end(text.start + len(text.data), has_done=True, needs_done=False)

    return DialectJudge(
        lambda reply, progress: ChunkJudge(reply, choices(reply), progress), judge_whole
    )


DIALECTS: Mapping[Dialect, DialectJudge] = {
    "chat": _told_in_choices(ChatChoices, ChatWhole),
    "completions": _told_in_choices(CompletionsChoices, CompletionsWhole),
    "responses": DialectJudge(lambda reply, _: ResponsesStream(reply), judge_response),
    "messages": DialectJudge(lambda reply, _: MessagesStream(reply), judge_message),
}


def lint(data: bytes, asked: Asked | None = None) -> list[Finding]:
    """Every departure from the contract, in the order of the bytes."""
    asked = asked or Asked()
    found, _ = _judge(data, asked)
    if any(finding.rule == "chat.choice-counting" for finding in found):
        # Where one choice was asked for, another index counts something else, unless all is strict
        # once it is read as another choice: then the server just told more than it was asked.
        otherwise, reply = _judge(data, replace(asked, choices=None))
        return [] if not otherwise and len(reply.choices) > 1 else found
    return found


def _judge(data: bytes, asked: Asked) -> tuple[list[Finding], Reply]:
    found = Findings(frozenset(name for name, mode in asked.modes.items() if mode == "off"))
    reply = Reply(asked, found)
    kind = kind_of(data)
    if kind == "other":
        found.add("bridge.not-a-reply" if data.strip() else "reply.empty", 0)
        return found.in_order(), reply
    if asked.is_stream is not None and asked.is_stream != (kind == "stream"):
        found.add(f"bridge.{kind}-for-{'stream' if asked.is_stream else 'object'}", 0)
    dialect = DIALECTS[asked.dialect]
    if kind == "stream":
        progress = ProgressJudge(found)
        StreamJudge(reply, dialect.stream(reply, progress), progress).judge(data)
    else:
        _judge_object(data, reply, dialect)
    return found.in_order(), reply


def kind_of(data: bytes) -> BodyKind:
    """What a body is, by its first bytes: content types lie too often."""
    text = data.removeprefix(BOM).lstrip(b" \t\r\n")
    if text[:1] == b"{":
        return "object"
    return "stream" if _FIELD.match(text) else "other"


def _judge_object(data: bytes, reply: Reply, dialect: DialectJudge) -> None:
    found = reply.found
    start = 0
    if data.startswith(BOM):
        found.add("sse.byte-order-mark", 0)
        start = len(BOM)
    body = data[start:].lstrip(b" \t\r\n")
    at = len(data) - len(body)
    if at > start:
        found.add("bridge.blank-lines-before", start)
    head, mark, tail = body.rpartition(b"data:")
    if mark and tail.strip() == DONE:
        found.add("bridge.done-after-object", at + len(head))
        body = head
    text = JsonText.read((at, body.rstrip(b" \t\r\n")))
    if not text.is_valid or not isinstance(text.value, dict):
        found.add("json.invalid", at)
        return
    if "lenient" in text.problems:
        found.add("json.lenient", at)
    dialect.whole(text, reply)
