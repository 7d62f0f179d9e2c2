"""Errors that are told before, or instead of, the application: bytes in OpenAI's error shape.

The messages never repeat what the client sent.
"""

from __future__ import annotations

import functools
import http

import msgspec

from strictwire.net.client_side.asgi import Headers


def error_body(message: str, *, kind: str, code: str | None) -> bytes:
    """The JSON text of OpenAI's error object; ``kind`` is its ``type``."""
    error = {"message": message, "type": kind, "param": None, "code": code}
    return msgspec.json.encode({"error": error})


@functools.cache  # bounded by the thousand statuses that there are
def status_line(status: int) -> bytes:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode("ascii")


def error_headers(body: bytes) -> Headers:
    return [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]


def format_refusal(status: int, message: str, code: str, default_headers: Headers) -> bytes:
    """A whole HTTP response that refuses a request which never reached the application."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    body = error_body(message, kind=kind, code=code)
    headers = default_headers + error_headers(body)
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    return status_line(status) + lines + b"\r\n" + body
