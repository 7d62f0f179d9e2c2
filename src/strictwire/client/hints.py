"""When a server says that one may come again: headers and words -> seconds.

Contract: pure; the time of day is a parameter. None where nothing was said, or nothing that can
be read. Sources: RFC 9110 section 10.2.3 (``retry-after``, seconds or a date), ``retry-after-ms``
as Azure sends it, and the words of OpenAI's messages: "Please try again in 1m30.5s".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

# A hint beyond this is no wait but a closing hour, and longer numbers are no times.
MAX_HINT_S = 7 * 24 * 3600.0
# A message is searched no further; hints stand at its end, and messages are some sentences long.
MAX_SEARCHED_CHARACTERS = 4000

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)
_ASKED_BACK = re.compile(
    r"\b(?:try(?: your request)? again|retry)(?: again)? (?:in|after)\s+", re.I
)
_DURATION = re.compile(
    r"(?:and |, )?(\d{1,9}(?:\.\d{1,9})?)\s?"
    r"(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|days?)(?![a-z])\s?",
    re.IGNORECASE | re.ASCII,
)


def hint_of(headers: Mapping[str, str], message: str, *, now_s: float) -> float | None:
    """What a reply says, most exact first. Header names are in lower case; ``now_s`` is in seconds
    since the epoch."""
    millis = headers.get("retry-after-ms", "").strip()
    if _NUMBER.fullmatch(millis):
        return _bounded(float(millis) / 1000)
    told = header_hint(headers.get("retry-after", ""), now_s=now_s)
    return told if told is not None else words_hint(message)


def header_hint(value: str, *, now_s: float) -> float | None:
    """``retry-after``: seconds (fractions too, which some servers send) or a date."""
    value = value.strip()
    if not value:
        return None
    if _NUMBER.fullmatch(value):
        return _bounded(float(value))
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return _bounded(max(0.0, moment.timestamp() - now_s)) if moment.tzinfo else None


def words_hint(message: str) -> float | None:
    """ "try again in 20s", "in 1m30.5s", "in 250ms", "retry after 2 minutes and 5 seconds"."""
    begun = _ASKED_BACK.search(message[-MAX_SEARCHED_CHARACTERS:])
    if begun is None:
        return None
    text, position = begun.string, begun.end()
    total_s: float | None = None
    while (match := _DURATION.match(text, position)) is not None:
        total_s = (total_s or 0.0) + float(match[1]) * _UNITS_S[_unit(match[2].lower())]
        position = match.end()
    return None if total_s is None else _bounded(total_s)


def _unit(word: str) -> str:
    return "ms" if word.startswith(("ms", "milli")) else word[0]


def _bounded(seconds: float) -> float:
    return min(seconds, MAX_HINT_S)
