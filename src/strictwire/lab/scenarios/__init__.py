"""The table of scenarios: one row is one pretended server, found by the request's model name."""

from __future__ import annotations

from strictwire.lab.ask import Dialect
from strictwire.lab.scenarios import (
    blocks,
    bridges,
    characters,
    completions,
    cumulative,
    deltas,
    early_errors,
    envelope,
    errors,
    faults,
    finish,
    framing,
    healthy,
    leaks,
    ollama,
    prefill,
    refusals,
    servers,
    tool_arguments,
    tools,
    usage,
)
from strictwire.lab.scenarios.messages import broken as messages_broken
from strictwire.lab.scenarios.messages import errors as messages_errors
from strictwire.lab.scenarios.messages import healthy as messages_healthy
from strictwire.lab.scenarios.messages import servers as messages_servers
from strictwire.lab.scenarios.responses import errors as responses_errors
from strictwire.lab.scenarios.responses import final as responses_final
from strictwire.lab.scenarios.responses import healthy as responses_healthy
from strictwire.lab.scenarios.responses import items_broken as responses_items
from strictwire.lab.scenarios.responses import life as responses_life
from strictwire.lab.scenarios.responses import prefill as responses_prefill
from strictwire.lab.scenarios.responses import servers as responses_servers
from strictwire.lab.scenarios.scenario import (
    Expect,
    ExpectedCall,
    ExpectedChoice,
    ExpectedError,
    Scenario,
)

__all__ = [
    "ALL_SCENARIOS",
    "CHAT_ONLY",
    "COMPLETIONS_SCENARIOS",
    "MESSAGES_SCENARIOS",
    "OLLAMA_SCENARIOS",
    "RESPONSES_SCENARIOS",
    "ROOMS",
    "SCENARIOS",
    "SCENARIOS_OF",
    "Expect",
    "ExpectedCall",
    "ExpectedChoice",
    "ExpectedError",
    "Scenario",
]

ROOMS = (
    healthy,
    framing,
    blocks,
    characters,
    finish,
    envelope,
    deltas,
    cumulative,
    tools,
    tool_arguments,
    leaks,
    usage,
    early_errors,
    errors,
    faults,
    bridges,
    servers,
    prefill,
    refusals,
    completions,
    responses_healthy,
    responses_life,
    responses_items,
    responses_final,
    responses_errors,
    responses_servers,
    responses_prefill,
    messages_healthy,
    messages_broken,
    messages_errors,
    messages_servers,
    ollama,
)

ALL_SCENARIOS: dict[str, Scenario] = {row.name: row for room in ROOMS for row in room.ROWS}


def _told_in(dialect: Dialect) -> dict[str, Scenario]:
    return {name: row for name, row in ALL_SCENARIOS.items() if dialect in row.dialects}


# What each path plays: chat's, and those whose answer its dialect can say, or its own.
SCENARIOS = _told_in("chat")
COMPLETIONS_SCENARIOS = _told_in("completions")
RESPONSES_SCENARIOS = _told_in("responses")
MESSAGES_SCENARIOS = _told_in("messages")
OLLAMA_SCENARIOS = _told_in("ollama")
# Servers that have no other path than those two: nobody would ask them for a Response.
CHAT_ONLY = tuple(
    name for name in SCENARIOS if name not in RESPONSES_SCENARIOS and name not in MESSAGES_SCENARIOS
)
SCENARIOS_OF: dict[Dialect, dict[str, Scenario]] = {
    "chat": SCENARIOS,
    "completions": COMPLETIONS_SCENARIOS,
    "responses": RESPONSES_SCENARIOS,
    "messages": MESSAGES_SCENARIOS,
    "ollama": OLLAMA_SCENARIOS,
}
