"""The composition root: settings in, a running gateway out.

The one place that knows every room. ``run`` serves in this process or in several; each worker
builds its own application from the same settings.
"""

from __future__ import annotations

import functools
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from strictwire.config import Model, Provider, Settings
from strictwire.model.protocols import Upstream
from strictwire.net.application import Application
from strictwire.net.call import Call
from strictwire.net.responses.shelf import Shelf, Terms
from strictwire.net.routes import RouteRow
from strictwire.net.service import Service
from strictwire.net.upstream import HttpUpstream, TlsSettings
from strictwire.store import LazyStore, MemoryStore
from strictwire.store.place import database_path

if TYPE_CHECKING:  # an engine is imported where one is run
    from strictwire.engine import Engine

LAB_PROVIDER = "lab"
_DAY_S = 24 * 3600
# The same name as telemetry.metrics.FOLDER_VARIABLE, which cannot be imported before it is set:
# prometheus-client looks at it once, when it is imported.
_METRICS_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def run(settings: Settings, *, lab: bool, announce: Callable[[], None]) -> None:
    """Serve until stopped. ``lab``: the built-in lab is all there is. ``announce`` is called once
    clients are accepted, so that no start is told that then fails. Raises ``ServeError``."""
    from strictwire.net.client_side.server import serve_one
    from strictwire.net.client_side.workers import serve_many

    def on_ready(addresses: list[tuple[Any, ...]]) -> None:
        announce()

    if settings.workers == 1:
        os.environ.pop(_METRICS_FOLDER_VARIABLE, None)
        serve_one(
            build(settings, lab=lab, detects=True),
            host=settings.host,
            port=settings.port,
            drain_timeout_s=settings.drain_timeout,
            on_ready=on_ready,
        )
        return
    with tempfile.TemporaryDirectory(prefix="strictwire-metrics-") as folder:
        os.environ[_METRICS_FOLDER_VARIABLE] = folder
        serve_many(
            functools.partial(build_in_worker, settings, lab=lab),
            workers=settings.workers,
            host=settings.host,
            port=settings.port,
            drain_timeout_s=settings.drain_timeout,
            on_ready=on_ready,
        )


def build_in_worker(settings: Settings, *, lab: bool) -> Application:
    """A worker starts as a bare process: its logging is set up first."""
    from strictwire.cli.logging_setup import set_up_logging

    set_up_logging(settings.log_level, settings.secrets())
    return build(settings, lab=lab, detects=True)


def build(settings: Settings, *, lab: bool = False, detects: bool = False) -> Application:
    """The application of one process. Upstreams are made when its event loop runs. ``detects``:
    servers of kind ``auto`` are asked what they are."""
    from strictwire.telemetry.metrics import Metrics
    from strictwire.telemetry.reply_log import LoggedReplies

    metrics = Metrics()

    async def tell_metrics(service: Service, call: Call) -> None:
        content_type, text = metrics.page()
        call.respond(200, [(b"content-type", content_type.encode())], text)

    async def make_service() -> Service:
        served, stop_lab = await _with_lab(settings) if lab else (settings, None)
        upstreams: dict[str, Upstream] = {
            one.name: make_upstream(one, served) for one in served.providers if not one.is_engine
        }
        engines = await start_engines(served)
        service = Service(
            served,
            {**upstreams, **engines},
            LoggedReplies(metrics),
            shelf=make_shelf(settings, os.environ),
            on_close=stop_lab,
            detects=detects,
        )
        metrics.watch(service.open_requests)
        if engines:
            from strictwire.telemetry.engine_metrics import EngineMetrics

            metrics.add(EngineMetrics(lambda: [one.status() for one in engines.values()]))
        return service

    return Application(settings, make_service, (RouteRow(("GET",), "/metrics", tell_metrics),))


async def _with_lab(settings: Settings) -> tuple[Settings, Callable[[], Awaitable[None]]]:
    """The same settings, with a lab of this process as the only server; and how to stop it.

    Its scenarios are servers of many kinds. Those that speak chat alone are a provider of their
    own, or what is learned of one of them would be held against all the others."""
    from strictwire.lab.scenarios import CHAT_ONLY
    from strictwire.lab.server import LabServer

    server = LabServer("127.0.0.1", 0)
    await server.start()
    provider = Provider(
        name=LAB_PROVIDER,
        kind="other",  # each of its scenarios is a server of its own
        base_url=server.url,
        stream=settings.stream,
        dialects=settings.dialects,
        timeouts=settings.timeouts,
        keepalive=settings.keepalive,
    )
    if provider.listed_dialects:
        return replace(settings, providers=(provider,)), server.stop
    chat_only = replace(
        provider,
        name=f"{LAB_PROVIDER}-chat",
        dialects=("chat", "completions"),
        models=tuple(Model(name=name) for name in CHAT_ONLY),
    )
    return replace(settings, providers=(provider, chat_only)), server.stop


def make_shelf(settings: Settings, environ: Mapping[str, str]) -> Shelf:
    """Where responses are kept. The database is opened when it is first needed."""
    terms = settings.stored_responses
    shelf = Shelf(
        MemoryStore(terms.memory_bytes),
        LazyStore(database_path(settings.database, environ)),
        Terms(
            retention_s=terms.retention * _DAY_S,
            memory_ttl_s=int(terms.memory_ttl),
            max_history_bytes=settings.max_body_bytes,
            is_shared=len(settings.api_keys) > 1,
        ),
        time.time,
    )
    shelf.start()
    return shelf


async def start_engines(settings: Settings) -> Mapping[str, Engine]:
    """The engine of each provider that is one, loaded. ``ServeError`` says why one was not."""
    embedded = [one for one in settings.providers if one.is_engine]
    if not embedded:
        return {}
    from strictwire.cli import engines

    made = [(one, engines.make_engine(one, settings)) for one in embedded]
    await engines.start(made)
    return {one.name: engine for one, engine in made}


def make_upstream(provider: Provider, settings: Settings) -> Upstream:
    """The connections to one server elsewhere."""
    tls = TlsSettings(ca_file=provider.ca_file, is_insecure=provider.insecure_tls)
    if provider.proxy is not None:
        from strictwire.net.upstream.proxied import ProxiedUpstream

        return ProxiedUpstream(
            provider.proxy,
            connect_timeout_s=provider.timeouts.connect,
            grace_s=settings.linger_s,
            tls=tls,
        )
    return HttpUpstream(
        connect_timeout_s=provider.timeouts.connect, grace_s=settings.linger_s, tls=tls
    )
