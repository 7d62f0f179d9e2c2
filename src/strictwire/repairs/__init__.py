"""The rule table: one small named rule per quirk. ``RULES`` lists them all, in running order.

Names are public: they stand in settings, metrics and the docs, never change meaning and are
never reused.
"""

from collections.abc import Mapping
from types import MappingProxyType

from strictwire.repairs.chat import CHAT_RULES
from strictwire.repairs.completions import COMPLETIONS_RULES
from strictwire.repairs.crossing import CROSSING_ROWS
from strictwire.repairs.embeddings import EMBEDDINGS_RULES
from strictwire.repairs.endings import ENDING_RULES
from strictwire.repairs.events import EVENT_RULES
from strictwire.repairs.frames import FRAME_RULES
from strictwire.repairs.messages import LIFE_ROWS as MESSAGES_LIFE_ROWS
from strictwire.repairs.messages import MESSAGES_RULES
from strictwire.repairs.ollama import OLLAMA_RULES
from strictwire.repairs.requests import REQUEST_RULES
from strictwire.repairs.responses import LIFE_ROWS as RESPONSES_LIFE_ROWS
from strictwire.repairs.responses import RESPONSES_RULES
from strictwire.repairs.row import RuleRow
from strictwire.repairs.rule import Rule

RULES: tuple[type[Rule] | RuleRow, ...] = (  # type: ignore[type-arg]
    *REQUEST_RULES,
    *FRAME_RULES,
    *CHAT_RULES,
    *(rule for rule in COMPLETIONS_RULES if rule.name.startswith("completions.")),
    *(rule for rule in RESPONSES_RULES if rule.name.startswith("responses.")),
    *RESPONSES_LIFE_ROWS,
    *(rule for rule in MESSAGES_RULES if rule.name.startswith("messages.")),
    *MESSAGES_LIFE_ROWS,
    *CROSSING_ROWS,
    *ENDING_RULES,
    *EVENT_RULES,
    *EMBEDDINGS_RULES,
)
RULE_NAMES: frozenset[str] = frozenset(rule.name for rule in RULES)
# The modes that settings may give each rule, its default first; none for what is always on, and
# for what a setting of its own switches.
MODES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        rule.name: rule.modes if isinstance(rule, type) and not rule.is_foundation else ()
        for rule in RULES
    }
)
SWITCHABLE: frozenset[str] = frozenset(name for name, modes in MODES.items() if modes)

__all__ = [
    "CHAT_RULES",
    "COMPLETIONS_RULES",
    "EMBEDDINGS_RULES",
    "ENDING_RULES",
    "EVENT_RULES",
    "FRAME_RULES",
    "MESSAGES_RULES",
    "MODES",
    "OLLAMA_RULES",
    "REQUEST_RULES",
    "RESPONSES_RULES",
    "RULES",
    "RULE_NAMES",
    "SWITCHABLE",
]
