"""The whole product on real sockets: one lab, and gateways in front of it, in a thread of its own.

``Stand`` starts them all and stops them all. Each way to run the gateway has a name and a base
URL: ``auto``, ``always`` and ``never`` are the three settings of ``stream`` on the project's own
server, where replies are pushed; ``h11`` and ``httptools`` are the same application on uvicorn's
own protocols, where they go through ASGI's ``send``; ``named`` has keys and aliases; ``patient``
waits long for a tail, as a busy machine needs; ``dialects`` has a provider for each upstream
dialect, which speaks no other, and one for the lab's proxy, which tells no deltas. The clients
under test run in the thread of the test, so that a blocking client does not stop the servers.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asking import KIND, providers_at
from thinning import MODES
from uvicorn.config import Config
from uvicorn.server import Server

from strictwire.cli.compose import build
from strictwire.config import Settings, load
from strictwire.lab.proxy import ProxyOptions, ResponsesProxy
from strictwire.lab.replay import recordings_in
from strictwire.lab.server import LabServer
from strictwire.model.request import UpstreamDialect
from strictwire.net.client_side.listen import bind_listeners
from strictwire.net.client_side.server import StrictConfig, StrictServer
from strictwire.repairs import MODES as RULE_MODES

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "corpus" / "chat"
COMPLETIONS_CORPUS = ROOT / "corpus" / "completions"
SEND_PUSH = ("h11", "httptools")
KEY = "sk-dummy-gateway"
UPSTREAM_KEY = "sk-dummy-upstream"
START_S = 10.0
# Long enough that a tail which is under way arrives, short enough for a scenario that has none.
LINGER_S = 0.4
PATIENT_S = 10.0

_PLAIN = """
linger_s: {linger_s}
drain_timeout: 1
stream: {stream}
providers: {providers}
"""
_NAMED = """
linger_s: {linger_s}
drain_timeout: 1
api_keys: [{key}]
providers:
  - name: listed
    kind: other
    base_url: {url}
    api_keys: [{upstream_key}]
    models:
      - name: quirky-everything
        aliases: [everyday, team/everyday]
      - healthy-text
      - name: sse-for-whole
        aliases: [collected]
  - name: always
    kind: other
    base_url: {url}
    stream: always
"""
# Upstreams that speak one dialect each: a model's name begins with the one to reach it through.
UPSTREAMS: tuple[UpstreamDialect, ...] = ("chat", "responses", "messages", "ollama")
# Responses of which only finished items come.
FINAL_ONLY = "final-only"
PROVIDERS = (*UPSTREAMS, FINAL_ONLY)
_DIALECTS = """
linger_s: {linger_s}
drain_timeout: 1
providers: {providers}
"""


class Stand:
    """``urls`` maps each gateway's name to its base URL. ``lab`` lives in the stand's thread: look
    at its log, and call nothing of it."""

    def __init__(self) -> None:
        self.urls: dict[str, str] = {}
        recordings = {**recordings_in(CORPUS), **recordings_in(COMPLETIONS_CORPUS)}
        self.lab = LabServer(recordings=recordings)
        self._servers: list[Server] = []
        self._is_up = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="stand", daemon=True)

    def start(self) -> None:
        self._thread.start()
        if not self._is_up.wait(START_S) or self._failure is not None:
            raise RuntimeError("the stand did not start") from self._failure

    def stop(self) -> None:
        for server in self._servers:
            server.should_exit = True
        self._thread.join(START_S)
        if self._failure is not None:
            raise RuntimeError("the stand broke") from self._failure
        assert not self._thread.is_alive()

    def _run(self) -> None:
        loop_factory = StrictConfig(_nothing).get_loop_factory()
        try:
            with asyncio.Runner(loop_factory=loop_factory) as runner:
                runner.run(self._serve())
        except BaseException as failure:  # noqa: BLE001 - told to the test's thread
            self._failure = failure
        finally:
            self._is_up.set()

    async def _serve(self) -> None:
        async with self.lab, asyncio.TaskGroup() as tasks:
            for name, server, sockets in self._made():
                self._servers.append(server)
                self.urls[name] = _url_of(sockets)
                tasks.create_task(server.serve(sockets), name=name)
            while not all(server.started for server in self._servers):
                await asyncio.sleep(0.005)
            self._is_up.set()

    def _made(self) -> list[tuple[str, Server, list[Any]]]:
        url = self.lab.url
        providers = providers_at(url)
        plain = {
            mode: _settings(_PLAIN.format(linger_s=LINGER_S, stream=mode, providers=providers))
            for mode in MODES
        }
        patient = _settings(_PLAIN.format(linger_s=PATIENT_S, stream="auto", providers=providers))
        named = _settings(
            _NAMED.format(linger_s=LINGER_S, url=url, key=KEY, upstream_key=UPSTREAM_KEY)
        )
        proxy = bind_listeners("127.0.0.1", 0)
        by_dialect = json.dumps(
            [
                *(
                    {"name": one, "kind": KIND, "base_url": url, "dialects": [one]}
                    for one in UPSTREAMS
                ),
                {
                    "name": FINAL_ONLY,
                    "kind": KIND,
                    "base_url": _url_of(proxy),
                    "dialects": ["responses"],
                },
            ]
        )
        dialects = _settings(_DIALECTS.format(linger_s=LINGER_S, providers=by_dialect))
        served = {**plain, "patient": patient, "named": named, "dialects": dialects}
        makers: dict[str, Callable[[], Server]] = {
            name: lambda settings=settings: StrictServer(StrictConfig(build(settings)))
            for name, settings in served.items()
        }
        for protocol in SEND_PUSH:
            makers[protocol] = lambda protocol=protocol: Server(
                Config(build(plain["auto"]), http=protocol, ws="none", log_config=None)
            )
        proxied = ResponsesProxy(ProxyOptions(url, is_final_only=True), {}, lambda line: None)
        return [
            *((name, make(), bind_listeners("127.0.0.1", 0)) for name, make in makers.items()),
            (FINAL_ONLY, StrictServer(StrictConfig(proxied)), proxy),
        ]


def _url_of(listeners: list[Any]) -> str:
    return f"http://127.0.0.1:{listeners[0].getsockname()[1]}/v1"


def _settings(text: str) -> Settings:
    return load(text, source="the stand", environ={}, known_rules=RULE_MODES)


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    """Never called: the configuration that chooses the event loop wants an application."""
