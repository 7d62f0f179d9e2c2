"""What stands in a stream where a frame should: joined, bare, unended, and told in comments."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.chat_streams import DONE, ROLE, STOP, chunk, said, text_frame
from relay.judge import judge_stream
from relay.playing import PROMISE, cut_at, one_by_one, play
from repairs.seen import seen
from strictwire.model.frames import Comment, Decoded, Frame, Malformed
from strictwire.repairs.frames import FRAME_RULES
from strictwire.repairs.frames.stray_json import MAX_BARE_BYTES, MAX_JOINED
from strictwire.wire.sse import SseDecoder

JOINED, BARE, UNENDED = "sse.joined-objects", "sse.bare-json", "sse.unended-frame"
COMMENT, EVENT = "sse.comment-progress", "sse.progress-event"
ERROR = '{"error":{"message":"no"}}'
PRETTY = json.dumps(json.loads(ERROR), indent=2)
A = json.dumps(chunk([said({"content": "a"})]))
B = json.dumps(chunk([said({"content": "b"})]))
BRACES = json.dumps(chunk([said({"content": '}{ {"error": }\n{'})]))


def progress(processed: int, total: int) -> str:
    told = {"total": total, "cache": 0, "processed": processed}
    return json.dumps({"prompt_progress": told}, separators=(",", ":"))


def frames_of(body: bytes) -> tuple[list[str], set[str]]:
    """The data of each frame that the rules make of a body, and the rules that fired."""
    decoder = SseDecoder(keeps_invalid=True)
    items: list[Decoded] = list(decoder.feed(body))
    unended = decoder.unended()
    items += [unended] if unended is not None else []
    rules = [rule(PROMISE) for rule in FRAME_RULES]
    for rule in rules:
        items = [out for item in items for out in rule.feed(item)] + list(rule.finish())
    fired = {rule.name for rule in rules if rule.fired}
    data = [item.data.decode() for item in items if isinstance(item, Frame) and not item.is_unended]
    return data, fired


def data(*lines: str) -> bytes:
    return b"".join(b"data: %b\n" % line.encode() for line in lines) + b"\n"


# A body, the data of its frames, and the rules that fired.
ROWS: dict[str, tuple[bytes, list[str], set[str]]] = {
    "healthy": (data(A) + data("[DONE]"), [A, "[DONE]"], set()),
    "braces in a text": (data(BRACES), [BRACES], set()),
    "one object over several lines": (data(*PRETTY.split("\n")), [PRETTY], set()),
    # ---- joined ----
    "two on one line": (data(A + B), [A, B], {JOINED}),
    "with a space": (data(A + " " + BRACES), [A, BRACES], {JOINED}),
    "one a line": (data(A, B), [A, B], {JOINED}),
    "one a line, and the terminal": (data(A, B, "[DONE]"), [A, B, "[DONE]"], {JOINED}),
    "an error in an unfinished object": (data(A[:60], ERROR), [ERROR], {JOINED}),
    "the same on one line": (data(A[:60] + ERROR), [ERROR], {JOINED}),
    "an error after a whole one": (data(A + ERROR), [A, ERROR], {JOINED}),
    "a whole one, an unfinished, an error": (data(A, B[:50], ERROR), [A, ERROR], {JOINED}),
    "an error over several lines": (data(B[:50], *PRETTY.split("\n")), [PRETTY], {JOINED}),
    "an error, then the terminal": (data(A[:60], ERROR, "[DONE]"), [ERROR], {JOINED}),
    "an unfinished one after a whole": (data(A, B[:50]), [A, B[:50]], {JOINED}),
    "nothing but unfinished": (data(A[:60]), [A[:60]], set()),
    "an error that is unfinished too": (data(A[:60], ERROR[:-1]), [f"{A[:60]}\n{ERROR[:-1]}"],
                                        set()),
    "a list": (data(f"[{A}, {B}]"), [A, B], {JOINED}),
    "a list of lines": (data("[", f"{A},", B, "]"), [A, B], {JOINED}),
    "an empty list": (data("[]"), [], {"sse.foreign-event"}),
    "a list of something else": (data('["a", {}]'), [], {"sse.foreign-event"}),
    # ---- cut ----
    "an error in the frame after": (data(A[:60]) + data(ERROR), [ERROR], {JOINED}),
    "an event named error after": (data(A[:60]) + b"event: error\n" + data("no"),
                                   ['{"error":"no"}'], {JOINED, "sse.foreign-event"}),
    "the other half in the frame after": (data(A[:60]) + data(A[60:]) + data(B), [A, B], {JOINED}),
    "something else after": (data(A[:60]) + data(B), [A[:60], B], set()),
    "the terminal after": (data(A[:60]) + data("[DONE]"), [A[:60], "[DONE]"], set()),
    "three parts": (data(A[:60]) + data(A[60:90]) + data(A[90:]), [A[:60]],
                    {"sse.foreign-event"}),
    "the first line has data:, the others not": (b"data: " + PRETTY.encode() + b"\n\n" + data(A),
                                                 [PRETTY, A], {BARE}),
    "a line end in a text": (data(A.replace('"a"', '"a\nb"')).replace(b"data: b", b"b"),
                             [A.replace('"a"', '"a\nb"')], {BARE}),
    # ---- named errors ----
    "an error in words": (b"event: error\n" + data("It is over."), ['{"error":"It is over."}'],
                          {"sse.foreign-event"}),
    "an error without words": (b"event: error\n" + data(""), [], {"sse.foreign-event"}),
    # ---- bare ----
    "a bare error": (ERROR.encode() + b"\n", [ERROR], {BARE}),
    "over several lines": (PRETTY.encode() + b"\n\n", [PRETTY], {BARE}),
    "with empty lines in it": (PRETTY.replace("\n", "\n\n").encode() + b"\n", [PRETTY], {BARE}),
    "between frames": (data(A) + ERROR.encode() + b"\n\n" + data(B), [A, ERROR, B], {BARE}),
    "at the end, without a line end": (data(A) + ERROR.encode(), [A, ERROR], {BARE}),
    "pretty, without a line end": (data(A) + PRETTY.encode(), [A, PRETTY], {BARE}),
    "a chunk": (A.encode() + b"\n", [A], {BARE}),
    "no JSON": (b"Internal Server Error\n<html>\n" + data(A), [A], {BARE}),
    "never closed": (b'{"error":\n"x"\n' + data(A), [A], {BARE}),
    "closed, but no JSON": (b"{error}\n" + data(A), [A], {BARE}),
    "two bare ones": (b"%b\n%b\n" % (ERROR.encode(), A.encode()), [ERROR, A], {BARE}),
    # ---- unended ----
    "a last chunk without its line ends": (data(A)[:-2], [A], {UNENDED}),
    "without the blank line": (data(A)[:-1], [A], {UNENDED}),
    "the terminal": (b"data: [DONE]", ["[DONE]"], {UNENDED}),
    "the terminal in another spelling": (b"data: DONE\n", [], set()),
    "cut": (data(A)[:-5], [], set()),
    "cut in the terminal": (b"data: [DO", [], set()),
    "cut in the field": (b"dat", [], {BARE}),
    "one a line, never a blank one": (data(A, B, "[DONE]")[:-1], [A, B, "[DONE]"],
                                      {JOINED, UNENDED}),
    "the same, cut": (data(A, B)[:-9], [A], {JOINED, UNENDED}),
    # ---- progress ----
    "a comment": (b": keepalive 5/10\n\n", [progress(5, 10)], {COMMENT}),
    "other comments": (b":\n: ping\n: keepalive\n: keepalive 1/x\n: keepalive -1/2\n\n", [], set()),
    "a comment of many digits": (b": keepalive %b/1\n\n" % (b"1" * 5000), [], set()),
    "a comment without spaces": (b":keepalive 5/10\n\n", [progress(5, 10)], {COMMENT}),
    "an event": (b'event: prefill_progress\n' + data('{"status":"processing","n_past":32,'
                 '"n_prompt_tokens":128,"fraction":0.25,"elapsed_seconds":4}'),
                 [progress(32, 128)], {EVENT}),
    "an event without a name": (data('{"status":"done","n_past":8,"n_prompt_tokens":8}'),
                                [progress(8, 8)], {EVENT}),
    "an event without counts": (b'event: prefill_progress\n' + data('{"status":"processing",'
                                '"n_past":null,"n_prompt_tokens":null}'), [], {EVENT}),
    "an event with nothing": (b"event: prefill_progress\n" + data("{}"), [], {EVENT}),
    "a chunk that is named so": (b"event: prefill_progress\n" + data(A), [A], set()),
    "an error that is named so": (b"event: prefill_progress\n" + data(ERROR), [ERROR], set()),
    "a chunk that speaks of it": (data(A[:-1] + ',"n_prompt_tokens":5}'),
                                  [A[:-1] + ',"n_prompt_tokens":5}'], set()),
}  # fmt: skip


@pytest.mark.parametrize(("body", "want", "rules"), ROWS.values(), ids=ROWS)
def test_each_body_becomes_its_frames(body: bytes, want: list[str], rules: set[str]) -> None:
    assert frames_of(body) == (want, rules)


@pytest.mark.parametrize("body", [row[0] for row in ROWS.values()], ids=ROWS)
def test_how_the_body_is_cut_makes_no_difference(body: bytes) -> None:
    stream = ROLE + text_frame("w") + body
    once = play(stream)
    assert play(one_by_one(stream)) == once
    for place in range(0, len(stream), 7):
        assert play(cut_at(stream, [place])) == once


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_a_server_that_ends_each_frame_with_one_line_end_is_understood(end: bytes) -> None:
    body = (ROLE + text_frame("a") + text_frame("b") + STOP + DONE).replace(b"\n\n", b"\n")
    told = seen(body.replace(b"\n", end))
    assert (told.choice.text, told.choice.finish) == ("ab", "stop")
    assert told.repairs == {JOINED, UNENDED}


def test_an_error_that_breaks_into_a_chunk_is_told_in_its_own_words() -> None:
    for body in (data(A[:60], ERROR), PRETTY.encode() + b"\n", ERROR.encode()):
        told = seen(ROLE + text_frame("a") + body)
        assert (told.choice.text, told.error) == ("a", "no")


def test_a_finish_reason_without_its_blank_line_counts() -> None:
    told = seen(ROLE + text_frame("a") + STOP[:-2])
    assert (told.choice.text, told.choice.finish) == ("a", "stop")
    assert UNENDED in told.repairs


def test_a_stream_that_is_cut_in_its_last_frame_is_truncated() -> None:
    told = seen(ROLE + text_frame("a") + STOP[:-4])
    assert told.error is not None
    assert "cut short" in told.error


def test_strays_that_never_end_take_no_memory() -> None:
    (rule,) = (rule(PROMISE) for rule in FRAME_RULES if rule.name == BARE)
    line = Malformed(b'{"a": [' + b"1," * 500, "")
    for _ in range(500):
        assert list(rule.feed(line)) == []
        assert len(repr(rule)) < 3 * MAX_BARE_BYTES


def test_a_frame_of_very_many_objects_is_split_no_further() -> None:
    (rule,) = (rule(PROMISE) for rule in FRAME_RULES if rule.name == JOINED)
    assert len(list(rule.feed(Frame(b"{}" * 3 * MAX_JOINED)))) == MAX_JOINED + 1


def test_comments_go_no_further_unless_they_tell_progress() -> None:
    rules = [rule(PROMISE) for rule in FRAME_RULES]
    items: list[Decoded] = [Comment(b" OPENROUTER PROCESSING")]
    for rule in rules:
        items = [out for item in items for out in rule.feed(item)]
    assert items == []


@given(st.lists(st.sampled_from([A, B, BRACES, ERROR, "[DONE]"]), min_size=2, max_size=6),
       st.sampled_from(["", " ", "\n", "\n\n  "]))  # fmt: skip
def test_joined_pieces_come_apart_again(pieces: list[str], between: str) -> None:
    (rule,) = (rule(PROMISE) for rule in FRAME_RULES if rule.name == JOINED)
    joined = Frame(between.join(pieces).encode())
    assert [item.data.decode() for item in rule.feed(joined)] == pieces


def test_progress_of_every_kind_reaches_a_client_that_asked() -> None:
    report = b'event: prefill_progress\ndata: {"status":"x","n_past":64,"n_prompt_tokens":128}\n\n'
    for told in (b": keepalive 64/128\n\n", report):
        body = told + ROLE + text_frame("a") + STOP + DONE
        out = play(body, replace(PROMISE, progress="comment")).out
        assert b'"n_past":64,"n_prompt_tokens":128,"fraction":0.5' in out
        assert judge_stream(play(body).out).faults == []
