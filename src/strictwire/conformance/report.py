"""The bytes of one file, a body or a recorded HTTP reply, to a report for people and programs.

Contract: raises CallerError where there is nothing to judge, never for what a body says. The shape
of ``as_json`` is public: it is described in docs/lint.md, and ``VERSION`` changes with it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from strictwire.conformance.asked import Asked
from strictwire.conformance.checks import CHECKS
from strictwire.conformance.finding import Finding
from strictwire.conformance.http_reply import HttpReply, unframed
from strictwire.conformance.lint import kind_of, lint
from strictwire.model.errors import CallerError
from strictwire.model.request import Dialect

VERSION = 1
# The first chunk says its object; a head and a comment or two may stand before it.
MAX_SEARCHED_BYTES = 16 * 1024
# An error's message may repeat a whole request.
MAX_SHOWN_CHARACTERS = 200

# The first that is found counts: a whole response holds items whose type is "message". Quotes
# inside a string are escaped, so what an answer says cannot pass for one of these.
_SPOKEN: tuple[tuple[Dialect, re.Pattern[bytes]], ...] = (
    ("completions", re.compile(rb'"object"\s*:\s*"text_completion"')),
    ("chat", re.compile(rb'"object"\s*:\s*"chat\.completion')),
    ("responses", re.compile(rb'"object"\s*:\s*"response"|(?:event:|"type"\s*:\s*")\s*response\.')),
    (
        "messages",
        re.compile(
            rb"event: ?(?:message_|content_block_)"
            rb'|"type"\s*:\s*"(?:message"|message_|content_block_)'
            rb'|"type"\s*:\s*"error"\s*,\s*"error"\s*:\s*\{'
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Report:
    """``status`` is that of a recorded HTTP reply, None where the file was a body alone. ``error``
    is the message of a reply that is one error object: it may be well said and still no answer."""

    findings: list[Finding]
    size_bytes: int
    status: int | None = None
    error: str | None = None

    def lines(self, file: str, *, is_every: bool = False) -> Iterator[str]:
        """One line for each kind of finding at its first place, or for ``is_every`` one, and a
        summary."""
        counts = Counter((one.rule, one.message) for one in self.findings)
        told: set[tuple[str, str]] = set()
        for one in self.findings:
            kind = (one.rule, one.message)
            if kind in told and not is_every:
                continue
            told.add(kind)
            times = "" if is_every or counts[kind] == 1 else f" [{counts[kind]} times]"
            breaks = f" (breaks: {', '.join(one.breaks)})" if one.breaks else ""
            yield f"{file}:{one.offset}: {one.severity} {one.rule}: {one.message}{times}{breaks}"
        yield f"{file}: {self._summary()}"

    def _summary(self) -> str:
        counts = Counter(one.severity for one in self.findings)
        told = [f"{counts[kind]} {kind}{'s' * (counts[kind] != 1)}" for kind in sorted(counts)]
        words = f"{', '.join(told) or 'nothing found'} in {self.size_bytes} bytes"
        if self.status is not None:
            words += f"; HTTP status {self.status}, offsets of its body"
        if self.error is not None:
            words += f"; the reply is an error: {self.error}"
        return words

    def as_json(self, file: str) -> dict[str, Any]:
        return {
            "version": VERSION,
            "file": file,
            "size_bytes": self.size_bytes,
            "http_status": self.status,
            "error": self.error,
            "findings": [_as_json(one) for one in self.findings],
        }


def report_of(data: bytes, asked: Asked) -> Report:
    """Judge a file. An error reply (status 400 and above) is one object, whatever was asked for."""
    if not data:
        raise CallerError("The input is empty: there is nothing to judge.")
    reply = unframed(data)
    body = data if reply is None else reply.body
    asked = asked if reply is None else _as_answered(asked, reply)
    value = _object_of(body)
    if value.keys() == {"input_tokens"}:
        raise CallerError("The reply is a count of tokens: only replies of models are judged.")
    if value.get("object") == "list":
        raise CallerError(
            "The reply is a list, of embeddings or models say: only replies of models in chat, "
            "completions, responses and messages are judged."
        )
    return Report(
        lint(body, asked), len(body), None if reply is None else reply.status, _error_in(value)
    )


def dialect_of(data: bytes) -> Dialect:
    """The dialect that a reply says it is in; chat where it says nothing."""
    for dialect, pattern in _SPOKEN:
        if pattern.search(data, 0, MAX_SEARCHED_BYTES):
            return dialect
    return "chat"


def _object_of(body: bytes) -> dict[str, Any]:
    if kind_of(body) != "object":
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _error_in(value: dict[str, Any]) -> str | None:
    error = value.get("error")
    message = error.get("message") if isinstance(error, dict) else error
    return message[:MAX_SHOWN_CHARACTERS] if isinstance(message, str) and message else None


def _as_answered(asked: Asked, reply: HttpReply) -> Asked:
    return replace(asked, is_stream=False) if reply.status >= 400 else asked


def _as_json(finding: Finding) -> dict[str, Any]:
    check = CHECKS[finding.rule]
    return {
        "offset": finding.offset,
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "breaks": list(finding.breaks),
        "quirks": list(check.quirks),
        "page": check.page,
    }
