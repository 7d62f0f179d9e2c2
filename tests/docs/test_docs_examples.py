"""The examples of the pages, run as they stand against a real gateway.

A ``sh`` block that begins with ``curl`` and is followed by a ``text`` block is run; what the text
block says must come, in that order, where ``…`` stands for anything. Python blocks are run too.
Only ports are replaced: 8080 is a gateway that serves its lab, or the demonstration model where
an example names that; 8081 is a lab alone, 8082 a gateway with a key in front of that lab.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import Block, blocks, pages

# Long enough for four processes to start on a busy machine.
START_S = 20.0
RUN_S = 20.0
KEY = "sk-dummy"
DEMO = "tiny-demo"
LEFT_OUT = "…"


def _examples(language: str) -> list[Block]:
    return [block for page in pages() for block in blocks(page) if block.language == language]


CURLS = [block for block in _examples("sh") if block.text.startswith("curl ")]
_CLIENTS = ("from openai import", "from anthropic import", "from strictwire.client import")
PROGRAMS = [block for block in _examples("python") if any(one in block.text for one in _CLIENTS)]


def free_ports(count: int) -> list[int]:
    """Free when asked for; held together, so that they differ."""
    held = [socket.socket() for _ in range(count)]
    try:
        for sock in held:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in held]
    finally:
        for sock in held:
            sock.close()


def wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "it ended instead of serving"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    pytest.fail("it did not begin to serve in time")


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The ports of the pages -> the real ones, while something serves there."""
    gateway, lab, keyed, demo = free_ports(4)
    commands = {
        demo: ["serve", "--port", str(demo)],
        gateway: ["serve", "--lab", "--port", str(gateway)],
        lab: ["lab", "serve", "--port", str(lab)],
        keyed: ["serve", "--port", str(keyed), "--upstream", f"http://127.0.0.1:{lab}/v1"],
    }
    environ = {name: value for name, value in os.environ.items() if name != "STRICTWIRE_API_KEYS"}
    # What an example stores is not for this user's own database.
    environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    started: list[subprocess.Popen[bytes]] = []
    try:
        for port, command in commands.items():
            more = {"STRICTWIRE_API_KEYS": KEY} if port == keyed else {}
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "strictwire", *command],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=tmp_path_factory.mktemp("serve"),
                    env=environ | more,
                )
            )
        for port, process in zip(commands, started, strict=True):
            wait_until_open(port, process)
        yield {"8080": str(gateway), "8081": str(lab), "8082": str(keyed), DEMO: str(demo)}
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def with_ports(text: str, ports: dict[str, str]) -> str:
    """The example for this machine: its ports, and the command of this environment."""
    if DEMO in text:
        ports = ports | {"8080": ports[DEMO]}
    for told, real in ports.items():
        text = text.replace(f"127.0.0.1:{told}", f"127.0.0.1:{real}")
    return text.replace(".venv/bin/strictwire", f"{sys.executable} -m strictwire")


def ids(found: list[Block]) -> list[str]:
    return [f"{block.page}-{place}" for place, block in enumerate(found)]


def assert_tells(output: str, promised: str) -> None:
    """Every piece of what was promised comes, in its order, and the last one ends the output."""
    place = 0
    pieces = [piece for line in promised.splitlines() for piece in line.split(LEFT_OUT) if piece]
    assert pieces
    for piece in pieces:
        found = output.find(piece, place)
        assert found >= 0, f"{piece!r} does not come after place {place} of:\n{output}"
        place = found + len(piece)
    if not promised.rstrip().endswith(LEFT_OUT):
        assert not output[place:].strip(), f"more came than was promised: {output[place:]!r}"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no sh")
@pytest.mark.parametrize("block", CURLS, ids=ids(CURLS))
def test_curl_says_what_the_page_says(block: Block, ports: dict[str, str]) -> None:
    result = subprocess.run(
        ["sh", "-c", with_ports(block.text, ports)],
        capture_output=True,
        timeout=RUN_S,
        check=False,
    )
    output = result.stdout.decode()
    # The judge's exit code says that it found something.
    may_find = "strictwire lint" in block.text
    assert result.returncode in ((0, 1) if may_find else (0,)), result.stderr.decode()
    assert output
    if block.next is not None and block.next.language == "text":
        assert_tells(output, block.next.text)


@pytest.mark.parametrize("block", PROGRAMS, ids=ids(PROGRAMS))
def test_programs_of_the_pages_run(block: Block, ports: dict[str, str], tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", with_ports(block.text, ports)],
        capture_output=True,
        timeout=RUN_S,
        cwd=tmp_path,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    if "print(" in block.text:
        assert result.stdout.strip()


def test_there_are_examples_to_run() -> None:
    """A change of the pages' layout must not make these tests pass by finding nothing."""
    readme = [block for block in CURLS if block.page == "README.md"]
    assert len(readme) >= 6
    assert len([block for block in readme if DEMO in block.text]) >= 2
    assert all(f"127.0.0.1:{port}" in "".join(b.text for b in readme) for port in (8080, 8081))
    assert {"README.md", "docs/client.md", "docs/clients.md", "docs/responses.md"} <= {
        block.page for block in PROGRAMS
    }
