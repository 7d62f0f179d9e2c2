"""The judge of the wire: raw bytes of a reply in, everything that the contract forbids out.

Pure, and written from docs/contract.md alone: it shares no code with what it judges but the
vocabulary, and the names and titles of the repair rules.
"""

from strictwire.conformance.asked import Asked
from strictwire.conformance.checks import CHECKS, Check, Severity
from strictwire.conformance.finding import Finding
from strictwire.conformance.lint import lint
from strictwire.conformance.report import Report, dialect_of, report_of

__all__ = [
    "CHECKS",
    "Asked",
    "Check",
    "Finding",
    "Report",
    "Severity",
    "dialect_of",
    "lint",
    "report_of",
]
