"""An application for server processes, and the script that serves it.

Told by its arguments what to do; says on standard output what happened.
"""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import sys
from typing import Any

from strictwire.net.client_side.listen import ServeError
from strictwire.net.client_side.push import ClientReply, client_reply
from strictwire.net.client_side.server import serve_one
from strictwire.net.client_side.workers import serve_many


def say(*words: object) -> None:
    # One write: workers share the pipe, and print() may write the line's end apart.
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Application:
    def __init__(self, *, fails: bool = False) -> None:
        self._fails = fails
        self._open: set[ClientReply] = set()

    async def startup(self) -> None:
        if self._fails:
            raise ValueError("cannot start")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        reply = client_reply(scope, receive, send)
        if scope["path"] == "/pid":
            pid = b"%d" % os.getpid()
            reply.start(200, [(b"content-length", b"%d" % len(pid))])
            reply.write(pid)
            reply.end()
            return
        if scope["path"] == "/die":
            os.kill(os.getpid(), signal.SIGKILL)
        reply.start(200, [(b"content-type", b"text/event-stream")])
        reply.write(b"data: open\n\n")
        self._open.add(reply)
        await reply.finished()

    async def drain(self, timeout_s: float) -> None:
        say("draining")
        if self._open and timeout_s > 1:
            await asyncio.sleep(timeout_s)
        for reply in self._open:
            reply.write(b"data: error\n\n")
            reply.end(close=True)

    async def close(self) -> None:
        say("closed")


def make_application(*, fails: bool) -> Application:
    return Application(fails=fails)


def main(workers: str, port: str, drain_timeout_s: str, fails: str) -> None:
    def on_ready(addresses: list[Any]) -> None:
        say("ready", addresses[0][1])

    make = functools.partial(make_application, fails=fails == "fails")
    options: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": int(port),
        "drain_timeout_s": float(drain_timeout_s),
        "on_ready": on_ready,
    }
    try:
        if int(workers) == 1:
            serve_one(make(), **options)
        else:
            serve_many(make, workers=int(workers), **options)
    except ServeError as error:
        say("failed:", error)
        sys.exit(2)


if __name__ == "__main__":
    main(*sys.argv[1:])
