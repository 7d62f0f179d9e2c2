"""Upstreams that break every rule: each ends in a clear error or a right reply, and the gateway
serves the next request."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import os
import socket
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from gateway_stand import (
    GOOD_STREAM,
    Heard,
    Script,
    Visit,
    chat_request,
    gateway_for,
    replying,
    scripted,
    sized,
)

from strictwire.config import Timeouts
from yardstick import yardstick_s

STREAM = "content-type: text/event-stream"
OPEN = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
FIRST, REST = GOOD_STREAM.split(b"\n\n", 1)
FIRST += b"\n\n"
WHOLE = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "fine"},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
).encode()


async def told(script: Script, *, stream: bool, **options: Any) -> Heard:
    """One request to an upstream that plays ``script`` on its first connection and is healthy on
    every later one, which is checked."""
    script_of_next = [script]

    async def play(visit: Visit) -> None:
        await (script_of_next.pop() if script_of_next else healthy)(visit)

    async with scripted(play) as upstream, gateway_for(upstream.url, **options) as gateway:
        peer = await gateway.peer(chat_request("m", stream=stream))
        heard = await peer.hear()
        again = await gateway.chat("m", stream=stream)
        assert (again.status, again.text) == (200, "fine")
        service = gateway.app.service
        assert service.open_exchanges == 0
    return heard


async def healthy(visit: Visit) -> None:
    while True:
        is_stream = json.loads(await visit.request()).get("stream")
        await visit.send(sized(GOOD_STREAM, STREAM) if is_stream else sized(WHOLE))


def once(data: bytes) -> Script:
    """One reply, then the connection closes."""

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(data)

    return script


def resetting(data: bytes) -> Script:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(data)
        await asyncio.sleep(0.05)  # so that the data is read before the reset overtakes it
        sock: socket.socket = visit.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        visit.writer.transport.abort()

    return script


# ---- right replies in wrong clothes ----

DEFLATED = zlib.compress(GOOD_STREAM)
RIGHT: dict[str, bytes] = {
    "no content type": sized(GOOD_STREAM),
    "as json": sized(GOOD_STREAM, "content-type: application/json"),
    "as html": sized(GOOD_STREAM, "content-type: text/html"),
    "as an image": sized(GOOD_STREAM, "content-type: image/png"),
    "a type that is none": sized(GOOD_STREAM, "content-type: \xff;;;"),
    "json in event-stream clothes": sized(WHOLE, STREAM),
    "gzip": sized(gzip.compress(GOOD_STREAM), STREAM, "content-encoding: gzip"),
    "gzip, shouted": sized(gzip.compress(GOOD_STREAM), STREAM, "Content-Encoding: GZIP"),
    "deflate": sized(DEFLATED, STREAM, "content-encoding: deflate"),
    "gzipped object": sized(gzip.compress(WHOLE), "content-encoding: gzip"),
    "http/1.0": b"HTTP/1.0 200 OK\r\n\r\n" + GOOD_STREAM,
    "until the close": OPEN + GOOD_STREAM,
    "100 first": b"HTTP/1.1 100 Continue\r\n\r\n" + sized(GOOD_STREAM, STREAM),
    "no reason phrase": sized(GOOD_STREAM, STREAM).replace(b"200 OK", b"200 ", 1),
    "more after the end": sized(GOOD_STREAM, STREAM) + b"HTTP/1.1 500 Oops\r\n\r\n",
    "garbage after [DONE]": OPEN + GOOD_STREAM + b"\x00\xff garbage",
    "crlf, bom and comments": OPEN
    + b"\xef\xbb\xbf: hello\r\n\r\n"
    + GOOD_STREAM.replace(b"\n", b"\r\n"),
    "a length that is too long": sized(GOOD_STREAM, STREAM).replace(b"length: ", b"length: 9", 1),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("reply", RIGHT.values(), ids=RIGHT.keys())
async def test_a_right_reply_however_it_is_dressed(reply: bytes, stream: bool) -> None:
    heard = await told(once(reply), stream=stream)
    assert heard.status == 200
    assert heard.is_whole
    assert heard.text == "fine"
    kind = "text/event-stream; charset=utf-8" if stream else "application/json"
    assert heard.headers["content-type"] == kind
    assert "content-encoding" not in heard.headers
    if stream:
        assert heard.body.endswith(b"data: [DONE]\n\n")


# ---- nonsense before anything was said ----

HTML = b"<!doctype html><html><head><title>Sign in</title></head></html>"
WRONG: dict[str, bytes] = {
    "nothing": b"",
    "garbage": os.urandom(256).replace(b"H", b"h"),
    "a TLS alert": b"\x15\x03\x01\x00\x02\x02\x28",
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-ty",
    "a status that is none": b"HTTP/1.1 abc OK\r\n\r\n",
    "an ssh banner": b"SSH-2.0-OpenSSH_9.6\r\n",
    "html": sized(HTML, "content-type: text/html"),
    "html as a stream": sized(HTML, STREAM),
    "html in gzip": sized(gzip.compress(HTML), "content-encoding: gzip"),
    "empty": sized(b"", STREAM),
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "a redirect": sized(b"", "location: http://127.0.0.1:9/", status="302 Found"),
    "half gzip": sized(gzip.compress(GOOD_STREAM)[:40], STREAM, "content-encoding: gzip"),
    "no gzip at all": sized(GOOD_STREAM, STREAM, "content-encoding: gzip"),
    "brotli": sized(b"\x0b\x02\x80hello\x03", STREAM, "content-encoding: br"),
    "half an object": sized(WHOLE[:50], "content-type: application/json"),
    "an object of something else": sized(b'{"hello":"world"}', "content-type: application/json"),
    "a list": sized(b"[]", "content-type: application/json"),
    "a number": sized(b"42", "content-type: application/json"),
    "deep json": sized(b"[" * 100_000, "content-type: application/json"),
    "deep json in a frame": sized(b"data: " + b'{"a":' * 100_000 + b"\n\n", STREAM),
    "huge headers": b"HTTP/1.1 200 OK\r\nx: " + b"a" * 100_000 + b"\r\n\r\n",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"x: 1\r\n" * 1000 + b"\r\n",
    "bad chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "done alone": sized(b"data: [DONE]\n\n", STREAM),
    "comments alone": sized(b": hi\n\n" * 10, STREAM),
    "upgrade": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n",
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("reply", WRONG.values(), ids=WRONG.keys())
async def test_nonsense_is_a_502(
    reply: bytes, stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    heard = await told(once(reply), stream=stream)
    assert heard.status == 502
    assert heard.is_whole
    assert heard.error["code"] or heard.error["type"] == "upstream_error"
    assert "Traceback" not in caplog.text


# ---- nonsense in the middle ----

LATE: dict[str, Script] = {
    "closed": once(OPEN + FIRST),
    "closed inside a frame": once(OPEN + FIRST + REST[:30]),
    "reset": resetting(OPEN + FIRST),
    "reset inside a chunk": resetting(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        b"%x\r\n%b\r\n50\r\nda" % (len(FIRST), FIRST)
    ),
    "bad chunk": once(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\nzz\r\n"
        % (len(FIRST), FIRST)
    ),
    "bad json": once(OPEN + FIRST + b'data: {"choices":[{]}\n\n' + REST),
    "an error": once(OPEN + FIRST + b'data: {"error":{"message":"out of memory"}}\n\n'),
    "a length too long": once(sized(FIRST, STREAM).replace(b"length: ", b"length: 9", 1)),
    "gzip that breaks off": resetting(
        sized(gzip.compress(FIRST * 400)[:-30], STREAM, "content-encoding: gzip")
    ),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("script", LATE.values(), ids=LATE.keys())
async def test_a_failure_in_the_middle_is_never_a_success(script: Script, stream: bool) -> None:
    heard = await told(script, stream=stream)
    if stream:
        assert heard.status == 200
        assert heard.text.startswith("fine")
        assert heard.in_band_error["message"]
        assert b'"finish_reason":"' not in heard.body
    else:
        assert heard.status >= 500
        assert heard.error["message"]


async def test_a_half_closed_upstream_that_says_no_more_is_truncated() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OPEN + FIRST)
        visit.writer.write_eof()
        await visit.until_left()

    heard = await told(script, stream=True)
    assert heard.in_band_error["code"] == "upstream_truncated"


async def test_an_upstream_that_answers_before_it_was_asked() -> None:
    async def script(visit: Visit) -> None:
        await visit.send(sized(b"", "connection: close", status="408 Request Timeout"))
        await visit.until_left()

    heard = await told(script, stream=True)
    assert heard.status >= 400
    assert heard.error["message"]


# ---- time ----

QUICK = Timeouts(first_byte=0.3, idle=0.3)


async def silent(visit: Visit) -> None:
    await visit.request()
    await visit.until_left()


async def test_silence_names_its_timeout() -> None:
    heard = await told(silent, stream=True, timeouts=QUICK)
    assert heard.status == 504
    assert "first_byte" in heard.error["message"]


async def test_silence_in_the_middle_names_its_timeout() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(OPEN + FIRST)
        await visit.until_left()

    heard = await told(script, stream=True, timeouts=QUICK)
    assert heard.in_band_error["code"] == "upstream_idle_timeout"


async def test_an_error_body_that_never_ends_times_out() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(b"HTTP/1.1 500 Oops\r\ncontent-length: 100\r\n\r\n{")
        await visit.until_left()

    heard = await told(script, stream=False, timeouts=QUICK)
    assert heard.status == 504
    assert heard.error["code"] == "upstream_idle_timeout"


async def test_a_head_that_trickles_in_without_end_times_out() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            await visit.send(b"x: 1\r\n")
            await asyncio.sleep(0.05)

    heard = await told(script, stream=True, timeouts=QUICK)
    assert heard.status == 504
    assert heard.error["code"] == "upstream_first_byte_timeout"


async def test_a_slow_trickle_of_single_bytes_is_a_right_reply() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        for byte in OPEN + GOOD_STREAM:
            await visit.send(bytes((byte,)))
            await asyncio.sleep(0)

    heard = await told(script, stream=True)
    assert heard.text == "fine"


# ---- memory ----

# More than the bounds below allow to be kept.
ENDLESS = 96 * 1024 * 1024


def resident_bytes() -> int:
    status = Path("/proc/self/statm")
    if not status.exists():
        pytest.skip("resident memory is read from /proc")
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("start", "piece", "total_bytes"),
    [
        (OPEN + FIRST + b"data: ", b"x" * 65_536, ENDLESS),
        (OPEN + FIRST, b": " + b"x" * 65_530 + b"\n\n", ENDLESS // 2),
        (OPEN, b"\n" * 65_536, ENDLESS // 128),  # slow to read, so less of it
        (OPEN, b"x" * 65_536, ENDLESS),
        (OPEN + b'{"a":"', b"x" * 65_536, ENDLESS),
        (b"HTTP/1.1 500 Oops\r\n\r\n", b"x" * 65_536, ENDLESS),
        (b"HTTP/1.1 200 OK\r\nx: ", b"x" * 65_536, ENDLESS),
    ],
    ids=["line", "comments", "blank", "no stream", "object", "error body", "header"],
)
async def test_what_never_ends_does_not_fill_the_memory(
    start: bytes, piece: bytes, total_bytes: int, stream: bool
) -> None:
    sent_bytes = 0

    async def script(visit: Visit) -> None:
        nonlocal sent_bytes
        await visit.request()
        await visit.send(start)
        while sent_bytes < total_bytes:
            await visit.send(piece)
            sent_bytes += len(piece)

    before = resident_bytes()
    peak = before

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, resident_bytes())
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    options: dict[str, Any] = {"max_reply_bytes": 8 * 1024 * 1024}
    heard = await told(script, stream=stream, **options)
    watching.cancel()
    assert heard.status >= 400 or heard.in_band_error
    assert peak - before < 80 * 1024 * 1024


async def test_a_small_body_that_inflates_without_end_is_bounded() -> None:
    bomb = gzip.compress(b"data: " + b"x" * (96 * 1024 * 1024), 1)
    before = resident_bytes()
    heard = await told(once(sized(bomb, STREAM, "content-encoding: gzip")), stream=True)
    assert heard.status >= 400
    assert heard.error["message"]
    assert resident_bytes() - before < 80 * 1024 * 1024


# ---- in general ----


async def test_an_upstream_that_is_not_there() -> None:
    async with gateway_for("http://127.0.0.1:9/v1") as gateway:
        for stream in (True, False):
            heard = await gateway.chat("m", stream=stream)
            assert heard.status in (502, 503)
            assert heard.error["code"]


async def test_no_error_page_is_slow_to_read() -> None:
    """A page made to keep the search for its title busy (it once took seconds)."""
    for page in (b"<" + b"<title>" * 9_000, b"<" + b"<title" * 10_000, b"{" * 60_000):
        begun_s = time.process_time()
        heard = await told(once(sized(page, status="500 Oops")), stream=True)
        assert heard.status == 500
        assert time.process_time() - begun_s < 12 * yardstick_s()


async def test_errors_of_every_shape_keep_their_status_and_words() -> None:
    shapes: list[tuple[bytes, str]] = [
        (b'{"error":{"message":"no","type":"t","param":"p","code":"c"}}', "no"),
        (b'{"error":"no"}', "no"),
        (b'{"detail":"no"}', "no"),
        (b'{"message":"no"}', "no"),
        (b'{"detail":[{"loc":["body","x"],"msg":"no","input":"private"}]}', "body.x: no"),
        (b"no", "no"),
        (b'"no"', "no"),
        (b'{"error":{"message":"\\ud800no"}}', "\ufffdno"),
        (b"", "without a body"),
        (b"<html><title>no</title>", "no"),
    ]
    for body, words in shapes:
        for status in (400, 404, 413, 429, 500, 503):
            reply = sized(body, status=f"{status} X")
            async with (
                scripted(replying(reply)) as upstream,
                gateway_for(upstream.url) as gateway,
            ):
                heard = await gateway.chat("m", stream=True)
                assert heard.status == status
                assert words in heard.error["message"]
                assert "private" not in heard.error["message"]
