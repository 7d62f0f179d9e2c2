"""What a client that asks for a scenario is promised: the settings that its row names included."""

from __future__ import annotations

from dataclasses import replace

from relay.playing import PROMISE
from strictwire.lab.ask import Dialect
from strictwire.lab.scenarios import Scenario
from strictwire.model.request import Promise


def promise_of(row: Scenario, dialect: Dialect = "chat", *, is_stream: bool = True) -> Promise:
    """Usage is asked for in a stream, as ``row.ask`` does; an object tells it anyway."""
    return replace(
        PROMISE,
        dialect=dialect,
        is_stream=is_stream,
        includes_usage=is_stream,
        choices=row.choices,
        tools=frozenset(tool.name for tool in row.ask.tools),
        modes=dict(row.modes),
        extra_fields=row.extra_fields,
    )
