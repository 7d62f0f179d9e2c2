"""The rule table: one small named rule per quirk. ``RULES`` lists them all, in running order.

Names are public: they stand in settings, metrics and the docs, never change meaning and are
never reused.
"""

from strictwire.repairs.chat import CHAT_RULES
from strictwire.repairs.endings import ENDING_RULES, EndingRule
from strictwire.repairs.events import EVENT_RULES
from strictwire.repairs.frames import FRAME_RULES
from strictwire.repairs.rule import Rule

RULES: tuple[type[Rule] | EndingRule, ...] = (  # type: ignore[type-arg]
    *FRAME_RULES,
    *CHAT_RULES,
    *ENDING_RULES,
    *EVENT_RULES,
)
RULE_NAMES: frozenset[str] = frozenset(rule.name for rule in RULES)
SWITCHABLE: frozenset[str] = frozenset(
    rule.name for rule in RULES if isinstance(rule, type) and not rule.is_foundation
)

__all__ = [
    "CHAT_RULES",
    "ENDING_RULES",
    "EVENT_RULES",
    "FRAME_RULES",
    "RULES",
    "RULE_NAMES",
    "SWITCHABLE",
]
