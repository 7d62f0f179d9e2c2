"""How a scenario is asked for: by which model name, with which fields, under which settings.

What a row of the lab's table expects may rest on the request (tools, several choices) and on the
provider's settings (a mode of a rule). The stand has a provider for each set of settings.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from expectations import TOOLS, Asked, of_scenario
from thinning import MODES
from trial import Trial

from strictwire.lab.scenarios import ALL_SCENARIOS, Scenario

PLAIN_PROVIDER = "lab"
# The lab plays every server: what one reply says of itself must not hold for the next, and nothing
# is found out of a provider whose kind is told. Of this one nothing else is known.
KIND = "other"
# Scenarios with silences of whole beats, which are shorter at a pace.
_PACED = "@pace=1ms"
_BEATS = ("progress", "prefill", "swiftlm")

_Tuning = tuple[tuple[tuple[str, str], ...], str]


def _tuning_of(row: Scenario) -> _Tuning:
    return tuple(sorted(row.modes.items())), row.extra_fields


_TUNINGS: list[_Tuning] = sorted({_tuning_of(row) for row in ALL_SCENARIOS.values()})
_UNTUNED: _Tuning = ((), "keep")


def provider_of(tuning: _Tuning) -> str:
    return PLAIN_PROVIDER if tuning == _UNTUNED else f"tuned{_TUNINGS.index(tuning)}"


def providers_at(url: str) -> str:
    """The settings of every provider, as YAML. The plain one is first: it takes bare names."""
    rows = [
        {
            "name": provider_of(tuning),
            "kind": KIND,
            "base_url": url,
            "repairs": dict(tuning[0]),
            "extra_fields": tuning[1],
        }
        for tuning in sorted(_TUNINGS, key=lambda one: one != _UNTUNED)
    ]
    return json.dumps(rows)


def model_of(row: Scenario, playback: str = "") -> str:
    is_slow = not playback and any(word in row.name for word in _BEATS)
    told = row.name + (f"@{playback}" if playback else _PACED if is_slow else "")
    provider = provider_of(_tuning_of(row))
    return told if provider == PLAIN_PROVIDER else f"{provider}/{told}"


def trial_of(row: Scenario, url: str, *, mode: str = "auto", playback: str = "") -> Trial:
    """The scenario behind the gateway at ``url``, whose ``stream`` setting is ``mode``."""
    return Trial(
        url,
        model_of(row, playback),
        partial(of_scenario, row, mode=mode),
        settings={"modes": dict(row.modes), "extra_fields": row.extra_fields},
        turn=MODES.index(mode),
    )


def asked_of(row: Scenario, *, is_stream: bool, with_tools: bool = False) -> Asked:
    """The request that the row speaks of, in its first dialect."""
    ask = row.ask
    fields: dict[str, Any] = {}
    if len(ask.prompts) > 1:
        fields = {"prompt": list(ask.prompts), "echo": ask.echoes}
    elif row.choices > 1:
        fields = {"n": row.choices}
    if with_tools or ask.tools:
        fields["tools"] = TOOLS
    return Asked(is_stream, fields=fields)
