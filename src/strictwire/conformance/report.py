"""The bytes of one file, a body or a recorded HTTP reply, to a report for people and programs.

Contract: raises CallerError where there is nothing to judge, never for what a body says. The shape
of ``as_json`` is public: it is described in docs/lint.md, and ``VERSION`` changes with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from strictwire.conformance.asked import Asked
from strictwire.conformance.checks import CHECKS
from strictwire.conformance.finding import Finding
from strictwire.conformance.http_reply import HttpReply, unframed
from strictwire.conformance.lint import lint
from strictwire.model.errors import CallerError

VERSION = 1


@dataclass(frozen=True, slots=True)
class Report:
    """``status`` is that of a recorded HTTP reply, None where the file was a body alone."""

    findings: list[Finding]
    size_bytes: int
    status: int | None = None

    def lines(self, file: str) -> Iterator[str]:
        """One line for each finding, and a summary."""
        for one in self.findings:
            breaks = f" (breaks: {', '.join(one.breaks)})" if one.breaks else ""
            yield f"{file}:{one.offset}: {one.severity} {one.rule}: {one.message}{breaks}"
        counts = Counter(one.severity for one in self.findings)
        told = ", ".join(f"{counts[kind]} {kind}{'s' * (counts[kind] != 1)}" for kind in counts)
        where = "" if self.status is None else f"; HTTP status {self.status}, offsets of its body"
        yield f"{file}: {told or 'nothing found'} in {self.size_bytes} bytes{where}"

    def as_json(self, file: str) -> dict[str, Any]:
        return {
            "version": VERSION,
            "file": file,
            "size_bytes": self.size_bytes,
            "http_status": self.status,
            "findings": [_as_json(one) for one in self.findings],
        }


def report_of(data: bytes, asked: Asked) -> Report:
    """Judge a file. An error reply (status 400 and above) is one object, whatever was asked for."""
    if not data:
        raise CallerError("The input is empty: there is nothing to judge.")
    reply = unframed(data)
    body = data if reply is None else reply.body
    asked = asked if reply is None else _as_answered(asked, reply)
    return Report(lint(body, asked), len(body), None if reply is None else reply.status)


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
