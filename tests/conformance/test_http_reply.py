"""Recorded HTTP replies: the body without its framing, and clear words for what is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.bodies import HEALTHY
from strictwire.conformance import Asked, dialect_of, report_of
from strictwire.conformance.http_reply import unframed
from strictwire.lab.replay import Recording
from strictwire.model.errors import CallerError

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


def body_of(data: bytes) -> bytes:
    reply = unframed(data)
    assert reply is not None
    return reply.body


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (HEAD + b"\r\nabc", b"abc"),
        (HEAD + b"Content-Length: 2\r\n\r\nabc", b"ab"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n", b"abc"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n5\r\ncd", b"abcd"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b""),
        # As ``curl -i`` saves it: the head as it came, the body without framing and compression.
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\ndata: 1\n\n", b"data: 1\n\n"),
        (HEAD + b"Content-Encoding: gzip\r\n\r\ndata: 1\n\n", b"data: 1\n\n"),
        (b"HTTP/2 200\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n", b"data: 1\n\n"),
        (b"HTTP/1.1 200 OK\ncontent-type: text/event-stream\n\ndata: 1\n\n", b"data: 1\n\n"),
    ],
)
def test_the_framing_is_undone(data: bytes, body: bytes) -> None:
    assert body_of(data) == body


def test_a_body_alone_is_no_http_reply() -> None:
    assert unframed(HEALTHY) is None


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 x\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n",
        HEAD + b"Content-Encoding: gzip\r\n\r\nabc",
        b"",
    ],
)
def test_what_cannot_be_judged_is_said(data: bytes) -> None:
    with pytest.raises(CallerError):
        report_of(data, Asked())


@pytest.mark.parametrize("path", sorted(CORPUS.rglob("*.http")), ids=lambda path: path.stem)
def test_a_recording_s_body_is_the_lab_s(path: Path) -> None:
    data = path.read_bytes()
    assert body_of(data) == Recording.parse(data).body


def test_a_report_counts_from_the_body() -> None:
    report = report_of(HEAD + b"\r\n" + HEALTHY[:-1], Asked())
    assert [finding.rule for finding in report.findings] == ["sse.unended-frame"]
    assert report.findings[0].offset == HEALTHY.rindex(b"data:")
    assert report.as_json("f")["http_status"] == 200


def test_an_error_is_told_though_it_is_well_said() -> None:
    body = b'{"error":{"message":"no such model","type":"x","param":null,"code":null}}'
    report = report_of(body, Asked())
    assert (report.findings, report.error) == ([], "no such model")
    assert list(report.lines("f"))[-1].endswith("the reply is an error: no such model")


def test_a_list_is_not_judged() -> None:
    with pytest.raises(CallerError, match="list"):
        report_of(b'{"object":"list","data":[]}', Asked())


def test_a_reply_says_its_dialect() -> None:
    told = b'data: {"id":"cmpl-1","object": "text_completion","choices":[]}\n\n'
    assert (dialect_of(told), dialect_of(HEALTHY)) == ("completions", "chat")
