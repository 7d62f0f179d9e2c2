"""The fast lane: a text delta that differs from the one before only inside one string.

Contract: ``take`` returns the output for as many whole frames at the start of the data as it
knows, and how many bytes those were. It knows a frame by a template: the bytes before and after
the string, in and out. A template is learned from a frame that the stages just handled, and only
when it was proved that (a) the frame left the state of every stage as it was, and (b) the same
frame with another string in that place, run through a copy of the stages, gives the same output
with that string in it. So what is spliced is what the stages would have said, byte for byte.

Frames that gave nothing and changed nothing (an empty delta between two others) are known by all
their bytes, and give nothing again.

In a dialect whose replies have a life, a frame may hold a number that counts, and what is spliced
is told to the life, which counts and keeps the text that a later event repeats.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from strictwire.model.events import Event, ReasoningDelta, TextDelta
from strictwire.model.frames import Frame
from strictwire.model.life import Life
from strictwire.relay.counted import (
    ESCAPED,
    PLAIN,
    PLAIN_ASCII,
    Counted,
    Holed,
    find_number,
)
from strictwire.wire.sse import SseDecoder

if TYPE_CHECKING:
    from strictwire.relay.sinks import StreamSink
    from strictwire.relay.stages import Stages

# A stream has one or two kinds of delta for each choice; more choices than this are rare, and
# each template costs a comparison on a miss.
MAX_TEMPLATES = 4
MAX_INERT = 4
# Proving costs as much as some fifty frames. A stream whose frames all differ (an id for each
# chunk, usage that counts up) is given up after so many tries in a row.
MAX_FAILED_PROOFS = 6

FRAMES_BEFORE_LEARNING = 6

# A frame with text is a few hundred bytes. Larger ones are not worth the memory that each open
# stream would hold for its templates, nor the time of a proof.
MAX_LEARNED_BYTES = 16 * 1024
# Where the text of one frame is looked for: in the delta, and as a token among its rivals. Each
# try parses the whole frame, so a frame that is full of that text must not cost thousands.
MAX_PLACES_TRIED = 8

_SENTINEL = b"strictwire0splice1proof2"
# Its last letter is escaped on the way in: so the trial also shows whether escapes pass as they
# came (the JSON goes out untouched) or are written anew.
_TOLD = _SENTINEL + b"\\u0021"
_READ = _SENTINEL + b"!"
_BLANK_LINE = re.compile(rb"\n\r?\n")

_decode_string = msgspec.json.Decoder(str).decode
_encode_string = msgspec.json.encode


class Tally:
    """How many frames of one kind went the fast lane."""

    __slots__ = ("frames",)

    def __init__(self) -> None:
        self.frames = 0


@dataclass(frozen=True, slots=True)
class Template:
    """``tally`` is the splicer's, for the kind of text that such frames hold."""

    before: bytes
    after: bytes
    out_before: bytes
    out_after: bytes
    is_identity: bool
    keeps_escapes: bool
    begin: int  # where the string begins in a frame, and where it ends, from the frame's end
    end: int
    tally: Tally

    @classmethod
    def without_numbers(cls, proved: Counted, tally: Tally) -> Template:
        """The template of a reply in which nothing is counted, so nothing has a hole."""
        before, after = proved.before.head, proved.after.head
        return cls(
            before,
            after,
            proved.out_before.head,
            proved.out_after.head,
            proved.is_identity,
            proved.keeps_escapes,
            len(before),
            -len(after),
            tally,
        )


class Before(NamedTuple):
    """What a frame met: the state of all stages and the writer, and the numbers that were next,
    of the upstream's frames and of ours. -1 where there is none."""

    fingerprint: bytes
    number_in: int
    number_out: int


class Splicer:
    """``lives`` are those of the upstream's dialect and of the client's, as far as they count their
    frames; a frame that is spliced is told to each. ``texts`` and ``reasonings`` say how many
    frames of each went this way."""

    __slots__ = (
        "_counted",
        "_failed",
        "_fingerprint",
        "_frames_at_proof",
        "_inert",
        "_lives",
        "_seen",
        "_templates",
        "reasonings",
        "texts",
    )

    def __init__(self, lives: tuple[Life, ...] = ()) -> None:
        self._lives = lives
        self._counted: tuple[Counted, ...] = ()
        self._templates: tuple[Template, ...] = ()
        self._inert: tuple[bytes, ...] = ()
        self._fingerprint = b""
        self._failed = 0
        self._frames_at_proof = 0
        self._seen = 0
        self.texts = Tally()
        self.reasonings = Tally()

    @property
    def frames(self) -> int:
        return self.texts.frames + self.reasonings.frames

    @property
    def is_ready(self) -> bool:
        return bool(self._templates or self._counted)

    @property
    def may_learn(self) -> bool:
        return self._failed < MAX_FAILED_PROOFS

    def wants_to_learn(self) -> bool:
        """Whether to try with the next frame. The first ones of a reply are let go by: a short
        reply is over before a proof pays, and the first token should not wait for one."""
        self._seen += 1
        return self._seen > FRAMES_BEFORE_LEARNING and self.may_learn

    def take_one(self, data: bytes) -> bytes | None:
        """The output where ``data`` is one frame of the kind seen last and its string is plain,
        as it nearly always is; else None, and ``take`` must look closer."""
        if self._lives:
            return self._take_one_counted(data)
        template = self._templates[0]
        # Slices, since they are faster than ``startswith`` and ``endswith``, whose arguments are
        # parsed by their format at each call.
        begin, end = template.begin, template.end
        if data[:begin] != template.before or data[end:] != template.after:
            return None
        # A plain string has no quote, so what stands between the two ends is that string and
        # nothing else. Nothing is left of plain ASCII when its letters are taken out.
        middle = data[begin:end]
        if middle.translate(None, PLAIN_ASCII):
            if PLAIN.fullmatch(middle) is None or not _is_utf8(middle):
                return None
        elif not middle:
            return None
        template.tally.frames += 1
        if template.is_identity:
            return data
        return template.out_before + middle + template.out_after

    def take(self, data: bytes, position: int = 0) -> tuple[bytes, int]:
        """The output for the known frames from ``position`` on, and where they end."""
        if self._lives:
            return self._take_all_counted(data, position)
        size = len(data)
        out: list[bytes] = []
        while position < size:
            for template in self._templates:
                if data.startswith(template.before, position):
                    found = _string_at(data, position + template.begin, template)
                    if found is not None:
                        middle, end = found
                        out += (template.out_before, middle, template.out_after)
                        template.tally.frames += 1
                        break
            else:
                end = self._inert_at(data, position)
                if not end:
                    break
            position = end
        return b"".join(out), position

    def _take_all_counted(self, data: bytes, position: int) -> tuple[bytes, int]:
        size = len(data)
        pieces: list[bytes] = []
        while position < size:
            found = self._counted_at(data, position)
            if found is not None:
                pieces.append(self._told(found))
                position = found[2]
                continue
            end = self._inert_at(data, position)
            if not end:
                break
            position = end
        return b"".join(pieces), position

    def _take_one_counted(self, data: bytes) -> bytes | None:
        lives = self._lives
        first, last = lives[0], lives[-1]
        template = self._counted[0]
        plain = template.take_one(data, first.told_number or 0, last.next_number or 0)
        # Not ``any``: a generator for each frame costs more than the rest of this line.
        if plain is None or first.is_full or last.is_full:
            # A life cannot take back that it counted the first of several.
            found = self._counted_at(data, 0)
            return self._told(found) if found is not None and found[2] == len(data) else None
        out, text = plain
        for life in lives:
            life.spliced(text)
        self._tally_of(template.is_reasoning).frames += 1
        return out

    def _counted_at(self, data: bytes, position: int) -> tuple[bytes, str, int, bool] | None:
        """What goes out for the known frame that begins at ``position``, its text, where it ends,
        and whether it is reasoning. Nothing is counted yet."""
        lives = self._lives
        number_in, number_out = lives[0].told_number, lives[-1].next_number
        for template in self._counted:
            found = template.take(data, position, number_in or 0, number_out or 0)
            if found is not None:
                is_full = any(life.is_full for life in lives)
                return None if is_full else (*found, template.is_reasoning)
        return None

    def _told(self, found: tuple[bytes, str, int, bool]) -> bytes:
        """It goes out: the lives must know."""
        for life in self._lives:
            life.spliced(found[1])
        self._tally_of(found[3]).frames += 1
        return found[0]

    def _tally_of(self, is_reasoning: bool) -> Tally:
        return self.reasonings if is_reasoning else self.texts

    def look(self, stages: Stages, sink: StreamSink) -> Before:
        """What the frame that comes next will meet."""
        told = stages.life.told_number if stages.life is not None else None
        due = self._lives[-1].next_number if self._lives else None
        first, last = (-1 if number is None else number for number in (told, due))
        return Before(_state_of(stages, sink), first, last)

    def check(self, stages: Stages, sink: StreamSink) -> None:
        """A frame went the long way: forget what was learned in another state."""
        if _state_of(stages, sink) != self._fingerprint:
            self.forget()

    def forget(self) -> None:
        """What frames give has changed."""
        self._templates = ()
        self._counted = ()
        self._inert = ()

    def learn(
        self,
        frame: Frame,
        events: list[Event],
        output: bytes,
        met: Before,
        stages: Stages,
        sink: StreamSink,
    ) -> None:
        """A frame was handled that ``met`` this; remember it if it proves repeatable."""
        before, after = met.fingerprint, _state_of(stages, sink)
        if not 0 < len(frame.raw) <= MAX_LEARNED_BYTES or not before or after != before:
            # Also where nothing came of it: a state that grows with each frame costs more each.
            self._failed += 1
            # A finish reason that is held, say: text after it must be seen, for it cancels it.
            if after != self._fingerprint:
                self.forget()
            return
        if before != self._fingerprint:
            self.forget()
            self._fingerprint = before
        if not events and not output:
            # Where the upstream's frames are numbered, the same one again is one too many.
            is_new = met.number_in < 0 and frame.raw not in self._inert
            if is_new and len(self._inert) < MAX_INERT:
                self._inert = (*self._inert, frame.raw)
            return
        template = None
        if len(events) == 1 and isinstance(events[0], TextDelta | ReasoningDelta):
            template = _prove(frame.raw, events[0], output, met, stages, sink)
        if template is None:
            self._failed += 1
            return
        # A template that never matched again proves that each frame differs elsewhere too.
        self._failed = self._failed + 1 if self.frames == self._frames_at_proof else 0
        self._frames_at_proof = self.frames
        if self._lives:
            rest = [known for known in self._counted if known.before != template.before]
            self._counted = (template, *rest)[:MAX_TEMPLATES]
        else:
            tally = self._tally_of(template.is_reasoning)
            plain = Template.without_numbers(template, tally)
            others = [known for known in self._templates if known.before != plain.before]
            self._templates = (plain, *others)[:MAX_TEMPLATES]

    def _inert_at(self, data: bytes, position: int) -> int:
        """Where the known frame that gives nothing ends, or 0."""
        for block in self._inert:
            if data.startswith(block, position):
                return position + len(block)
        return 0


def _state_of(stages: Stages, sink: StreamSink) -> bytes:
    """The state of all that a frame goes through, empty where it is too large to compare."""
    state, written = stages.fingerprint(), sink.writer.state()
    if not state or not written:
        return state
    told = state + written.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(told, digest_size=16).digest()


def block_end(data: bytes, position: int) -> int:
    """Where the first block that ends in ``data`` ends, at or after ``position``; at the latest
    the end of the data. Only a hint where to look at a frame by itself: the decoder judges."""
    # One search for both line ends: two would each run over what the other has found, at every
    # block again, and small blocks in a large piece would hold the loop for seconds.
    found = _BLANK_LINE.search(data, position)
    return found.end() if found else len(data)


def _string_at(data: bytes, begin: int, template: Template) -> tuple[bytes, int] | None:
    """What goes out for the string that begins here, and where its frame ends."""
    match = PLAIN.match(data, begin)
    if match is None or not data.startswith(template.after, match.end()):
        return _escaped_at(data, begin, template)
    middle = match.group()
    if middle.isascii() or _is_utf8(middle):
        return middle, match.end() + len(template.after)
    return None


def _is_utf8(middle: bytes) -> bool:
    try:
        middle.decode()
    except UnicodeDecodeError:
        return False
    return True


def _escaped_at(data: bytes, begin: int, template: Template) -> tuple[bytes, int] | None:
    """The same for a string with escapes. The JSON reader itself says whether it is one string,
    so nothing can hide behind a backslash."""
    match = ESCAPED.match(data, begin)
    if match is None or not data.startswith(template.after, match.end()):
        return None
    middle = match.group()
    try:
        text = _decode_string(b'"%b"' % middle)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if not template.keeps_escapes:
        middle = _encode_string(text)[1:-1]
    return middle, match.end() + len(template.after)


def _prove(
    raw: bytes,
    event: TextDelta | ReasoningDelta,
    output: bytes,
    met: Before,
    stages: Stages,
    sink: StreamSink,
) -> Counted | None:
    """Find the string's place by trying: only where another string comes out as that string,
    and nothing else changes, is it the one. Where frames hold a number, the trial frame holds the
    next one, so what comes out must hold the next one too, wherever the template says that it
    stands."""
    text = event.text.encode()
    if PLAIN.fullmatch(text) is None or _SENTINEL in raw:
        return None
    quoted = b'"%b"' % text
    place = raw.find(quoted)
    for _ in range(MAX_PLACES_TRIED):
        if place < 0:
            break
        head = find_number(raw[: place + 1], met.number_in)
        tail = find_number(raw[place + 1 + len(text) :], met.number_in)
        template = _try_place(head, tail, event, met, stages, sink)
        if template is not None and template.told(text, met.number_out) == output:
            return template
        place = raw.find(quoted, place + 1)
    return None


def _try_place(
    head: Holed,
    tail: Holed,
    event: TextDelta | ReasoningDelta,
    met: Before,
    stages: Stages,
    sink: StreamSink,
) -> Counted | None:
    number_in, number_out = (
        number + 1 if number >= 0 else number for number in (met.number_in, met.number_out)
    )
    number = b"%d" % number_in
    frames = SseDecoder().feed(b"\n" + head.fill(number) + _TOLD + tail.fill(number))
    if len(frames) != 1 or not isinstance(frames[0], Frame):
        return None
    events = stages.try_frame(frames[0])
    if len(events) != 1 or type(events[0]) is not type(event):
        return None
    if getattr(events[0], "text", "") != _READ.decode():
        return None
    output = sink.trial().feed(events[0])
    keeps_escapes = _TOLD in output
    told_head, found, told_tail = output.partition(_TOLD if keeps_escapes else _READ)
    if not found or _SENTINEL in told_tail:
        return None
    out_head = find_number(told_head, number_out)
    out_tail = find_number(told_tail, number_out)
    if (head, tail) == (out_head, out_tail) and number_in == number_out:
        out_head, out_tail = head, tail  # held once
    is_reasoning = isinstance(event, ReasoningDelta)
    return Counted(head, tail, out_head, out_tail, keeps_escapes, is_reasoning)
