"""The table of checks: ``CHECKS`` has them all, by id, in the order of the wire.

Ids are public: they stand in reports, tests and the docs, never change meaning and are never
reused. A check that a repair rule mends has the rule's name, so each rule has its row here.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from strictwire.conformance.checks.check import Check, Severity
from strictwire.conformance.checks.chunks import CHUNK_CHECKS
from strictwire.conformance.checks.framing import FRAMING_CHECKS
from strictwire.conformance.checks.messages import MESSAGES_CHECKS
from strictwire.conformance.checks.replies import REPLY_CHECKS
from strictwire.conformance.checks.responses import RESPONSES_CHECKS
from strictwire.repairs import RULES

_RULES = {rule.name: rule for rule in RULES}


def _told_by_its_rule(check: Check) -> Check:
    rule = _RULES.get(check.id)
    if rule is None:
        return check
    title, quirks = check.title or rule.title, check.quirks or rule.quirks
    return replace(check, title=title, quirks=quirks, has_rule=True)


CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        check.id: _told_by_its_rule(check)
        for check in (
            *FRAMING_CHECKS,
            *CHUNK_CHECKS,
            *RESPONSES_CHECKS,
            *MESSAGES_CHECKS,
            *REPLY_CHECKS,
        )
    }
)

__all__ = ["CHECKS", "Check", "Severity"]
