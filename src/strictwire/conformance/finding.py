"""One departure from the contract, and the collector that all judges tell theirs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from strictwire.conformance.checks import CHECKS
from strictwire.conformance.checks.check import Severity
from strictwire.conformance.json_text import Where, offset_of
from strictwire.model.errors import MisuseError

# One reply tells each check's findings up to this number: what a server does wrong in a thousand
# chunks it does in all of them, and memory must not follow the length of a hostile file.
MAX_FINDINGS_OF_ONE_RULE = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """``offset`` counts bytes from the body's start, to the line or the JSON value in question.

    ``rule`` is the name of the repair rule that mends it, or the check's own id where a part of
    the gateway does, or nothing can. ``breaks`` names clients that were seen to break.
    """

    offset: int
    rule: str
    severity: Severity
    message: str
    breaks: tuple[str, ...] = ()


class Findings:
    """Collects the findings of one body. ``off`` names rules that are not looked for."""

    __slots__ = ("_counts", "_found", "_off")

    def __init__(self, off: frozenset[str] = frozenset()) -> None:
        self._off = off
        self._found: list[Finding] = []
        self._counts: Counter[str] = Counter()

    def add(self, rule: str, where: Where, detail: str = "") -> None:
        """``detail`` says which one, or how; never more of the content than a word."""
        if rule in self._off:
            return
        check = CHECKS.get(rule)
        if check is None:
            raise MisuseError(f"no check is called {rule!r}")
        self._counts[rule] += 1
        if self._counts[rule] > MAX_FINDINGS_OF_ONE_RULE:
            return
        message = f"{check.title}: {detail}" if detail else check.title
        self._found.append(Finding(offset_of(where), rule, check.severity, message, check.breaks))

    def in_order(self) -> list[Finding]:
        """By offset; those of one place in the order in which they were found."""
        return sorted(self._found, key=lambda finding: finding.offset)
