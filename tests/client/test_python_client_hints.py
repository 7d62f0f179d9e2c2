"""When to come again: what servers say, and what the client makes of it."""

from __future__ import annotations

import pytest

from strictwire.client import (
    ApiError,
    ClientError,
    ClientTimeoutError,
    RateLimitError,
    Retries,
    StreamClosed,
    Timeouts,
    UnreachableError,
)
from strictwire.client.hints import MAX_HINT_S, header_hint, hint_of, words_hint

NOW_S = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Rate limit reached. Please try again in 20s.", 20.0),
        ("Please try again in 1.5s. Visit the docs.", 1.5),
        ("Please try again in 250ms.", 0.25),
        ("Please try again in 6m0s.", 360.0),
        ("Please try again in 1m30.5s", 90.5),
        ("try again in 2 hours and 5 minutes", 7500.0),
        ("Please retry after 3 seconds.", 3.0),
        ("Try again in 1 day 2 hours", 93600.0),
        ("Retry in 7 secs", 7.0),
        ("Please try again in 1 minute, 10 seconds", 70.0),
        ("Please try again in 12", None),  # of what?
        ("Please try again in 3 samples", None),
        ("Please try again in 5 months", None),
        ("Please try again later.", None),
        ("It took 20s.", None),
        ("", None),
    ],
)
def test_words(message: str, seconds: float | None) -> None:
    assert words_hint(message) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        (" 1.5 ", 1.5),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:13:10 GMT", 0.0),
        ("999999999", MAX_HINT_S),
        ("-3", None),
        ("soon", None),
        ("", None),
        ("9" * 400, None),
        ("1e400", None),
        ("nan", None),
    ],
)
def test_a_header(value: str, seconds: float | None) -> None:
    assert header_hint(value, now_s=NOW_S) == seconds


def test_the_most_exact_hint_counts() -> None:
    headers = {"retry-after-ms": "1500", "retry-after": "2"}
    words = "Please try again in 3s."
    assert hint_of(headers, words, now_s=NOW_S) == 1.5
    assert hint_of({"retry-after": "2"}, words, now_s=NOW_S) == 2.0
    assert hint_of({"retry-after": "later"}, words, now_s=NOW_S) == 3.0
    assert hint_of({}, "No.", now_s=NOW_S) is None


POLICY = Retries(count=3, backoff_s=1.0, max_backoff_s=3.0, max_wait_s=10.0)


@pytest.mark.parametrize(
    ("error", "tries", "wait_s"),
    [
        (RateLimitError("", retry_after_s=4.0), 1, 4.0),
        (RateLimitError("", retry_after_s=0.0), 1, 0.0),
        (RateLimitError("", retry_after_s=11.0), 1, None),  # longer than anyone wants to wait
        (UnreachableError(""), 1, 1.0),
        (UnreachableError(""), 2, 2.0),
        (UnreachableError(""), 3, 3.0),
        (UnreachableError(""), 4, None),
        (StreamClosed(""), 1, 1.0),
        (ClientTimeoutError("", "connect"), 1, 1.0),
        (ClientTimeoutError("", "idle"), 1, None),  # its server is at work on it
        (ApiError("", is_retryable=False, retry_after_s=1.0), 1, None),
        (ClientError(""), 1, None),
    ],
)
def test_how_long_to_wait(error: ClientError, tries: int, wait_s: float | None) -> None:
    assert POLICY.wait_s(error, tries, chance=0.0) == wait_s


def test_chance_shortens_our_own_wait_and_never_the_server_s() -> None:
    assert POLICY.wait_s(UnreachableError(""), 1, chance=1.0) == 0.75
    assert POLICY.wait_s(RateLimitError("", retry_after_s=4.0), 1, chance=1.0) == 4.0


def test_after_very_many_tries_the_wait_is_still_a_number() -> None:
    assert Retries(count=10_000).wait_s(UnreachableError(""), 9_999, chance=0.0) == 8.0


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="idle_s"):
        Timeouts(idle_s=0)
    with pytest.raises(ValueError, match="negative"):
        Retries(count=-1)
