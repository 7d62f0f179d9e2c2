"""The words of an upstream's refusal: its own where it has some, ours told once where not."""

from __future__ import annotations

import pytest

from strictwire.net.error_replies import upstream_refusal


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (404, b'{"error":{"message":"no such path"}}', "no such path"),
        (405, b'{"error":{"message":"no"}}', "The upstream answered with status 405: no"),
        (
            200,
            b"<title>Oops</title>",
            "The upstream answered 200 with an HTML page (Oops) instead of an API error.",
        ),
        (302, b"", "The upstream answered 302 without a body."),
    ],
)
def test_the_status_is_told_once(status: int, body: bytes, message: str) -> None:
    assert upstream_refusal(status, (), body).message == message
