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


def _run_gateway(settings: Settings, *, lab: bool, announce: Callable[[], None]) -> None:
    from strictwire.cli import compose

    compose.run(settings, lab=lab, announce=announce)


def _parse_playback(text: str) -> Playback:
    from strictwire.lab.playback import Playback

    return Playback.parse(text)


def _run_lab(host: str, port: int, playback: Playback, announce: Callable[[], None]) -> None:
    from strictwire.lab.server import serve
    from strictwire.net.client_side.listen import cannot_listen

    try:
        asyncio.run(serve(host, port, playback, announce))
    except OSError as error:
        raise cannot_listen(host, port, error) from None


def _rule_names() -> Collection[str]:
    from strictwire.repairs import SWITCHABLE

    return SWITCHABLE


def _scenarios() -> Iterable[Any]:
    from strictwire.lab.scenarios import SCENARIOS

    return SCENARIOS.values() if isinstance(SCENARIOS, Mapping) else SCENARIOS


@dataclass(frozen=True, slots=True)
class Outside:
    """``run_gateway`` and ``run_lab`` serve until they are told to stop, and call ``announce``
    once clients are accepted. ``parse_playback`` reads options such as ``pace=20ms,cut=7``;
    ``rule_names`` are those that settings may switch."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    run_gateway: Callable[..., None] = _run_gateway
    parse_playback: Callable[[str], Any] = _parse_playback
    run_lab: Callable[[str, int, Any, Callable[[], None]], None] = _run_lab
    rule_names: Callable[[], Collection[str]] = _rule_names
    scenarios: Callable[[], Iterable[Any]] = _scenarios


def outside(context: typer.Context) -> Outside:
    """What a test handed in, else the real thing."""
    given = context.find_object(Outside)
    return given if given is not None else Outside()
