"""The judge of an event stream: each block as a strict client meets it, up to its end.

Contract: ``judge`` tells everything that the contract forbids in a stream, in the bytes and in what
they say. It stops at [DONE]: what follows is one finding. It goes on where the gateway would have
given up (JSON that nobody can read), so that one run tells all that is wrong.
Source: docs/contract.md, "Streams".
"""

from __future__ import annotations

import re

from strictwire.conformance import progress
from strictwire.conformance.blocks import Block, Line, blocks_of
from strictwire.conformance.brackets import Brackets
from strictwire.conformance.joined import objects_in
from strictwire.conformance.json_text import JsonText, part_of
from strictwire.conformance.part import StreamPart
from strictwire.conformance.progress import ProgressJudge
from strictwire.conformance.reply import Reply

DONE = b"[DONE]"
KEEPALIVE = b": keep-alive"
# mlx-lm's progress (quirk 88).
_PROGRESS_COMMENT = re.compile(rb":\s*keepalive\s{1,8}\d{1,12}\s{0,8}/\s{0,8}\d{1,12}\s*\Z")
_REPORT_KEYS = frozenset(("status", "n_past", "n_prompt_tokens"))
# More than any spelling of the terminal that was seen.
_MAX_TERMINAL_BYTES = 16
# An error in bare JSON is a kilobyte; a page of text without ``data:`` is not worth reading.
_MAX_BARE_BYTES = 64 * 1024

Piece = tuple[int, bytes]


class StreamJudge:
    __slots__ = ("_bare", "_brackets", "_found", "_is_done", "_part", "_progress", "_reply")

    def __init__(self, reply: Reply, part: StreamPart, progress_judge: ProgressJudge) -> None:
        self._reply = reply
        self._found = reply.found
        self._part = part
        self._progress = progress_judge
        self._is_done = False
        self._bare: list[Piece] = []
        self._brackets = Brackets()

    def judge(self, data: bytes) -> None:
        end = len(data)
        for block in blocks_of(data, self._found):
            if self._is_done:
                self._found.add("sse.after-done", block.offset)
                break
            self._block(block)
            end = block.offset if self._is_done else end
        self._part.end(end, has_done=self._is_done)

    def _block(self, block: Block) -> None:
        for line in block.comments:
            is_alone = not block.has_fields and len(block.comments) == 1 and not block.is_unended
            self._comment(line, is_alone=is_alone)
        for line in block.strays:
            self._stray(line)
        if block.data:
            self._frame(block)
        elif block.is_unended:
            if block.has_fields or block.comments:
                self._found.add("sse.unended-block", block.offset)
        elif block.has_fields or not (block.comments or block.strays):
            self._found.add("sse.empty-block", block.offset)

    # ---- beside the frames ----

    def _comment(self, line: Line, *, is_alone: bool) -> None:
        asked, text = self._reply.asked, line.text.removeprefix(b": ")
        if _PROGRESS_COMMENT.match(line.text):
            self._found.add("sse.comment-progress", line.offset)
            return
        is_ours = line.text == KEEPALIVE and asked.allows_keepalive
        is_ours = is_ours and self._part.keeps_alive_by_comment
        if text.startswith(progress.COMMENT_START) and asked.progress == "comment":
            is_ours = True
            at = len(line.text) - len(text) + len(progress.COMMENT_START)
            self._report((line.offset + at, line.text[at:]))
        if not is_ours:
            self._found.add("sse.comment", line.offset)
        elif not is_alone:
            self._found.add("sse.comment", line.offset, "it is no block of its own")

    def _stray(self, line: Line) -> None:
        """A line that is no field. JSON in one or several of them was meant for the client."""
        self._found.add("sse.bare-json", line.offset)
        if not self._bare and not line.text.lstrip().startswith(b"{"):
            return
        self._bare.append((line.offset, line.text))
        self._brackets.feed(line.text.decode("utf-8", "surrogateescape"))
        if not self._brackets.is_complete and self._brackets.size <= _MAX_BARE_BYTES:
            return
        text = JsonText.read(*self._bare)
        self._bare, self._brackets = [], Brackets()
        if text.is_valid and isinstance(text.value, dict):
            self._object(text, event=b"")

    # ---- frames ----

    def _frame(self, block: Block) -> None:
        pieces = tuple(block.data)
        data = block.text
        parts = objects_in(data) if _may_be_joined(data) else None
        if parts is None:
            self._one(block, pieces)
            return
        self._found.add("sse.joined-objects", block.offset)
        for start, end in parts:
            if self._is_done:
                self._found.add("sse.after-done", part_of(pieces, start, end)[0][0])
                return
            self._one(block, tuple(part_of(pieces, start, end)))

    def _one(self, block: Block, pieces: tuple[Piece, ...]) -> None:
        """One object of a frame, or its terminal: nearly always all that it holds."""
        found, at = self._found, pieces[0][0]
        data = pieces[0][1] if len(pieces) == 1 else b"\n".join(piece for _, piece in pieces)
        if block.is_unended and not self._is_taken(block, data, pieces):
            return
        is_terminal = data.strip() == DONE if block.is_unended else data == DONE
        if self._part.over and not is_terminal:
            found.add(self._part.over, block.offset)
            return
        is_report = block.event == progress.EVENT_NAME and self._reply.asked.progress == "event"
        if is_report:
            self._report(*pieces)
            return
        if block.event and (is_terminal or not self._part.names_events):
            found.add("sse.event-name", block.event_offset)
        elif block.is_misordered and self._part.names_events:
            found.add("sse.field-order", block.event_offset)
        if is_terminal:
            self._is_done = True
        elif len(data) < _MAX_TERMINAL_BYTES and data.strip(b'[]" \t').upper() == b"DONE":
            found.add("sse.done-spelling", at)
            self._is_done = True
        elif data.startswith(b":"):
            found.add("sse.comment-as-data", at)
        elif data.lstrip()[:1] != b"{":
            found.add("sse.foreign-event", at)
        else:
            self._json(JsonText.read(*pieces), block.event)

    def _is_taken(self, block: Block, data: bytes, pieces: tuple[Piece, ...]) -> bool:
        """Whether what the body's end left open says something whole."""
        text = JsonText.read(*pieces)
        is_whole = data.strip() == DONE or (text.is_valid and isinstance(text.value, dict))
        self._found.add("sse.unended-frame" if is_whole else "sse.unended-block", block.offset)
        return is_whole

    def _report(self, *pieces: Piece) -> None:
        self._progress.is_over = self._part.has_begun
        self._progress.report(JsonText.read(*pieces))

    def _json(self, text: JsonText, event: bytes) -> None:
        if text.is_valid:
            self._object(text, event)
        else:
            self._found.add("json.invalid", text.start)

    def _object(self, text: JsonText, event: bytes) -> None:
        if "lenient" in text.problems:
            self._found.add("json.lenient", text.start)
        keys = text.value.keys()
        is_report = event == progress.EVENT_NAME or keys >= _REPORT_KEYS
        if is_report and not keys & {"choices", "error"}:
            self._found.add("sse.progress-event", text.start)
            return
        self._part.chunk(text, event)


def _may_be_joined(data: bytes) -> bool:
    """Quick, for nearly every frame is one object in one line."""
    return b"\n" in data or b"}{" in data or b"} " in data or data.rfind(b'{"error"') > 0
