"""The table of scenarios: one row is one pretended server, found by the request's model name."""

from __future__ import annotations

from strictwire.lab.scenarios import (
    bridges,
    errors,
    finish,
    framing,
    healthy,
    prefill,
    servers,
    shape,
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
    "ROOMS",
    "SCENARIOS",
    "Expect",
    "ExpectedCall",
    "ExpectedChoice",
    "ExpectedError",
    "Scenario",
]

ROOMS = (healthy, framing, finish, shape, tools, usage, errors, bridges, servers, prefill)

SCENARIOS: dict[str, Scenario] = {row.name: row for room in ROOMS for row in room.ROWS}
