"""What the commands reach outside: the environment, the gateway, the lab, the rule table.

Contract: commands get this as typer's context object, so that a test hands in its own and no
module is patched. The imports wait for their command: ``--help`` need not load a server.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from strictwire.config import Settings

if TYPE_CHECKING:
    from strictwire.conformance import Report
    from strictwire.lab.playback import Playback


def _run_gateway(settings: Settings, *, lab: bool, announce: Callable[[], None]) -> None:
    from strictwire.cli import compose

    compose.run(settings, lab=lab, announce=announce)


def _has_engine() -> bool:
    from strictwire.engine.platform import missing_here

    return not missing_here()


def _parse_playback(text: str) -> Playback:
    from strictwire.lab.playback import Playback

    return Playback.parse(text)


def _recordings(folder: Path) -> Mapping[str, Path]:
    from strictwire.lab.replay import checked_recordings

    return checked_recordings(folder)


def _run_lab(
    host: str,
    port: int,
    playback: Playback,
    announce: Callable[[], None],
    recordings: Mapping[str, Path],
) -> None:
    from strictwire.lab.server import serve
    from strictwire.net.client_side.listen import cannot_listen

    try:
        asyncio.run(serve(host, port, playback, announce, recordings=recordings))
    except OSError as error:
        raise cannot_listen(host, port, error) from None


def _run_proxy(
    host: str, port: int, options: Mapping[str, Any], announce: Callable[[], None]
) -> None:
    from strictwire.lab.proxy import ProxyOptions, ResponsesProxy
    from strictwire.net.client_side.server import serve_one

    proxy = ResponsesProxy(ProxyOptions(**options), os.environ, typer.echo)
    serve_one(proxy, host=host, port=port, on_ready=lambda addresses: announce())


def _rule_modes() -> Mapping[str, tuple[str, ...]]:
    from strictwire.repairs import MODES

    return MODES


def _scenarios() -> Iterable[Any]:
    from strictwire.lab.embeddings import EMBEDDINGS_SCENARIOS
    from strictwire.lab.scenarios import ALL_SCENARIOS

    return (*ALL_SCENARIOS.values(), *EMBEDDINGS_SCENARIOS.values())


def _lint(data: bytes, options: Mapping[str, Any]) -> Report:
    from strictwire.conformance import Asked, dialect_of, report_of

    dialect = options["dialect"] or dialect_of(data)
    return report_of(data, Asked(**{**options, "dialect": dialect}))


@dataclass(frozen=True, slots=True)
class Outside:
    """``run_gateway``, ``run_lab`` and ``run_proxy`` serve until they are told to stop, and call
    ``announce`` once clients are accepted. ``has_engine``: models can be run on this machine.
    ``parse_playback`` reads options such as ``pace=20ms,cut=7``, ``recordings`` a folder;
    ``rule_modes`` are the modes of those that settings may switch. ``lint`` judges a file's bytes
    by the fields of ``conformance.Asked``."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    run_gateway: Callable[..., None] = _run_gateway
    has_engine: Callable[[], bool] = _has_engine
    parse_playback: Callable[[str], Any] = _parse_playback
    recordings: Callable[[Path], Mapping[str, Path]] = _recordings
    run_lab: Callable[..., None] = _run_lab
    run_proxy: Callable[..., None] = _run_proxy
    rule_modes: Callable[[], Mapping[str, tuple[str, ...]]] = _rule_modes
    scenarios: Callable[[], Iterable[Any]] = _scenarios
    lint: Callable[[bytes, Mapping[str, Any]], Report] = _lint


def outside(context: typer.Context) -> Outside:
    """What a test handed in, else the real thing."""
    given = context.find_object(Outside)
    return given if given is not None else Outside()
