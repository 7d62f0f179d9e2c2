"""``strictwire serve`` as a child process, and a plain blocking client for it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WAIT_S = 15.0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class GatewayProcess:
    def __init__(self, folder: Path, *arguments: str) -> None:
        self.port = free_port()
        self._out = folder / "out"
        self._err = folder / "err"
        command = [sys.executable, "-m", "strictwire", "serve", "--port", str(self.port)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("STRICTWIRE_")}
        environment["PYTHONWARNINGS"] = "default"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [*command, *arguments], stdout=out, stderr=err, env=environment, cwd=folder
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def until_ready(self) -> None:
        deadline_s = time.monotonic() + WAIT_S
        while True:
            try:
                if self.ask("GET", "/ready")[0] == 200:
                    return
            except OSError:
                pass
            assert self.process.poll() is None, self.err
            assert time.monotonic() < deadline_s, self.err
            time.sleep(0.02)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        connection = self.connect()
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)

    def stream(self, model: str) -> Stream:
        return Stream(self.connect(), model)

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        return self.process.wait(WAIT_S)

    def refuses_connections(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return True
        return False

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(WAIT_S)


class Stream:
    """An open streaming reply, read up to its first piece of content."""

    def __init__(self, connection: http.client.HTTPConnection, model: str) -> None:
        self.connection = connection
        messages = [{"role": "user", "content": "hello"}]
        body = {"model": model, "stream": True, "messages": messages}
        connection.request("POST", "/v1/chat/completions", json.dumps(body))
        self.reply = connection.getresponse()
        assert self.reply.status == 200, self.reply.read()
        self.body = b""
        while b'"content"' not in self.body:
            self.body += self.reply.readline()

    def rest(self) -> bytes:
        """The whole body, once it has ended."""
        self.body += self.reply.read()
        self.connection.close()
        return self.body


def until(is_true: Any) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not is_true():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[GatewayProcess]:
    gateway = GatewayProcess(folder, *arguments)
    try:
        gateway.until_ready()
        yield gateway
    finally:
        gateway.stop()
