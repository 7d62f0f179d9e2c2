"""What the commands reach outside: the environment, the gateway, the lab, the rule table.

Contract: commands get this as typer's context object, so that a test hands in its own and no
module is patched. The imports wait for their command: ``--help`` need not load a server.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from strictwire.config import Settings

if TYPE_CHECKING:
    from strictwire.lab.playback import Playback


def _run_gateway(settings: Settings, *, lab: bool) -> int:
    from strictwire.cli import compose

    return compose.run(settings, lab=lab)


def _parse_playback(text: str) -> Playback:
    from strictwire.lab.playback import Playback

    return Playback.parse(text)


def _run_lab(host: str, port: int, playback: Playback) -> None:
    from strictwire.lab.server import serve

    asyncio.run(serve(host, port, playback))


def _rule_names() -> Collection[str]:
    from strictwire.repairs import SWITCHABLE

    return SWITCHABLE


def _scenarios() -> Iterable[Any]:
    from strictwire.lab.scenarios import SCENARIOS

    return SCENARIOS.values() if isinstance(SCENARIOS, Mapping) else SCENARIOS


@dataclass(frozen=True, slots=True)
class Outside:
    """``run_gateway`` returns an exit code. ``parse_playback`` reads options such as
    ``pace=20ms,cut=7``; ``run_lab`` serves until it is interrupted. ``rule_names`` are
    those that settings may switch."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    run_gateway: Callable[..., int] = _run_gateway
    parse_playback: Callable[[str], Any] = _parse_playback
    run_lab: Callable[[str, int, Any], None] = _run_lab
    rule_names: Callable[[], Collection[str]] = _rule_names
    scenarios: Callable[[], Iterable[Any]] = _scenarios


def outside(context: typer.Context) -> Outside:
    """What a test handed in, else the real thing."""
    given = context.find_object(Outside)
    return given if given is not None else Outside()
