"""URLs and request heads as tables."""

from __future__ import annotations

import pytest

from strictwire.model.errors import MisuseError
from strictwire.model.protocols import UpstreamRequest
from strictwire.net.upstream.address import Origin, parse_address
from strictwire.net.upstream.request_head import format_head

ADDRESSES = [
    ("http://h", "http", "h", 80, b"h", b"/"),
    ("https://H.example/v1/chat", "https", "h.example", 443, b"h.example", b"/v1/chat"),
    ("http://127.0.0.1:8/base/v1/x?y=1&z#f", "http", "127.0.0.1", 8, None, b"/base/v1/x?y=1&z"),
    ("https://h:443/", "https", "h", 443, b"h", b"/"),
    ("https://h:80/", "https", "h", 80, b"h:80", b"/"),
    ("http://[::1]:81/a", "http", "::1", 81, b"[::1]:81", b"/a"),
    ("http://[fe80::1%25eth0]/", "http", "fe80::1%eth0", 80, b"[fe80::1]", b"/"),
    ("http://bü.example/ü?%C3%A4", "http", "xn--b-eha.example", 80, None, b"/%C3%BC?%C3%A4"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "scheme", "host", "port", "authority", "target"), ADDRESSES)
def test_a_url_taken_apart(
    url: str, scheme: str, host: str, port: int, authority: bytes | None, target: bytes
) -> None:
    address = parse_address(url)
    assert address.origin == Origin(scheme, host, port)
    assert address.target == target
    assert authority is None or address.origin.authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h/v1",
        "ftp://h/secret",
        "http:///secret",
        "http://h:port/secret",
        "http://h:99999/secret",
        "http://[::1/secret",
        "http://user:secret@h/",
        "http://h/a b-secret",
        "http://h/secret\r\nx: y",
        "http://" + "ü" * 70 + "/secret",
    ],
)
def test_a_url_that_cannot_be_meant_is_not_repeated(url: str) -> None:
    with pytest.raises(MisuseError) as caught:
        parse_address(url)
    assert "secret" not in str(caught.value)


def head(method: str, *headers: tuple[bytes, bytes], body: bytes = b"") -> bytes:
    url = "http://h/x"
    return format_head(UpstreamRequest(method, url, headers, body), parse_address(url))


def test_a_get_has_no_length_and_a_post_always_has() -> None:
    assert b"content-length" not in head("GET")
    assert b"\r\ncontent-length: 0\r\n" in head("POST")
    assert b"\r\ncontent-length: 2\r\n" in head("DELETE", body=b"{}")


def test_the_callers_own_host_and_encoding_win() -> None:
    found = head("GET", (b"Host", b"other"), (b"Accept-Encoding", b"gzip"))
    assert found == b"GET /x HTTP/1.1\r\nHost: other\r\nAccept-Encoding: gzip\r\n\r\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"x-a", b"secret\r\nx-b: c"),
        (b"x-a", b"secret\n"),
        (b"x-a", b"secret\0"),
        (b"x a", b"secret"),
        (b"x-a:", b"secret"),
        (b"", b"secret"),
        (b"Content-Length", b"secret"),
        (b"transfer-encoding", b"secret"),
        (b"Connection", b"secret"),
        (b"upgrade", b"secret"),
    ],
)
def test_a_header_that_breaks_the_framing_is_refused(name: bytes, value: bytes) -> None:
    with pytest.raises(MisuseError) as caught:
        head("POST", (name, value))
    assert "secret" not in str(caught.value)


def test_a_method_that_breaks_the_framing_is_refused() -> None:
    with pytest.raises(MisuseError):
        head("GET /\r\n")
