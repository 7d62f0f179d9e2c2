"""The table of scenarios: one row is one pretended server, found by the request's model name."""

from __future__ import annotations

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
    prefill,
    refusals,
    servers,
    tool_arguments,
    tools,
    usage,
)
from strictwire.lab.scenarios.scenario import (
    Expect,
    ExpectedCall,
    ExpectedChoice,
    ExpectedError,
    Scenario,
)

__all__ = [
    "ALL_SCENARIOS",
    "COMPLETIONS_SCENARIOS",
    "ROOMS",
    "SCENARIOS",
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
)

ALL_SCENARIOS: dict[str, Scenario] = {row.name: row for room in ROOMS for row in room.ROWS}
# What each of the two paths plays: chat's, and those that a text completion can say.
SCENARIOS: dict[str, Scenario] = {
    name: row for name, row in ALL_SCENARIOS.items() if "chat" in row.dialects
}
COMPLETIONS_SCENARIOS: dict[str, Scenario] = {
    name: row for name, row in ALL_SCENARIOS.items() if "completions" in row.dialects
}
