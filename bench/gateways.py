"""The gateways under the bench, each started on a free port of 127.0.0.1 and stopped by its pid.

nginx gets a configuration of its own in a temporary folder and runs as whoever runs the bench.
It is set up as its manual advises for streams: unbuffered, HTTP/1.1 and keep-alive to the
upstream, one worker, no access log. Nothing of a system's nginx is read or touched.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.control import BenchError
from bench.measure import cpu_s, process_tree, resident_bytes

_START_TIMEOUT_S = 15.0
_START_POLL_S = 0.05
_STOP_TIMEOUT_S = 5.0
_LOG_EXCERPT_BYTES = 600
# Two per open stream at 2,000 open, and room; preallocated by nginx at the start.
_NGINX_CONNECTIONS = 8192
_DEBIAN_NGINX = "/usr/sbin/nginx"  # often not on an ordinary user's PATH

MakeCommand = Callable[[Path, int, int], list[str]]


class Gateway:
    """A running gateway. Leave the ``with`` block and its processes are gone."""

    def __init__(self, name: str, make_command: MakeCommand, upstream_port: int) -> None:
        self.name = name
        self.translates = not name.startswith("nginx")
        self._make_command = make_command
        self._upstream_port = upstream_port

    def __enter__(self) -> Gateway:
        self._folder = TemporaryDirectory(prefix="strictwire-bench-")
        folder = Path(self._folder.name)
        self.port = _free_port()
        self._log = folder / "output.log"
        command = self._make_command(folder, self.port, self._upstream_port)
        try:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    process_group=0,  # Ctrl-C is for the bench alone; it then stops the gateway
                )
        except OSError as problem:
            self._folder.cleanup()
            raise BenchError(f"{self.name} cannot be started: {problem}") from None
        try:
            self._wait_until_it_listens()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # Children first looked up, then the parent asked: a parent that is killed leaves orphans.
        children = process_tree(self._process.pid)[1:] if self._process.poll() is None else []
        self._process.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            for pid in [self._process.pid, *children]:
                _kill(pid)
            self._process.wait()
        self._folder.cleanup()

    def cpu_s(self) -> float:
        """CPU time of all its processes since they began."""
        return cpu_s(self.pids())

    def resident_bytes(self) -> int:
        """Resident memory of all its processes."""
        return resident_bytes(self.pids())

    def pids(self) -> list[int]:
        """All its processes, its own first."""
        if self._process.poll() is not None:
            raise BenchError(f"{self.name} ended by itself: {self._last_words()}")
        return process_tree(self._process.pid)

    def _wait_until_it_listens(self) -> None:
        deadline_s = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline_s:
            if self._process.poll() is not None:
                raise BenchError(f"{self.name} ended at its start: {self._last_words()}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(_START_POLL_S)
        raise BenchError(f"{self.name} does not listen: {self._last_words()}")

    def _last_words(self) -> str:
        return self._log.read_bytes()[-_LOG_EXCERPT_BYTES:].decode(errors="replace").strip()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        pass


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# ---- strictwire, and any command line ----

# The provider that speaks nothing but chat, so that other clients are translated for.
CHAT_ONLY = "chat-only"


def strictwire(folder: Path, port: int, upstream_port: int) -> list[str]:
    """This tree's gateway, with two providers for the one upstream."""
    url = f"http://127.0.0.1:{upstream_port}/v1"
    providers = [
        {"name": "any", "base_url": url},
        {"name": CHAT_ONLY, "base_url": url, "dialects": ["chat"]},
    ]
    settings = folder / "strictwire.yaml"
    settings.write_text(json.dumps({"providers": providers}))  # JSON is YAML
    program = Path(sys.executable).parent / "strictwire"
    return [str(program), "serve", "--config", str(settings), "--port", str(port)]


def command_line(template: str) -> MakeCommand:
    """A command line with ``{port}``, ``{upstream_port}`` and ``{bin}`` (this Python's folder)."""
    words = shlex.split(template)

    def make(folder: Path, port: int, upstream_port: int) -> list[str]:
        places = {
            "port": str(port),
            "upstream_port": str(upstream_port),
            "bin": str(Path(sys.executable).parent),
        }
        return [word.format(**places) for word in words]

    return make


# ---- nginx ----


def find_nginx() -> str | None:
    """Where nginx is installed, or None."""
    return shutil.which("nginx") or shutil.which(_DEBIAN_NGINX)


def nginx_version(program: str) -> str:
    """As nginx tells it, such as ``nginx/1.22.1``."""
    told = subprocess.run([program, "-v"], capture_output=True, text=True, check=False).stderr
    return told.strip().rpartition(" ")[2]


def nginx(program: str) -> MakeCommand:
    """nginx with a configuration written into the gateway's folder."""

    def make(folder: Path, port: int, upstream_port: int) -> list[str]:
        settings = folder / "nginx.conf"
        settings.write_text(nginx_settings(folder, port, upstream_port))
        # -e: before it reads the settings it would try to open the system's log.
        return [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(settings)]

    return make


def nginx_settings(folder: Path, port: int, upstream_port: int) -> str:
    """The whole configuration file."""
    temporary = "\n".join(
        f"  {kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""{_nginx_user()}
daemon off;
worker_processes 1;
worker_rlimit_nofile {2 * _NGINX_CONNECTIONS};
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections {_NGINX_CONNECTIONS}; }}
http {{
  access_log off;
{temporary}
  keepalive_requests 1000000000;
  upstream model_server {{
    server 127.0.0.1:{upstream_port};
    keepalive 256;
    keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://model_server;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 1h;
    }}
  }}
}}
"""


def _nginx_user() -> str:
    """Started by root, nginx would switch to an account that cannot enter our folder."""
    if os.geteuid() != 0:
        return ""
    return f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(os.getegid()).gr_name};"
