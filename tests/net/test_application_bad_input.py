"""Bad input: each a clear error that names the field, nothing of it logged, the server unharmed."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from gateway_stand import Gateway, chat_body, gateway_for, request

from strictwire.config import Timeouts
from strictwire.lab.server import LabServer
from yardstick import yardstick_s

PRIVATE = "very-private-words"
MESSAGES = b'"messages":[{"role":"user","content":"very-private-words"}]'


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with LabServer() as lab, gateway_for(lab.url, max_body_bytes=4_000_000) as made:
        yield made


def body(*fields: bytes) -> bytes:
    return b"{" + b",".join((b'"model":"healthy-text"', MESSAGES, *fields)) + b"}"


BAD: list[tuple[str, bytes, str | None, str]] = [
    ("empty", b"", None, "invalid_json"),
    ("blank", b"  \r\n", None, "invalid_json"),
    ("words", b"very-private-words", None, "invalid_json"),
    ("array", b"[1]", None, "invalid_json"),
    ("string", b'"very-private-words"', None, "invalid_json"),
    ("null", b"null", None, "invalid_json"),
    ("cut short", b'{"model":"m","messages":[{"role":"user"', "messages", "invalid_json"),
    ("trailing comma", b'{"model":"m",}', None, "invalid_json"),
    ("two objects", body() + body(), None, "invalid_json"),
    ("single quotes", b"{'model':'m'}", None, "invalid_json"),
    ("byte order mark", b"\xef\xbb\xbf" + body(), None, "invalid_json"),
    ("utf-16", json.dumps({"model": "m"}).encode("utf-16"), None, "invalid_json"),
    ("no utf-8", body(b'"user":"\xff\xfe"'), "user", "invalid_json"),
    ("a raw line end", body(b'"user":"a\nb"'), "user", "invalid_json"),
    ("a NUL", body(b'"user":"a\x00b"'), "user", "invalid_json"),
    ("NaN", body(b'"temperature":NaN'), "temperature", "invalid_json"),
    ("Infinity", body(b'"top_p":-Infinity'), "top_p", "invalid_json"),
    ("1e999", body(b'"temperature":1e999'), "temperature", "invalid_json"),
    ("deep NaN", body(b'"metadata":{"a":[1,NaN]}'), "metadata.a[1]", "invalid_json"),
    ("deep", body(b'"tools":' + b"[" * 100_000 + b"]" * 100_000), "tools", "invalid_json"),
    ("deeper", body(b'"x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000), "x", "invalid_json"),
    ("deep and open", b'{"messages":' + b"[" * 1_000_000, "messages", "invalid_json"),
    ("huge integer", body(b'"seed":' + b"9" * 10_000), "seed", "invalid_json"),
    ("integer over 64 bits", body(b'"max_tokens":99999999999999999999'), "max_tokens", ""),
    ("lone surrogate", body(b'"user":"\\ud800"'), "user", "invalid_json"),
    ("swapped surrogates", body(b'"user":"\\udc00\\ud800"'), "user", "invalid_json"),
    ("surrogate in a name", body(b'"\\ud800":1'), None, "invalid_json"),
    ("no model", b"{" + MESSAGES + b"}", "model", "missing_required_parameter"),
    ("no messages", b'{"model":"m"}', "messages", "missing_required_parameter"),
    ("model twice", body(b'"model":"m"'), "model", "invalid_json"),
    ("model a number", b'{"model":7,' + MESSAGES + b"}", "model", "invalid_type"),
    ("model null", b'{"model":null,' + MESSAGES + b"}", "model", "invalid_type"),
    ("model empty", b'{"model":" ",' + MESSAGES + b"}", "model", "invalid_value"),
    ("messages an object", b'{"model":"m","messages":{}}', "messages", "invalid_type"),
    ("messages empty", b'{"model":"m","messages":[]}', "messages", "invalid_value"),
    ("a message is a text", b'{"model":"m","messages":["very-private-words"]}', "messages[", ""),
    ("no role", b'{"model":"m","messages":[{"content":"x"}]}', "messages[", ""),
    ("content a number", b'{"model":"m","messages":[{"role":"u","content":7}]}', "messages[", ""),
    ("stream a text", body(b'"stream":"true"'), "stream", "invalid_type"),
    ("stream a number", body(b'"stream":1'), "stream", "invalid_type"),
    ("options a list", body(b'"stream":true,"stream_options":[]'), "stream_options", ""),
    ("usage a text", body(b'"stream_options":{"include_usage":"y"}'), "stream_options.", ""),
    ("n zero", body(b'"n":0'), "n", "invalid_value"),
    ("n huge", body(b'"n":1000000'), "n", "invalid_value"),
    ("n a float", body(b'"n":1.5'), "n", "invalid_type"),
    ("temperature a text", body(b'"temperature":"hot"'), "temperature", "invalid_type"),
    ("stop a number", body(b'"stop":7'), "stop", "invalid_type"),
    ("tools an object", body(b'"tools":{}'), "tools", "invalid_type"),
    ("a tool is a text", body(b'"tools":["very-private-words"]'), "tools[", "invalid_type"),
    ("tool_choice a number", body(b'"tool_choice":1'), "tool_choice", "invalid_type"),
    ("logit_bias a list", body(b'"logit_bias":[1]'), "logit_bias", "invalid_type"),
]


@pytest.mark.parametrize(
    ("sent", "param", "code"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
async def test_a_bad_body_is_a_400_that_names_the_field(
    gateway: Gateway, sent: bytes, param: str | None, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    begun_s = time.process_time()
    heard = await gateway.ask("POST", "/v1/chat/completions", body=sent)
    assert time.process_time() - begun_s < 25 * yardstick_s(), (
        "one request must not hold up all others"
    )
    assert heard.status == 400
    error = heard.error
    assert error["type"] == "invalid_request_error"
    assert error["code"] == code or not code
    if param is None:
        assert error["param"] is None
    else:
        assert (error["param"] or "").startswith(param)
        assert param in error["message"]
    assert PRIVATE not in heard.body.decode()
    assert PRIVATE not in caplog.text
    assert "Traceback" not in caplog.text
    assert (await gateway.chat("healthy-text")).status == 200


@pytest.mark.parametrize(
    "filler",
    [b'\\"', b"[", b"1,", b'"', b'"a":', b"{", b"\\", b'{"', b'","', b"a"],
    ids=lambda filler: filler.decode(),
)
async def test_no_body_is_slow_to_refuse(gateway: Gateway, filler: bytes) -> None:
    """Bodies made to keep the search for the bad field busy (it once took minutes)."""
    for start in (b'{"model":"m","messages":"', b'{"model":"m","messages":['):
        sent = start + filler * (1_500_000 // len(filler))
        begun_s = time.process_time()
        heard = await gateway.ask("POST", "/v1/chat/completions", body=sent)
        assert time.process_time() - begun_s < 50 * yardstick_s()
        assert heard.status == 400
    assert await gateway.is_well()


async def test_what_is_odd_but_legal_passes(gateway: Gateway) -> None:
    odd: tuple[bytes, ...] = (
        body(b'"unknown_field":{"a":[1,2,{"b":null}]}'),
        body(b'"temperature":0.1e-5,"seed":-9223372036854775808'),
        body(b'"user":"\\ud83d\\ude00 \\u0000"'),
        body(b'"stop":["a","b"],"logprobs":null,"n":null,"stream":null'),
        b"\r\n\t " + body() + b" \n",
        body(b'"x":' + b"[" * 200 + b"]" * 200),
    )
    for sent in odd:
        heard = await gateway.ask("POST", "/v1/chat/completions", body=sent)
        assert heard.status == 200, heard.body


# ---- sizes ----


async def test_a_declared_length_over_the_bound_is_refused_unread(gateway: Gateway) -> None:
    peer = await gateway.peer(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
        b"expect: 100-continue\r\ncontent-length: 4000001\r\n\r\n"
    )
    heard = await peer.hear()
    assert (heard.status, heard.error["code"]) == (413, "request_too_large")
    assert "max_body_bytes" in heard.error["message"]
    assert await peer.is_closed()
    assert await gateway.is_well()


async def test_a_body_over_the_bound_in_chunks(gateway: Gateway) -> None:
    peer = await gateway.peer(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
        b"transfer-encoding: chunked\r\n\r\n"
    )
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    try:
        for _ in range(4_100_000 // 0x10000 + 1):
            await peer.send(piece)
    except ConnectionError:
        pass
    heard = await peer.hear()
    assert (heard.status, heard.error["code"]) == (413, "request_too_large")
    assert await gateway.is_well()


@pytest.mark.parametrize(
    "headers",
    [
        ("x-long: " + "a" * 70_000,),
        tuple(f"x-{number}: 1" for number in range(300)),
    ],
    ids=["one long", "many"],
)
async def test_headers_over_the_bound(gateway: Gateway, headers: tuple[str, ...]) -> None:
    peer = await gateway.peer(request("GET", "/health", *headers))
    heard = await peer.hear()
    assert heard.status == 431
    assert heard.error["type"] == "invalid_request_error"
    assert await peer.is_closed()
    assert await gateway.is_well()


async def test_a_path_over_the_bound(gateway: Gateway) -> None:
    peer = await gateway.peer(request("GET", "/" + "a" * 70_000))
    heard = await peer.hear()
    assert heard.status in (414, 431)
    assert heard.error["message"]
    assert await gateway.is_well()


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03very-private-words\r\n\r\n",  # a TLS hello
        b"very-private-words\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=lambda data: data[:16].decode("latin-1"),
)
async def test_what_is_no_request(
    gateway: Gateway, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    peer = await gateway.peer(data)
    heard = await peer.hear()
    assert 400 <= heard.status < 600
    assert heard.error["message"]
    assert await peer.is_closed()
    assert PRIVATE not in caplog.text
    assert "Traceback" not in caplog.text
    assert await gateway.is_well()


async def test_a_body_that_never_comes_times_out() -> None:
    async with LabServer() as lab:
        options: dict[str, Any] = {"timeouts": Timeouts(request_body=0.2)}
        async with gateway_for(lab.url, **options) as gateway:
            peer = await gateway.peer(
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
                b'content-length: 100\r\n\r\n{"model":'
            )
            heard = await peer.hear()
            assert (heard.status, heard.error["code"]) == (408, "request_body_timeout")
            assert await peer.is_closed()


async def test_a_client_that_leaves_in_the_middle_of_its_body(gateway: Gateway) -> None:
    peer = await gateway.peer(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{"
    )
    peer.leave()
    async with asyncio.timeout(10):
        while gateway.state.connections:
            await asyncio.sleep(0)
    text = (await gateway.ask("GET", "/metrics")).body.decode()
    assert "internal_error" not in text
    assert 'outcome="client_gone"' in text


async def test_a_header_that_would_end_its_line_goes_nowhere(gateway: Gateway) -> None:
    for evil in ("a\rb: c", "a\x00b", "a\x0bb"):
        peer = await gateway.peer(
            request(
                "POST",
                "/v1/chat/completions",
                f"authorization: Bearer {evil}",
                body=chat_body("healthy-text"),
            )
        )
        heard = await peer.hear()
        assert heard.status == 400, evil
    assert await gateway.is_well()
